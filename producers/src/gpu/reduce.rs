//! `gpu.reduce`: the sum of an array.
#![expect(unsafe_code, reason = "launches kernels")]

use super::{
    device::Device,
    dtype::{DTYPE, Dtype},
    elementwise::{ELEMENTS, whole},
    error::GpuError,
    inputs,
    nvrtc::{Defines, Source, defines, source},
    parameters::{MODE, Spec, Values},
    running::{Body, Opened},
};
use benchlake_schemas::Work;
use cudarc::driver::{CudaFunction, CudaSlice, LaunchConfig, PushKernelArg};
use std::sync::Arc;

pub(crate) const SOURCE: Source = source!("reduce.cu");

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.reduce",
    summary: "the sum of an array, in one launch",
    parameters: &[DTYPE, ELEMENTS, MODE],
}];

const THREADS: u32 = 256;
/// Packs that a thread reads before it waits.
const LOADS: usize = 4;

/// Every set of macros that the kernel is compiled with.
pub(crate) fn variants(_: (i32, i32)) -> Vec<Defines> {
    Dtype::ALL.iter().map(|dtype| macros(*dtype)).collect()
}

fn macros(dtype: Dtype) -> Defines {
    defines(dtype, &[("THREADS", THREADS as usize), ("LOADS", LOADS)])
}

/// Sets the workload up.
pub(crate) fn open(_: &str, device: &Arc<Device>, values: &Values, seed: u64) -> Result<Opened, GpuError> {
    let (dtype, n) = (Dtype::of(values.word("dtype")), values.size("n"));
    whole(n, dtype.pack(), "n")?;
    // As many blocks as are resident at once: each has one sum at its end.
    let config = device.grid(n / dtype.pack() / LOADS, THREADS);
    let blocks = config.grid_dim.0 as usize;
    let body = Reduce {
        kernel: device.kernel(SOURCE, &macros(dtype), "reduce")?,
        config,
        a: inputs::filled(device, dtype, n, seed)?,
        total: inputs::room(device, dtype.wider(), 1)?,
        partial: inputs::room(device, dtype.wider(), blocks)?,
        done: device.stream.alloc_zeros(1).map_err(GpuError::driver("allocating"))?,
        dtype,
        n,
        seed,
        expected: None,
    };
    let (elements, bytes) = (n as i64, dtype.bytes() as i64);
    Ok(Opened {
        body: Box::new(body),
        work: Work {
            flops: Some(elements),
            bytes: Some(elements * bytes),
            items: Some(elements),
            work_model: Some("reduce-ns/1".into()),
        },
        reference: "the sum of all elements in f64, which is exact; relative to the root of the sum of squares",
        tolerance: tolerance(dtype, n, blocks * THREADS as usize),
    })
}

/// How far the sum of `n` random elements by `threads` may be off, relative to the root of the sum of their squares.
///
/// A thread's partial sum of k elements is about √k elements large, and each of its k additions rounds by as much: to
/// u·k elements in all, as rounding errors add up like random numbers (Higham and Mary, SIAM J. Sci. Comput. 41(5),
/// 2019). √threads of these are the error, beside √(k · threads) elements: u·√k. Eight times that is allowed.
#[expect(clippy::cast_precision_loss, reason = "a tolerance")]
fn tolerance(dtype: Dtype, n: usize, threads: usize) -> f64 {
    // The tree at the end is a few additions more.
    let additions = (n / threads + 32) as f64;
    8.0 * additions.sqrt() * dtype.wider().roundoff()
}

/// The sum of the `n` elements of `dtype` of `seed`, and the root of the sum of their squares. All are multiples of
/// 2⁻²³, so that f64 rounds nothing away before the sum of 2³⁰ elements of one sign.
fn sums(dtype: Dtype, n: usize, seed: u64) -> (f64, f64) {
    let (sum, squares) = (0..n).fold((0.0, 0.0), |(sum, squares), i| {
        let x = inputs::rounded(dtype, seed, i);
        (sum + x, squares + x * x)
    });
    (sum, squares.sqrt())
}

struct Reduce {
    kernel: CudaFunction,
    config: LaunchConfig,
    a: CudaSlice<u8>,
    total: CudaSlice<u8>,
    partial: CudaSlice<u8>,
    done: CudaSlice<u32>,
    dtype: Dtype,
    n: usize,
    seed: u64,
    /// What the host computes once.
    expected: Option<(f64, f64)>,
}

impl Body for Reduce {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let packs = (self.n / self.dtype.pack()) as u64;
        let mut launch = device.stream.launch_builder(&self.kernel);
        launch.arg(&self.a).arg(&mut self.total).arg(&mut self.partial).arg(&mut self.done).arg(&packs);
        // SAFETY: `a` holds `packs` packs, `partial` a sum for each block, and the arguments are those of the kernel.
        unsafe { launch.launch(self.config) }.map_err(GpuError::driver("launching a kernel"))?;
        Ok(())
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let (dtype, n, seed) = (self.dtype, self.n, self.seed);
        let (sum, scale) = *self.expected.get_or_insert_with(|| sums(dtype, n, seed));
        let found = inputs::read(device, dtype.wider(), &self.total, 0..1)?;
        Ok(found.first().map_or(f64::NAN, |found| (found - sum).abs() / scale))
    }

    fn kernel(&self) -> Option<(&CudaFunction, LaunchConfig)> {
        Some((&self.kernel, self.config))
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these are exact")]
mod tests {
    use super::{
        super::{
            device::blocks,
            emulated::{self, Argument},
        },
        *,
    };

    /// The kernel adds all elements up, by one block and by several, and leaves its counter as it was.
    #[test]
    fn kernels_are_right() {
        for (dtype, n, count) in [(Dtype::F64, 2, 1), (Dtype::F32, 40_004, 3), (Dtype::Bf16, 65_536, 4)] {
            let arguments = [
                Argument::filled(dtype, n, 3),
                Argument::room(dtype.wider(), 1),
                Argument::room(dtype.wider(), count),
                Argument::Array(vec![0; 4]),
                Argument::Number((n / dtype.pack()) as u64),
            ];
            let found = emulated::run(SOURCE, &macros(dtype), "reduce", blocks(count, THREADS), &arguments);
            let (sum, scale) = sums(dtype, n, 3);
            let error = (dtype.wider().read(&found[1])[0] - sum).abs() / scale;
            assert!(error <= tolerance(dtype, n, count * THREADS as usize), "{dtype:?}: {error}");
            assert_eq!(found[3], [0; 4]);
        }
    }

    /// Sums on the way to the whole are exact, in any order.
    #[test]
    fn sums_are_exact() {
        for dtype in Dtype::ALL {
            let (sum, norm) = sums(dtype, 1_000, 3);
            let back = (0..1_000).rev().map(|i| inputs::rounded(dtype, 3, i)).sum::<f64>();
            assert!(sum == back && (17.0..20.0).contains(&norm), "{dtype:?}: {sum} {back} {norm}");
        }
    }

    /// One element of 2²⁸ that is left out is seen, and rounding in the order of the kernel is not.
    #[test]
    fn tolerances_tell_rounding_from_mistakes() {
        let resident = 132 * 2_048;
        assert!(tolerance(Dtype::F32, 1 << 28, resident) < 0.5 / (f64::from(1 << 28)).sqrt());
        let (n, threads) = (1 << 16, 16);
        let (sum, scale) = sums(Dtype::F32, n, 5);
        let of = |thread: usize| {
            (thread..n)
                .step_by(threads)
                .fold(0.0_f32, |sum, i| sum + inputs::rounded(Dtype::F32, 5, i) as f32)
        };
        let found = (0..threads).map(of).sum::<f32>();
        let error = (f64::from(found) - sum).abs() / scale;
        assert!(error > 0.0 && error < tolerance(Dtype::F32, n, threads), "{error}");
    }
}
