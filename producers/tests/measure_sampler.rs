//! What a measurement promises, with made-up workloads.

use benchlake_producers::measure::{Clock, Measurement, Policy, Workload, WrongResult, measure};
use benchlake_schemas::{Check, Flag, StopReason, Work};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// A body that spins for a given time, depending on how often it ran, and counts.
struct Spin<F> {
    time: F,
    runs: u64,
    calls: u64,
}

impl<F: Fn(u64) -> Duration> Spin<F> {
    fn new(time: F) -> Self {
        Self { time, runs: 0, calls: 0 }
    }
}

impl<F: Fn(u64) -> Duration> Workload for Spin<F> {
    fn run(&mut self, iterations: u64) {
        self.calls += 1;
        for _ in 0..iterations {
            let start = Instant::now();
            while start.elapsed() < (self.time)(self.runs) {}
            self.runs += 1;
        }
    }
    fn check(&mut self) -> Result<Check, WrongResult> {
        Ok(Check::default())
    }
    fn work(&self) -> Work {
        Work::default()
    }
}

fn quick() -> Policy {
    Policy {
        warmup: Duration::from_millis(5),
        warmup_max: Duration::from_millis(200),
        min_time: Duration::from_millis(20),
        sample_time: Duration::from_millis(1),
        ..Policy::default()
    }
}

fn run(workload: &mut dyn Workload, policy: &Policy) -> Measurement {
    measure(workload, policy, &Clock::calibrate(), &AtomicBool::new(false))
}

/// Lists are of equal length, k is frozen, offsets rise, and every iteration that ran is recorded.
#[test]
fn everything_is_recorded() {
    let mut spin = Spin::new(|_| Duration::from_micros(50));
    let measurement = run(&mut spin, &quick());
    for samples in [&measurement.warmup, &measurement.measure] {
        assert_eq!(samples.samples.len(), samples.offsets.len());
        assert_eq!(samples.samples.len(), samples.iterations.len());
        assert!(samples.offsets.windows(2).all(|pair| pair[0] < pair[1]) && samples.offsets[0] >= 0);
        assert!(samples.started_at > 1_500_000_000_000_000);
    }
    let k = measurement.measure.iterations[0];
    assert!(k >= 10 && measurement.measure.iterations.iter().all(|&other| other == k));
    assert_eq!(measurement.warmup.iterations.last(), Some(&k));
    let recorded = measurement.warmup.iterations.iter().chain(&measurement.measure.iterations);
    assert_eq!(recorded.sum::<i64>(), i64::try_from(spin.runs).expect("a count"));
    assert_eq!(measurement.stop, StopReason::Enough);
    assert!(measurement.measure.samples.len() >= 30);
}

/// Iterations that are cold or disturbed, however many in a row, do not make k too small for ever.
#[test]
fn a_cold_start_does_not_decide_k() {
    let time = |run| if run < 4 { Duration::from_millis(5) } else { Duration::from_micros(20) };
    let measurement = run(&mut Spin::new(time), &quick());
    // k iterations of 20 µs make the sample of a millisecond that was asked for.
    let k = measurement.measure.iterations[0];
    assert!(k >= 50, "{k}");
}

/// A body slower than every limit is measured once, quickly given up, and flagged.
#[test]
fn slow_iterations_keep_to_the_limits() {
    let policy =
        Policy { warmup_max: Duration::from_millis(100), max_time: Duration::from_millis(100), ..quick() };
    let mut spin = Spin::new(|_| Duration::from_millis(300));
    let measurement = run(&mut spin, &policy);
    assert_eq!(spin.runs, 2, "one to warm up, one sample");
    assert_eq!(measurement.stop, StopReason::MaxTime);
    assert_eq!(measurement.flags, [Flag::Unsteady, Flag::TooFewSamples]);
}

/// A body that grows slower for ever is never steady, and its samples say so. It grows by 30 % a
/// run and is first looked at when it takes many milliseconds, so that no scheduler hides it.
#[test]
fn drift_is_flagged() {
    let times: Vec<_> = std::iter::successors(Some(200e-6), |time| Some(time * 1.3)).take(64).collect();
    let mut spin =
        Spin::new(|run| Duration::from_secs_f64(times[usize::try_from(run).unwrap_or(63).min(63)]));
    let policy = Policy {
        iterations: Some(1),
        warmup: Duration::from_millis(400),
        warmup_max: Duration::from_secs(2),
        max_time: Duration::from_millis(50),
        ..quick()
    };
    let measurement = run(&mut spin, &policy);
    assert_eq!(measurement.warmup_stop, StopReason::MaxTime);
    assert!(measurement.flags.contains(&Flag::Unsteady));
}

/// Frozen iterations are kept to, and samples shorter than the clock can tell are flagged.
#[test]
fn frozen_iterations_are_kept() {
    let policy = Policy { iterations: Some(3), ..quick() };
    let measurement = run(&mut Spin::new(|_| Duration::from_micros(300)), &policy);
    let all = measurement.warmup.iterations.iter().chain(&measurement.measure.iterations);
    assert!(all.clone().all(|&k| k == 3) && all.count() > 30);
    let hurried = Policy { iterations: Some(1), max_samples: 50, min_time: Duration::ZERO, ..quick() };
    let measurement = run(&mut Spin::new(|_| Duration::ZERO), &hurried);
    assert!(measurement.flags.contains(&Flag::CoarseTimer), "{:?}", measurement.flags);
}

/// An interrupt keeps what was measured.
#[test]
fn an_interrupt_keeps_what_was_measured() {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    let mut spin = Spin::new(move |run| {
        flag.fetch_or(run >= 60, Ordering::Relaxed);
        Duration::from_micros(500)
    });
    let policy = Policy {
        iterations: Some(1),
        warmup: Duration::ZERO,
        min_time: Duration::from_secs(60),
        max_time: Duration::from_secs(60),
        ..quick()
    };
    let measurement = measure(&mut spin, &policy, &Clock::calibrate(), &interrupted);
    assert_eq!(measurement.stop, StopReason::Interrupted);
    assert!(!measurement.warmup.samples.is_empty());
    let kept = measurement.warmup.samples.len() + measurement.measure.samples.len();
    assert_eq!(kept as u64, spin.calls);
    assert!((60..=61).contains(&spin.runs), "{}", spin.runs);
    let before = AtomicBool::new(true);
    let nothing = measure(&mut spin, &policy, &Clock::calibrate(), &before);
    assert!(nothing.measure.samples.is_empty() && nothing.flags == [Flag::TooFewSamples]);
}
