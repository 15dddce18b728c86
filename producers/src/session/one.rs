//! One benchmark of a session, from its setup to its last row.

use super::{Refused, SessionSpec, Workloads, rows};
use crate::{
    counters::{Counted, Counters},
    emit::{Spool, SpoolError},
    machine::Watch,
    measure::{Beside, Clock, Measurement, Policy, RunFailed, Workload, measure},
};
use benchlake_schemas::{Benchmark, Check, Series, StopReason};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

/// How many times a launcher is told at most.
const TOLD: usize = 256;

/// Why a benchmark is not measured.
#[derive(Debug)]
pub(super) enum Failure {
    /// It failed, alone.
    Benchmark { reason: StopReason, error: String },
    /// What was measured cannot be kept.
    Spool(SpoolError),
}

impl Failure {
    fn new(reason: StopReason, error: impl ToString) -> Self {
        Self::Benchmark { reason, error: error.to_string() }
    }
}

/// What one benchmark came to.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) samples: usize,
    pub(super) stop: StopReason,
    pub(super) iterations: u64,
    pub(super) times: Vec<f64>,
}

/// What the benchmarks of a session have in common.
pub(super) struct Context<'a> {
    pub(super) spec: &'a SessionSpec,
    pub(super) workloads: &'a dyn Workloads,
    pub(super) clock: &'a Clock,
    pub(super) interrupted: &'a AtomicBool,
}

impl Context<'_> {
    /// Sets `benchmark` up, checks it, measures it, makes that durable and tells it as `done`; then counts
    /// it. What panics on the way fails alone, and what goes wrong while counting takes no time away.
    pub(super) fn measure(
        &self,
        benchmark: &Benchmark,
        policy: Policy,
        counters: Option<&mut Counters>,
        spool: &mut Spool,
        done: &mut dyn FnMut(Measured),
    ) -> Result<(), Failure> {
        let iterations = self.spec.iterations.get(&benchmark.id()).copied().or(policy.iterations);
        let policy = Policy { iterations, ..policy };
        let begun = Instant::now();
        // Idle threads of a workload spin: it ends in here, before anything else runs.
        let work = AssertUnwindSafe(|| {
            let mut workload =
                self.workloads.open(benchmark, self.spec.seed.cast_unsigned()).map_err(|refused| {
                    match refused {
                        Refused::Skipped(why) => Failure::new(StopReason::Skipped, why),
                        Refused::Failed(why) => Failure::new(StopReason::Failed, why),
                    }
                })?;
            // A wrong result has no time: the check comes before the first sample.
            let check = workload.check().map_err(|error| Failure::new(StopReason::WrongResult, error))?;
            let (measurement, beside) = self.sample(workload.as_mut(), &policy);
            let measured = measured(&measurement);
            let (work, device) = (workload.work(), workload.device());
            let stop = measurement.stop;
            let mut rows =
                rows::times(self.spec, benchmark, work.clone(), &check, device.clone(), measurement.clone());
            rows.extend(beside.series.into_iter().filter(|(_, samples)| !samples.samples.is_empty()).map(
                |(metric, samples)| {
                    let counted = Counted { metric, samples, stop, flags: beside.flags.clone(), error: None };
                    rows::counted(self.spec, benchmark, &work, &check, device.clone(), counted)
                },
            ));
            keep(spool, &rows)?;
            done(measured);
            if let Some(counters) = counters {
                // Half of the time that is left, so that counting never runs into the time-out.
                let time = policy.max_time.min(policy.limit().saturating_sub(begun.elapsed()) / 2);
                self.count(benchmark, workload.as_mut(), &check, &measurement, (counters, time), spool)?;
            }
            Ok(())
        });
        catch_unwind(work).unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
    }

    /// The timed samples, and whether the machine was disturbed meanwhile.
    fn sample(&self, workload: &mut dyn Workload, policy: &Policy) -> (Measurement, Beside) {
        let watch = Watch::start();
        let mut measurement = measure(workload, policy, self.clock, self.interrupted);
        let beside = workload.beside();
        measurement.flags.extend(watch.end().flags().into_iter().chain(beside.flags.iter().copied()));
        measurement.flags.sort_unstable();
        measurement.flags.dedup();
        (measurement, beside)
    }

    /// The passes of the counters.
    fn count(
        &self,
        benchmark: &Benchmark,
        workload: &mut dyn Workload,
        check: &Check,
        measurement: &Measurement,
        (counters, time): (&mut Counters, Duration),
        spool: &mut Spool,
    ) -> Result<(), Failure> {
        let counted = counters.pass(workload, &measurement.measure, time, self.clock, self.interrupted);
        let work = workload.work();
        let device = workload.device();
        let row = |counted| rows::counted(self.spec, benchmark, &work, check, device.clone(), counted);
        match keep(spool, &counted.into_iter().map(row).collect::<Vec<_>>()) {
            // Its times are kept and told: it is measured.
            Err(Failure::Benchmark { error, .. }) => {
                tracing::warn!(%benchmark, error, "what was counted is not kept");
                Ok(())
            }
            kept => kept,
        }
    }
}

/// Makes `rows` durable.
fn keep(spool: &mut Spool, rows: &[Series]) -> Result<(), Failure> {
    let kept = spool.append(rows).map_err(Failure::Spool)?;
    match rows.len() - kept {
        0 => Ok(()),
        lost => Err(Failure::new(StopReason::Failed, format!("{lost} rows dropped: the spool is full"))),
    }
}

fn measured(measurement: &Measurement) -> Measured {
    let samples = &measurement.measure;
    let iterations = samples.iterations.first().copied().unwrap_or(1);
    Measured {
        samples: samples.samples.len(),
        stop: measurement.stop,
        iterations: u64::try_from(iterations).unwrap_or(1),
        times: order_statistics(measurement),
    }
}

/// At most [`TOLD`] times of one iteration, evenly spaced in order of size.
#[expect(clippy::cast_precision_loss, reason = "iterations are far below 2^53")]
fn order_statistics(measurement: &Measurement) -> Vec<f64> {
    let samples = &measurement.measure;
    let mut times: Vec<f64> =
        samples.samples.iter().zip(&samples.iterations).map(|(time, k)| time / *k as f64).collect();
    times.sort_unstable_by(f64::total_cmp);
    if times.len() <= TOLD {
        return times;
    }
    (0..TOLD).map(|i| times[(2 * i + 1) * times.len() / (2 * TOLD)]).collect()
}

/// The failure that a panic is.
fn panicked(panic: &(dyn Any + Send)) -> Failure {
    if let Some(RunFailed(error)) = panic.downcast_ref() {
        return Failure::new(StopReason::Failed, error);
    }
    Failure::new(StopReason::Panicked, said(panic))
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("without a text"))
}
