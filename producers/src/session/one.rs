//! One benchmark of a session, from its setup to its last row.

use super::{Refused, SessionSpec, Workloads, rows};
use crate::{
    counters::{Counted, Counters},
    emit::{Spool, SpoolError},
    machine::Watch,
    measure::{Beside, Clock, Measurement, Policy, RunFailed, Samples, Workload},
    ranks::{Group, RankError, step::sample},
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
    /// The ranks cannot go on together.
    Ranks(RankError),
}

impl From<RankError> for Failure {
    fn from(error: RankError) -> Self {
        Self::Ranks(error)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Skipped(why) => Self::new(StopReason::Skipped, why),
            Refused::Failed(why) => Self::new(StopReason::Failed, why),
        }
    }
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
    /// The ranks that measure this benchmark.
    pub(super) group: &'a Group,
}

impl Context<'_> {
    /// Sets `benchmark` up, checks it, measures it, makes that durable and tells it as `done`; then counts
    /// it, where it is measured by one rank. What panics on the way fails alone, and what goes wrong while
    /// counting takes no time away. Of several ranks all fail where one does, for its reason.
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
        let open = AssertUnwindSafe(|| self.open(benchmark));
        let opened = catch_unwind(open).unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
        let mut workload = self.agree(opened)?;
        // Idle threads of a workload spin: it ends in here, before anything else runs.
        let work = AssertUnwindSafe(move || {
            self.agree(workload.join(self.group).map_err(Failure::from))?;
            // A wrong result has no time: the check comes before the first sample.
            let check = workload.check().map_err(|error| Failure::new(StopReason::WrongResult, error));
            let check = self.agree(check)?;
            let (measurement, beside) = self.sample(workload.as_mut(), &policy)?;
            let times = self.slowest(&measurement.measure)?;
            let kept = self.keep_times(benchmark, workload.as_ref(), &check, (&measurement, beside), spool);
            self.agree(kept)?;
            done(measured(&measurement, times));
            if let (Some(counters), 1) = (counters, self.group.size()) {
                // Half of the time that is left, so that counting never runs into the time-out.
                let time = policy.max_time.min(policy.limit().saturating_sub(begun.elapsed()) / 2);
                self.count(benchmark, workload.as_mut(), &check, &measurement, (counters, time), spool)?;
            }
            Ok(())
        });
        catch_unwind(work).unwrap_or_else(|panic| Err(self.broken(panic)))
    }

    /// The workload, not yet connected with those of other ranks.
    fn open(&self, benchmark: &Benchmark) -> Result<Box<dyn Workload>, Failure> {
        let (needed, there) = (self.workloads.ranks(benchmark), self.group.size());
        if needed > there {
            let why = format!(
                "it needs {needed} ranks, and this session has {}: name as many devices (--devices), or --ranks {needed}",
                self.spec.ranks()
            );
            return Err(Refused::Skipped(why).into());
        }
        Ok(self.workloads.open(benchmark, self.spec.seed.cast_unsigned())?)
    }

    /// `mine`, where it did well at every rank; else why it did not, at each of them.
    fn agree<T>(&self, mine: Result<T, Failure>) -> Result<T, Failure> {
        if self.group.size() == 1 {
            return mine;
        }
        let refused = match &mine {
            Ok(_) => None,
            Err(Failure::Benchmark { reason, error }) => Some((*reason, error.clone())),
            // What keeps this rank from going on ends the session of all.
            Err(Failure::Spool(error)) => return Err(Failure::Ranks(RankError::Here(error.to_string()))),
            Err(Failure::Ranks(error)) => return Err(Failure::Ranks(error.clone())),
        };
        let all = self.group.gather(&refused)?;
        let first = self.group.broadcast(|| {
            let refused = all.into_iter().enumerate().filter_map(|(rank, refused)| Some((rank, refused?)));
            refused.min_by_key(|(rank, _)| *rank)
        })?;
        match (first, mine) {
            (None, mine) => mine,
            (Some((0, (reason, error))), _) => Err(Failure::Benchmark { reason, error }),
            (Some((rank, (reason, error))), _) => Err(Failure::new(reason, format!("rank {rank}: {error}"))),
        }
    }

    /// The failure that a panic is. Where several ranks measure, the others are in the middle of something that
    /// needs this one.
    fn broken(&self, panic: Box<dyn Any + Send>) -> Failure {
        let failure = match panic.downcast::<RankError>() {
            Ok(error) => return Failure::Ranks(*error),
            Err(panic) => panicked(panic.as_ref()),
        };
        match failure {
            Failure::Benchmark { error, .. } if self.group.size() > 1 => {
                Failure::Ranks(RankError::Here(error))
            }
            failure => failure,
        }
    }

    /// The timed samples, and whether the machine was disturbed meanwhile.
    fn sample(
        &self,
        workload: &mut dyn Workload,
        policy: &Policy,
    ) -> Result<(Measurement, Beside), RankError> {
        let watch = Watch::start();
        let mut measurement = sample(workload, policy, self.clock, self.interrupted, self.group)?;
        let beside = workload.beside();
        measurement.flags.extend(watch.end().flags().into_iter().chain(beside.flags.iter().copied()));
        measurement.flags.sort_unstable();
        measurement.flags.dedup();
        Ok((measurement, beside))
    }

    /// At rank 0, the time of each iteration: the slowest rank's, sample by sample.
    #[expect(clippy::cast_precision_loss, reason = "iterations are far below 2^53")]
    fn slowest(&self, samples: &Samples) -> Result<Vec<f64>, RankError> {
        let times = samples.samples.iter().zip(&samples.iterations).map(|(time, k)| time / *k as f64);
        let times: Vec<f64> = times.collect();
        if self.group.size() == 1 {
            return Ok(times);
        }
        let ranks = self.group.gather(&times)?.into_iter();
        Ok(ranks.reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| a.max(b)).collect()).unwrap_or_default())
    }

    /// Makes the times durable, and what was read beside them.
    fn keep_times(
        &self,
        benchmark: &Benchmark,
        workload: &dyn Workload,
        check: &Check,
        (measurement, beside): (&Measurement, Beside),
        spool: &mut Spool,
    ) -> Result<(), Failure> {
        let (work, device, stop) = (workload.work(), workload.device(), measurement.stop);
        let mut rows =
            rows::times(self.spec, benchmark, work.clone(), check, device.clone(), measurement.clone());
        let there = beside.series.into_iter().filter(|(_, samples)| !samples.samples.is_empty());
        rows.extend(there.map(|(metric, samples)| {
            let counted = Counted { metric, samples, stop, flags: beside.flags.clone(), error: None };
            rows::counted(self.spec, benchmark, &work, check, device.clone(), counted)
        }));
        keep(spool, &rows)
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

fn measured(measurement: &Measurement, times: Vec<f64>) -> Measured {
    let samples = &measurement.measure;
    let iterations = samples.iterations.first().copied().unwrap_or(1);
    Measured {
        samples: samples.samples.len(),
        stop: measurement.stop,
        iterations: u64::try_from(iterations).unwrap_or(1),
        times: order_statistics(times),
    }
}

/// At most [`TOLD`] of `times`, evenly spaced in order of size.
fn order_statistics(mut times: Vec<f64>) -> Vec<f64> {
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
