//! `cpu.reduce`: the sum of an array, in several independent accumulators.

use super::{
    buffer::{Buffer, Numbers},
    element::Element,
    parameters::Values,
    team::{Part, share},
};
use benchlake_schemas::Work;
use pulp::{Arch, Simd, WithSimd};
use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Vectors added at once: an addition takes four cycles and two start in each.
const ACCUMULATORS: usize = 8;

/// One thread's share of the array, and every thread's partial sum.
pub(crate) struct Reduce<T> {
    arch: Arch,
    a: Buffer<T>,
    index: usize,
    partial: Arc<[AtomicU64]>,
}

/// A partial sum for each of `threads`, as the bits of an f64.
pub(crate) fn partials(threads: usize) -> Arc<[AtomicU64]> {
    (0..threads).map(|_| AtomicU64::new(0)).collect()
}

impl<T: Element> Reduce<T> {
    pub(crate) fn new(values: &Values, seed: u64, index: usize, partial: &Arc<[AtomicU64]>) -> Self {
        let len = share(values.size[1], values.threads, index).len();
        let a = Buffer::random(len, &mut Numbers::new(seed, index as u64));
        Self { arch: Arch::new(), a, index, partial: Arc::clone(partial) }
    }

    /// The sum over all threads; every iteration has the same partial sums, so that reading one a
    /// moment early or late changes nothing.
    pub(crate) fn total(&self) -> f64 {
        self.partial.iter().map(|bits| f64::from_bits(bits.load(Ordering::Relaxed))).sum()
    }
}

/// Work of one iteration over `n` elements: each is read once.
pub(crate) fn work<T: Element>(n: i64) -> Work {
    Work { flops: Some(n), bytes: Some(n * T::BYTES), items: Some(n), work_model: Some("reduce-ns/1".into()) }
}

struct Kernel<'a, T>(&'a [T]);

impl<T: Element> WithSimd for Kernel<'_, T> {
    type Output = T;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> T {
        let (vectors, rest) = T::vectors::<S>(self.0);
        let (blocks, single) = vectors.as_chunks::<ACCUMULATORS>();
        let mut sums = [T::splat(simd, T::ZERO); ACCUMULATORS];
        for block in blocks {
            for i in 0..ACCUMULATORS {
                sums[i] = T::add(simd, sums[i], block[i]);
            }
        }
        for (i, vector) in single.iter().enumerate() {
            sums[i] = T::add(simd, sums[i], *vector);
        }
        let mut step = ACCUMULATORS / 2;
        while step > 0 {
            for i in 0..step {
                sums[i] = T::add(simd, sums[i], sums[i + step]);
            }
            step /= 2;
        }
        rest.iter().fold(T::sum(simd, sums[0]), |sum, x| sum.plus(*x))
    }
}

impl<T: Element> Part for Reduce<T> {
    #[inline]
    fn run(&mut self) {
        let sum = self.arch.dispatch(Kernel(&self.a));
        self.partial[self.index].store(sum.to_f64().to_bits(), Ordering::Relaxed);
        if self.index == 0 {
            black_box(self.total());
        }
    }

    /// The partial sum against a compensated one (Neumaier 1974), relative to the sum of magnitudes.
    fn check(&mut self) -> f64 {
        let (mut sum, mut lost, mut magnitude) = (0.0_f64, 0.0_f64, 0.0_f64);
        for x in self.a.iter().map(|x| x.to_f64()) {
            let next = sum + x;
            lost += if sum.abs() >= x.abs() { (sum - next) + x } else { (x - next) + sum };
            sum = next;
            magnitude += x.abs();
        }
        let found = f64::from_bits(self.partial[self.index].load(Ordering::Relaxed));
        ((found - sum) - lost).abs() / magnitude
    }
}
