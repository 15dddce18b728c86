//! Element types of collectives.

use cudarc::nccl::sys::ncclDataType_t;
use half::{bf16, f16};

/// An element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F64,
    F32,
    F16,
    Bf16,
    I32,
}

impl Element {
    /// The type called `word` in a suite; `f32` where it is none of the others.
    pub(super) fn of(word: &str) -> Self {
        match word {
            "f64" => Self::F64,
            "f16" => Self::F16,
            "bf16" => Self::Bf16,
            "i32" => Self::I32,
            _ => Self::F32,
        }
    }

    /// Bytes of one element.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// What NCCL calls it.
    pub(super) const fn nccl(self) -> ncclDataType_t {
        match self {
            Self::F64 => ncclDataType_t::ncclFloat64,
            Self::F32 => ncclDataType_t::ncclFloat32,
            Self::F16 => ncclDataType_t::ncclFloat16,
            Self::Bf16 => ncclDataType_t::ncclBfloat16,
            Self::I32 => ncclDataType_t::ncclInt32,
        }
    }

    /// The bits of the whole number `value`, up to 256, which every type holds exactly.
    pub(super) fn bits(self, value: u16) -> u64 {
        match self {
            Self::F64 => f64::from(value).to_bits(),
            Self::F32 => f32::from(value).to_bits().into(),
            Self::F16 => f16::from_f32(f32::from(value)).to_bits().into(),
            Self::Bf16 => bf16::from_f32(f32::from(value)).to_bits().into(),
            Self::I32 => value.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers up to 256 are exact in every type, so that sums can be compared bit by bit.
    #[test]
    fn small_numbers_are_exact() {
        for value in 0..=256_u16 {
            let bits = |element: Element| element.bits(value);
            let found = [
                f16::from_bits(bits(Element::F16) as u16).to_f64(),
                bf16::from_bits(bits(Element::Bf16) as u16).to_f64(),
                f64::from(f32::from_bits(bits(Element::F32) as u32)),
                f64::from_bits(bits(Element::F64)),
            ];
            assert_eq!(found.map(f64::to_bits), [f64::from(value).to_bits(); 4]);
            assert_eq!(bits(Element::I32), u64::from(value));
        }
        let bytes = ["f64", "f32", "f16", "bf16", "i32"].map(|word| Element::of(word).bytes());
        assert_eq!(bytes, [8, 4, 2, 2, 4]);
    }
}
