//! The session itself: what its process does from the first benchmark to the last.

use super::{SessionError, SessionEvent, SessionSpec, Workloads, rows};
use crate::{
    emit::Spool,
    measure::{Clock, Measurement, Policy, WrongResult, measure},
    suite::{Planned, Suite},
};
use benchlake_schemas::{Benchmark, Check, Metric, Series, Status, StopReason, Work, now};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use regex::Regex;
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
};

/// How many times a launcher is told at most.
const TOLD: usize = 256;

/// The benchmarks of `suite` that match `filter`, on this machine, in the order of the file.
///
/// # Errors
/// [`SessionError`] if the suite does not fit this machine or nothing matches.
pub fn plan(
    workloads: &dyn Workloads,
    suite: &Suite,
    label: &str,
    filter: Option<&str>,
) -> Result<Vec<Planned>, SessionError> {
    let mut planned = workloads.plan(suite)?;
    if let Some(filter) = filter {
        let wanted = Regex::new(filter).map_err(|error| SessionError::Filter {
            filter: filter.to_owned(),
            problem: error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
        })?;
        planned.retain(|planned| wanted.is_match(&planned.benchmark.to_string()));
    }
    if planned.is_empty() {
        let (label, filter) = (label.to_owned(), filter.unwrap_or_default().to_owned());
        return Err(SessionError::NothingMatched { label, filter });
    }
    Ok(planned)
}

/// Measures what `spec` says and makes it durable, benchmark by benchmark. `interrupted` ends it
/// early; what was measured is kept.
///
/// # Errors
/// [`SessionError`] if nothing could be measured or kept; a benchmark that fails is recorded,
/// reported and makes the session [`Status::Failed`].
pub fn run(
    spec: &SessionSpec,
    workloads: &dyn Workloads,
    interrupted: &AtomicBool,
    report: &mut dyn FnMut(SessionEvent),
) -> Result<Status, SessionError> {
    let suite = Suite::parse(&spec.suite, &spec.label)?;
    let mut planned = plan(workloads, &suite, &spec.label, spec.filter.as_deref())?;
    let order = spec.seed.wrapping_mul(1_000_003).wrapping_add(spec.position);
    planned.shuffle(&mut StdRng::seed_from_u64(order.cast_unsigned()));
    planned.retain(|planned| !spec.done.contains(&planned.benchmark.id()));
    let mut spool = Spool::open(&spec.spool, spec.partitions, spec.spool_options)?;
    let started_at = now();
    let start = rows::session(spec, &suite, started_at);
    spool.append(std::slice::from_ref(&start))?;
    report(SessionEvent::Started { producer: spool.producer(), started_at, benchmarks: planned.len() });
    let clock = Clock::calibrate();
    let mut failures = Vec::new();
    for Planned { benchmark, policy } in planned {
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
        let limit = policy.limit().as_secs_f64();
        report(SessionEvent::Measuring { benchmark: benchmark.clone(), limit });
        let measured = one(spec, workloads, &benchmark, policy, &clock, interrupted);
        let kept = match measured {
            Ok(measured) => {
                let kept = spool.append(&measured.rows)?;
                let lost = measured.rows.len() - kept;
                if lost == 0 { Ok(measured) } else { Err(Failure::new(StopReason::Failed, full(lost))) }
            }
            Err(failure) => {
                let Failure { reason, error } = &failure;
                spool.append(&[rows::without_samples(spec, &benchmark, Metric::Time, *reason, error)])?;
                Err(failure)
            }
        };
        report(match kept {
            Ok(Measured { samples, stop, iterations, times, .. }) => {
                SessionEvent::Measured { benchmark, samples, stop, iterations, times }
            }
            Err(Failure { reason, error }) => {
                failures.push(format!("{benchmark}: {error}"));
                SessionEvent::Failed { benchmark, reason, error }
            }
        });
    }
    let status = match (interrupted.load(Ordering::Relaxed), failures.is_empty()) {
        (true, _) => Status::Interrupted,
        (false, true) => Status::Ok,
        (false, false) => Status::Failed,
    };
    let message = (!failures.is_empty()).then(|| failures.join("; "));
    spool.append(&[rows::ended(start, status, message)])?;
    report(SessionEvent::Ended { status });
    Ok(status)
}

fn full(lost: usize) -> String {
    format!("{lost} rows dropped: the spool is full")
}

/// Why a benchmark has no samples.
struct Failure {
    reason: StopReason,
    error: String,
}

impl Failure {
    fn new(reason: StopReason, error: impl ToString) -> Self {
        Self { reason, error: error.to_string() }
    }
}

/// What one benchmark came to.
struct Measured {
    rows: Vec<Series>,
    samples: usize,
    stop: StopReason,
    iterations: u64,
    times: Vec<f64>,
}

/// Sets one benchmark up, checks it, measures it. What panics on the way fails alone.
fn one(
    spec: &SessionSpec,
    workloads: &dyn Workloads,
    benchmark: &Benchmark,
    policy: Policy,
    clock: &Clock,
    interrupted: &AtomicBool,
) -> Result<Measured, Failure> {
    let iterations = spec.iterations.get(&benchmark.id()).copied().or(policy.iterations);
    let policy = Policy { iterations, ..policy };
    let work = AssertUnwindSafe(|| {
        let mut workload = workloads
            .open(benchmark, spec.seed.cast_unsigned())
            .map_err(|error| Failure::new(StopReason::Failed, error))?;
        // A wrong result has no time: the check comes before the first sample.
        let check =
            workload.check().map_err(|error: WrongResult| Failure::new(StopReason::WrongResult, error))?;
        let measurement = measure(workload.as_mut(), &policy, clock, interrupted);
        // Idle threads of a workload spin: it ends here, before anything else runs.
        Ok((workload.work(), check, measurement))
    });
    let (work, check, measurement) = match catch_unwind(work) {
        Ok(done) => done?,
        Err(panic) => return Err(Failure::new(StopReason::Panicked, panicked(panic.as_ref()))),
    };
    Ok(measured(spec, benchmark, work, &check, measurement))
}

fn measured(
    spec: &SessionSpec,
    benchmark: &Benchmark,
    work: Work,
    check: &Check,
    measurement: Measurement,
) -> Measured {
    let (samples, stop) = (measurement.measure.samples.len(), measurement.stop);
    let iterations = measurement.measure.iterations.first().copied().unwrap_or(1);
    let times = order_statistics(&measurement);
    let rows = rows::times(spec, benchmark, work, check, measurement);
    Measured { rows, samples, stop, iterations: u64::try_from(iterations).unwrap_or(1), times }
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

/// What a panic said.
fn panicked(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", said.unwrap_or_else(|| "without a text".into()))
}
