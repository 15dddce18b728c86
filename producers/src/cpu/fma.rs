//! `cpu.fma`: chains of fused multiply-adds in registers, the most that a processor computes.
//!
//! Each chain is x ← a·x + b, in every lane of the widest vectors. There are as many independent
//! chains as registers hold beside a and b, so that the units never wait for a result: a unit takes
//! four or five cycles and two to four of them start one in each. One iteration is the same
//! number of multiply-adds on every machine, so that its time tells machines apart.

use super::{
    buffer::{Buffer, Numbers},
    element::Element,
    team::{Part, worst},
};
use benchlake_schemas::Work;
use pulp::{Arch, Simd, WithSimd};
use std::hint::black_box;

/// Multiply-adds of one iteration in each thread: 3 · 2¹⁷, a power of two for each element of every
/// set of chains below.
const MULTIPLY_ADDS: usize = 3 << 17;
/// Chains where there are 32 registers, and where there are 16.
const CHAINS: [usize; 2] = [24, 12];
/// Elements of the largest set of chains: 16 lanes of f32.
const MOST_ELEMENTS: usize = 16 * CHAINS[0];
/// Where every chain tends to, x = a·x + b; the chains start around it.
const LIMIT: f64 = 1.5;

/// One thread's chains: where they start in each iteration, and where they end.
pub(crate) struct Fma<T> {
    arch: Arch,
    starts: Buffer<T>,
    ends: Buffer<T>,
}

impl<T: Element> Fma<T> {
    pub(crate) fn new(seed: u64, index: usize) -> Self {
        let mut numbers = Numbers::new(seed, index as u64);
        // Between 0.6 and 2.4, so that nothing on the way to the limit is large or subnormal.
        let start = || T::from_f64(LIMIT + numbers.normal() / 4.0);
        let starts = Buffer::from_fn(MOST_ELEMENTS, start);
        Self { arch: Arch::new(), starts, ends: Buffer::ones(MOST_ELEMENTS) }
    }
}

/// Work of one iteration.
pub(crate) fn work(threads: i64) -> Work {
    let multiply_adds = i64::try_from(MULTIPLY_ADDS).unwrap_or(i64::MAX);
    Work {
        flops: Some(2 * multiply_adds * threads),
        bytes: None,
        items: None,
        work_model: Some("fma-2n/1".into()),
    }
}

/// Multiply-adds of each chain in one iteration on this machine: what rounding errors add up over.
pub(crate) fn steps<T: Element>() -> usize {
    MULTIPLY_ADDS / elements::<T>()
}

/// Elements of all chains together on this machine.
fn elements<T: Element>() -> usize {
    struct Elements<T>(std::marker::PhantomData<T>);
    impl<T: Element> WithSimd for Elements<T> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            let chains = CHAINS[usize::from(S::REGISTER_COUNT < 32)];
            chains * size_of::<T::Vector<S>>() / size_of::<T>()
        }
    }
    Arch::new().dispatch(Elements::<T>(std::marker::PhantomData))
}

/// a and b of chains of `steps`: a shrinks the distance to the limit to 1/e of it in all, so that every
/// step changes the result. Both are exact in f32, as `steps` is a power of two.
#[expect(clippy::cast_precision_loss, reason = "steps are far below 2^53")]
fn coefficients(steps: usize) -> (f64, f64) {
    let shrink = 1.0 / steps as f64;
    (1.0 - shrink, LIMIT * shrink)
}

/// The end of a chain that starts at `start`: x* + aⁿ·(x₀ − x*).
#[expect(clippy::cast_precision_loss, reason = "steps are far below 2^53")]
fn closed_form(start: f64, steps: usize) -> f64 {
    let n = steps as f64;
    LIMIT + (n * (-1.0 / n).ln_1p()).exp() * (start - LIMIT)
}

struct Kernel<'a, T>(&'a [T], &'a mut [T]);

impl<T: Element> WithSimd for Kernel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(starts, ends) = self;
        if S::REGISTER_COUNT >= 32 {
            chains::<T, S, { CHAINS[0] }>(simd, starts, ends);
        } else {
            chains::<T, S, { CHAINS[1] }>(simd, starts, ends);
        }
    }
}

#[inline(always)]
fn chains<T: Element, S: Simd, const N: usize>(simd: S, starts: &[T], ends: &mut [T]) {
    let steps = MULTIPLY_ADDS / (N * size_of::<T::Vector<S>>() / size_of::<T>());
    let (a, b) = coefficients(steps);
    // What the compiler cannot know it cannot simplify.
    let (a, b) = black_box((T::from_f64(a), T::from_f64(b)));
    let (a, b) = (T::splat(simd, a), T::splat(simd, b));
    let (starts, ends) = (T::vectors::<S>(starts).0, T::vectors_mut::<S>(ends).0);
    let mut x: [T::Vector<S>; N] = std::array::from_fn(|chain| starts[chain]);
    for _ in 0..steps {
        for x in &mut x {
            *x = T::mul_add(simd, *x, a, b);
        }
    }
    ends[..N].copy_from_slice(&x);
}

impl<T: Element> Part for Fma<T> {
    #[inline]
    fn run(&mut self) {
        self.arch.dispatch(Kernel(&self.starts, &mut self.ends));
    }

    fn check(&mut self) -> f64 {
        let steps = steps::<T>();
        let pairs = self.starts.iter().zip(self.ends.iter()).take(elements::<T>());
        pairs.fold(0.0, |error, (start, end)| {
            let expected = closed_form(start.to_f64(), steps);
            worst(error, (end.to_f64() - expected).abs() / expected)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The closed form is the recurrence, and an error of one step would be seen.
    #[test]
    fn closed_form_is_the_recurrence() {
        for steps in [1_024_usize, 32_768] {
            let (a, b) = coefficients(steps);
            let end = (0..steps).fold(0.7, |x: f64, _| x.mul_add(a, b));
            assert!((end - closed_form(0.7, steps)).abs() < 1e-13, "{end}");
            let short = (1..steps).fold(0.7, |x: f64, _| x.mul_add(a, b));
            assert!((short - closed_form(0.7, steps)).abs() > 1e-6);
        }
    }

    /// Chains of every vector width have a power of two of steps, whose coefficients f32 has exactly.
    #[test]
    fn coefficients_are_exact() {
        for (chains, lanes) in [(24, 16), (24, 8), (24, 4), (24, 2), (12, 8), (12, 4), (12, 2), (12, 1)] {
            let steps = MULTIPLY_ADDS / (chains * lanes);
            assert!(steps.is_power_of_two() && steps * chains * lanes == MULTIPLY_ADDS);
            let (a, b) = coefficients(steps);
            assert_eq!((f64::from(a as f32), f64::from(b as f32)), (a, b));
        }
    }

    /// The chains end where they should in both types, every iteration anew.
    #[test]
    fn chains_are_right() {
        fn error<T: Element>() -> f64 {
            let mut fma = Fma::<T>::new(5, 0);
            fma.run();
            fma.run();
            fma.check() / T::ROUNDOFF
        }
        assert!(error::<f32>() < 200.0 && error::<f64>() < 200.0, "{} {}", error::<f32>(), error::<f64>());
    }
}
