//! Element types on a device.

use half::{bf16, f16};

/// An element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dtype {
    F64,
    F32,
    F16,
    Bf16,
}

impl Dtype {
    /// The type called `word` in a suite; `f64` where it is none of the others.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "f32" => Self::F32,
            "f16" => Self::F16,
            "bf16" => Self::Bf16,
            _ => Self::F64,
        }
    }

    /// Its name in CUDA C++.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::F64 => "double",
            Self::F32 => "float",
            Self::F16 => "__half",
            Self::Bf16 => "__nv_bfloat16",
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

    /// The unit roundoff u = ε/2.
    pub(crate) const fn roundoff(self) -> f64 {
        match self {
            Self::F64 => f64::EPSILON / 2.0,
            Self::F32 => f32::EPSILON as f64 / 2.0,
            Self::F16 => 1.0 / 2048.0,
            Self::Bf16 => 1.0 / 256.0,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read is what was written, to the type's roundoff.
    #[test]
    fn elements_are_read() {
        let third = 1.0_f64 / 3.0;
        let written = [
            (Dtype::F64, third.to_ne_bytes().to_vec()),
            (Dtype::F32, (third as f32).to_ne_bytes().to_vec()),
            (Dtype::F16, f16::from_f64(third).to_ne_bytes().to_vec()),
            (Dtype::Bf16, bf16::from_f64(third).to_ne_bytes().to_vec()),
        ];
        for (dtype, bytes) in written {
            assert_eq!(bytes.len(), dtype.bytes());
            let read = dtype.read(&bytes);
            assert!((read[0] / third - 1.0).abs() <= dtype.roundoff(), "{dtype:?}: {read:?}");
        }
    }
}
