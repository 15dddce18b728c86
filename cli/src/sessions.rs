//! Launches the sessions of a run, one fresh process after the other, and follows what they report.

use crate::{args::Global, failure::Failure, output};
use benchlake_producers::session::{
    SessionEvent, SessionSpec,
    supervise::{Told, supervise},
};
use benchlake_schemas::{Benchmark, BenchmarkId, SessionId, Status};
use indicatif::ProgressBar;
use std::{
    collections::BTreeMap,
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
    /// The times of each benchmark, of each arm, session by session.
    pub(crate) times: BTreeMap<Benchmark, BTreeMap<String, Vec<Vec<f64>>>>,
}

/// Runs one session to its end and counts what became of it.
///
/// # Errors
/// [`Failure`] if no process can be started at all.
pub(crate) fn launch(
    program: &Path,
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
            tally.iterations.entry(benchmark.id()).or_insert(iterations);
            let arms = tally.times.entry(benchmark).or_default();
            arms.entry(arm.clone()).or_default().push(times);
            bar.inc(1);
        }
        Told::Event(SessionEvent::Failed { benchmark, error, .. }) => {
            tally.not_measured += 1;
            bar.inc(1);
            bar.suspend(|| output::remark(global, &format!("failed: {of}: {benchmark}: {error}")));
        }
        Told::Event(SessionEvent::Started { .. } | SessionEvent::Ended { .. }) => {}
        Told::Said(text) => bar.suspend(|| output::remark(global, &text)),
    })?;
    match status {
        Status::Ok => tally.ok += 1,
        Status::Interrupted => {}
        Status::Failed | Status::Running if interrupted.load(Ordering::Relaxed) => {}
        Status::Failed | Status::Running => tally.failed += 1,
    }
    Ok(())
}

/// The specification of session number `position`, like `template` otherwise.
pub(crate) fn numbered(template: &SessionSpec, position: u32) -> SessionSpec {
    SessionSpec { session_id: SessionId::new(), position: position.into(), ..template.clone() }
}
