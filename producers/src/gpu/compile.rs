//! `gpu.compile`: what it costs the host to get a kernel ready: from its source, or from machine code that was kept.
#![expect(unsafe_code, reason = "loads and launches what was compiled")]

use super::{
    device::Device,
    dtype::Dtype,
    error::GpuError,
    inputs, lane,
    nvrtc::defines,
    owned::Owned,
    parameters::{Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::Parameter;
use benchlake_schemas::Work;
use cudarc::driver::{
    CudaSlice,
    result::{self, module},
    sys::{CUfunction, CUmodule},
};
use std::{ffi::CString, sync::Arc};

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.compile",
    summary: "makes a kernel ready to launch, timed on the host",
    parameters: &[Parameter::word(
        "kind",
        "compile: its source to machine code (NVRTC), then loading that; cached: loading alone",
        &["compile", "cached"],
    )],
}];

/// A kernel of `inputs.cu`, which is what is compiled: the host can compute the same.
const KERNEL: &str = "fill";
/// Elements that the check has it fill, and threads.
const ELEMENTS: usize = 4_096;
const THREADS: u32 = 256;

/// Sets the workload up.
pub(crate) fn open(
    _name: &str,
    device: &Arc<Device>,
    values: &Values,
    seed: u64,
) -> Result<Opened, GpuError> {
    let code = machine_code(device)?;
    let out = device.stream.alloc_zeros(ELEMENTS * size_of::<f32>());
    let compile = Compile {
        code,
        compiles: values.word("kind") == "compile",
        out: out.map_err(GpuError::driver("allocating"))?,
        seed,
    };
    Ok(Opened {
        body: Box::new(compile),
        work: Work { items: Some(1), work_model: Some("compile-1/1".into()), ..Work::default() },
        reference: "the same numbers from the host",
        tolerance: 0.0,
    })
}

/// The machine code of [`KERNEL`]. Not PTX: the driver would compile that again, unless it finds it in a cache of
/// its own.
fn machine_code(device: &Device) -> Result<Vec<u8>, GpuError> {
    inputs::SOURCE.machine_code(device.capability, &defines(Dtype::F32, &[]))
}

/// A module of `code`, and the kernel in it: drivers load that no sooner than it is asked for.
fn load(code: &[u8]) -> Result<(Owned<CUmodule>, CUfunction), GpuError> {
    let problem = GpuError::driver("loading a kernel");
    let name = CString::new(KERNEL).map_err(|error| GpuError::Library(error.to_string()))?;
    // SAFETY: the code is the compiler's; the driver copies what it needs of it.
    let loaded = unsafe { module::load_data(code.as_ptr().cast()) }.map_err(&problem)?;
    let loaded = Owned::new(loaded, |loaded| {
        // SAFETY: it was loaded, and is given back once.
        let _ = unsafe { module::unload(loaded) };
    });
    // SAFETY: the module is loaded.
    let kernel = unsafe { module::get_function(loaded.get(), name) }.map_err(&problem)?;
    Ok((loaded, kernel))
}

struct Compile {
    code: Vec<u8>,
    compiles: bool,
    out: CudaSlice<u8>,
    seed: u64,
}

impl Body for Compile {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        device.context.bind_to_thread().map_err(GpuError::driver("loading a kernel"))?;
        if self.compiles {
            self.code = inputs::SOURCE.machine_code_anew(device.capability, &defines(Dtype::F32, &[]))?;
        }
        load(&self.code).map(drop)
    }

    /// Of what the kernel computes once it is loaded: the share of wrong numbers.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let problem = GpuError::driver("launching what was compiled");
        device.stream.memset_zeros(&mut self.out).map_err(&problem)?;
        let (_module, kernel) = load(&self.code)?;
        let (mut out, mut n, mut seed) = (inputs::address(device, &self.out), ELEMENTS as u64, self.seed);
        let mut arguments = [(&raw mut out).cast(), (&raw mut n).cast(), (&raw mut seed).cast()];
        let blocks = (ELEMENTS as u32 / THREADS, 1, 1);
        let stream = device.stream.cu_stream();
        // SAFETY: the arguments are those of the kernel, which writes `n` numbers, as many as `out` holds.
        unsafe { result::launch_kernel(kernel, blocks, (THREADS, 1, 1), 0, stream, &mut arguments) }
            .map_err(&problem)?;
        lane::finish(device, "what was compiled")?;
        let bytes = inputs::bytes(device, &self.out, 0..self.out.len())?;
        let found = bytes.as_chunks::<4>().0.iter().map(|four| f64::from(f32::from_ne_bytes(*four)));
        let wrong = found
            .enumerate()
            .filter(|(i, found)| found.to_bits() != inputs::element(self.seed, *i as u64).to_bits());
        Ok(wrong.count() as f64 / ELEMENTS as f64)
    }

    fn is_of_host(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{library::Library, nvrtc::Source};

    /// What is compiled becomes machine code for the devices of two generations; what does not compile is named,
    /// with what the compiler says.
    #[test]
    fn sources_become_machine_code() {
        if let Err(error) = Library::Nvrtc.require() {
            eprintln!("skipped: {error}");
            return;
        }
        for capability in [(8, 0), (9, 0)] {
            let code = inputs::SOURCE.machine_code(capability, &defines(Dtype::F32, &[]));
            let code = code.expect("a program that compiles");
            let again = inputs::SOURCE.machine_code_anew(capability, &defines(Dtype::F32, &[]));
            assert_eq!(again.expect("the same program"), code);
            assert!(code.starts_with(b"\x7fELF") && code.len() > 1_000);
        }
        let unknown = inputs::SOURCE.machine_code((99, 0), &[]).expect_err("no such device");
        assert!(unknown.to_string().contains("install a newer one"), "{unknown}");
        let wrong =
            Source { name: "wrong.cu", parts: &[("wrong.cu", "__global__ void wrong() { nonsense; }")] };
        let error = wrong.machine_code((8, 0), &[]).expect_err("does not compile").to_string();
        assert!(error.starts_with("wrong.cu does not compile for sm_80: wrong.cu(1): error"), "{error}");
    }
}
