//! `gpu.triad`: a = b + s·c, as on the processor.
#![expect(unsafe_code, reason = "launches kernels")]

use super::{
    device::Device,
    dtype::Dtype,
    error::GpuError,
    inputs,
    nvrtc::Source,
    parameters::{MODE, Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::Parameter;
use benchlake_schemas::Work;
use cudarc::driver::{CudaFunction, CudaSlice, LaunchConfig, PushKernelArg};
use std::sync::Arc;

pub(crate) const SOURCE: Source =
    Source { name: "elementwise.cu", text: include_str!("kernels/elementwise.cu") };

const DTYPE: Parameter = Parameter::word("dtype", "element type, f32 or f64", &["f32", "f64"]);
const ELEMENTS: Parameter = Parameter::number("n", "elements of one array, such as 268435456");

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.triad",
    summary: "a = b + s·c, element by element",
    parameters: &[DTYPE, ELEMENTS, MODE],
}];

/// The factor s, which every type holds exactly.
const S: f32 = 0.75;
const THREADS: u32 = 256;

/// Sets the workload `name` up.
pub(crate) fn open(
    _name: &str,
    device: &Arc<Device>,
    values: &Values,
    seed: u64,
) -> Result<Opened, GpuError> {
    let (dtype, n) = (Dtype::of(values.word("dtype")), values.size("n"));
    let vector = 16 / dtype.bytes();
    if !n.is_multiple_of(vector) {
        return Err(GpuError::Missing(format!(
            "n = {n} is no multiple of {vector}, as vectors of 16 bytes need"
        )));
    }
    let defines = [format!("ELEMENT={}", dtype.name()), format!("VECTOR={vector}")];
    let kernel = device.kernel(SOURCE, &defines, "triad")?;
    let config = device.grid(n / vector, THREADS);
    let (b, c) = (inputs::filled(device, dtype, n, seed)?, inputs::filled(device, dtype, n, !seed)?);
    let triad = Triad { kernel, config, a: inputs::room(device, dtype, n)?, b, c, dtype, n, seed };
    let (elements, bytes) = (n as i64, dtype.bytes() as i64);
    Ok(Opened {
        body: Box::new(triad),
        work: Work {
            flops: Some(2 * elements),
            bytes: Some(3 * elements * bytes),
            items: Some(elements),
            work_model: Some("triad-3ns/1".into()),
        },
        reference: "f64 arithmetic",
        tolerance: 2.0 * dtype.roundoff(),
    })
}

struct Triad {
    kernel: CudaFunction,
    config: LaunchConfig,
    a: CudaSlice<u8>,
    b: CudaSlice<u8>,
    c: CudaSlice<u8>,
    dtype: Dtype,
    n: usize,
    seed: u64,
}

impl Body for Triad {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let packs = (self.n * self.dtype.bytes() / 16) as u64;
        let (single, double) = (S, f64::from(S));
        let mut launch = device.stream.launch_builder(&self.kernel);
        launch.arg(&mut self.a).arg(&self.b).arg(&self.c);
        match self.dtype {
            Dtype::F64 => launch.arg(&double),
            _ => launch.arg(&single),
        };
        launch.arg(&packs);
        // SAFETY: the arrays hold `packs` vectors each, and the arguments are those of the kernel.
        unsafe { launch.launch(self.config) }.map_err(GpuError::driver("launching triad"))?;
        Ok(())
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let mut worst = 0.0;
        for window in inputs::windows(self.n) {
            let start = window.start;
            let found = inputs::read(device, self.dtype, &self.a, window)?;
            for (i, a) in found.into_iter().enumerate() {
                let place = (start + i) as u64;
                let (b, c) = (inputs::element(self.seed, place), inputs::element(!self.seed, place));
                let (product, scale) = (f64::from(S) * c, b.abs() + f64::from(S) * c.abs());
                worst = crate::cpu::worst(worst, (a - (b + product)).abs() / scale.max(f64::MIN_POSITIVE));
            }
        }
        Ok(worst)
    }

    fn kernels(&self) -> Vec<(CudaFunction, u32)> {
        vec![(self.kernel.clone(), THREADS)]
    }
}
