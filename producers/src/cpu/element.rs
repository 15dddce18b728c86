//! The element types, and the vectors of them that a processor has.

use super::streaming;
use pulp::{Simd, bytemuck::Pod};

/// A floating-point type that the kernels are written for once.
pub(crate) trait Element: Pod + Send + Sync + std::fmt::Debug {
    const ZERO: Self;
    /// Bytes of one element.
    const BYTES: i64;
    /// The unit roundoff u = ε/2.
    const ROUNDOFF: f64;

    /// The vector of instruction set `S`.
    type Vector<S: Simd>: Pod;

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn plus(self, other: Self) -> Self;
    /// The array as vectors, and the rest that does not fill one.
    fn vectors<S: Simd>(array: &[Self]) -> (&[Self::Vector<S>], &[Self]);
    fn vectors_mut<S: Simd>(array: &mut [Self]) -> (&mut [Self::Vector<S>], &mut [Self]);
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    fn add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// a · b + c, rounded once where the machine can.
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;
    fn sum<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;
    /// a = b + s·c by streaming stores; the arrays are of one length and lie on cache lines.
    fn stream_triad(a: &mut [Self], b: &[Self], c: &[Self], s: Self);
}

macro_rules! element {
    ($type:ident, $vector:ident, $as_simd:ident, $as_mut_simd:ident, $splat:ident, $add:ident, $mul_add:ident, $sum:ident, $stream_triad:ident) => {
        impl Element for $type {
            const ZERO: Self = 0.0;
            const BYTES: i64 = size_of::<$type>() as i64;
            const ROUNDOFF: f64 = $type::EPSILON as f64 / 2.0;

            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as Self
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn vectors<S: Simd>(array: &[Self]) -> (&[S::$vector], &[Self]) {
                S::$as_simd(array)
            }
            #[inline(always)]
            fn vectors_mut<S: Simd>(array: &mut [Self]) -> (&mut [S::$vector], &mut [Self]) {
                S::$as_mut_simd(array)
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }
            #[inline(always)]
            fn add<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }
            #[inline(always)]
            fn mul_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$mul_add(a, b, c)
            }
            #[inline(always)]
            fn sum<S: Simd>(simd: S, a: S::$vector) -> Self {
                simd.$sum(a)
            }
            #[inline]
            fn stream_triad(a: &mut [Self], b: &[Self], c: &[Self], s: Self) {
                streaming::$stream_triad(a, b, c, s);
            }
        }
    };
}

element!(
    f32,
    f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    splat_f32s,
    add_f32s,
    mul_add_e_f32s,
    reduce_sum_f32s,
    triad_f32
);
element!(
    f64,
    f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    splat_f64s,
    add_f64s,
    mul_add_e_f64s,
    reduce_sum_f64s,
    triad_f64
);
