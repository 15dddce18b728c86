//! The tile of C in registers, and the walk of it over a block.

use crate::cpu::element::Element;
use pulp::Simd;

/// Lanes of the widest vector (f32 in AVX-512); also at least the columns of any tile.
pub(super) const MOST_LANES: usize = 16;

/// A block of C and the panels it is computed from.
pub(super) struct Block {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) depth: usize,
    /// Leading dimension of C.
    pub(super) stride: usize,
    /// Whether C is set instead of added to.
    pub(super) first: bool,
}

/// C = (C +) A·B for a block, from packed panels of A (two vectors high) and B (`NR` wide).
#[inline(always)]
pub(super) fn block<T: Element, S: Simd, const NR: usize>(
    simd: S,
    a: &[T],
    b: &[T],
    c: &mut [T],
    block: &Block,
) {
    let &Block { rows, columns, depth, stride, first } = block;
    let height = 2 * size_of::<T::Vector<S>>() / size_of::<T>();
    for (b, column) in b.chunks_exact(NR * depth).zip((0..columns).step_by(NR)) {
        for (a, row) in a.chunks_exact(height * depth).zip((0..rows).step_by(height)) {
            let tile = tile::<T, S, NR>(simd, a, b);
            let c = &mut c[column * stride + row..];
            let (rows, columns) = (height.min(rows - row), NR.min(columns - column));
            if rows == height {
                for (j, sums) in tile.iter().enumerate().take(columns) {
                    let (to, _) = T::vectors_mut::<S>(&mut c[j * stride..][..height]);
                    for (to, sum) in to.iter_mut().zip(sums) {
                        *to = if first { *sum } else { T::add(simd, *to, *sum) };
                    }
                }
            } else {
                for (j, sums) in tile.iter().enumerate().take(columns) {
                    let sums: &[T] = pulp::bytemuck::cast_slice(sums);
                    for (to, sum) in c[j * stride..][..rows].iter_mut().zip(sums) {
                        *to = if first { *sum } else { to.plus(*sum) };
                    }
                }
            }
        }
    }
}

/// The product of a panel of A and a panel of B: `NR` columns of two vectors, kept in registers.
#[inline(always)]
fn tile<T: Element, S: Simd, const NR: usize>(simd: S, a: &[T], b: &[T]) -> [[T::Vector<S>; 2]; NR] {
    let mut sums = [[T::splat(simd, T::ZERO); 2]; NR];
    let (a, _) = T::vectors::<S>(a);
    for (a, b) in a.as_chunks::<2>().0.iter().zip(b.as_chunks::<NR>().0) {
        for j in 0..NR {
            let b = T::splat(simd, b[j]);
            sums[j][0] = T::mul_add(simd, a[0], b, sums[j][0]);
            sums[j][1] = T::mul_add(simd, a[1], b, sums[j][1]);
        }
    }
    sums
}
