//! `cpu.add`: c = a + b, element by element.

use super::{
    buffer::{Buffer, Numbers},
    element::Element,
    parameters::Values,
    team::{Part, share, worst},
};
use benchlake_schemas::Work;
use pulp::{Arch, Simd, WithSimd};

/// One thread's share of the arrays.
pub(crate) struct Add<T> {
    arch: Arch,
    a: Buffer<T>,
    b: Buffer<T>,
    c: Buffer<T>,
}

impl<T: Element> Add<T> {
    pub(crate) fn new(values: &Values, seed: u64, index: usize) -> Self {
        let len = share(values.size[1], values.threads, index).len();
        let mut numbers = Numbers::new(seed, index as u64);
        let (a, b) = (Buffer::random(len, &mut numbers), Buffer::random(len, &mut numbers));
        Self { arch: Arch::new(), a, b, c: Buffer::ones(len) }
    }
}

/// Work of one iteration over `n` elements: two reads and a write each.
pub(crate) fn work<T: Element>(n: i64) -> Work {
    Work {
        flops: Some(n),
        bytes: Some(3 * n * T::BYTES),
        items: Some(n),
        work_model: Some("add-3ns/1".into()),
    }
}

struct Kernel<'a, T>(&'a [T], &'a [T], &'a mut [T]);

impl<T: Element> WithSimd for Kernel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(a, b, c) = self;
        let n = c.len();
        let (a, b) = (&a[..n], &b[..n]);
        let ((a, a_rest), (b, b_rest), (c, c_rest)) =
            (T::vectors::<S>(a), T::vectors::<S>(b), T::vectors_mut::<S>(c));
        let ((a4, a1), (b4, b1), (c4, c1)) = (a.as_chunks::<4>(), b.as_chunks::<4>(), c.as_chunks_mut::<4>());
        for ((a, b), c) in a4.iter().zip(b4).zip(c4) {
            for i in 0..4 {
                c[i] = T::add(simd, a[i], b[i]);
            }
        }
        for ((a, b), c) in a1.iter().zip(b1).zip(c1) {
            *c = T::add(simd, *a, *b);
        }
        for ((a, b), c) in a_rest.iter().zip(b_rest).zip(c_rest) {
            *c = a.plus(*b);
        }
    }
}

impl<T: Element> Part for Add<T> {
    #[inline]
    fn run(&mut self) {
        self.arch.dispatch(Kernel(&self.a, &self.b, &mut self.c));
    }

    fn check(&mut self) -> f64 {
        let pairs = self.c.iter().zip(self.a.iter().zip(self.b.iter()));
        pairs.fold(0.0, |error, (c, (a, b))| {
            let (a, b) = (a.to_f64(), b.to_f64());
            // What f64 rounds away, by Knuth's two-sum, so that f64 is compared in twice its precision.
            let sum = a + b;
            let lost = (a - (sum - (sum - a))) + (b - (sum - a));
            worst(error, ((c.to_f64() - sum) - lost).abs() / (a.abs() + b.abs()))
        })
    }
}
