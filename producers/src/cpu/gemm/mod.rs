//! `cpu.gemm`: C = A·B, dense, in column-major order.
//!
//! The blocking is that of Goto and van de Geijn (ACM TOMS 34, 2008): B is packed in panels that
//! stay in the last-level cache, A in panels that stay in L2, and a kernel keeps a tile of C in
//! registers. Written here rather than taken from a crate because those found allocate in every call.
//!
//! Threads form a grid over C. Each owns its block of C, and packs what it needs of A and B itself,
//! so that threads meet only at the end of an iteration.

mod kernel;
mod pack;

use super::{
    buffer::{Buffer, Numbers},
    element::Element,
    parameters::Values,
    team::{Part, share, worst},
};
use benchlake_schemas::Work;
use pulp::{Arch, Simd, WithSimd};
use std::{ops::Range, sync::Arc};

/// Depth of a packed panel in bytes of one row: 2 KiB, so that a panel of B of 12 columns takes half
/// of a 48 KiB L1.
const DEPTH_BYTES: usize = 2_048;
/// Rows of packed A: with the depth 960 KiB at most, half of a 2 MiB L2.
const ROWS: usize = 480;
/// Columns of packed B: 6 MiB at most.
const COLUMNS: usize = 3_072;
/// Entries of C in each thread that are checked, spread over all of it.
const CHECKED: usize = 2_048;

/// A and B, which all threads read.
pub(crate) struct Operands<T> {
    a: Buffer<T>,
    b: Buffer<T>,
}

impl<T: Element> Operands<T> {
    pub(crate) fn new(values: &Values, seed: u64) -> Arc<Self> {
        let [m, n, k] = values.size;
        let mut numbers = Numbers::new(seed, 0);
        let a = Buffer::random(m * k, &mut numbers);
        Arc::new(Self { a, b: Buffer::random(k * n, &mut numbers) })
    }
}

/// One thread's block of C.
pub(crate) struct Gemm<T> {
    arch: Arch,
    operands: Arc<Operands<T>>,
    size: [usize; 3],
    rows: Range<usize>,
    columns: Range<usize>,
    c: Buffer<T>,
    packed_a: Buffer<T>,
    packed_b: Buffer<T>,
    seed: u64,
}

/// Work of one iteration.
pub(crate) fn work([m, n, k]: [i64; 3], element: i64) -> Work {
    Work {
        flops: m.checked_mul(n).and_then(|mn| mn.checked_mul(k)?.checked_mul(2)),
        bytes: Some((m * k + k * n + m * n) * element),
        items: None,
        work_model: Some("gemm-2mnk/1".into()),
    }
}

/// The grid of `threads` over an m × n matrix that packs the least: rows × columns of threads.
fn grid(threads: usize, m: usize, n: usize) -> [usize; 2] {
    let fits = |rows: &usize| threads.is_multiple_of(*rows) && *rows <= m && threads / rows <= n;
    let packed = |rows: &usize| m.div_ceil(*rows) + n.div_ceil(threads / rows);
    let rows = (1..=threads).filter(fits).min_by_key(packed).unwrap_or(1);
    [rows, threads / rows]
}

impl<T: Element> Gemm<T> {
    pub(crate) fn new(values: &Values, seed: u64, index: usize, operands: &Arc<Operands<T>>) -> Self {
        let [m, n, _] = values.size;
        let [across, along] = grid(values.threads, m, n);
        let (rows, columns) = (share(m, across, index % across), share(n, along, index / across));
        let depth = DEPTH_BYTES / size_of::<T>();
        // Room for the last panel, which is filled up with zeros.
        let most = kernel::MOST_LANES;
        Self {
            arch: Arch::new(),
            operands: Arc::clone(operands),
            size: values.size,
            c: Buffer::ones(rows.len() * columns.len()),
            packed_a: Buffer::ones(depth * (rows.len().min(ROWS) + 2 * most)),
            packed_b: Buffer::ones(depth * (columns.len().min(COLUMNS) + most)),
            rows,
            columns,
            seed,
        }
    }
}

impl<T: Element> WithSimd for &mut Gemm<T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // A tile of two vectors by 12 or 6 columns, beside two vectors of A and one of B.
        if S::REGISTER_COUNT >= 32 {
            self.multiply::<S, 12>(simd);
        } else {
            self.multiply::<S, 6>(simd);
        }
    }
}

impl<T: Element> Gemm<T> {
    #[inline(always)]
    fn multiply<S: Simd, const NR: usize>(&mut self, simd: S) {
        let [m, _, k] = self.size;
        let (height, width) = (self.rows.len(), self.columns.len());
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        // Blocks of equal size instead of full ones and a rest.
        let depth = even(k, DEPTH_BYTES / size_of::<T>(), 1);
        let (block_rows, block_columns) = (even(height, ROWS, 2 * lanes), even(width, COLUMNS, NR));
        for column in (0..width).step_by(block_columns) {
            let columns = block_columns.min(width - column);
            for start in (0..k).step_by(depth) {
                let depth = depth.min(k - start);
                let b = &self.operands.b[(self.columns.start + column) * k + start..];
                pack::columns::<T, NR>(&mut self.packed_b, b, k, depth, columns);
                for row in (0..height).step_by(block_rows) {
                    let rows = block_rows.min(height - row);
                    let a = &self.operands.a[start * m + self.rows.start + row..];
                    pack::rows::<T>(&mut self.packed_a, a, m, depth, rows, 2 * lanes);
                    let tile = kernel::Block { rows, columns, depth, stride: height, first: start == 0 };
                    let c = &mut self.c[column * height + row..];
                    kernel::block::<T, S, NR>(simd, &self.packed_a, &self.packed_b, c, &tile);
                }
            }
        }
    }
}

/// The block size, a multiple of `grain` not above `most` rounded up to one, that cuts `n` evenly.
fn even(n: usize, most: usize, grain: usize) -> usize {
    n.div_ceil(n.div_ceil(most)).next_multiple_of(grain)
}

impl<T: Element> Part for Gemm<T> {
    #[inline]
    fn run(&mut self) {
        let arch = self.arch;
        arch.dispatch(self);
    }

    /// Entries of C against dot products in twice the working precision or better, each relative to
    /// Σ |aᵢ bᵢ|.
    fn check(&mut self) -> f64 {
        let [m, _, k] = self.size;
        let (height, entries) = (self.rows.len(), self.c.len());
        let mut numbers = Numbers::new(self.seed, u64::MAX);
        let mut error = 0.0;
        for i in 0..entries.min(CHECKED) {
            // All of a small block; else one entry in each of CHECKED equal ranges.
            let range = share(entries, entries.min(CHECKED), i);
            let at = range.start + usize::try_from(numbers.next() % range.len() as u64).unwrap_or(0);
            let (row, column) = (self.rows.start + at % height, self.columns.start + at / height);
            let pairs = (0..k).map(|l| (self.operands.a[l * m + row], self.operands.b[column * k + l]));
            let (dot, lost, magnitude) = dot2(pairs.map(|(a, b)| (a.to_f64(), b.to_f64())));
            error = worst(error, ((self.c[at].to_f64() - dot) - lost).abs() / magnitude);
        }
        error
    }
}

/// A dot product as if in twice the precision of f64: (result, what it lost, Σ |a b|). Algorithm
/// Dot2 of Ogita, Rump and Oishi (SIAM J. Sci. Comput. 26, 2005).
fn dot2(pairs: impl Iterator<Item = (f64, f64)>) -> (f64, f64, f64) {
    pairs.fold((0.0_f64, 0.0, 0.0), |(sum, lost, magnitude), (a, b)| {
        let product = a * b;
        let product_lost = a.mul_add(b, -product);
        let next = sum + product;
        let z = next - sum;
        let sum_lost = (sum - (next - z)) + (product - z);
        (next, lost + (product_lost + sum_lost), magnitude + product.abs())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::team::Team;
    use proptest::prelude::*;

    fn error<T: Element>(size: [usize; 3], threads: usize) -> f64 {
        let values = Values { threads, size, ..Values::default() };
        let operands = Operands::<T>::new(&values, 3);
        let make = move |index| Gemm::new(&values, 3, index, &operands);
        Team::new(threads, None, make).check()
    }

    /// Twice the precision: a sum that f64 alone gets wholly wrong.
    #[test]
    fn dot2_keeps_what_f64_loses() {
        let (dot, lost, _) = dot2([(1e16, 1.0), (1.0, 1.0), (-1e16, 1.0)].into_iter());
        assert!((dot + lost - 1.0).abs() < 1e-15);
    }

    /// The grid packs least: square where the matrix is, along the longer side where it is not.
    #[test]
    fn grids() {
        assert_eq!(grid(4, 512, 512), [2, 2]);
        assert_eq!(grid(4, 4096, 16), [4, 1]);
        assert_eq!(grid(3, 1, 10), [1, 3]);
    }

    /// Sizes around every blocking boundary are right.
    #[test]
    fn edges_of_blocks_are_right() {
        for size in [[1, 1, 1], [33, 13, 513], [481, 5, 257], [31, 300, 1025], [7, 3_073, 3]] {
            assert!(error::<f32>(size, 1) < 1e-5, "{size:?}");
            assert!(error::<f64>(size, 1) < 1e-14, "{size:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Any shape is right on any number of threads, which need not divide it.
        #[test]
        fn any_shape_is_right(m in 3_usize..150, n in 3_usize..150, k in 1_usize..300, threads in 1_usize..3) {
            prop_assert!(error::<f32>([m, n, k], threads) < 1e-5);
            prop_assert!(error::<f64>([m, n, k], threads) < 1e-14);
        }
    }
}
