//! `nccl.data_parallel`: a step whose work is split over the ranks and whose results are brought together, as in
//! data-parallel training. Strong scaling splits a given work, weak scaling gives every rank the same.
#![expect(unsafe_code, reason = "launches kernels and collectives on addresses of the device")]

use super::{
    SOURCE, THREADS,
    buffer::Buffer,
    communicator::Communicator,
    workload::{Part, hooks},
};
use crate::gpu::{
    device::Device,
    dtype::Dtype,
    error::GpuError,
    inputs, lane,
    parameters::Values,
    running::{Body, Hook, Opened},
};
use benchlake_schemas::Work;
use cudarc::driver::{CudaFunction, CudaSlice, DevicePtr, LaunchConfig, PushKernelArg};
use std::{ops::Range, sync::Arc};

pub(super) const NAME: &str = "nccl.data_parallel";
/// The factor s, which f32 holds exactly.
const S: f32 = 0.75;
/// Elements of a vector.
const VECTOR: usize = 4;
const F32: Dtype = Dtype::F32;

/// Elements of one array at each of `ranks` ranks, and of all, where `n` is split over them or given to each.
///
/// # Errors
/// [`GpuError::Missing`] where they are no whole vectors.
fn shares(n: usize, ranks: usize, strong: bool) -> Result<(usize, usize), GpuError> {
    let parts = if strong { ranks * VECTOR } else { VECTOR };
    if n == 0 || !n.is_multiple_of(parts) {
        return Err(GpuError::Missing(format!(
            "n = {n} is no multiple of {parts}, as vectors of 16 bytes at every rank need"
        )));
    }
    Ok(if strong { (n / ranks, n) } else { (n, n.saturating_mul(ranks)) })
}

/// A step, its arrays allocated and the kernel compiled; which rank this is shows later.
pub(super) struct Step {
    device: Arc<Device>,
    triad: CudaFunction,
    share: usize,
    all: usize,
    a: CudaSlice<u8>,
    b: CudaSlice<u8>,
    c: CudaSlice<u8>,
    gradients: Buffer,
    /// How many.
    count: usize,
    seed: u64,
}

impl Step {
    pub(super) fn new(device: Arc<Device>, values: &Values, seed: u64) -> Result<Self, GpuError> {
        let (n, ranks) = (values.size("n"), values.size("ranks"));
        let (share, all) = shares(n, ranks, values.word("scaling") == "strong")?;
        let count = (values.size("bytes") / F32.bytes()).max(1);
        let room = || inputs::room(&device, F32, share);
        Ok(Self {
            triad: device.kernel(SOURCE, &["BYTES=4".to_owned()], "share_of_triad")?,
            share,
            all,
            a: room()?,
            b: inputs::filled(&device, F32, share, seed)?,
            c: inputs::filled(&device, F32, share, !seed)?,
            gradients: Buffer::new(&device, count * F32.bytes())?,
            count,
            seed,
            device,
        })
    }
}

impl Part for Step {
    fn connected(self: Box<Self>, communicator: Arc<Communicator>) -> Result<Opened, GpuError> {
        let (all, ranks) = (self.all as i64, communicator.ranks() as f64);
        let body = Connected { step: *self, communicator };
        body.refill()?;
        Ok(Opened {
            body: Box::new(body),
            work: Work {
                flops: Some(2 * all),
                bytes: Some(3 * all * 4),
                items: Some(all),
                work_model: Some("triad-of-all-ranks-3ns/1".into()),
            },
            reference: "f64 arithmetic, and the f64 mean over the ranks",
            // A mean of r numbers is r - 1 additions and a product, each off by a roundoff at most.
            tolerance: (ranks + 2.0) * F32.roundoff(),
        })
    }
}

/// A step of ranks that are connected.
struct Connected {
    /// Given back before the buffers, which other ranks may have mapped.
    communicator: Arc<Communicator>,
    step: Step,
}

/// The seed of the gradients of `rank`.
fn of_rank(seed: u64, rank: usize) -> u64 {
    seed ^ (rank as u64 + 1) << 32
}

impl Connected {
    /// Puts this rank's own gradients in place.
    fn refill(&self) -> Result<(), GpuError> {
        let Step { device, gradients, count, seed, .. } = &self.step;
        let problem = GpuError::driver("filling gradients");
        let own = inputs::filled(device, F32, *count, of_rank(*seed, self.communicator.rank()))?;
        let (from, stream) = (own.device_ptr(&device.stream).0, device.stream.cu_stream());
        // SAFETY: both hold `count` numbers, and live until the stream was waited for.
        unsafe {
            cudarc::driver::result::memcpy_dtod_async(gradients.at(0), from, count * F32.bytes(), stream)
        }
        .map_err(problem)?;
        lane::finish(device, "filling gradients")
    }

    /// The largest relative error of the elements `window` of this rank's share.
    fn error_of_triad(&self, window: Range<usize>) -> Result<f64, GpuError> {
        let Step { device, a, seed, .. } = &self.step;
        let start = window.start;
        let found = inputs::read(device, F32, a, window)?;
        Ok(found.into_iter().enumerate().fold(0.0, |worst, (i, a)| {
            let place = (start + i) as u64;
            let (b, product) = (inputs::element(*seed, place), f64::from(S) * inputs::element(!*seed, place));
            let scale = (b.abs() + product.abs()).max(f64::MIN_POSITIVE);
            crate::cpu::worst(worst, (a - (b + product)).abs() / scale)
        }))
    }

    /// The largest error of the gradients `window`, relative to the mean of their magnitudes.
    #[expect(clippy::cast_precision_loss, reason = "ranks are few")]
    fn error_of_mean(&self, window: Range<usize>) -> Result<f64, GpuError> {
        let Step { device, gradients, seed, .. } = &self.step;
        let (ranks, start) = (self.communicator.ranks(), window.start);
        let mut bytes = vec![0_u8; window.len() * F32.bytes()];
        let problem = GpuError::driver("reading gradients");
        // SAFETY: the window lies within the gradients, and is as long as `bytes`.
        unsafe { cudarc::driver::result::memcpy_dtoh_sync(&mut bytes, gradients.at(start * F32.bytes())) }
            .map_err(problem)?;
        device.stream.synchronize().map_err(GpuError::driver("reading gradients"))?;
        Ok(F32.read(&bytes).into_iter().enumerate().fold(0.0, |worst, (i, found)| {
            let of = |rank| inputs::element(of_rank(*seed, rank), (start + i) as u64);
            let mean = |value: &dyn Fn(usize) -> f64| (0..ranks).map(value).sum::<f64>() / ranks as f64;
            let scale = mean(&|rank| of(rank).abs()).max(f64::MIN_POSITIVE);
            crate::cpu::worst(worst, (found - mean(&of)).abs() / scale)
        }))
    }
}

impl Body for Connected {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let Step { triad, share, a, b, c, gradients, count, .. } = &mut self.step;
        let packs = (*share / VECTOR) as u64;
        let mut launch = device.stream.launch_builder(triad);
        launch.arg(a).arg(&*b).arg(&*c).arg(&S).arg(&packs);
        // SAFETY: the arrays hold `packs` vectors each, and the arguments are those of the kernel.
        unsafe { launch.launch(device.grid(*share / VECTOR, THREADS)) }
            .map_err(GpuError::driver("launching a share of the triad"))?;
        // SAFETY: `count` numbers are there, as long as this value lives, which outlives whatever its lane
        // enqueues.
        unsafe { self.communicator.mean(device, gradients.at(0), *count) }
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        self.refill()?;
        self.enqueue(device)?;
        lane::finish(device, "a step that is checked")?;
        let mut worst = 0.0;
        for window in inputs::windows(self.step.share) {
            worst = crate::cpu::worst(worst, self.error_of_triad(window)?);
        }
        for window in inputs::windows(self.step.count) {
            worst = crate::cpu::worst(worst, self.error_of_mean(window)?);
        }
        Ok(worst)
    }

    fn launches(&self) -> u64 {
        16
    }

    fn hooks(&self) -> Result<(Option<Hook>, Option<Hook>), GpuError> {
        hooks(&self.step.device, &self.communicator)
    }

    fn kernel(&self) -> Option<(&CudaFunction, LaunchConfig)> {
        Some((&self.step.triad, self.step.device.grid(self.step.share / VECTOR, THREADS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::emulated::{Argument, run};

    /// Strong scaling keeps the whole, weak scaling each rank's share; what cannot be split says why.
    #[test]
    fn work_is_split() {
        assert_eq!(shares(1 << 20, 4, true).expect("shares"), (1 << 18, 1 << 20));
        assert_eq!(shares(1 << 20, 4, false).expect("shares"), (1 << 20, 1 << 22));
        let text = shares(1 << 20, 3, true).expect_err("no third").to_string();
        assert!(text.contains("no multiple of 12"), "{text}");
    }

    /// A rank's share is a triad, element by element.
    #[test]
    fn the_share_is_a_triad() {
        let config = LaunchConfig { grid_dim: (2, 1, 1), block_dim: (32, 1, 1), shared_mem_bytes: 0 };
        let (n, seed) = (1_000, 42);
        let arguments = [
            Argument::room(F32, n),
            Argument::filled(F32, n, seed),
            Argument::filled(F32, n, !seed),
            Argument::Single(S),
            Argument::Number((n / VECTOR) as u64),
        ];
        let found = run(SOURCE, &vec!["BYTES=4".to_owned()], "share_of_triad", config, &arguments);
        for (i, a) in F32.read(&found[0]).into_iter().enumerate() {
            let (b, c) = (inputs::rounded(F32, seed, i), inputs::rounded(F32, !seed, i));
            let scale = b.abs() + (f64::from(S) * c).abs();
            assert!((a - (b + f64::from(S) * c)).abs() <= 2.0 * F32.roundoff() * scale, "{i}: {a}");
        }
    }

    /// Every rank has gradients of its own, and they are none of the other inputs.
    #[test]
    fn gradients_differ() {
        let seeds: std::collections::BTreeSet<u64> = (0..8).map(|rank| of_rank(42, rank)).collect();
        assert!(seeds.len() == 8 && !seeds.contains(&42) && !seeds.contains(&!42));
    }
}
