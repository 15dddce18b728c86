//! `gpu.softmax`: of each row of a matrix.
#![expect(unsafe_code, reason = "launches kernels")]

use super::{
    device::Device,
    dtype::{DTYPE, Dtype},
    error::GpuError,
    inputs,
    nvrtc::{Defines, Source, source},
    parameters::{MODE, Spec, Values},
    rows::{self, COLUMNS, Matrix, Plan, ROWS},
    running::{Body, Opened},
};
use crate::cpu::worst;
use cudarc::driver::{CudaFunction, CudaSlice, LaunchConfig, PushKernelArg};
use std::sync::Arc;

pub(crate) const SOURCE: Source = source!("softmax.cu", "rows.cuh");

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.softmax",
    summary: "softmax of each row: e^(x − max) / Σ e^(x − max)",
    parameters: &[DTYPE, ROWS, COLUMNS, MODE],
}];

/// Every set of macros that the kernels are compiled with.
pub(crate) fn variants(_: (i32, i32)) -> Vec<Defines> {
    let long = Dtype::ALL.map(|dtype| Plan::LONG.macros(dtype));
    rows::variants(&Dtype::ALL).into_iter().chain(long).collect()
}

/// Sets the workload up.
pub(crate) fn open(_: &str, device: &Arc<Device>, values: &Values, seed: u64) -> Result<Opened, GpuError> {
    let matrix = Matrix::of(values)?;
    let (plan, kernel) = match Plan::of(matrix.dtype, matrix.columns) {
        Some(plan) => (plan, "softmax"),
        None => (Plan::LONG, "softmax_long"),
    };
    let body = Softmax {
        kernel: device.kernel(SOURCE, &plan.macros(matrix.dtype), kernel)?,
        config: plan.config(matrix.rows),
        input: inputs::filled(device, matrix.dtype, matrix.len(), seed)?,
        output: inputs::room(device, matrix.dtype, matrix.len())?,
        matrix,
        seed,
    };
    Ok(Opened {
        body: Box::new(body),
        work: rows::work("softmax-2ns/1", matrix.len(), matrix.dtype),
        reference: "the same in f64",
        // The exponential of a number in [-2, 0], the division, and the sum.
        tolerance: matrix.tolerance(),
    })
}

fn reference(row: &[f64]) -> Vec<f64> {
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = row.iter().map(|x| (x - max).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// How far `found` is from the softmax of `row`.
fn error_of(dtype: Dtype, row: &[f64], found: &[f64]) -> f64 {
    reference(row).iter().zip(found).fold(0.0, |error, (expected, found)| {
        worst(error, (found - expected).abs() / expected.max(dtype.smallest()))
    })
}

struct Softmax {
    kernel: CudaFunction,
    config: LaunchConfig,
    input: CudaSlice<u8>,
    output: CudaSlice<u8>,
    matrix: Matrix,
    seed: u64,
}

impl Body for Softmax {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let (rows, packs) = (self.matrix.rows as u64, self.matrix.packs());
        let mut launch = device.stream.launch_builder(&self.kernel);
        launch.arg(&mut self.output).arg(&self.input).arg(&rows).arg(&packs);
        // SAFETY: both arrays hold `rows` rows of `packs` packs, and the plan has threads for each.
        unsafe { launch.launch(self.config) }.map_err(GpuError::driver("launching a kernel"))?;
        Ok(())
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let dtype = self.matrix.dtype;
        let of = |range, found: &[f64]| error_of(dtype, &inputs::expected(dtype, self.seed, range), found);
        self.matrix.worst(device, &self.output, of)
    }

    fn kernel(&self) -> Option<(&CudaFunction, LaunchConfig)> {
        Some((&self.kernel, self.config))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::emulated::{self, Argument},
        *,
    };

    /// The kernels are right for rows of a warp, of a block and of no registers, and where a row ends before its threads.
    #[test]
    fn kernels_are_right() {
        let cases = [
            (Dtype::F32, 9, 36, "softmax"),
            (Dtype::F64, 2, 1_002, "softmax"),
            (Dtype::F16, 2, 4_104, "softmax"),
            (Dtype::Bf16, 2, 40_008, "softmax_long"),
        ];
        for (dtype, rows, columns, kernel) in cases {
            let matrix = Matrix { dtype, rows, columns };
            let plan = Plan::of(dtype, columns);
            assert_eq!(plan.is_none(), kernel == "softmax_long");
            let plan = plan.unwrap_or(Plan::LONG);
            let arguments = [
                Argument::room(dtype, matrix.len()),
                Argument::filled(dtype, matrix.len(), 3),
                Argument::Number(rows as u64),
                Argument::Number(matrix.packs().into()),
            ];
            let found = emulated::run(SOURCE, &plan.macros(dtype), kernel, plan.config(rows), &arguments);
            let found = dtype.read(&found[0]);
            let inputs = inputs::expected(dtype, 3, 0..matrix.len());
            for (row, found) in inputs.chunks_exact(columns).zip(found.chunks_exact(columns)) {
                let error = error_of(dtype, row, found);
                assert!(error <= matrix.tolerance(), "{kernel} of {dtype:?}: {error}");
            }
        }
    }

    /// A row sums to 1, in the ratio of the exponentials, whatever is added to all of it.
    #[test]
    fn references_are_softmax() {
        let row = [0.5, -1.0, 0.25, 0.9];
        let found = reference(&row);
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        assert!((found[0] / found[1] - 1.5_f64.exp()).abs() < 1e-14);
        let shifted = reference(&row.map(|x| x + 1e4));
        assert!(found.iter().zip(&shifted).all(|(a, b)| (a / b - 1.0).abs() < 1e-10));
    }

    /// What is not summed of a row is seen: one element of 32,768.
    #[test]
    fn tolerances_are_below_mistakes() {
        for dtype in [Dtype::F64, Dtype::F32] {
            let matrix = Matrix { dtype, rows: 1, columns: 32_768 };
            assert!(matrix.tolerance() < 1.0 / 32_768.0 / 2.0, "{dtype:?}");
        }
    }
}
