//! `gpu.transpose`: the transpose of a matrix.
#![expect(unsafe_code, reason = "launches kernels")]

use super::{
    device::{Device, blocks},
    dtype::{DTYPE, Dtype},
    elementwise::whole,
    error::GpuError,
    inputs,
    nvrtc::{Defines, Source, defines, source},
    parameters::{MODE, Spec, Values},
    rows::{self, COLUMNS, ROWS},
    running::{Body, Opened},
};
use crate::cpu::worst;
use cudarc::driver::{CudaFunction, CudaSlice, LaunchConfig, PushKernelArg};
use std::sync::Arc;

pub(crate) const SOURCE: Source = source!("transpose.cu");

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.transpose",
    summary: "the transpose of a matrix, in memory",
    parameters: &[DTYPE, ROWS, COLUMNS, MODE],
}];

const THREADS: u32 = 256;
/// Rows and columns of a block's tile.
const SIDE: usize = 64;

/// Every set of macros that the kernel is compiled with.
pub(crate) fn variants(_: (i32, i32)) -> Vec<Defines> {
    Dtype::ALL.iter().map(|dtype| macros(*dtype)).collect()
}

fn macros(dtype: Dtype) -> Defines {
    defines(dtype, &[("THREADS", THREADS as usize), ("SIDE", SIDE)])
}

/// Sets the workload up.
pub(crate) fn open(_: &str, device: &Arc<Device>, values: &Values, seed: u64) -> Result<Opened, GpuError> {
    let (dtype, rows, columns) =
        (Dtype::of(values.word("dtype")), values.size("rows"), values.size("columns"));
    whole(rows, SIDE, "rows")?;
    whole(columns, SIDE, "columns")?;
    let n = rows.saturating_mul(columns);
    let body = Transpose {
        kernel: device.kernel(SOURCE, &macros(dtype), "transpose")?,
        config: blocks(rows / SIDE * (columns / SIDE), THREADS),
        input: inputs::filled(device, dtype, n, seed)?,
        output: inputs::room(device, dtype, n)?,
        dtype,
        rows,
        columns,
        seed,
    };
    Ok(Opened {
        body: Box::new(body),
        work: rows::work("transpose-2ns/1", n, dtype),
        reference: "the elements themselves",
        tolerance: 0.0,
    })
}

/// Where element `i` of the transpose lies in a matrix of `rows` × `columns`.
const fn source_of(i: usize, rows: usize, columns: usize) -> usize {
    i % rows * columns + i / rows
}

struct Transpose {
    kernel: CudaFunction,
    config: LaunchConfig,
    input: CudaSlice<u8>,
    output: CudaSlice<u8>,
    dtype: Dtype,
    rows: usize,
    columns: usize,
    seed: u64,
}

impl Body for Transpose {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let (rows, columns) = (self.rows as u64, self.columns as u64);
        let mut launch = device.stream.launch_builder(&self.kernel);
        launch.arg(&mut self.output).arg(&self.input).arg(&rows).arg(&columns);
        // SAFETY: both arrays hold `rows` × `columns` elements, multiples of the tile, with a block for each tile.
        unsafe { launch.launch(self.config) }.map_err(GpuError::driver("launching a kernel"))?;
        Ok(())
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let mut error = 0.0;
        for window in inputs::windows(self.rows * self.columns) {
            let found = inputs::read(device, self.dtype, &self.output, window.clone())?;
            for (found, i) in found.into_iter().zip(window) {
                let from = source_of(i, self.rows, self.columns);
                error = worst(error, (found - inputs::rounded(self.dtype, self.seed, from)).abs());
            }
        }
        Ok(error)
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

    /// The kernel puts every element where it belongs, whatever its size.
    #[test]
    fn kernels_are_right() {
        for (dtype, rows, columns) in [(Dtype::F64, 64, 64), (Dtype::F32, 128, 192), (Dtype::F16, 192, 64)] {
            let n = rows * columns;
            let arguments = [
                Argument::room(dtype, n),
                Argument::filled(dtype, n, 3),
                Argument::Number(rows as u64),
                Argument::Number(columns as u64),
            ];
            let config = blocks(n / SIDE / SIDE, THREADS);
            let found = emulated::run(SOURCE, &macros(dtype), "transpose", config, &arguments);
            let expected: Vec<f64> =
                (0..n).map(|i| inputs::rounded(dtype, 3, source_of(i, rows, columns))).collect();
            assert!(dtype.read(&found[0]) == expected, "{dtype:?}");
        }
    }

    /// The transpose of 2 × 3.
    #[test]
    fn places() {
        let places: Vec<_> = (0..6).map(|i| source_of(i, 2, 3)).collect();
        assert_eq!(places, [0, 3, 1, 4, 2, 5]);
    }
}
