//! The session itself: what its process does from the first benchmark to the last.

use super::{
    SessionError, SessionEvent, SessionSpec, Workloads,
    course::Course,
    one::{Context, Failure, Measured},
    rows,
};
use crate::{
    counters::Counters,
    emit::Spool,
    measure::Clock,
    suite::{Planned, Suite},
};
use benchlake_schemas::{Metric, Status, StopReason, now};
use regex::Regex;
use std::sync::atomic::AtomicBool;

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
    let group = spec.meet()?;
    let mut course = Course::new(spec, &suite, workloads, group)?;
    let mut spool = Spool::open(&spec.spool, spec.partitions, spec.spool_options)?;
    let started_at = now();
    let mut start = rows::session(spec, &suite, started_at);
    let mut counters = spec.counters.then(Counters::open);
    start
        .environment
        .extend(counters.as_ref().map_or_else(Counters::off, |counters| counters.facts().clone()));
    spool.append(std::slice::from_ref(&start))?;
    report(SessionEvent::Started {
        producer: spool.producer(),
        started_at,
        benchmarks: course.len(),
        environment: start.environment.clone(),
    });
    let clock = Clock::calibrate();
    let mut failures = Vec::new();
    while let Some((Planned { benchmark, policy }, group)) = course.next(workloads, interrupted)? {
        let limit = policy.limit().as_secs_f64();
        report(SessionEvent::Measuring { benchmark: benchmark.clone(), limit });
        let context = Context { spec, workloads, clock: &clock, interrupted, group: &group };
        let mut measured = |measured| {
            let Measured { samples, stop, iterations, times } = measured;
            let benchmark = benchmark.clone();
            report(SessionEvent::Measured { benchmark, samples, stop, iterations, times });
        };
        match context.measure(&benchmark, policy, counters.as_mut(), &mut spool, &mut measured) {
            Ok(()) => {}
            Err(Failure::Spool(error)) => return Err(error.into()),
            Err(Failure::Ranks(error)) => return Err(error.into()),
            Err(Failure::Benchmark { reason, error }) => {
                // The ranks agree on it: one of them keeps it.
                if group.leads() {
                    let row = rows::without_samples(spec, &benchmark, Metric::Time, reason, &error);
                    spool.append(&[row])?;
                }
                // What this machine lacks is told and recorded; it is nobody's failure.
                if reason != StopReason::Skipped {
                    failures.push(format!("{benchmark}: {error}"));
                }
                report(SessionEvent::Failed { benchmark, reason, error });
            }
        }
    }
    let status = match (course.interrupted(), failures.is_empty()) {
        (true, _) => Status::Interrupted,
        (false, true) => Status::Ok,
        (false, false) => Status::Failed,
    };
    let message = (!failures.is_empty()).then(|| failures.join("; "));
    spool.append(&[rows::ended(start, status, message)])?;
    report(SessionEvent::Ended { status });
    Ok(status)
}
