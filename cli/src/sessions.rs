//! Launches the sessions of a run, one fresh process after the other, and follows what they report.

use crate::{args::Global, failure::Failure, output, rounds::Times};
use benchlake_producers::session::{
    SessionEvent, SessionSpec,
    supervise::{Told, supervise},
};
use benchlake_schemas::{BenchmarkId, Status, StopReason};
use indicatif::ProgressBar;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

/// What became of the sessions of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) ok: u32,
    pub(crate) failed: u32,
    pub(crate) measured: u32,
    /// Benchmarks that could not be measured, in all sessions.
    pub(crate) not_measured: u32,
    /// Iterations of a sample, as the first session that measured a benchmark chose them.
    pub(crate) iterations: BTreeMap<BenchmarkId, u64>,
    pub(crate) times: Times,
    /// What was said of benchmarks that could not be measured.
    told: BTreeSet<String>,
    /// Sessions that a bar waits for, and the benchmarks of one.
    sessions: u64,
    benchmarks: usize,
}

impl Tally {
    /// Before the first of about `sessions` sessions.
    pub(crate) fn new(sessions: u64) -> Self {
        Self { sessions, ..Self::default() }
    }
}

/// Runs one session to its end and counts what became of it.
///
/// # Errors
/// [`Failure`] if no process can be started at all.
pub(crate) fn launch(
    program: &Path,
    round: u32,
    spec: SessionSpec,
    interrupted: &AtomicBool,
    bar: &ProgressBar,
    tally: &mut Tally,
    global: &Global,
) -> Result<(), Failure> {
    let (position, arm) = (spec.position, spec.arm.clone().unwrap_or_default());
    let of =
        if arm.is_empty() { format!("session {position}") } else { format!("session {position} ({arm})") };
    let spec = SessionSpec { iterations: tally.iterations.clone(), ..spec };
    let status = supervise(program, spec, interrupted, &mut |told| match told {
        Told::Event(SessionEvent::Measuring { benchmark, .. }) => {
            bar.set_message(format!("{of} {benchmark}"));
        }
        Told::Event(SessionEvent::Measured { benchmark, iterations, times, .. }) => {
            tally.measured += 1;
            bar.inc(1);
            if iterations > 0 && !times.is_empty() {
                tally.iterations.entry(benchmark.id()).or_insert(iterations);
                let arms = tally.times.entry(benchmark).or_default();
                arms.entry(arm.clone()).or_default().insert(round, times);
            }
        }
        Told::Event(SessionEvent::Failed { benchmark, reason, error }) => {
            tally.not_measured += 1;
            bar.inc(1);
            let text = if reason == StopReason::Skipped {
                let of = if arm.is_empty() { String::new() } else { format!("{arm}: ") };
                format!("skipped: {of}{benchmark}: {error}")
            } else {
                format!("failed: {of}: {benchmark}: {error}")
            };
            // What is skipped in one session mostly is in all: that is said once.
            if tally.told.insert(text.clone()) {
                bar.suspend(|| output::remark(global, &text));
            }
        }
        Told::Event(SessionEvent::Started { benchmarks, .. }) => {
            tally.benchmarks = tally.benchmarks.max(benchmarks);
            let length = tally.sessions * tally.benchmarks as u64;
            bar.set_length(length.max(bar.position() + benchmarks as u64));
        }
        Told::Event(SessionEvent::Ended { .. }) => {}
        Told::Said(text) => bar.suspend(|| output::remark(global, &text)),
    })?;
    match status {
        Status::Ok => tally.ok += 1,
        // By whoever interrupted the run; a session that somebody else ended has failed.
        Status::Failed | Status::Running | Status::Interrupted if interrupted.load(Ordering::Relaxed) => {}
        Status::Failed | Status::Running | Status::Interrupted => tally.failed += 1,
    }
    Ok(())
}
