//! `gpu.fma`: chains of fused multiply-adds in registers, the most that a device's ordinary units compute.
//!
//! Every thread that a multiprocessor keeps resident has [`CHAINS`] of them, so that one iteration is the same for each
//! multiprocessor, and its work grows with their number. The tensor cores are not used.
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
use crate::cpu::worst;
use benchlake_schemas::Work;
use cudarc::driver::{CudaFunction, CudaSlice, LaunchConfig, PushKernelArg};
use std::sync::Arc;

pub(crate) const SOURCE: Source = source!("fma.cu");

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.fma",
    summary: "fused multiply-adds in registers: the most that the units beside the tensor cores compute",
    parameters: &[DTYPE, MODE],
}];

const THREADS: u32 = 256;
/// Chains of a thread, as in the kernel.
const CHAINS: usize = 4;
const ROUNDS: usize = 64;
/// Pairs of multiply-adds in a round, which has one more.
const PAIRS: usize = 128;
/// What a round adds to a chain.
const STEP: f64 = 1.0 / 128.0;

/// Every set of macros that the kernel is compiled with for `capability`.
pub(crate) fn variants(capability: (i32, i32)) -> Vec<Defines> {
    Dtype::ALL.iter().filter(|dtype| supported(**dtype, capability)).map(|dtype| macros(*dtype)).collect()
}

/// Whether the devices of `capability` multiply and add in `dtype`.
fn supported(dtype: Dtype, capability: (i32, i32)) -> bool {
    dtype != Dtype::Bf16 || capability >= (8, 0)
}

/// Elements of a register.
const fn lanes(dtype: Dtype) -> usize {
    if dtype.bytes() == 2 { 2 } else { 1 }
}

fn macros(dtype: Dtype) -> Defines {
    let paired = usize::from(lanes(dtype) == 2);
    defines(dtype, &[("THREADS", THREADS as usize), ("ROUNDS", ROUNDS), ("PAIRS", PAIRS), ("PAIRED", paired)])
}

/// Sets the workload up.
pub(crate) fn open(_: &str, device: &Arc<Device>, values: &Values, seed: u64) -> Result<Opened, GpuError> {
    let dtype = Dtype::of(values.word("dtype"));
    if !supported(dtype, device.capability) {
        let (major, minor) = device.capability;
        return Err(GpuError::Missing(format!(
            "multiply-adds in bf16 need compute capability 8.0, and this device has {major}.{minor}: try f16"
        )));
    }
    let resident = device.multiprocessors * (device.resident_threads / THREADS);
    let chains = (resident * THREADS) as usize * CHAINS * lanes(dtype);
    let starts: Vec<f64> = (0..chains).map(|i| start(dtype, seed, i)).collect();
    // The ends come after the starts.
    let mut bytes = dtype.write(&starts);
    bytes.resize(2 * bytes.len(), 0);
    let body = Fma {
        kernel: device.kernel(SOURCE, &macros(dtype), "fma_chains")?,
        config: blocks(resident as usize, THREADS),
        x: device.stream.clone_htod(&bytes).map_err(GpuError::driver("allocating"))?,
        starts,
        dtype,
    };
    Ok(Opened {
        body: Box::new(body),
        work: Work {
            flops: Some((2 * chains * ROUNDS * (2 * PAIRS + 1)) as i64),
            bytes: None,
            items: None,
            work_model: Some("fma-2n/1".into()),
        },
        reference: "the chains' closed form, which no type rounds",
        tolerance: 0.0,
    })
}

/// Where chain `i` starts: in [1, 1.25], so that it ends below 2.
fn start(dtype: Dtype, seed: u64, i: usize) -> f64 {
    dtype.round(1.0 + inputs::element(seed, i as u64).abs() / 4.0)
}

/// Where a chain ends that starts at `x`.
#[expect(clippy::cast_precision_loss, reason = "a few rounds")]
fn end(x: f64) -> f64 {
    x + ROUNDS as f64 * STEP
}

struct Fma {
    kernel: CudaFunction,
    config: LaunchConfig,
    x: CudaSlice<u8>,
    starts: Vec<f64>,
    dtype: Dtype,
}

impl Body for Fma {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let mut launch = device.stream.launch_builder(&self.kernel);
        launch.arg(&mut self.x).arg(&2.0_f64);
        // SAFETY: `x` holds the starts and the ends of the chains of every thread.
        unsafe { launch.launch(self.config) }.map_err(GpuError::driver("launching a kernel"))?;
        Ok(())
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let chains = self.starts.len();
        let found = inputs::read(device, self.dtype, &self.x, chains..2 * chains)?;
        let pairs = found.iter().zip(&self.starts);
        Ok(pairs.fold(0.0, |error, (found, start)| worst(error, (found - end(*start)).abs())))
    }

    fn kernel(&self) -> Option<(&CudaFunction, LaunchConfig)> {
        Some((&self.kernel, self.config))
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these are exact")]
mod tests {
    use super::{
        super::emulated::{self, Argument},
        *,
    };

    /// The kernel's chains end where they should, to the last bit, in every type.
    #[test]
    fn kernels_are_right() {
        for dtype in Dtype::ALL {
            let chains = THREADS as usize * CHAINS * lanes(dtype);
            let starts: Vec<f64> = (0..chains).map(|i| start(dtype, 3, i)).collect();
            let mut bytes = dtype.write(&starts);
            bytes.resize(2 * bytes.len(), 0);
            let arguments = [Argument::Array(bytes), Argument::Double(2.0)];
            let found = emulated::run(SOURCE, &macros(dtype), "fma_chains", blocks(1, THREADS), &arguments);
            let ends: Vec<f64> = starts.iter().map(|start| end(*start)).collect();
            assert!(dtype.read(&found[0])[chains..] == ends, "{dtype:?}");
        }
    }

    /// No step of a chain rounds in any type, and a round less ends elsewhere.
    #[test]
    fn chains_are_exact() {
        for dtype in Dtype::ALL {
            for i in 0..100 {
                let first = start(dtype, 9, i);
                let mut x = first;
                let mut step = |a: f64, b: f64| {
                    let exact = x.mul_add(a, b);
                    x = dtype.round(exact);
                    assert!(x == exact, "{dtype:?}: {exact}");
                };
                for _ in 0..ROUNDS {
                    step(2.0, -1.0);
                    step(0.5, 0.5);
                    step(1.0, STEP);
                }
                assert!(x == end(first) && x < 2.0 && end(first) - STEP != end(first));
            }
        }
    }

    /// bf16 is left out where the device has none.
    #[test]
    fn old_devices_have_no_bf16() {
        assert_eq!((variants((7, 5)).len(), variants((8, 0)).len()), (3, 4));
    }
}
