//! The triad with streaming (non-temporal) stores, which go to memory past the caches, without
//! fetching a line first that is overwritten anyway.
//!
//! With 128 bits, which every x86-64 has: the processor gathers them in write-combining buffers of a
//! line, and memory takes longer than the instructions that four of them need. On other
//! processors nothing is both stable and a promise: ARM's `STNP` is a hint.

/// Whether this build has streaming stores.
pub(crate) const AVAILABLE: bool = cfg!(target_arch = "x86_64");

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{triad_f32, triad_f64};

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the store is an intrinsic on a pointer")]
mod x86 {
    use pulp::bytemuck::{cast_slice, cast_slice_mut};
    use std::arch::x86_64 as arch;

    macro_rules! triad {
        ($name:ident, $inner:ident, $type:ident, $vector:ident, $splat:ident, $add:ident, $mul:ident, $stream:ident) => {
            /// a = b + s·c; the arrays are of one length and lie on cache lines. What does not fill a
            /// vector is stored as usual.
            pub(crate) fn $name(a: &mut [$type], b: &[$type], c: &[$type], s: $type) {
                // SAFETY: every x86-64 has SSE2.
                unsafe { $inner(a, b, c, s) }
            }

            #[target_feature(enable = "sse2")]
            fn $inner(a: &mut [$type], b: &[$type], c: &[$type], s: $type) {
                let whole = a.len() - a.len() % (size_of::<arch::$vector>() / size_of::<$type>());
                let (a, a_rest) = a.split_at_mut(whole);
                let ((b, b_rest), (c, c_rest)) = (b.split_at(whole), c.split_at(whole));
                let vectors: &mut [arch::$vector] = cast_slice_mut(a);
                let (b, c): (&[arch::$vector], &[arch::$vector]) = (cast_slice(b), cast_slice(c));
                let factor = arch::$splat(s);
                for ((a, b), c) in vectors.iter_mut().zip(b).zip(c) {
                    let value = arch::$add(*b, arch::$mul(factor, *c));
                    // SAFETY: `a` is a vector, so valid and aligned as one.
                    unsafe { arch::$stream(std::ptr::from_mut(a).cast(), value) };
                }
                for ((a, b), c) in a_rest.iter_mut().zip(b_rest).zip(c_rest) {
                    *a = s * c + b;
                }
                // Streaming stores are in no order with others: an iteration ends when they are done.
                arch::_mm_sfence();
            }
        };
    }

    triad!(triad_f32, vectors_f32, f32, __m128, _mm_set1_ps, _mm_add_ps, _mm_mul_ps, _mm_stream_ps);
    triad!(triad_f64, vectors_f64, f64, __m128d, _mm_set1_pd, _mm_add_pd, _mm_mul_pd, _mm_stream_pd);
}

#[cfg(not(target_arch = "x86_64"))]
mod elsewhere {
    /// Never reached: a benchmark with streaming stores is refused before it is set up.
    pub(crate) fn triad_f32(_: &mut [f32], _: &[f32], _: &[f32], _: f32) {
        unreachable!("this processor has no streaming stores");
    }

    /// Never reached, as above.
    pub(crate) fn triad_f64(_: &mut [f64], _: &[f64], _: &[f64], _: f64) {
        unreachable!("this processor has no streaming stores");
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use elsewhere::{triad_f32, triad_f64};
