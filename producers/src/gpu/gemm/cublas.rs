//! Products through cuBLAS: `cublasGemmEx`, with its own choice of kernel.
#![expect(unsafe_code, reason = "calls cuBLAS")]

use super::{
    super::{device::Device, dtype::Dtype, error::GpuError, inputs, owned::Owned},
    Multiply, Operands, WORKSPACE, one_and_zero,
    precision::{Out, Precision},
    product::Product,
};
use cudarc::cublas::{
    result,
    sys::{self, cublasComputeType_t as Compute, cublasOperation_t as Operation, cudaDataType_t as Type},
};

pub(super) struct Cublas {
    handle: Owned<sys::cublasHandle_t>,
}

impl Cublas {
    /// # Errors
    /// [`GpuError`] if the library cannot be set up.
    pub(super) fn new(device: &Device, operands: &Operands) -> Result<Self, GpuError> {
        device.context.bind_to_thread().map_err(GpuError::driver("using cuBLAS"))?;
        let problem = GpuError::library("setting up cuBLAS");
        let handle = result::create_handle().map_err(&problem)?;
        let handle = Owned::new(handle, |handle| {
            // SAFETY: it was created, and is given back once.
            let _ = unsafe { result::destroy_handle(handle) };
        });
        // SAFETY: the stream outlives the handle, as the device does.
        unsafe { result::set_stream(handle.get(), device.stream.cu_stream().cast()) }.map_err(&problem)?;
        // What it allocates by itself depends on its version, and cannot be captured in a graph. Setting the
        // stream would undo this.
        let workspace = inputs::address(device, &operands.workspace) as *mut _;
        // SAFETY: memory of the device of that length, kept longer than the handle.
        unsafe { sys::cublasSetWorkspace_v2(handle.get(), workspace, WORKSPACE) }
            .result()
            .map_err(&problem)?;
        Ok(Self { handle })
    }
}

impl Multiply for Cublas {
    fn enqueue(&self, device: &Device, operands: &Operands) -> Result<(), GpuError> {
        let Product { precision, m, n, k } = operands.product;
        let [first, second, out] = operands.product.stored();
        let [b, a, c] = operands.addresses(device);
        let [one, zero] = one_and_zero(precision);
        let int = |side: usize| i32::try_from(side).unwrap_or(i32::MAX);
        let transpose = if precision.has_columns() { Operation::CUBLAS_OP_T } else { Operation::CUBLAS_OP_N };
        let (input, output, compute) = types(precision);
        // SAFETY: the operands have these sizes and types; the scalars are of the type that `compute` asks for, on
        // the host, where the handle expects them.
        unsafe {
            result::gemm_ex(
                self.handle.get(),
                transpose,
                Operation::CUBLAS_OP_N,
                int(n),
                int(m),
                int(k),
                one,
                b as *const _,
                input,
                int(first.leading),
                a as *const _,
                input,
                int(second.leading),
                zero,
                c as *mut _,
                output,
                int(out.leading),
                compute,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DFALT,
            )
        }
        .map_err(GpuError::library("multiplying through cuBLAS"))
    }
}

/// The types of the inputs, of the result and of the arithmetic.
const fn types(precision: Precision) -> (Type, Type, Compute) {
    let (input, compute) = match precision {
        Precision::F64 => (Type::CUDA_R_64F, Compute::CUBLAS_COMPUTE_64F),
        Precision::F32 => (Type::CUDA_R_32F, Compute::CUBLAS_COMPUTE_32F),
        Precision::Tf32 => (Type::CUDA_R_32F, Compute::CUBLAS_COMPUTE_32F_FAST_TF32),
        Precision::F16 => (Type::CUDA_R_16F, Compute::CUBLAS_COMPUTE_32F),
        Precision::Bf16 => (Type::CUDA_R_16BF, Compute::CUBLAS_COMPUTE_32F),
        Precision::Int8 => (Type::CUDA_R_8I, Compute::CUBLAS_COMPUTE_32I),
        Precision::Fp8 => (Type::CUDA_R_8F_E4M3, Compute::CUBLAS_COMPUTE_32F),
    };
    let out = match precision.out() {
        Out::Float(Dtype::F64) => Type::CUDA_R_64F,
        Out::Float(Dtype::F32) => Type::CUDA_R_32F,
        Out::Float(Dtype::F16) => Type::CUDA_R_16F,
        Out::Float(Dtype::Bf16) => Type::CUDA_R_16BF,
        Out::Int32 => Type::CUDA_R_32I,
    };
    (input, out, compute)
}
