//! `cpu.triad`: a = b + s·c, the kernel that memory bandwidth is usually measured with; with regular
//! stores, or with streaming ones past the caches.

use super::{
    buffer::{Buffer, Numbers},
    element::Element,
    parameters::Values,
    team::{Part, share, worst},
};
use benchlake_schemas::Work;
use pulp::{Arch, Simd, WithSimd};

/// One thread's share of the arrays.
pub(crate) struct Triad<T> {
    arch: Arch,
    a: Buffer<T>,
    b: Buffer<T>,
    c: Buffer<T>,
    s: T,
    streaming: bool,
}

impl<T: Element> Triad<T> {
    pub(crate) fn new(values: &Values, seed: u64, index: usize) -> Self {
        let len = share(values.size[1], values.threads, index).len();
        let mut numbers = Numbers::new(seed, index as u64);
        Self {
            arch: Arch::new(),
            a: Buffer::ones(len),
            b: Buffer::random(len, &mut numbers),
            c: Buffer::random(len, &mut numbers),
            s: T::from_f64(0.75),
            streaming: values.streaming,
        }
    }
}

/// Work of one iteration over `n` elements: b and c are read, a is written, which on most machines
/// moves 4·n·s, as a line is fetched before it is written, unless stores are streaming; 3·n·s are
/// counted.
pub(crate) fn work<T: Element>(n: i64) -> Work {
    Work {
        flops: Some(2 * n),
        bytes: Some(3 * n * T::BYTES),
        items: Some(n),
        work_model: Some("triad-3ns/1".into()),
    }
}

struct Kernel<'a, T>(&'a mut [T], &'a [T], &'a [T], T);

impl<T: Element> WithSimd for Kernel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(a, b, c, s) = self;
        let n = a.len();
        let (b, c) = (&b[..n], &c[..n]);
        let ((a, a_rest), (b, b_rest), (c, c_rest)) =
            (T::vectors_mut::<S>(a), T::vectors::<S>(b), T::vectors::<S>(c));
        let factor = T::splat(simd, s);
        let ((a4, a1), (b4, b1), (c4, c1)) = (a.as_chunks_mut::<4>(), b.as_chunks::<4>(), c.as_chunks::<4>());
        for ((a, b), c) in a4.iter_mut().zip(b4).zip(c4) {
            for i in 0..4 {
                a[i] = T::mul_add(simd, factor, c[i], b[i]);
            }
        }
        for ((a, b), c) in a1.iter_mut().zip(b1).zip(c1) {
            *a = T::mul_add(simd, factor, *c, *b);
        }
        for ((a, b), c) in a_rest.iter_mut().zip(b_rest).zip(c_rest) {
            *a = T::from_f64(s.to_f64().mul_add(c.to_f64(), b.to_f64()));
        }
    }
}

impl<T: Element> Part for Triad<T> {
    #[inline]
    fn run(&mut self) {
        if self.streaming {
            T::stream_triad(&mut self.a, &self.b, &self.c, self.s);
        } else {
            self.arch.dispatch(Kernel(&mut self.a, &self.b, &self.c, self.s));
        }
    }

    fn check(&mut self) -> f64 {
        let s = self.s.to_f64();
        let pairs = self.a.iter().zip(self.b.iter().zip(self.c.iter()));
        pairs.fold(0.0, |error, (a, (b, c))| {
            let (b, c) = (b.to_f64(), c.to_f64());
            worst(error, (a.to_f64() - s.mul_add(c, b)).abs() / (b.abs() + (s * c).abs()))
        })
    }
}
