//! Products through cuBLASLt, with the quickest of the algorithms that its heuristics propose.
#![expect(unsafe_code, reason = "calls cuBLASLt")]

use super::{
    super::{device::Device, dtype::Dtype, error::GpuError, inputs, lane::Lane, owned::Owned},
    Multiply, Operands, SCALES_APART, WORKSPACE, one_and_zero,
    precision::{Out, Precision},
    product::{Product, Stored},
};
use cudarc::{
    cublas::sys::cublasOperation_t as Operation,
    cublaslt::{
        result::{self, CublasError},
        sys::{
            self, cublasComputeType_t as Compute, cublasLtMatmulDescAttributes_t as Attribute,
            cublasLtMatmulPreferenceAttributes_t as Preference, cudaDataType_t as Type,
        },
    },
};
use std::{ffi::c_void, mem::MaybeUninit, sync::Arc};

/// Algorithms that are asked for, best first as the library guesses.
const PROPOSED: usize = 8;
/// How often each is timed, after once that is not.
const RUNS: usize = 2;
/// How much quicker a later proposal must be than an earlier one, so that noise does not choose.
const QUICKER: f64 = 0.98;

pub(super) struct CublasLt {
    handle: Owned<sys::cublasLtHandle_t>,
    operation: Owned<sys::cublasLtMatmulDesc_t>,
    /// Of the first operand, the second and the result.
    layouts: [Owned<sys::cublasLtMatrixLayout_t>; 3],
    algorithm: sys::cublasLtMatmulAlgo_t,
}

impl CublasLt {
    /// # Errors
    /// [`GpuError::Missing`] where the library has no algorithm for this product.
    pub(super) fn new(device: &Arc<Device>, operands: &Operands) -> Result<Self, GpuError> {
        device.context.bind_to_thread().map_err(GpuError::driver("using cuBLASLt"))?;
        let problem = GpuError::library("setting up cuBLASLt");
        let handle = Owned::new(result::create_handle().map_err(&problem)?, |handle| {
            // SAFETY: it was created, and is given back once.
            let _ = unsafe { result::destroy_handle(handle) };
        });
        let operation = operation(device, operands).map_err(&problem)?;
        let layouts = layouts(operands.product).map_err(&problem)?;
        let proposed = proposals(&handle, &operation, &layouts)?;
        let first = proposed.first().copied().ok_or_else(|| {
            GpuError::Missing(format!("cuBLASLt has no algorithm for this product: {:?}", operands.product))
        })?;
        let mut this = Self { handle, operation, layouts, algorithm: first };
        this.algorithm = this.quickest(device, operands, &proposed)?;
        Ok(this)
    }

    /// The quickest of `proposed` on this device.
    fn quickest(
        &mut self,
        device: &Arc<Device>,
        operands: &Operands,
        proposed: &[sys::cublasLtMatmulAlgo_t],
    ) -> Result<sys::cublasLtMatmulAlgo_t, GpuError> {
        let mut lane = Lane::new(device, false, (None, None))?;
        let mut times = Vec::with_capacity(proposed.len());
        for algorithm in proposed {
            self.algorithm = *algorithm;
            let mut best = f64::INFINITY;
            for run in 0..=RUNS {
                // Not gated at first: a kernel that is loaded when it is launched may wait for the device.
                let time = match lane.time(1, 1, run > 0, || self.enqueue(device, operands)) {
                    // Some proposals turn out to be impossible when they are tried.
                    Err(GpuError::Missing(_)) => break,
                    time => time?,
                };
                best = if run == 0 { best } else { best.min(time) };
            }
            times.push(best);
        }
        Ok(proposed[choice(&times)])
    }
}

/// Which of `times`, of proposals in the library's order, to choose: the first that no later one beats clearly.
fn choice(times: &[f64]) -> usize {
    let mut chosen = 0;
    for (i, time) in times.iter().enumerate() {
        if *time < QUICKER * times[chosen] {
            chosen = i;
        }
    }
    chosen
}

/// The operation: which arithmetic, what is transposed, what is scaled.
fn operation(device: &Device, operands: &Operands) -> Result<Owned<sys::cublasLtMatmulDesc_t>, CublasError> {
    let precision = operands.product.precision;
    let (_, _, compute, scale) = types(precision);
    let operation = Owned::new(result::create_matmul_desc(compute, scale)?, |operation| {
        // SAFETY: it was created, and is given back once.
        let _ = unsafe { result::destroy_matmul_desc(operation) };
    });
    let transpose = if precision.has_columns() { Operation::CUBLAS_OP_T } else { Operation::CUBLAS_OP_N };
    set(&operation, Attribute::CUBLASLT_MATMUL_DESC_TRANSA, &transpose)?;
    set(&operation, Attribute::CUBLASLT_MATMUL_DESC_TRANSB, &Operation::CUBLAS_OP_N)?;
    if precision == Precision::Fp8 {
        let scales = inputs::address(device, &operands.scales);
        let second = scales + SCALES_APART as u64;
        set(&operation, Attribute::CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, &scales)?;
        set(&operation, Attribute::CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, &second)?;
    }
    Ok(operation)
}

/// Sets the attribute `what`, whose value is of the type that the library documents for it.
fn set<T: Copy>(
    operation: &Owned<sys::cublasLtMatmulDesc_t>,
    what: Attribute,
    value: &T,
) -> Result<(), CublasError> {
    // SAFETY: the library copies as many bytes as the value has.
    unsafe {
        result::set_matmul_desc_attribute(
            operation.get(),
            what,
            (&raw const *value).cast::<c_void>(),
            size_of::<T>(),
        )
    }
}

/// How the operands and the result are stored.
fn layouts(product: Product) -> Result<[Owned<sys::cublasLtMatrixLayout_t>; 3], CublasError> {
    let (input, output, ..) = types(product.precision);
    let [first, second, out] = product.stored();
    let layout = |stored: Stored, matrix| {
        let (rows, columns) = (stored.rows as u64, stored.columns as u64);
        let layout = result::create_matrix_layout(matrix, rows, columns, stored.leading as i64)?;
        Ok(Owned::new(layout, |layout| {
            // SAFETY: it was created, and is given back once.
            let _ = unsafe { result::destroy_matrix_layout(layout) };
        }))
    };
    Ok([layout(first, input)?, layout(second, input)?, layout(out, output)?])
}

/// What the library proposes, best first.
fn proposals(
    handle: &Owned<sys::cublasLtHandle_t>,
    operation: &Owned<sys::cublasLtMatmulDesc_t>,
    [first, second, out]: &[Owned<sys::cublasLtMatrixLayout_t>; 3],
) -> Result<Vec<sys::cublasLtMatmulAlgo_t>, GpuError> {
    let problem = GpuError::library("asking cuBLASLt for algorithms");
    let preference = Owned::new(result::create_matmul_pref().map_err(&problem)?, |preference| {
        // SAFETY: it was created, and is given back once.
        let _ = unsafe { result::destroy_matmul_pref(preference) };
    });
    let mut found = [const { MaybeUninit::<sys::cublasLtMatmulHeuristicResult_t>::uninit() }; PROPOSED];
    let (mut count, workspace) = (0, WORKSPACE);
    // SAFETY: the workspace's length is of the documented type; there is room for as many results as are asked for.
    unsafe {
        result::set_matmul_pref_attribute(
            preference.get(),
            Preference::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
            (&raw const workspace).cast(),
            size_of::<usize>(),
        )
        .map_err(&problem)?;
        sys::cublasLtMatmulAlgoGetHeuristic(
            handle.get(),
            operation.get(),
            first.get(),
            second.get(),
            out.get(),
            out.get(),
            preference.get(),
            PROPOSED as i32,
            found.as_mut_ptr().cast(),
            &raw mut count,
        )
    }
    .result()
    .map_err(&problem)?;
    let count = usize::try_from(count).unwrap_or_default();
    // SAFETY: the library has written that many results.
    let found = found.iter().take(count).map(|result| unsafe { result.assume_init_ref() });
    Ok(found
        .filter(|result| result.state == sys::cublasStatus_t::CUBLAS_STATUS_SUCCESS)
        .map(|result| result.algo)
        .collect())
}

impl Multiply for CublasLt {
    fn enqueue(&self, device: &Device, operands: &Operands) -> Result<(), GpuError> {
        let [b, a, c] = operands.addresses(device);
        let [one, zero] = one_and_zero(operands.product.precision);
        let [first, second, out] = &self.layouts;
        // SAFETY: the operands are stored as the layouts say, the algorithm was proposed for them with this
        // workspace, and the scalars are of the operation's type, on the host, where it expects them.
        unsafe {
            result::matmul(
                self.handle.get(),
                self.operation.get(),
                one,
                zero,
                b as *const _,
                first.get(),
                a as *const _,
                second.get(),
                c as *const _,
                out.get(),
                c as *mut _,
                out.get(),
                &raw const self.algorithm,
                inputs::address(device, &operands.workspace) as *mut _,
                WORKSPACE,
                device.stream.cu_stream().cast(),
            )
        }
        .map_err(GpuError::library("multiplying through cuBLASLt"))
    }
}

/// The types of the inputs, of the result, of the arithmetic and of its scalars.
const fn types(precision: Precision) -> (Type, Type, Compute, Type) {
    let (input, compute, scale) = match precision {
        Precision::F64 => (Type::CUDA_R_64F, Compute::CUBLAS_COMPUTE_64F, Type::CUDA_R_64F),
        Precision::F32 => (Type::CUDA_R_32F, Compute::CUBLAS_COMPUTE_32F, Type::CUDA_R_32F),
        Precision::Tf32 => (Type::CUDA_R_32F, Compute::CUBLAS_COMPUTE_32F_FAST_TF32, Type::CUDA_R_32F),
        Precision::F16 => (Type::CUDA_R_16F, Compute::CUBLAS_COMPUTE_32F, Type::CUDA_R_32F),
        Precision::Bf16 => (Type::CUDA_R_16BF, Compute::CUBLAS_COMPUTE_32F, Type::CUDA_R_32F),
        Precision::Int8 => (Type::CUDA_R_8I, Compute::CUBLAS_COMPUTE_32I, Type::CUDA_R_32I),
        Precision::Fp8 => (Type::CUDA_R_8F_E4M3, Compute::CUBLAS_COMPUTE_32F, Type::CUDA_R_32F),
    };
    let out = match precision.out() {
        Out::Float(Dtype::F64) => Type::CUDA_R_64F,
        Out::Float(Dtype::F32) => Type::CUDA_R_32F,
        Out::Float(Dtype::F16) => Type::CUDA_R_16F,
        Out::Float(Dtype::Bf16) => Type::CUDA_R_16BF,
        Out::Int32 => Type::CUDA_R_32I,
    };
    (input, out, compute, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library's own order decides between algorithms that are about as quick.
    #[test]
    fn noise_does_not_choose() {
        assert_eq!(choice(&[1.0, 0.99, 0.985]), 0);
        assert_eq!(choice(&[1.0, 0.9, 0.89]), 1);
        assert_eq!(choice(&[1.0, 1.2, 0.5]), 2);
    }
}
