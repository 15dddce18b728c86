//! In which types a matrix product is computed: its inputs, its sums, its result; and how exact that makes it.

use super::super::{
    device::Device,
    dtype::Dtype,
    error::GpuError,
    inputs::{self, element},
};
use cudarc::driver::CudaSlice;

/// The words of the parameter `dtype`.
pub(crate) const WORDS: &[&str] = &["f32", "f64", "tf32", "f16", "bf16", "int8", "fp8"];

/// The types of a matrix product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    F64,
    /// Every product in 24 bits.
    F32,
    /// Inputs of f32 whose products are of 11 bits, as tensor cores compute them.
    Tf32,
    /// Sums in f32, as those of the next.
    F16,
    Bf16,
    /// Sums in 32-bit whole numbers.
    Int8,
    /// e4m3; sums in f32, the result in bf16.
    Fp8,
}

/// The type of a result's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Out {
    Float(Dtype),
    Int32,
}

impl Out {
    /// Bytes of one element.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Float(dtype) => dtype.bytes(),
            Self::Int32 => 4,
        }
    }

    /// The elements that `bytes` are, in the order of the machine.
    pub(crate) fn read(self, bytes: &[u8]) -> Vec<f64> {
        match self {
            Self::Float(dtype) => dtype.read(bytes),
            Self::Int32 => {
                bytes.as_chunks::<4>().0.iter().map(|four| i32::from_ne_bytes(*four).into()).collect()
            }
        }
    }
}

impl Precision {
    /// The one called `word`; `f32` where it is none of the others.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "f64" => Self::F64,
            "tf32" => Self::Tf32,
            "f16" => Self::F16,
            "bf16" => Self::Bf16,
            "int8" => Self::Int8,
            "fp8" => Self::Fp8,
            _ => Self::F32,
        }
    }

    /// Bytes of one element of an input.
    pub(crate) const fn input_bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 | Self::Tf32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Int8 | Self::Fp8 => 1,
        }
    }

    /// The type of the result.
    pub(crate) const fn out(self) -> Out {
        match self {
            Self::F64 => Out::Float(Dtype::F64),
            Self::F32 | Self::Tf32 => Out::Float(Dtype::F32),
            Self::F16 => Out::Float(Dtype::F16),
            Self::Bf16 | Self::Fp8 => Out::Float(Dtype::Bf16),
            Self::Int8 => Out::Int32,
        }
    }

    /// What each side must be a multiple of (cuBLAS, "Tensor Core Usage", and the tables of `cublasLtMatmul`).
    pub(crate) const fn multiple(self) -> usize {
        match self {
            Self::Int8 => 4,
            Self::Fp8 => 16,
            _ => 1,
        }
    }

    /// Whether B is stored by columns: the only order for which there are kernels of one-byte types.
    pub(crate) const fn has_columns(self) -> bool {
        matches!(self, Self::Int8 | Self::Fp8)
    }

    /// `n` elements of an input, filled on the device.
    pub(crate) fn filled(self, device: &Device, n: usize, seed: u64) -> Result<CudaSlice<u8>, GpuError> {
        match self {
            Self::F64 => inputs::filled(device, Dtype::F64, n, seed),
            Self::F32 | Self::Tf32 => inputs::filled(device, Dtype::F32, n, seed),
            Self::F16 => inputs::filled(device, Dtype::F16, n, seed),
            Self::Bf16 => inputs::filled(device, Dtype::Bf16, n, seed),
            Self::Int8 => inputs::filled_bytes(device, "fill_int8", n, seed),
            Self::Fp8 => inputs::filled_bytes(device, "fill_e4m3", n, seed),
        }
    }

    /// Element `i` of the input with seed `seed`, as the device has it.
    pub(crate) fn element(self, seed: u64, i: u64) -> f64 {
        let x = element(seed, i);
        match self {
            Self::F64 | Self::F32 | Self::Tf32 => x,
            Self::F16 => Dtype::F16.round(x),
            Self::Bf16 => Dtype::Bf16.round(x),
            Self::Int8 => (x * 127.0).round_ties_even(),
            Self::Fp8 => e4m3(x),
        }
    }

    /// How far an element of the result may be off, as a share of the root of the sum of its `k` squared
    /// products.
    ///
    /// Rounding each of k sums of terms of random sign errs by about √k·u of that; rounding the result by u of a
    /// value that seldom exceeds 4 of it; rounding an input to u by u, or, where it is cut off, by twice that in
    /// one direction. Times a margin of two or more each. A product of f32 that is computed in TF32 is beyond it.
    pub(crate) fn tolerance(self, k: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "lengths are below 2^53")]
        let sums = |u: f64| 8.0 * (k as f64).sqrt() * u;
        let (single, half) = (Dtype::F32.roundoff(), |dtype: Dtype| 8.0 * dtype.roundoff());
        match self {
            Self::F64 => sums(Dtype::F64.roundoff()) + half(Dtype::F64),
            Self::F32 => sums(single) + half(Dtype::F32),
            Self::Tf32 => sums(single) + 16.0 / 2048.0,
            Self::F16 => sums(single) + half(Dtype::F16),
            Self::Bf16 | Self::Fp8 => sums(single) + half(Dtype::Bf16),
            Self::Int8 => 0.0,
        }
    }
}

/// `x` in e4m3: 3 bits of mantissa, the smallest normal number 2^-6; rounded to the nearest even, and 0 where it is
/// smaller than that, as in `inputs.cu`. |x| < 2.
fn e4m3(x: f64) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    let power = i32::try_from(x.to_bits() >> 52 & 0x7ff).unwrap_or_default() - 1023;
    let unit = 2.0_f64.powi(power - 3);
    let rounded = (x / unit).round_ties_even() * unit;
    if rounded.abs() < 2.0_f64.powi(-6) { 0.0 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{
        device::blocks,
        emulated::{self, Argument},
        nvrtc::any_type,
    };

    /// The kernels fill what the host computes, to the last bit.
    #[test]
    fn kernels_fill_as_the_host_does() {
        let fill = |name: &str| {
            let arguments = [Argument::Array(vec![0; 4_000]), Argument::Number(4_000), Argument::Number(9)];
            emulated::run(inputs::SOURCE, &any_type()[0], name, blocks(2, 64), &arguments).remove(0)
        };
        let e4m3 = |bits: u8| {
            let (sign, exponent, mantissa) = (bits >> 7, bits >> 3 & 15, bits & 7);
            let x = (1.0 + f64::from(mantissa) / 8.0) * 2.0_f64.powi(i32::from(exponent) - 7);
            if bits & 127 == 0 { 0.0 } else { x * (1.0 - 2.0 * f64::from(sign)) }
        };
        for (i, (byte, bits)) in fill("fill_int8").into_iter().zip(fill("fill_e4m3")).enumerate() {
            let (whole, small) = (f64::from(byte.cast_signed()), e4m3(bits));
            assert_eq!(
                [whole, small].map(f64::to_bits),
                [Precision::Int8, Precision::Fp8]
                    .map(|precision| (precision.element(9, i as u64) + 0.0).to_bits())
            );
        }
    }

    /// e4m3 rounds to the nearest of the values in its table (OCP 8-bit Floating Point Specification, 5.1).
    #[test]
    fn e4m3_is_the_nearest() {
        let table: Vec<f64> = (1..=15)
            .flat_map(|exponent: i32| {
                (0..8).map(move |m| 2.0_f64.powi(exponent - 7) * (1.0 + f64::from(m) / 8.0))
            })
            .collect();
        assert!(table.contains(&0.015_625) && table.contains(&448.0));
        for i in 0..20_000 {
            let x = element(7, i);
            let rounded = e4m3(x).abs();
            if rounded == 0.0 {
                assert!(x.abs() < 0.015_625);
                continue;
            }
            let least = table.iter().map(|value| (value - x.abs()).abs()).fold(f64::INFINITY, f64::min);
            assert!(table.contains(&rounded) && (rounded - x.abs()).abs() <= least, "{x}: {rounded}");
        }
        // Ties: to the even of 1 and 1.125, and of 1.125 and 1.25.
        assert_eq!([e4m3(1.0625), e4m3(-1.1875)].map(f64::to_bits), [1.0, -1.25].map(f64::to_bits));
    }

    /// Whole numbers are within 127, and reach it.
    #[test]
    fn bytes_are_whole() {
        let values: Vec<f64> = (0..10_000).map(|i| Precision::Int8.element(1, i)).collect();
        assert!(values.iter().all(|x| x.fract() == 0.0 && x.abs() <= 127.0));
        assert!(values.iter().any(|x| x.abs() >= 126.0));
        assert_eq!(Out::Int32.read(&(-5_i32).to_ne_bytes()), [-5.0]);
    }

    /// The tolerance of f32 refuses TF32, and that of each type refuses the next coarser one's sums.
    #[test]
    fn types_are_kept_apart() {
        // The root mean square error of a product of two inputs of 11 bits is near half of u.
        let tf32 = 0.5 / 2048.0;
        assert!(Precision::F32.tolerance(8_192) < tf32 / 4.0);
        assert!(Precision::Tf32.tolerance(8_192) > 8.0 * tf32);
        assert!(Precision::F64.tolerance(8_192) < f64::from(f32::EPSILON) / 1e3);
        assert!(Precision::Bf16.tolerance(1 << 20) < 0.1);
    }
}
