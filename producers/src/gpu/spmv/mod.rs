//! `gpu.spmv`: y = A·x of a sparse matrix in compressed rows, through cuSPARSE.
#![expect(unsafe_code, reason = "calls cuSPARSE, and launches a kernel")]

mod pattern;

use super::{
    device::Device,
    dtype::Dtype,
    error::GpuError,
    inputs,
    library::Library,
    nvrtc::{Source, any_type, source},
    owned::Owned,
    parameters::{MODE, Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::{self, Parameter};
use cudarc::{
    cusparse::{
        result::{self, CusparseError},
        sys::{self, cusparseIndexBase_t as Base, cusparseIndexType_t as Index},
    },
    driver::{CudaSlice, PushKernelArg},
};
use pattern::Pattern;
use std::{ffi::c_void, ptr, sync::Arc};

pub(crate) const SOURCE: Source = source!("spmv.cu");
const THREADS: u32 = 256;
/// Kernels that cuSPARSE launches for one product, at most.
const LAUNCHES: u64 = 4;
/// Products that a check sums at most.
const PRODUCTS: usize = 1 << 24;

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.spmv",
    summary: "y = A·x, A sparse of n × n in compressed rows, through cuSPARSE",
    parameters: &[
        Parameter::word("dtype", "element type, f32 or f64", &["f32", "f64"]),
        Parameter::number("n", "rows and columns, such as 4194304"),
        Parameter {
            name: "per_row",
            meaning: "elements of each row, such as 32",
            default: Some("32"),
            words: &[],
            silent: false,
        },
        Parameter::word(
            "pattern",
            "random: each row's elements all over its columns; banded: around the diagonal",
            &["random", "banded"],
        ),
        MODE,
    ],
}];

/// Sets the workload up.
pub(crate) fn open(
    _name: &str,
    device: &Arc<Device>,
    values: &Values,
    seed: u64,
) -> Result<Opened, GpuError> {
    let pattern = Pattern {
        n: values.size("n"),
        per_row: values.size("per_row"),
        is_random: values.word("pattern") == "random",
        seed,
    };
    let dtype = Dtype::of(values.word("dtype"));
    let elements = pattern.elements()?;
    Library::Cusparse.require()?;
    let arrays = Arrays::new(device, dtype, pattern, elements)?;
    let product = Product::new(device, &arrays, dtype, pattern, elements)?;
    Ok(Opened {
        body: Box::new(Spmv { product, arrays, dtype, pattern }),
        work: pattern.work(dtype),
        reference: "f64 dot products",
        tolerance: tolerance(pattern.per_row, dtype),
    })
}

/// How far an element of y may be off, as a share of the root of the sum of its squared products: rounding a sum
/// of k terms of random sign errs by about √k·u of that, rounding the products by u; with a margin of eight.
#[expect(clippy::cast_precision_loss, reason = "lengths are below 2^53")]
fn tolerance(per_row: usize, dtype: Dtype) -> f64 {
    8.0 * dtype.roundoff() * (1.0 + (per_row as f64).sqrt())
}

/// What is on the device.
struct Arrays {
    ends: CudaSlice<u8>,
    columns: CudaSlice<u8>,
    values: CudaSlice<u8>,
    x: CudaSlice<u8>,
    y: CudaSlice<u8>,
}

impl Arrays {
    fn new(device: &Device, dtype: Dtype, pattern: Pattern, elements: usize) -> Result<Self, GpuError> {
        let problem = GpuError::driver("allocating");
        let ends: Vec<u8> = (0..=pattern.n)
            .flat_map(|row| i32::try_from(row * pattern.per_row).unwrap_or(i32::MAX).to_ne_bytes())
            .collect();
        Ok(Self {
            ends: device.stream.clone_htod(&ends).map_err(&problem)?,
            columns: columns(device, pattern, elements)?,
            values: inputs::filled(device, dtype, elements, pattern.seed)?,
            x: inputs::filled(device, dtype, pattern.n, !pattern.seed)?,
            y: device.stream.alloc_zeros(pattern.n * dtype.bytes()).map_err(&problem)?,
        })
    }
}

/// The columns of all elements, filled on the device.
fn columns(device: &Device, pattern: Pattern, elements: usize) -> Result<CudaSlice<u8>, GpuError> {
    let kernel = device.kernel(SOURCE, &any_type()[0], "columns")?;
    let out = device.stream.alloc_zeros(elements * size_of::<i32>());
    let mut out = out.map_err(GpuError::driver("allocating"))?;
    let (n, per_row, random) = (pattern.n as u64, pattern.per_row as u64, i32::from(pattern.is_random));
    let mut launch = device.stream.launch_builder(&kernel);
    launch.arg(&mut out).arg(&n).arg(&per_row).arg(&random).arg(&pattern.seed);
    // SAFETY: the kernel writes n × per_row columns, as many as `out` has room for, and no stripe is empty.
    unsafe { launch.launch(device.grid(elements, THREADS)) }.map_err(GpuError::driver("filling inputs"))?;
    Ok(out)
}

/// The product as cuSPARSE knows it.
struct Product {
    handle: Owned<sys::cusparseHandle_t>,
    a: Owned<sys::cusparseSpMatDescr_t>,
    x: Owned<sys::cusparseDnVecDescr_t>,
    y: Owned<sys::cusparseDnVecDescr_t>,
    /// What the library works in.
    buffer: CudaSlice<u8>,
}

impl Product {
    fn new(
        device: &Device,
        arrays: &Arrays,
        dtype: Dtype,
        pattern: Pattern,
        elements: usize,
    ) -> Result<Self, GpuError> {
        device.context.bind_to_thread().map_err(GpuError::driver("using cuSPARSE"))?;
        let problem = GpuError::library("setting up cuSPARSE");
        let handle = Owned::new(result::create().map_err(&problem)?, |handle| {
            // SAFETY: it was created, and is given back once.
            let _ = unsafe { result::destroy(handle) };
        });
        // SAFETY: the stream outlives the handle, as the device does.
        unsafe { sys::cusparseSetStream(handle.get(), device.stream.cu_stream().cast()) }
            .result()
            .map_err(&problem)?;
        let (n, elements) = (pattern.n as i64, elements as i64);
        let a = matrix(device, arrays, dtype, [n, elements]).map_err(&problem)?;
        let vector = |slice| vector(device, slice, dtype, n).map_err(&problem);
        let (x, y) = (vector(&arrays.x)?, vector(&arrays.y)?);
        let mut size = 0;
        let [one, zero] = one_and_zero(dtype);
        // SAFETY: the handle and the descriptors live, and the size is written to `size`.
        unsafe {
            sys::cusparseSpMV_bufferSize(
                handle.get(),
                sys::cusparseOperation_t::CUSPARSE_OPERATION_NON_TRANSPOSE,
                one,
                a.get().cast_const(),
                x.get().cast_const(),
                zero,
                y.get(),
                kind(dtype),
                sys::cusparseSpMVAlg_t::CUSPARSE_SPMV_ALG_DEFAULT,
                &raw mut size,
            )
        }
        .result()
        .map_err(&problem)?;
        let buffer = device.stream.alloc_zeros(size.max(1)).map_err(GpuError::driver("allocating"))?;
        Ok(Self { handle, a, x, y, buffer })
    }
}

/// The matrix of n × n and its elements, in compressed rows.
fn matrix(
    device: &Device,
    arrays: &Arrays,
    dtype: Dtype,
    [n, elements]: [i64; 2],
) -> Result<Owned<sys::cusparseSpMatDescr_t>, CusparseError> {
    let address = |slice| inputs::address(device, slice) as *mut c_void;
    let mut matrix = ptr::null_mut();
    // SAFETY: the arrays have these lengths, and outlive the descriptor.
    unsafe {
        sys::cusparseCreateCsr(
            &raw mut matrix,
            n,
            n,
            elements,
            address(&arrays.ends),
            address(&arrays.columns),
            address(&arrays.values),
            Index::CUSPARSE_INDEX_32I,
            Index::CUSPARSE_INDEX_32I,
            Base::CUSPARSE_INDEX_BASE_ZERO,
            kind(dtype),
        )
    }
    .result()?;
    Ok(Owned::new(matrix, |matrix| {
        // SAFETY: it was created, and is given back once.
        let _ = unsafe { sys::cusparseDestroySpMat(matrix.cast_const()) };
    }))
}

/// The vector of `n` elements in `slice`.
fn vector(
    device: &Device,
    slice: &CudaSlice<u8>,
    dtype: Dtype,
    n: i64,
) -> Result<Owned<sys::cusparseDnVecDescr_t>, CusparseError> {
    let mut vector = ptr::null_mut();
    let values = inputs::address(device, slice) as *mut c_void;
    // SAFETY: the slice has that many elements, and outlives the descriptor.
    unsafe { sys::cusparseCreateDnVec(&raw mut vector, n, values, kind(dtype)) }.result()?;
    Ok(Owned::new(vector, |vector| {
        // SAFETY: it was created, and is given back once.
        let _ = unsafe { sys::cusparseDestroyDnVec(vector.cast_const()) };
    }))
}

const fn kind(dtype: Dtype) -> sys::cudaDataType {
    match dtype {
        Dtype::F64 => sys::cudaDataType_t::CUDA_R_64F,
        _ => sys::cudaDataType_t::CUDA_R_32F,
    }
}

/// 1 and 0 of `dtype`.
fn one_and_zero(dtype: Dtype) -> [*const c_void; 2] {
    static DOUBLE: [f64; 2] = [1.0, 0.0];
    static SINGLE: [f32; 2] = [1.0, 0.0];
    match dtype {
        Dtype::F64 => [(&raw const DOUBLE[0]).cast(), (&raw const DOUBLE[1]).cast()],
        _ => [(&raw const SINGLE[0]).cast(), (&raw const SINGLE[1]).cast()],
    }
}

struct Spmv {
    product: Product,
    arrays: Arrays,
    dtype: Dtype,
    pattern: Pattern,
}

impl Body for Spmv {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let Product { handle, a, x, y, buffer } = &self.product;
        let [one, zero] = one_and_zero(self.dtype);
        // SAFETY: the handle and the descriptors live; the buffer is as long as the library asked for; the scalars
        // are on the host, where it expects them.
        unsafe {
            sys::cusparseSpMV(
                handle.get(),
                sys::cusparseOperation_t::CUSPARSE_OPERATION_NON_TRANSPOSE,
                one,
                a.get().cast_const(),
                x.get().cast_const(),
                zero,
                y.get(),
                kind(self.dtype),
                sys::cusparseSpMVAlg_t::CUSPARSE_SPMV_ALG_DEFAULT,
                inputs::address(device, buffer) as *mut _,
            )
        }
        .result()
        .map_err(GpuError::library("multiplying through cuSPARSE"))
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let windows = inputs::windows(self.pattern.n);
        let rows: usize = windows.iter().map(|window| window.len()).sum();
        let step = (rows * self.pattern.per_row).div_ceil(PRODUCTS);
        let mut worst = 0.0;
        for window in windows {
            let start = window.start;
            let found = inputs::read(device, self.dtype, &self.arrays.y, window)?;
            for (i, found) in found.into_iter().enumerate().step_by(step) {
                let (y, scale) = self.pattern.reference(start + i);
                worst = cpu::worst(worst, (found - y).abs() / scale.max(f64::MIN_POSITIVE));
            }
        }
        Ok(worst)
    }

    fn launches(&self) -> u64 {
        LAUNCHES
    }
}
