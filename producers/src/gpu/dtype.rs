//! Element types on a device.

use crate::cpu::Parameter;
use half::{bf16, f16};

/// The element type of a workload that has them all.
pub(crate) const DTYPE: Parameter = Parameter::word(
    "dtype",
    "element type; f16 and bf16 are computed in f32",
    &["f32", "f64", "f16", "bf16"],
);

/// An element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dtype {
    F64,
    F32,
    F16,
    Bf16,
}

impl Dtype {
    pub(crate) const ALL: [Self; 4] = [Self::F64, Self::F32, Self::F16, Self::Bf16];

    /// The type called `word` in a suite; `f64` where it is none of the others.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "f32" => Self::F32,
            "f16" => Self::F16,
            "bf16" => Self::Bf16,
            _ => Self::F64,
        }
    }

    /// Its name in `kernels/element.cuh`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::F64 => "double",
            Self::F32 => "float",
            Self::F16 => "Half",
            Self::Bf16 => "Bfloat16",
        }
    }

    /// Bytes of one element.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Elements of one access of 16 bytes.
    pub(crate) const fn pack(self) -> usize {
        16 / self.bytes()
    }

    /// The type that it is computed in.
    pub(crate) const fn wider(self) -> Self {
        match self {
            Self::F64 => Self::F64,
            _ => Self::F32,
        }
    }

    /// The unit roundoff u = ε/2.
    pub(crate) const fn roundoff(self) -> f64 {
        match self {
            Self::F64 => f64::EPSILON / 2.0,
            Self::F32 => f32::EPSILON as f64 / 2.0,
            Self::F16 => 1.0 / 2048.0,
            Self::Bf16 => 1.0 / 256.0,
        }
    }

    /// The largest relative error of `operations` in the type that it is computed in, stored in this one:
    /// `operations` is a length by which rounding errors grow.
    pub(crate) fn tolerance(self, operations: f64) -> f64 {
        let stored = if self == self.wider() { 0.0 } else { self.roundoff() };
        stored + operations * self.wider().roundoff()
    }

    /// The smallest number with a full mantissa: errors are absolute below it.
    pub(crate) fn smallest(self) -> f64 {
        match self {
            Self::F64 => f64::MIN_POSITIVE,
            Self::F32 | Self::Bf16 => f32::MIN_POSITIVE.into(),
            Self::F16 => f16::MIN_POSITIVE.to_f64(),
        }
    }

    /// `x`, which f32 holds exactly unless this is f32 or f64, rounded to this type, to the nearest even as the device
    /// does it.
    pub(crate) fn round(self, x: f64) -> f64 {
        match self {
            Self::F64 => x,
            #[expect(clippy::cast_possible_truncation, reason = "rounds")]
            Self::F32 => f64::from(x as f32),
            // Not from f64: the crate drops bits of that before it rounds.
            #[expect(clippy::cast_possible_truncation, reason = "f32 holds it")]
            Self::F16 => f16::from_f32(x as f32).to_f64(),
            #[expect(clippy::cast_possible_truncation, reason = "f32 holds it")]
            Self::Bf16 => bf16::from_f32(x as f32).to_f64(),
        }
    }

    /// The elements that `bytes` are, in the order of the machine.
    pub(crate) fn read(self, bytes: &[u8]) -> Vec<f64> {
        /// Each element of `N` bytes.
        fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            bytes.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect()
        }
        match self {
            Self::F64 => each(bytes, f64::from_ne_bytes),
            Self::F32 => each(bytes, |bytes| f64::from(f32::from_ne_bytes(bytes))),
            Self::F16 => each(bytes, |bytes| f16::from_ne_bytes(bytes).to_f64()),
            Self::Bf16 => each(bytes, |bytes| bf16::from_ne_bytes(bytes).to_f64()),
        }
    }

    /// `values`, rounded to this type, in the order of the machine.
    pub(crate) fn write(self, values: &[f64]) -> Vec<u8> {
        let bytes = |x: &f64| match (self, self.round(*x)) {
            (Self::F64, x) => x.to_ne_bytes().to_vec(),
            #[expect(clippy::cast_possible_truncation, reason = "is rounded")]
            (Self::F32, x) => (x as f32).to_ne_bytes().to_vec(),
            (Self::F16, x) => f16::from_f64(x).to_ne_bytes().to_vec(),
            (Self::Bf16, x) => bf16::from_f64(x).to_ne_bytes().to_vec(),
        };
        values.iter().flat_map(bytes).collect()
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these are exact")]
mod tests {
    use super::*;

    /// What is read is what was written, to the type's roundoff.
    #[test]
    fn elements_are_read() {
        let third = 1.0_f64 / 3.0;
        for dtype in Dtype::ALL {
            let bytes = dtype.write(&[third, -0.5]);
            assert_eq!(bytes.len(), 2 * dtype.bytes());
            let read = dtype.read(&bytes);
            assert!((read[0] / third - 1.0).abs() <= dtype.roundoff(), "{dtype:?}: {read:?}");
            assert_eq!(read[1], -0.5);
        }
    }

    /// Halfway cases go to the even neighbour, and small numbers keep what the type has for them.
    #[test]
    fn rounding_is_to_the_nearest_even() {
        let ulp = |bits: i32| 2.0_f64.powi(-bits);
        assert_eq!(Dtype::F16.round(1.0 + ulp(11)), 1.0);
        assert_eq!(Dtype::F16.round(1.0 + 3.0 * ulp(11)), 1.0 + 2.0 * ulp(10));
        assert_eq!(Dtype::Bf16.round(1.0 + ulp(8)), 1.0);
        assert_eq!(Dtype::Bf16.round(1.0 + 3.0 * ulp(8)), 1.0 + 2.0 * ulp(7));
        assert_eq!(Dtype::F16.round(ulp(23)), ulp(23));
        assert_eq!(Dtype::F32.round(1.0 + ulp(24)), 1.0);
        // Just above the halfway case, by the last bit of an input.
        assert_eq!(Dtype::Bf16.round(0.5 + ulp(9) + ulp(24)), 0.5 + ulp(8));
        assert_eq!(Dtype::F16.round(0.5 + ulp(12) + ulp(24)), 0.5 + ulp(11));
        assert!(Dtype::F16.smallest() == ulp(14) && Dtype::Bf16.smallest() == ulp(126));
    }

    /// Results that are stored in fewer bits may be off by as much more.
    #[test]
    fn tolerances() {
        assert_eq!(Dtype::F32.tolerance(2.0), f64::from(f32::EPSILON));
        assert_eq!(Dtype::F16.tolerance(2.0), 1.0 / 2048.0 + f64::from(f32::EPSILON));
    }
}
