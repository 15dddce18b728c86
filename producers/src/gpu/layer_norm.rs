//! `gpu.layer_norm`: of each row of a matrix.
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

pub(crate) const SOURCE: Source = source!("layer_norm.cu", "rows.cuh");

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.layer_norm",
    summary: "layer normalisation of each row: (x − mean) / √(variance + 1e-5) · γ + β",
    parameters: &[DTYPE, ROWS, COLUMNS, MODE],
}];

const EPSILON: f64 = 1e-5;

/// Every set of macros that the kernel is compiled with.
pub(crate) fn variants(_: (i32, i32)) -> Vec<Defines> {
    rows::variants(&Dtype::ALL)
}

/// Sets the workload up.
pub(crate) fn open(_: &str, device: &Arc<Device>, values: &Values, seed: u64) -> Result<Opened, GpuError> {
    let matrix = Matrix::of(values)?;
    let plan = Plan::require(matrix)?;
    let filled = |n, k| inputs::filled(device, matrix.dtype, n, inputs::beside(seed, k));
    let body = LayerNorm {
        kernel: device.kernel(SOURCE, &plan.macros(matrix.dtype), "layer_norm")?,
        config: plan.config(matrix.rows),
        input: filled(matrix.len(), 0)?,
        gamma: filled(matrix.columns, 1)?,
        beta: filled(matrix.columns, 2)?,
        output: inputs::room(device, matrix.dtype, matrix.len())?,
        matrix,
        seed,
    };
    Ok(Opened {
        body: Box::new(body),
        work: rows::work("layer-norm-2ns/1", matrix.len(), matrix.dtype),
        reference: "the same in f64; relative to the magnitudes that are added",
        tolerance: matrix.tolerance(),
    })
}

/// The result for `row`, and for each element the sum of the magnitudes that it is made of: the deviation γ/σ·(|x| + σ),
/// as the mean is off by as much as rounding adds to numbers of size σ, and β.
#[expect(clippy::cast_precision_loss, reason = "columns")]
fn reference(row: &[f64], gamma: &[f64], beta: &[f64]) -> Vec<(f64, f64)> {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    let deviation = (row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n + EPSILON).sqrt();
    let each = row.iter().zip(gamma).zip(beta).map(|((x, gamma), beta)| {
        let result = (x - mean) / deviation * gamma + beta;
        (result, gamma.abs() * (x.abs() / deviation + 1.0) + beta.abs())
    });
    each.collect()
}

/// How far `found` is from what was `expected`, with its scale.
fn error_of(dtype: Dtype, expected: &[(f64, f64)], found: &[f64]) -> f64 {
    expected.iter().zip(found).fold(0.0, |error, ((expected, scale), found)| {
        worst(error, (found - expected).abs() / scale.max(dtype.smallest()))
    })
}

struct LayerNorm {
    kernel: CudaFunction,
    config: LaunchConfig,
    input: CudaSlice<u8>,
    gamma: CudaSlice<u8>,
    beta: CudaSlice<u8>,
    output: CudaSlice<u8>,
    matrix: Matrix,
    seed: u64,
}

impl Body for LayerNorm {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let (rows, packs) = (self.matrix.rows as u64, self.matrix.packs());
        let mut launch = device.stream.launch_builder(&self.kernel);
        launch.arg(&mut self.output).arg(&self.input).arg(&self.gamma).arg(&self.beta);
        launch.arg(&rows).arg(&packs).arg(&EPSILON);
        // SAFETY: the matrices hold `rows` rows of `packs` packs, γ and β one, and the plan has threads for each.
        unsafe { launch.launch(self.config) }.map_err(GpuError::driver("launching a kernel"))?;
        Ok(())
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let Matrix { dtype, columns, .. } = self.matrix;
        let of = |k, range| inputs::expected(dtype, inputs::beside(self.seed, k), range);
        let (gamma, beta) = (of(1, 0..columns), of(2, 0..columns));
        let of_row = |range, found: &[f64]| error_of(dtype, &reference(&of(0, range), &gamma, &beta), found);
        self.matrix.worst(device, &self.output, of_row)
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

    /// The kernel is right for rows of a warp and of a block, and where a row ends before its threads.
    #[test]
    fn kernels_are_right() {
        for (dtype, rows, columns) in [(Dtype::F64, 3, 130), (Dtype::F32, 2, 4_100), (Dtype::Bf16, 9, 520)] {
            let matrix = Matrix { dtype, rows, columns };
            let plan = Plan::of(dtype, columns).expect("a short row");
            let arguments = [
                Argument::room(dtype, matrix.len()),
                Argument::filled(dtype, matrix.len(), 3),
                Argument::filled(dtype, columns, 4),
                Argument::filled(dtype, columns, 5),
                Argument::Number(rows as u64),
                Argument::Number(matrix.packs().into()),
                Argument::Double(EPSILON),
            ];
            let config = plan.config(rows);
            let found = emulated::run(SOURCE, &plan.macros(dtype), "layer_norm", config, &arguments);
            let found = dtype.read(&found[0]);
            let of = |seed| inputs::expected(dtype, seed, 0..columns);
            let inputs = inputs::expected(dtype, 3, 0..matrix.len());
            for (row, found) in inputs.chunks_exact(columns).zip(found.chunks_exact(columns)) {
                let error = error_of(dtype, &reference(row, &of(4), &of(5)), found);
                assert!(error <= matrix.tolerance(), "{dtype:?}: {error}");
            }
        }
    }

    /// With γ = 1 and β = 0 a row has the mean 0 and the variance 1, to ε; γ and β then scale and shift.
    #[test]
    fn references_are_normalised() {
        let row: Vec<f64> = (0..1_000).map(|i| 3.0 + inputs::element(1, i)).collect();
        let plain = reference(&row, &[1.0; 1_000], &[0.0; 1_000]);
        let mean = plain.iter().map(|(y, _)| y).sum::<f64>() / 1e3;
        let variance = plain.iter().map(|(y, _)| y * y).sum::<f64>() / 1e3;
        assert!(mean.abs() < 1e-13 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
        let scaled = reference(&row, &[2.0; 1_000], &[-1.0; 1_000]);
        assert!(plain.iter().zip(&scaled).all(|((y, _), (z, _))| (2.0 * y - 1.0 - z).abs() < 1e-12));
    }
}
