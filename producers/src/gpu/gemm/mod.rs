//! `gpu.gemm`: C = A·B through cuBLAS or cuBLASLt, matrices stored by rows.

mod cublas;
mod cublaslt;
mod precision;
mod product;

use super::{
    device::Device,
    error::GpuError,
    inputs,
    library::Library,
    parameters::{MODE, Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::Parameter;
use cudarc::driver::{CudaSlice, sys::CUdeviceptr};
use precision::Precision;
use product::Product;
use std::{ffi::c_void, sync::Arc};

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.gemm",
    summary: "C = A·B, matrices of m × k and k × n, through a library",
    parameters: &[
        Parameter::word(
            "dtype",
            "f32 (true f32), f64, tf32 (f32 through tensor cores), f16, bf16 (sums in f32), int8 (sums in \
             32-bit whole numbers), fp8 (e4m3, the result in bf16; library=cublaslt)",
            precision::WORDS,
        ),
        Parameter::word(
            "library",
            "cublas, or cublaslt with the quickest of the algorithms that it proposes",
            &["cublas", "cublaslt"],
        ),
        Parameter::number("m", "rows of A and C; n unless given"),
        Parameter::number("n", "columns of B and C, such as 8192"),
        Parameter::number("k", "columns of A and rows of B; n unless given"),
        MODE,
    ],
}];

/// Bytes that a library may work in: what NVIDIA recommends for compute capability 9, and more than it does for
/// others (cuBLAS, `cublasSetWorkspace`).
const WORKSPACE: usize = 32 << 20;
/// The rows, and the columns of each, where the result is checked.
const CHECKED: [usize; 2] = [16, 64];
/// What the inputs of e4m3 are multiplied with, from memory of the device as the library asks for.
const SCALES: [f32; 2] = [0.5, 0.25];
/// Bytes from one of them to the other: memory as aligned as a library might want it.
const SCALES_APART: usize = 256;
/// The least that errors are a share of: what is smaller is no normal number of f16.
const LEAST: f64 = 1.0 / 16_384.0;
/// Kernels that a library launches for one product, at most: partial sums, and what adds them.
const LAUNCHES: u64 = 4;

/// Sets the workload up.
pub(crate) fn open(
    _name: &str,
    device: &Arc<Device>,
    values: &Values,
    seed: u64,
) -> Result<Opened, GpuError> {
    let precision = Precision::of(values.word("dtype"));
    let product = Product { precision, m: values.size("m"), n: values.size("n"), k: values.size("k") };
    product.possible(device.capability)?;
    let is_cublas = values.word("library") == "cublas";
    if is_cublas && precision == Precision::Fp8 {
        return Err(GpuError::Missing("cuBLAS has no product of fp8: choose library=cublaslt".into()));
    }
    // Before matrices are allocated for it.
    if is_cublas { Library::Cublas } else { Library::CublasLt }.require()?;
    let operands = Operands::new(device, product, seed)?;
    let multiply: Box<dyn Multiply> = if is_cublas {
        Box::new(cublas::Cublas::new(device, &operands)?)
    } else {
        Box::new(cublaslt::CublasLt::new(device, &operands)?)
    };
    Ok(Opened {
        body: Box::new(Gemm { multiply, operands, seed }),
        work: product.work(),
        reference: "f64 dot products",
        tolerance: precision.tolerance(product.k),
    })
}

/// The matrices on the device.
struct Operands {
    product: Product,
    a: CudaSlice<u8>,
    b: CudaSlice<u8>,
    c: CudaSlice<u8>,
    workspace: CudaSlice<u8>,
    /// The two of [`SCALES`].
    scales: CudaSlice<u8>,
}

impl Operands {
    fn new(device: &Device, product: Product, seed: u64) -> Result<Self, GpuError> {
        let Product { precision, m, n, k } = product;
        let too_many = || GpuError::Missing(format!("{m} × {n} × {k} elements are too many"));
        let size = |rows: usize, columns: usize| rows.checked_mul(columns).ok_or_else(too_many);
        let bytes = size(m, n)?.checked_mul(precision.out().bytes()).ok_or_else(too_many)?;
        let problem = GpuError::driver("allocating");
        // Zeros, so that a product that is not computed is seen.
        let zeros = |bytes| device.stream.alloc_zeros(bytes).map_err(&problem);
        let mut scales = [0; 2 * SCALES_APART];
        for (to, scale) in scales.chunks_mut(SCALES_APART).zip(SCALES) {
            to[..size_of::<f32>()].copy_from_slice(&scale.to_ne_bytes());
        }
        Ok(Self {
            product,
            a: precision.filled(device, size(m, k)?, seed)?,
            b: precision.filled(device, size(k, n)?, !seed)?,
            c: zeros(bytes)?,
            workspace: zeros(WORKSPACE)?,
            scales: device.stream.clone_htod(&scales).map_err(&problem)?,
        })
    }

    /// Where they are, in the order of a library of column-major matrices: B, A, C.
    fn addresses(&self, device: &Device) -> [CUdeviceptr; 3] {
        [&self.b, &self.a, &self.c].map(|slice| inputs::address(device, slice))
    }
}

/// A library that multiplies.
trait Multiply {
    /// Enqueues one product.
    fn enqueue(&self, device: &Device, operands: &Operands) -> Result<(), GpuError>;
}

/// 1 and 0 in the type in which a library scales results of `precision`.
fn one_and_zero(precision: Precision) -> [*const c_void; 2] {
    static DOUBLE: [f64; 2] = [1.0, 0.0];
    static SINGLE: [f32; 2] = [1.0, 0.0];
    static WHOLE: [i32; 2] = [1, 0];
    fn addresses<T>(numbers: &'static [T; 2]) -> [*const c_void; 2] {
        [(&raw const numbers[0]).cast(), (&raw const numbers[1]).cast()]
    }
    match precision {
        Precision::F64 => addresses(&DOUBLE),
        Precision::Int8 => addresses(&WHOLE),
        _ => addresses(&SINGLE),
    }
}

struct Gemm {
    multiply: Box<dyn Multiply>,
    operands: Operands,
    seed: u64,
}

/// `count` places of `n`, evenly spaced, the first and the last included; all where there are no more.
fn places(n: usize, count: usize) -> Vec<usize> {
    if n <= count {
        return (0..n).collect();
    }
    (0..count).map(|i| i * (n - 1) / (count - 1)).collect()
}

impl Body for Gemm {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        self.multiply.enqueue(device, &self.operands)
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let product = self.operands.product;
        let out = product.precision.out();
        let row = product.n * out.bytes();
        let mut worst = 0.0;
        for i in places(product.m, CHECKED[0]) {
            let found = out.read(&inputs::bytes(device, &self.operands.c, i * row..(i + 1) * row)?);
            for j in places(product.n, CHECKED[1]) {
                let (c, scale) = product.reference(self.seed, i, j);
                worst = crate::cpu::worst(worst, (found[j] - c).abs() / scale.max(LEAST));
            }
        }
        Ok(worst)
    }

    fn launches(&self) -> u64 {
        LAUNCHES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked places reach both ends, and are all of a small matrix.
    #[test]
    fn places_reach_both_ends() {
        assert_eq!(places(5, 64), [0, 1, 2, 3, 4]);
        let places = places(8_192, 64);
        assert_eq!((places.len(), places[0], places[63]), (64, 0, 8_191));
        assert!(places.is_sorted_by(|a, b| a < b));
    }
}
