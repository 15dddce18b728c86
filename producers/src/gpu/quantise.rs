//! `gpu.quantise` and `gpu.dequantise`: between floating point and 8 bits with a scale for each row.
#![expect(unsafe_code, reason = "launches kernels")]

use super::{
    device::Device,
    dtype::Dtype,
    error::GpuError,
    inputs,
    nvrtc::{Defines, Source, source},
    parameters::{MODE, Spec, Values},
    rows::{self, COLUMNS, Matrix, Plan, ROWS},
    running::{Body, Opened},
};
use crate::cpu::{Parameter, worst};
use benchlake_schemas::Work;
use cudarc::driver::{CudaFunction, CudaSlice, LaunchConfig, PushKernelArg};
use std::sync::Arc;

pub(crate) const SOURCE: Source = source!("quantise.cu", "rows.cuh");

const DTYPE: Parameter =
    Parameter::word("dtype", "type of the floating-point side, f32, f16 or bf16", &["f32", "f16", "bf16"]);
const PARAMETERS: &[Parameter] = &[DTYPE, ROWS, COLUMNS, MODE];

pub(crate) const SPECS: &[Spec] = &[
    Spec {
        name: "gpu.quantise",
        summary: "each row to 8-bit integers: q = round(x / scale), scale = max |x| / 127",
        parameters: PARAMETERS,
    },
    Spec {
        name: "gpu.dequantise",
        summary: "8-bit integers with a scale for each row back: x = q · scale",
        parameters: PARAMETERS,
    },
];

/// Every set of macros that the kernels are compiled with.
pub(crate) fn variants(_: (i32, i32)) -> Vec<Defines> {
    rows::variants(&[Dtype::F32, Dtype::F16, Dtype::Bf16])
}

/// Sets the workload `name` up.
pub(crate) fn open(name: &str, device: &Arc<Device>, values: &Values, seed: u64) -> Result<Opened, GpuError> {
    let matrix = Matrix::of(values)?;
    let plan = Plan::require(matrix)?;
    let kernel = |name| device.kernel(SOURCE, &plan.macros(matrix.dtype), name);
    let problem = GpuError::driver("allocating");
    let mut body = Quantise {
        quantise: kernel("quantise")?,
        dequantise: None,
        config: plan.config(matrix.rows),
        input: inputs::filled(device, matrix.dtype, matrix.len(), seed)?,
        quantised: device.stream.alloc_zeros(matrix.len()).map_err(&problem)?,
        scales: inputs::room(device, Dtype::F32, matrix.rows)?,
        matrix,
        seed,
    };
    let mut tolerance = half_step();
    if name == "gpu.dequantise" {
        body.enqueue(device)?;
        // What was quantised is the input of the other way; the room of its own input takes the result.
        body.dequantise = Some(kernel("dequantise")?);
        tolerance += matrix.dtype.tolerance(2.0);
    }
    Ok(Opened {
        body: Box::new(body),
        work: work(matrix),
        reference: "the numbers that were quantised, relative to the largest of their row: half a step",
        tolerance,
    })
}

/// Elements in floating point and as bytes, and the scales.
fn work(matrix: Matrix) -> Work {
    let (elements, bytes) = (matrix.len() as i64, matrix.dtype.bytes() as i64);
    Work {
        flops: None,
        bytes: Some(elements * (bytes + 1) + 4 * matrix.rows as i64),
        items: Some(elements),
        work_model: Some("quantise-n(s+1)/1".into()),
    }
}

/// Half a step of 1/127 of the largest, with what f32 rounds on the way.
fn half_step() -> f64 {
    0.5 / 127.0 + 4.0 * Dtype::F32.roundoff()
}

/// How far `found` is from `row`, relative to its largest, and a `scale` that is not the largest over 127 beyond any
/// tolerance.
fn error_of_row(row: &[f64], found: &[f64], scale: f64) -> f64 {
    let most = row.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    if (scale * 127.0 / most - 1.0).abs() > 4.0 * Dtype::F32.roundoff() {
        return f64::INFINITY;
    }
    row.iter().zip(found).fold(0.0, |error, (x, found)| worst(error, (x - found).abs() / most))
}

struct Quantise {
    quantise: CudaFunction,
    /// Where the other way is measured.
    dequantise: Option<CudaFunction>,
    config: LaunchConfig,
    input: CudaSlice<u8>,
    quantised: CudaSlice<i8>,
    scales: CudaSlice<u8>,
    matrix: Matrix,
    seed: u64,
}

impl Quantise {
    /// The elements of `row` as they were found, in floating point.
    fn found(&self, device: &Device, row: usize, scale: f64) -> Result<Vec<f64>, GpuError> {
        let columns = self.matrix.columns;
        let range = row * columns..(row + 1) * columns;
        if self.dequantise.is_some() {
            return inputs::read(device, self.matrix.dtype, &self.input, range);
        }
        let problem = GpuError::driver("reading a result");
        let quantised = device.stream.clone_dtoh(&self.quantised.slice(range)).map_err(&problem)?;
        device.stream.synchronize().map_err(&problem)?;
        Ok(quantised.into_iter().map(|q| f64::from(q) * scale).collect())
    }
}

impl Body for Quantise {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let (rows, packs) = (self.matrix.rows as u64, self.matrix.packs());
        let mut launch = device.stream.launch_builder(self.dequantise.as_ref().unwrap_or(&self.quantise));
        match self.dequantise {
            Some(_) => launch.arg(&mut self.input).arg(&self.quantised).arg(&self.scales),
            None => launch.arg(&mut self.quantised).arg(&mut self.scales).arg(&self.input),
        };
        launch.arg(&rows).arg(&packs);
        // SAFETY: the matrices hold `rows` rows of `packs` packs, there is a scale for each row, and the plan has
        // threads for each.
        unsafe { launch.launch(self.config) }.map_err(GpuError::driver("launching a kernel"))?;
        Ok(())
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let Matrix { dtype, rows, columns } = self.matrix;
        let scales = inputs::read(device, Dtype::F32, &self.scales, 0..rows)?;
        let mut error = 0.0;
        for row in inputs::rows(rows, columns) {
            let found = self.found(device, row, scales[row])?;
            let expected = inputs::expected(dtype, self.seed, row * columns..(row + 1) * columns);
            error = worst(error, error_of_row(&expected, &found, scales[row]));
        }
        Ok(error)
    }

    fn kernel(&self) -> Option<(&CudaFunction, LaunchConfig)> {
        Some((self.dequantise.as_ref().unwrap_or(&self.quantise), self.config))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::emulated::{self, Argument},
        *,
    };

    /// What the kernels quantise, and bring back, is within the bounds of the checks.
    #[test]
    fn kernels_are_right() {
        for (dtype, rows, columns) in [(Dtype::F32, 8, 1_028), (Dtype::Bf16, 9, 264)] {
            let matrix = Matrix { dtype, rows, columns };
            let plan = Plan::of(dtype, columns).expect("a short row");
            let run = |kernel, mut arguments: Vec<Argument>| {
                arguments.push(Argument::Number(rows as u64));
                arguments.push(Argument::Number(matrix.packs().into()));
                emulated::run(SOURCE, &plan.macros(dtype), kernel, plan.config(rows), &arguments)
            };
            let (bytes, input) =
                (Argument::Array(vec![0; matrix.len()]), Argument::filled(dtype, matrix.len(), 3));
            let quantised = run("quantise", vec![bytes, Argument::room(Dtype::F32, rows), input]);
            let scales = Dtype::F32.read(&quantised[1]);
            let [bytes, scales_again] = [0, 1].map(|i| Argument::Array(quantised[i].clone()));
            let back = run("dequantise", vec![Argument::room(dtype, matrix.len()), bytes, scales_again]);
            let back = dtype.read(&back[0]);
            for (row, scale) in scales.into_iter().enumerate() {
                let range = row * columns..(row + 1) * columns;
                let expected = inputs::expected(dtype, 3, range.clone());
                let scaled = |q: &u8| f64::from(q.cast_signed()) * scale;
                let found: Vec<f64> = quantised[0][range.clone()].iter().map(scaled).collect();
                assert!(error_of_row(&expected, &found, scale) <= half_step());
                let bound = half_step() + dtype.tolerance(2.0);
                assert!(error_of_row(&expected, &back[range], scale) <= bound);
            }
        }
    }

    /// What is quantised as it should be is within half a step; one step off, or with a wrong scale, it is not.
    #[test]
    fn half_a_step_is_the_most() {
        let row: Vec<f64> = (0..1_000).map(|i| inputs::element(7, i)).collect();
        let scale = row.iter().fold(0.0_f64, |most, x| most.max(x.abs())) / 127.0;
        let mut found: Vec<f64> = row.iter().map(|x| (x / scale).round_ties_even() * scale).collect();
        assert!(error_of_row(&row, &found, scale) <= half_step());
        assert!(error_of_row(&row, &found, scale * 1.001).is_infinite());
        found[500] += scale;
        assert!(error_of_row(&row, &found, scale) > half_step());
    }

    /// Both sides and the scales are traffic.
    #[test]
    fn work_counts_both_sides() {
        let matrix = Matrix { dtype: Dtype::F16, rows: 10, columns: 100 };
        assert_eq!(work(matrix).bytes, Some(3_040));
    }
}
