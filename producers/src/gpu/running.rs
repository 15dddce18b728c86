//! A benchmark on a device: what its body does, timed by its lane.

use super::{
    device::Device,
    error::GpuError,
    lane::{self, AHEAD, Lane},
    parameters::Values,
    watch::Watch,
};
use crate::{
    measure::{Beside, RunFailed, Samples, Workload, WrongResult},
    process::exit,
};
use benchlake_schemas::{Check, Metric, Timer, Work, now};
use cudarc::driver::{
    CudaFunction, CudaGraph, LaunchConfig,
    sys::{CUgraphInstantiate_flags, CUstreamCaptureMode},
};
use std::{panic::resume_unwind, sync::Arc};

/// What a workload does on a device. Its constructor has allocated and filled everything.
pub(crate) trait Body {
    /// Enqueues one iteration on the device's stream, without waiting for it.
    ///
    /// # Errors
    /// [`GpuError`] if the device or a library refuses.
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError>;

    /// The largest relative error of the result of an iteration that is finished.
    ///
    /// # Errors
    /// [`GpuError`] if the result cannot be read.
    fn error(&mut self, device: &Device) -> Result<f64, GpuError>;

    /// Launches of one iteration.
    fn launches(&self) -> u64 {
        1
    }

    /// Whether [`enqueue`](Self::enqueue) waits for the device, as a copy from pageable memory does: nothing can
    /// be enqueued ahead then.
    fn waits(&self) -> bool {
        false
    }

    /// Whether the host's clock times it, as what is measured is the host's work.
    fn is_of_host(&self) -> bool {
        false
    }

    /// Iterations of every sample where they cannot be chosen, as for launches that must not outrun the device.
    fn fixed_iterations(&self) -> Option<u64> {
        None
    }

    /// What comes after each sample, outside the timing.
    ///
    /// # Errors
    /// [`GpuError`] if the device refuses.
    fn settle(&mut self, _device: &Device) -> Result<(), GpuError> {
        Ok(())
    }

    /// What is enqueued before the first event of a sample, and what is asked while the device is waited for.
    ///
    /// # Errors
    /// [`GpuError`] if the device refuses.
    fn hooks(&self) -> Result<(Option<Hook>, Option<Hook>), GpuError> {
        Ok((None, None))
    }

    /// The kernel that its time is of, and how that is launched; `None` where a library has it.
    fn kernel(&self) -> Option<(&CudaFunction, LaunchConfig)> {
        None
    }
}

/// What a body does beside its iterations.
pub(crate) type Hook = Box<dyn Fn() -> Result<(), GpuError>>;

/// A body with what is known of it.
pub(crate) struct Opened {
    pub(crate) body: Box<dyn Body>,
    /// Work of one iteration.
    pub(crate) work: Work,
    /// What its result is compared with, and how far it may be off.
    pub(crate) reference: &'static str,
    pub(crate) tolerance: f64,
}

/// How samples are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Batch,
    Hot,
    Cold,
    Graph,
}

impl Mode {
    fn of(values: &Values) -> Self {
        match values.word("mode") {
            "hot" => Self::Hot,
            "cold" => Self::Cold,
            "graph" => Self::Graph,
            _ => Self::Batch,
        }
    }
}

/// A benchmark, set up.
pub(super) struct Running {
    /// The iterations that were captured, and how many; dropped before what they use.
    graph: Option<(u64, CudaGraph)>,
    device: Arc<Device>,
    lane: Lane,
    label: String,
    opened: Opened,
    mode: Mode,
    timer: Timer,
    watch: Watch,
    /// Iterations of the sample that comes next.
    iterations: u64,
    /// What the device said of the last run.
    time: Option<f64>,
}

impl Running {
    /// Runs one iteration, so that what this device cannot do shows here.
    pub(super) fn new(
        device: Arc<Device>,
        label: String,
        values: &Values,
        opened: Opened,
    ) -> Result<Self, GpuError> {
        let mode = Mode::of(values);
        let mut lane = Lane::new(&device, mode == Mode::Cold, opened.body.hooks()?)?;
        let (resolution, overhead) = lane.calibrate()?;
        let timer = Timer { timer_resolution: Some(resolution), timer_overhead: Some(overhead) };
        let watch = Watch::start(&device);
        let mut running =
            Self { graph: None, device, lane, label, opened, mode, timer, watch, iterations: 1, time: None };
        running.once()?;
        Ok(running)
    }

    /// One iteration, to its end.
    fn once(&mut self) -> Result<(), GpuError> {
        self.opened.body.enqueue(&self.device)?;
        lane::finish(&self.device, "the first iteration")?;
        self.opened.body.settle(&self.device)
    }

    /// `iterations` of the body as one graph.
    fn capture(&mut self, iterations: u64) -> Result<(), GpuError> {
        if self.graph.as_ref().is_some_and(|(captured, _)| *captured == iterations) {
            return Ok(());
        }
        let problem = GpuError::driver("capturing a graph");
        let stream = &self.device.stream;
        stream.begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL).map_err(&problem)?;
        let enqueued = (0..iterations).try_for_each(|_| self.opened.body.enqueue(&self.device));
        // A capture that failed is ended too, or the stream could do nothing else.
        let graph = stream.end_capture(CUgraphInstantiate_flags(0));
        enqueued?;
        let graph = graph.map_err(&problem)?;
        let graph = graph.ok_or_else(|| GpuError::Library("nothing was captured for a graph".into()))?;
        graph.upload().map_err(&problem)?;
        self.graph = Some((iterations, graph));
        lane::finish(&self.device, "a graph's upload")
    }

    fn measure(&mut self, iterations: u64) -> Result<Option<f64>, GpuError> {
        let Self { device, lane, opened: Opened { body, .. }, .. } = self;
        if body.is_of_host() {
            (0..iterations).try_for_each(|_| body.enqueue(device))?;
            return Ok(None);
        }
        let (launches, gated) = (body.launches(), !body.waits());
        if let Some((captured, graph)) = &self.graph {
            let launch = || graph.launch().map_err(GpuError::driver("launching a graph"));
            // A longer one may not fit into the queue before the gate opens, and takes far longer than its launch.
            let fits = captured.saturating_mul(launches) <= AHEAD;
            return lane.time(1, 1, fits, launch).map(Some);
        }
        lane.time(iterations, launches, gated, || body.enqueue(device)).map(Some)
    }

    /// What is prepared before a sample of `iterations`.
    fn make_ready(&mut self, iterations: u64) -> Result<(), GpuError> {
        self.watch.look();
        self.iterations = iterations;
        match self.mode {
            Mode::Graph => self.capture(iterations),
            _ => self.lane.prepare(),
        }
    }
}

/// Ends a run that failed. Where the device is lost to this process, the process ends too: its launcher records
/// why, and goes on with the benchmarks that are left in another one.
fn fail(error: &GpuError) -> ! {
    if error.is_lost() {
        end(error);
    }
    resume_unwind(Box::new(RunFailed(error.to_string())))
}

/// Ends the process at once with what `error` says: libraries' handlers and destructors would wait for the device.
pub(super) fn end(error: &GpuError) -> ! {
    #[expect(clippy::print_stderr, reason = "the launcher reads what a process said last")]
    {
        eprintln!("{error}");
    }
    #[expect(unsafe_code, reason = "exit without handlers")]
    // SAFETY: nothing of this process runs afterwards.
    unsafe {
        libc::_exit(exit::INTERNAL.into())
    }
}

/// What was set up, or why not; where the device is lost meanwhile, the process ends.
pub(super) fn survived<T>(outcome: Result<T, GpuError>) -> Result<T, GpuError> {
    outcome.inspect_err(|error| {
        if error.is_lost() {
            end(error);
        }
    })
}

impl Workload for Running {
    fn run(&mut self, iterations: u64) {
        match self.measure(iterations) {
            Ok(time) => self.time = time,
            Err(error) => fail(&error),
        }
    }

    fn prepare(&mut self, iterations: u64) {
        self.make_ready(iterations).unwrap_or_else(|error| fail(&error));
    }

    fn settle(&mut self) {
        self.opened.body.settle(&self.device).unwrap_or_else(|error| fail(&error));
    }

    /// What was made cold or is measured alone is so once.
    fn fixed_iterations(&self) -> Option<u64> {
        let once = matches!(self.mode, Mode::Hot | Mode::Cold).then_some(1);
        once.or_else(|| self.opened.body.fixed_iterations())
    }

    fn check(&mut self) -> Result<Check, WrongResult> {
        let error = self.once().and_then(|()| self.opened.body.error(&self.device));
        let error = error.unwrap_or_else(|error| fail(&error));
        WrongResult::judge(&self.label, self.opened.reference, error, self.opened.tolerance)
    }

    fn work(&self) -> Work {
        self.opened.work.clone()
    }

    fn timer(&self) -> Option<Timer> {
        (!self.opened.body.is_of_host()).then_some(self.timer)
    }

    fn device_time(&mut self) -> Option<f64> {
        let time = self.time.take();
        if let Some(time) = time {
            self.watch.ran(self.iterations, time);
        }
        time
    }

    fn warmed_up(&mut self) {
        self.watch.restart();
    }

    fn device(&self) -> Option<String> {
        Some(self.device.uuid.clone())
    }

    fn beside(&mut self) -> Beside {
        let mut beside = self.watch.end();
        if let Some((kernel, config)) = self.opened.body.kernel() {
            let levels = [
                (Metric::Registers, kernel.num_regs().ok().map(f64::from)),
                (Metric::Occupancy, occupancy(&self.device, kernel, &config)),
            ];
            let known = levels.into_iter().filter_map(|(metric, level)| Some((metric, one(level?))));
            beside.series.extend(known);
        }
        beside
    }
}

/// The share of a multiprocessor's resident threads that `kernel` can fill, launched by `config`.
fn occupancy(device: &Device, kernel: &CudaFunction, config: &LaunchConfig) -> Option<f64> {
    let (threads, shared) = (config.block_dim.0, config.shared_mem_bytes as usize);
    let blocks = kernel.occupancy_max_active_blocks_per_multiprocessor(threads, shared, None).ok()?;
    Some(f64::from(blocks * threads) / f64::from(device.resident_threads))
}

/// A level that does not change.
pub(super) fn one(level: f64) -> Samples {
    Samples {
        started_at: now(),
        offsets: vec![0],
        samples: vec![level],
        iterations: vec![1],
        host: Vec::new(),
    }
}
