//! `gpu.copy`, `gpu.scale`, `gpu.add` and `gpu.triad`: element by element, as on the processor.
#![expect(unsafe_code, reason = "launches kernels")]

use super::{
    device::{Device, blocks},
    dtype::{DTYPE, Dtype},
    error::GpuError,
    inputs,
    nvrtc::{Defines, Source, defines, source},
    parameters::{MODE, Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::{Parameter, worst};
use benchlake_schemas::Work;
use cudarc::driver::{CudaFunction, CudaSlice, LaunchConfig, PushKernelArg};
use std::{ops::Range, sync::Arc};

pub(crate) const SOURCE: Source = source!("elementwise.cu");

pub(crate) const ELEMENTS: Parameter = Parameter::number("n", "elements of one array, such as 268435456");
const PARAMETERS: &[Parameter] = &[DTYPE, ELEMENTS, MODE];

pub(crate) const SPECS: &[Spec] = &[
    Spec { name: "gpu.copy", summary: "a = b, by a kernel", parameters: PARAMETERS },
    Spec { name: "gpu.scale", summary: "a = s·b, element by element", parameters: PARAMETERS },
    Spec { name: "gpu.add", summary: "a = b + c, element by element", parameters: PARAMETERS },
    Spec { name: "gpu.triad", summary: "a = b + s·c, element by element", parameters: PARAMETERS },
];

/// The factor s, which every type holds exactly.
const S: f64 = 0.75;
const THREADS: u32 = 256;
/// Packs that a thread reads before it waits: with 2,048 threads a multiprocessor 128 KiB are on their way, several
/// times what memory's latency needs.
const LOADS: usize = 4;

/// What is done to each element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Copy,
    Scale,
    Add,
    Triad,
}

impl Operation {
    fn of(workload: &str) -> Self {
        match workload {
            "gpu.copy" => Self::Copy,
            "gpu.scale" => Self::Scale,
            "gpu.add" => Self::Add,
            _ => Self::Triad,
        }
    }

    const fn kernel(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Scale => "scale",
            Self::Add => "add",
            Self::Triad => "triad",
        }
    }

    /// Arrays that it reads.
    const fn reads(self) -> usize {
        match self {
            Self::Copy | Self::Scale => 1,
            Self::Add | Self::Triad => 2,
        }
    }

    /// Operations on one element, each of which rounds.
    const fn flops(self) -> u32 {
        match self {
            Self::Copy => 0,
            Self::Scale | Self::Add => 1,
            Self::Triad => 2,
        }
    }

    /// The result for `b` and `c` in f64, and the sum of the magnitudes that were added.
    fn apply(self, b: f64, c: f64) -> (f64, f64) {
        match self {
            Self::Copy => (b, b.abs()),
            Self::Scale => (S * b, (S * b).abs()),
            Self::Add => (b + c, b.abs() + c.abs()),
            Self::Triad => (b + S * c, b.abs() + (S * c).abs()),
        }
    }

    /// How far the elements `range`, which were `found`, are off.
    fn error(self, dtype: Dtype, seed: u64, range: Range<usize>, found: &[f64]) -> f64 {
        range.zip(found).fold(0.0, |error, (i, a)| {
            let (b, c) =
                (inputs::rounded(dtype, seed, i), inputs::rounded(dtype, inputs::beside(seed, 1), i));
            let (expected, scale) = self.apply(b, c);
            worst(error, (a - expected).abs() / scale.max(dtype.smallest()))
        })
    }

    /// Elements that a block takes at once.
    const fn tile(self, dtype: Dtype) -> usize {
        LOADS / self.reads() * dtype.pack() * THREADS as usize
    }

    fn tolerance(self, dtype: Dtype) -> f64 {
        match self {
            Self::Copy => 0.0,
            _ => dtype.tolerance(self.flops().into()),
        }
    }

    /// Work on `n` elements of `bytes` bytes.
    fn work(self, n: i64, bytes: i64) -> Work {
        Work {
            flops: (self.flops() > 0).then_some(i64::from(self.flops()) * n),
            bytes: Some(if self.reads() == 1 { 2 } else { 3 } * n * bytes),
            items: Some(n),
            work_model: Some(format!("{}-{}ns/1", self.kernel(), self.reads() + 1)),
        }
    }
}

/// Every set of macros that the kernels are compiled with.
pub(crate) fn variants(_: (i32, i32)) -> Vec<Defines> {
    Dtype::ALL.iter().map(|dtype| macros(*dtype)).collect()
}

fn macros(dtype: Dtype) -> Defines {
    defines(dtype, &[("THREADS", THREADS as usize), ("LOADS", LOADS)])
}

/// Sets the workload `name` up.
pub(crate) fn open(name: &str, device: &Arc<Device>, values: &Values, seed: u64) -> Result<Opened, GpuError> {
    let (dtype, n, operation) = (Dtype::of(values.word("dtype")), values.size("n"), Operation::of(name));
    whole(n, dtype.pack(), "n")?;
    let b = inputs::filled(device, dtype, n, seed)?;
    let c = if operation.reads() == 2 {
        Some(inputs::filled(device, dtype, n, inputs::beside(seed, 1))?)
    } else {
        None
    };
    let body = Elementwise {
        kernel: device.kernel(SOURCE, &macros(dtype), operation.kernel())?,
        config: blocks(n.div_ceil(operation.tile(dtype)), THREADS),
        a: inputs::room(device, dtype, n)?,
        b,
        c,
        operation,
        dtype,
        n,
        seed,
    };
    Ok(Opened {
        body: Box::new(body),
        work: operation.work(n as i64, dtype.bytes() as i64),
        reference: "f64 arithmetic",
        tolerance: operation.tolerance(dtype),
    })
}

/// That `value` of the parameter `name` is a multiple of `step`.
///
/// # Errors
/// [`GpuError::Missing`] with the nearest multiple.
pub(crate) fn whole(value: usize, step: usize, name: &str) -> Result<(), GpuError> {
    if value.is_multiple_of(step) {
        return Ok(());
    }
    let next = value.next_multiple_of(step);
    Err(GpuError::Missing(format!(
        "{name} = {value} is no multiple of {step}, as this kernel needs; try {next}"
    )))
}

struct Elementwise {
    kernel: CudaFunction,
    config: LaunchConfig,
    a: CudaSlice<u8>,
    b: CudaSlice<u8>,
    c: Option<CudaSlice<u8>>,
    operation: Operation,
    dtype: Dtype,
    n: usize,
    seed: u64,
}

impl Body for Elementwise {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let packs = (self.n / self.dtype.pack()) as u64;
        let mut launch = device.stream.launch_builder(&self.kernel);
        launch.arg(&mut self.a).arg(&self.b).arg(self.c.as_ref().unwrap_or(&self.b)).arg(&S).arg(&packs);
        // SAFETY: the arrays hold `packs` packs each, and the arguments are those of the kernel.
        unsafe { launch.launch(self.config) }.map_err(GpuError::driver("launching a kernel"))?;
        Ok(())
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let mut error = 0.0;
        for window in inputs::windows(self.n) {
            let found = inputs::read(device, self.dtype, &self.a, window.clone())?;
            error = worst(error, self.operation.error(self.dtype, self.seed, window, &found));
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

    /// Each kernel does its operation in each type, on whole tiles, on what is left of one, and where there are fewer
    /// blocks than tiles.
    #[test]
    fn kernels_are_right() {
        use Operation as O;
        for (dtype, operation) in
            [(Dtype::F64, O::Copy), (Dtype::F32, O::Triad), (Dtype::F16, O::Add), (Dtype::Bf16, O::Scale)]
        {
            let n = 3 * operation.tile(dtype) + 10 * dtype.pack();
            let arguments = [
                Argument::room(dtype, n),
                Argument::filled(dtype, n, 3),
                Argument::filled(dtype, n, inputs::beside(3, 1)),
                Argument::Double(S),
                Argument::Number((n / dtype.pack()) as u64),
            ];
            let kernel = operation.kernel();
            let found = emulated::run(SOURCE, &macros(dtype), kernel, blocks(2, THREADS), &arguments);
            let error = operation.error(dtype, 3, 0..n, &dtype.read(&found[0]));
            assert!(error <= operation.tolerance(dtype), "{kernel} of {dtype:?}: {error}");
        }
    }

    /// Each name has its operation, with the work model of the processor's.
    #[test]
    fn operations_have_their_work() {
        let work = |spec: &Spec| Operation::of(spec.name).work(8, 4);
        let figures: Vec<_> =
            SPECS.iter().map(|spec| (work(spec).work_model.unwrap_or_default(), work(spec).bytes)).collect();
        let expected = [("copy-2ns/1", 64), ("scale-2ns/1", 64), ("add-3ns/1", 96), ("triad-3ns/1", 96)];
        assert_eq!(figures, expected.map(|(model, bytes)| (model.to_owned(), Some(bytes))));
        assert_eq!(work(&SPECS[3]).flops, Some(16));
    }

    /// The reference is the operation.
    #[test]
    fn references() {
        assert_eq!(Operation::Copy.apply(-2.0, 1.0), (-2.0, 2.0));
        assert_eq!(Operation::Scale.apply(-2.0, 1.0), (-1.5, 1.5));
        assert_eq!(Operation::Add.apply(-2.0, 1.0), (-1.0, 3.0));
        assert_eq!(Operation::Triad.apply(-2.0, 4.0), (1.0, 5.0));
    }

    /// What is no whole number of vectors is refused with a size that is.
    #[test]
    fn sizes_are_whole() {
        let error = whole(1_001, 8, "n").expect_err("no multiple").to_string();
        assert_eq!(error, "n = 1001 is no multiple of 8, as this kernel needs; try 1008");
    }
}
