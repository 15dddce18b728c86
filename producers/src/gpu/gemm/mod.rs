//! `gpu.gemm`: C = A·B through cuBLAS or cuBLASLt, matrices stored by rows.

mod cublas;
mod cublaslt;
mod precision;

use super::{
    device::Device,
    error::GpuError,
    inputs,
    parameters::{MODE, Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::Parameter;
use benchlake_schemas::Work;
use cudarc::driver::{CudaSlice, sys::CUdeviceptr};
use precision::Precision;
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
/// The longest sum of products of two numbers within 127 that 32 bits hold.
const LONGEST_INT8: usize = (i32::MAX / (127 * 127)) as usize;
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
    let library = values.word("library");
    if library == "cublas" && precision == Precision::Fp8 {
        return Err(GpuError::Missing("cuBLAS has no product of fp8: choose library=cublaslt".into()));
    }
    let operands = Operands::new(device, product, seed)?;
    let multiply: Box<dyn Multiply> = match library {
        "cublas" => Box::new(cublas::Cublas::new(device, &operands)?),
        _ => Box::new(cublaslt::CublasLt::new(device, &operands)?),
    };
    Ok(Opened {
        body: Box::new(Gemm { multiply, operands, seed }),
        work: product.work(),
        reference: "f64 dot products",
        tolerance: precision.tolerance(product.k),
    })
}

/// What is multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Product {
    precision: Precision,
    m: usize,
    n: usize,
    k: usize,
}

/// A matrix as a library of column-major matrices sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stored {
    rows: usize,
    columns: usize,
    /// The distance of two columns, in elements.
    leading: usize,
}

impl Product {
    /// # Errors
    /// [`GpuError::Missing`] where a library or a device of this compute capability cannot compute it.
    fn possible(self, capability: (i32, i32)) -> Result<(), GpuError> {
        let Self { precision, m, n, k } = self;
        let refuse = |text: String| Err(GpuError::Missing(text));
        let multiple = precision.multiple();
        if let Some(side) = [m, n, k].into_iter().find(|side| !side.is_multiple_of(multiple)) {
            return refuse(format!(
                "{side} is no multiple of {multiple}, as {precision:?} needs of m, n and k"
            ));
        }
        if [m, n, k].into_iter().any(|side| i32::try_from(side).is_err()) {
            return refuse(format!("{m} × {n} × {k}: sides of 2^31 and more are beyond the libraries"));
        }
        match precision {
            Precision::Fp8 if capability < (8, 9) => {
                refuse(format!("fp8 needs compute capability 8.9: this is {}.{}", capability.0, capability.1))
            }
            Precision::Tf32 | Precision::Bf16 if capability < (8, 0) => refuse(format!(
                "{precision:?} needs compute capability 8.0: this is {}.{}",
                capability.0, capability.1
            )),
            Precision::Int8 if k > LONGEST_INT8 => {
                refuse(format!("k = {k}: sums of more than {LONGEST_INT8} products overflow 32 bits"))
            }
            _ => Ok(()),
        }
    }

    /// The first and the second operand of a library of column-major matrices, and its result. C by rows is its
    /// transpose by columns: Cᵀ = Bᵀ·Aᵀ, so B comes first. B is stored by rows, and so its transpose by columns;
    /// where [`Precision::has_columns`] it is B by columns, which the library transposes.
    const fn stored(self) -> [Stored; 3] {
        let Self { m, n, k, .. } = self;
        let b = if self.precision.has_columns() {
            Stored { rows: k, columns: n, leading: k }
        } else {
            Stored { rows: n, columns: k, leading: n }
        };
        [b, Stored { rows: k, columns: m, leading: k }, Stored { rows: n, columns: m, leading: n }]
    }

    /// Where element (p, j) of B is in memory.
    const fn place_in_b(self, p: usize, j: usize) -> usize {
        if self.precision.has_columns() { j * self.k + p } else { p * self.n + j }
    }

    fn work(self) -> Work {
        let [m, n, k] = [self.m as i64, self.n as i64, self.k as i64];
        let (input, out) = (self.precision.input_bytes() as i64, self.precision.out().bytes() as i64);
        Work {
            flops: m.checked_mul(n).and_then(|mn| mn.checked_mul(k)?.checked_mul(2)),
            bytes: Some((m * k + k * n) * input + m * n * out),
            items: None,
            work_model: Some("gemm-2mnk/1".into()),
        }
    }

    /// What a library multiplies the result with beside alpha.
    fn scale(self) -> f64 {
        if self.precision == Precision::Fp8 { f64::from(SCALES[0] * SCALES[1]) } else { 1.0 }
    }

    /// Element (i, j) of C in f64, and the root of the sum of its squared products.
    fn reference(self, seed: u64, i: usize, j: usize) -> (f64, f64) {
        let (mut sum, mut squares) = (0.0, 0.0);
        for p in 0..self.k {
            let a = self.precision.element(seed, (i * self.k + p) as u64);
            let b = self.precision.element(!seed, self.place_in_b(p, j) as u64);
            sum += a * b;
            squares += a * b * (a * b);
        }
        (sum * self.scale(), squares.sqrt() * self.scale())
    }
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

    const ALL: [Precision; 7] = [
        Precision::F64,
        Precision::F32,
        Precision::Tf32,
        Precision::F16,
        Precision::Bf16,
        Precision::Int8,
        Precision::Fp8,
    ];

    fn product(precision: Precision, [m, n, k]: [usize; 3]) -> Product {
        Product { precision, m, n, k }
    }

    /// What a library of column-major matrices computes from the operands as they are stored is C by rows.
    #[test]
    fn operands_make_c_by_rows() {
        for precision in ALL {
            let product = product(precision, [16, 32, 48]);
            let [first, second, result] = product.stored();
            let (a, b) =
                (|i: usize| precision.element(3, i as u64), |i: usize| precision.element(!3, i as u64));
            // op(first) is n × k, second k × m, the result n × m.
            let first_at = |row: usize, p: usize| match precision.has_columns() {
                true => b(p + row * first.leading),
                false => b(row + p * first.leading),
            };
            let second_at = |p: usize, column: usize| a(p + column * second.leading);
            for (i, j) in [(0, 0), (15, 31), (7, 11)] {
                let sum: f64 = (0..product.k).map(|p| first_at(j, p) * second_at(p, i)).sum();
                let (c, _) = product.reference(3, i, j);
                assert!((sum * product.scale() - c).abs() <= 1e-12 * c.abs(), "{precision:?}: {sum} {c}");
                // Its element (j, i) by columns is element (i, j) of C by rows.
                assert_eq!(j + i * result.leading, i * product.n + j);
            }
            let kept = |stored: Stored| stored.columns * stored.leading;
            assert_eq!([kept(first), kept(second), kept(result)], [48 * 32, 16 * 48, 16 * 32]);
        }
    }

    /// What a type needs of its sides and of the device is refused with the way out.
    #[test]
    fn impossible_products_are_refused() {
        let refusal = |precision, sides, capability| {
            product(precision, sides).possible(capability).map_err(|error| error.to_string())
        };
        assert_eq!(refusal(Precision::F32, [1, 7, 13], (7, 0)), Ok(()));
        assert!(refusal(Precision::Fp8, [16, 16, 24], (9, 0)).is_err_and(|text| text.contains("of 16")));
        assert!(refusal(Precision::Fp8, [16; 3], (8, 6)).is_err_and(|text| text.contains("8.9")));
        assert_eq!(refusal(Precision::Fp8, [16; 3], (8, 9)), Ok(()));
        assert!(refusal(Precision::Tf32, [16; 3], (7, 5)).is_err_and(|text| text.contains("8.0")));
        assert!(refusal(Precision::Int8, [4, 4, 200_000], (9, 0)).is_err_and(|text| text.contains("133144")));
        assert!(refusal(Precision::F64, [1 << 31, 1, 1], (9, 0)).is_err_and(|text| text.contains("2^31")));
    }

    /// 2mnk operations; each matrix moves once, in its own type.
    #[test]
    fn work_is_counted() {
        let work = product(Precision::Fp8, [16, 32, 64]).work();
        assert_eq!(work.flops, Some(2 * 16 * 32 * 64));
        assert_eq!(work.bytes, Some(16 * 64 + 64 * 32 + 2 * 16 * 32));
    }

    /// Checked places reach both ends, and are all of a small matrix.
    #[test]
    fn places_reach_both_ends() {
        assert_eq!(places(5, 64), [0, 1, 2, 3, 4]);
        let places = places(8_192, 64);
        assert_eq!((places.len(), places[0], places[63]), (64, 0, 8_191));
        assert!(places.is_sorted_by(|a, b| a < b));
    }
}
