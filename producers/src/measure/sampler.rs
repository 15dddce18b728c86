//! The sampling loop itself.

use super::{
    Clock, Policy, StoppingRule, WarmupRule, Workload,
    calibration::{is_coarse, next_iterations, shortest_sample_ns},
    policy::nanoseconds,
};
use benchlake_schemas::{Flag, Micros, StopReason, Timer, now};
use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
};

/// The samples of one phase, as the columns of a series: all lists are of equal length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// When the phase started, in microseconds UTC.
    pub started_at: Micros,
    /// Start of each sample in nanoseconds of the monotonic clock since the phase started.
    pub offsets: Vec<i64>,
    /// Each sample in seconds: the total over its iterations, undivided.
    pub samples: Vec<f64>,
    /// How many iterations each sample holds.
    pub iterations: Vec<i64>,
    /// The host's time of each sample in seconds, where a device timed itself; else empty.
    pub host: Vec<f64>,
}

impl Samples {
    /// Room for `capacity` samples, written once so that no page fault happens while sampling.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let mut buffers = Self {
            started_at: 0,
            offsets: vec![-1; capacity],
            samples: vec![-1.0; capacity],
            iterations: vec![-1; capacity],
            host: Vec::new(),
        };
        buffers.offsets.clear();
        buffers.samples.clear();
        buffers.iterations.clear();
        buffers
    }

    /// The same room for the host's times, where a device times itself.
    pub(super) fn with_host(&mut self) {
        self.host = vec![-1.0; self.samples.capacity()];
        self.host.clear();
    }

    fn is_full(&self) -> bool {
        self.samples.len() == self.samples.capacity()
    }
}

/// What was measured of one benchmark in one session.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Calibration and warm-up: kept, never mixed with what follows.
    pub warmup: Samples,
    /// The samples that statistics are computed from; all of equal iterations.
    pub measure: Samples,
    /// Why warm-up ended.
    pub warmup_stop: StopReason,
    /// Why sampling ended.
    pub stop: StopReason,
    /// Remarks on `measure`.
    pub flags: Vec<Flag>,
    /// The clock.
    pub timer: Timer,
}

/// A policy with all the memory it needs, allocated before anything is timed.
#[derive(Debug)]
pub struct Sampler<'a> {
    policy: &'a Policy,
    clock: &'a Clock,
    warmup: Samples,
    measure: Samples,
    flags: Vec<Flag>,
}

/// Calibrates, warms up and samples `workload`: [`Sampler::new`] and [`Sampler::measure`] at once.
#[must_use]
pub fn measure(
    workload: &mut dyn Workload,
    policy: &Policy,
    clock: &Clock,
    interrupted: &AtomicBool,
) -> Measurement {
    Sampler::new(policy, clock).measure(workload, interrupted)
}

impl<'a> Sampler<'a> {
    /// Allocates and touches the buffers.
    #[must_use]
    pub fn new(policy: &'a Policy, clock: &'a Clock) -> Self {
        Self {
            policy,
            clock,
            warmup: Samples::with_capacity(policy.max_samples.max(1_024)),
            measure: Samples::with_capacity(policy.max_samples.max(1)),
            flags: Vec::with_capacity(Flag::ALL.len()),
        }
    }

    /// Calibrates k and freezes it, warms up, samples until the policy is satisfied.
    ///
    /// `interrupted` ends it before the next sample; what was measured until then is kept.
    #[must_use]
    pub fn measure(mut self, workload: &mut dyn Workload, interrupted: &AtomicBool) -> Measurement {
        let timer = workload.timer();
        if timer.is_some() {
            self.warmup.with_host();
            self.measure.with_host();
        }
        let timer = timer.unwrap_or_else(|| self.clock.timer());
        let resolution_ns = resolution_ns(&timer, self.clock);
        let (iterations, warmup_stop) = self.warm_up(workload, resolution_ns, interrupted);
        workload.warmed_up();
        let stop = self.sample(workload, iterations, interrupted);
        remark(&mut self.flags, self.policy, &self.measure, warmup_stop, stop, resolution_ns);
        Measurement {
            warmup: self.warmup,
            measure: self.measure,
            warmup_stop,
            stop,
            flags: self.flags,
            timer,
        }
    }

    /// Calibration, then warm-up proper; both are recorded. Returns the frozen k.
    fn warm_up(
        &mut self,
        workload: &mut dyn Workload,
        resolution_ns: u64,
        interrupted: &AtomicBool,
    ) -> (u64, StopReason) {
        let begin = self.clock.now();
        self.warmup.started_at = now();
        let mut rule = WarmupRule::new(self.policy);
        let given = workload.fixed_iterations().or(self.policy.iterations);
        let mut iterations = given.unwrap_or(1);
        // Disturbances and cold caches make samples long, never short: one that is too short shows at any
        // time of the warm-up that k is too small, however many long ones came before.
        let shortest = |time_ns| match given {
            Some(_) => 0,
            None => shortest_sample_ns(time_ns, resolution_ns),
        };
        let sample_time = nanoseconds(self.policy.sample_time);
        // What one k was chosen for may come out somewhat shorter; a first k must be long enough.
        let (target, least) = (shortest(sample_time), shortest(sample_time / 4 * 3));
        let (mut first_of_k, mut settled) = (0, false);
        loop {
            if interrupted.load(Ordering::Relaxed) {
                return (iterations, StopReason::Interrupted);
            }
            let sample = timed(workload, iterations, self.clock, begin, &mut self.warmup);
            rule.add(&self.warmup.samples[first_of_k..], sample.end_ns);
            let long = sample.elapsed_ns >= if settled { least } else { target };
            if !long
                && let Some(more) = next_iterations(iterations, sample.elapsed_ns, target)
                && !rule.out_of_time()
                && !self.warmup.is_full()
            {
                iterations = more;
                first_of_k = self.warmup.samples.len();
                settled = false;
                rule.restart();
                continue;
            }
            settled |= long;
            if let Some(reason) = rule.done() {
                return (iterations, reason);
            }
            if self.warmup.is_full() {
                return (iterations, StopReason::MaxSamples);
            }
        }
    }

    /// The samples that count, each of `iterations`.
    fn sample(
        &mut self,
        workload: &mut dyn Workload,
        iterations: u64,
        interrupted: &AtomicBool,
    ) -> StopReason {
        let begin = self.clock.now();
        self.measure.started_at = now();
        let mut rule = StoppingRule::new(self.policy);
        loop {
            if interrupted.load(Ordering::Relaxed) {
                return StopReason::Interrupted;
            }
            let sample = timed(workload, iterations, self.clock, begin, &mut self.measure);
            rule.add(sample.seconds, sample.end_ns);
            if let Some(reason) = rule.done() {
                return reason;
            }
        }
    }
}

/// Says what there is to doubt of the samples `measure`; after all sampling.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive times below 584 years")]
pub(super) fn remark(
    flags: &mut Vec<Flag>,
    policy: &Policy,
    measure: &Samples,
    warmup_stop: StopReason,
    stop: StopReason,
    resolution_ns: u64,
) {
    if matches!(warmup_stop, StopReason::MaxTime | StopReason::MaxSamples) {
        flags.push(Flag::Unsteady);
    }
    let coarse = |seconds: &f64| is_coarse((seconds * 1e9).round() as u64, resolution_ns);
    if measure.samples.iter().any(coarse) {
        flags.push(Flag::CoarseTimer);
    }
    if stop != StopReason::Enough && measure.samples.len() < policy.min_samples {
        flags.push(Flag::TooFewSamples);
    }
}

/// The step of the clock that times the samples.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive times below 584 years")]
pub(super) fn resolution_ns(timer: &Timer, clock: &Clock) -> u64 {
    timer.timer_resolution.map_or(clock.resolution_ns(), |seconds| ((seconds * 1e9).ceil() as u64).max(1))
}

/// Places of the stack that the samples of a series lie at, in turn; see [`at_depth`].
const DEPTHS: usize = 31;

/// Times `run` from `depth` calls further down the stack. How a buffer on the stack lies to one on the
/// heap, modulo the page, is one draw a process, and may change a body's time by tens of percent. Samples
/// at many places see many draws, so that two sessions differ by less (Curtsinger and Berger,
/// *Stabilizer*, ASPLOS 2013).
#[inline(never)]
fn at_depth(depth: usize, workload: &mut dyn Workload, iterations: u64, clock: &Clock) -> (u64, u64) {
    if depth == 0 {
        let start = clock.now();
        workload.run(iterations);
        return (start, clock.now());
    }
    // With what a call saves anyway, no multiple of a cache line or of a large power of two.
    let mut place = [0_u8; 80];
    black_box(&mut place);
    let times = at_depth(depth - 1, workload, iterations, clock);
    black_box(&mut place);
    times
}

/// One sample as the rules need it.
pub(super) struct Timed {
    seconds: f64,
    elapsed_ns: u64,
    /// End of the sample since the phase began.
    end_ns: u64,
}

/// Times one sample and records it. The two clock readings enclose `run` and nothing else; what is
/// prepared before and put back after has no part in it.
#[inline]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sample is positive and far below 2^53 ns, which are 104 days"
)]
pub(super) fn timed(
    workload: &mut dyn Workload,
    iterations: u64,
    clock: &Clock,
    begin: u64,
    to: &mut Samples,
) -> Timed {
    workload.prepare(iterations);
    let depth = to.samples.len() % DEPTHS;
    let (start, end) = at_depth(depth, workload, iterations, clock);
    let device = workload.device_time();
    workload.settle();
    let host_ns = end.saturating_sub(start);
    let host = host_ns as f64 / 1e9;
    let (seconds, elapsed_ns) = match device {
        Some(seconds) => {
            to.host.push(host);
            (seconds, (seconds * 1e9) as u64)
        }
        None => (host, host_ns),
    };
    to.offsets.push(i64::try_from(start.saturating_sub(begin)).unwrap_or(i64::MAX));
    to.samples.push(seconds);
    to.iterations.push(i64::try_from(iterations).unwrap_or(i64::MAX));
    Timed { seconds, elapsed_ns, end_ns: end.saturating_sub(begin) }
}
