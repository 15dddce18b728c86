//! The rows that a session writes.

use super::{CHUNK, SessionSpec};
use crate::{
    counters::Counted,
    environment,
    measure::{Measurement, Samples},
    suite::Suite,
};
use benchlake_schemas::{
    Benchmark, Check, Event, Flag, Metric, Micros, Phase, Series, Session, Status, StopReason, Timer, Work,
    now,
};
use std::collections::BTreeMap;

/// The start of the session `spec`, at `started_at`.
pub(super) fn session(spec: &SessionSpec, suite: &Suite, started_at: Micros) -> Session {
    let mut environment = environment::probe();
    environment.extend(spec.facts.clone());
    let vcs = spec.version_control.as_ref();
    Session {
        run_id: spec.run_id,
        session_id: spec.session_id,
        event: Event::Start,
        started_at,
        ended_at: None,
        node: environment.get("node").cloned().unwrap_or_else(|| "unknown".into()),
        rank: spec.rank,
        world_size: spec.world_size,
        devices: devices(&environment),
        commit: vcs.map(|vcs| vcs.commit.clone()),
        branch: vcs.and_then(|vcs| vcs.branch.clone()),
        dirty: vcs.map(|vcs| vcs.dirty),
        arm: spec.arm.clone(),
        position: spec.position,
        seed: spec.seed,
        suite: suite.name.clone(),
        suite_hash: suite.hash(),
        environment,
        tags: spec.tags.clone(),
        status: Status::Running,
        message: None,
    }
}

/// The devices that the process saw, as its environment says.
pub(super) fn devices(environment: &BTreeMap<String, String>) -> Vec<String> {
    let devices = environment.get("gpu.devices").map_or("", String::as_str);
    devices.split_whitespace().map(str::to_owned).collect()
}

/// The end that belongs to `start`.
pub(super) fn ended(start: Session, status: Status, message: Option<String>) -> Session {
    Session { event: Event::End, ended_at: Some(now()), status, message, ..start }
}

/// What the series of one benchmark have in common.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) work: Work,
    pub(super) check: Check,
    pub(super) flags: Vec<Flag>,
    pub(super) timer: Timer,
    pub(super) device: Option<String>,
}

/// A series of `metric` of `benchmark`.
pub(super) fn of_metric(
    spec: &SessionSpec,
    benchmark: &Benchmark,
    facts: &Facts,
    metric: Metric,
    (phase, stop): (Phase, StopReason),
    samples: Samples,
) -> Series {
    Series {
        run_id: spec.run_id,
        session_id: spec.session_id,
        rank: spec.rank,
        benchmark_id: benchmark.id(),
        benchmark: benchmark.name.clone(),
        parameters: benchmark.parameters.clone(),
        metric: metric.to_string(),
        unit: metric.unit(),
        better: metric.better(),
        phase,
        chunk: 0,
        started_at: samples.started_at,
        offsets: samples.offsets,
        samples: samples.samples,
        iterations: samples.iterations,
        work: facts.work.clone(),
        device: facts.device.clone(),
        flags: facts.flags.clone(),
        stop_reason: Some(stop),
        timer: facts.timer,
        check: facts.check.clone(),
        error: None,
        chunks: Some(1),
    }
}

/// The times of one measurement: warm-up and measure, and the host's where a device timed itself, in chunks
/// that fit a message.
pub(super) fn times(
    spec: &SessionSpec,
    benchmark: &Benchmark,
    work: Work,
    check: &Check,
    device: Option<String>,
    measurement: Measurement,
) -> Vec<Series> {
    let Measurement { warmup, mut measure, warmup_stop, stop, mut flags, timer } = measurement;
    let host = std::mem::take(&mut measure.host);
    let host = (!host.is_empty()).then(|| Samples { samples: host, ..measure.clone() });
    if spec.noisy && !flags.contains(&Flag::Noisy) {
        flags.push(Flag::Noisy);
    }
    let facts = Facts { work, check: check.clone(), flags, timer, device };
    let row = |metric, kind, samples| of_metric(spec, benchmark, &facts, metric, kind, samples);
    [
        row(Metric::Time, (Phase::Warmup, warmup_stop), warmup),
        row(Metric::Time, (Phase::Measure, stop), measure),
    ]
    .into_iter()
    .chain(host.map(|host| row(Metric::HostTime, (Phase::Measure, stop), host)))
    .filter(|series| !series.samples.is_empty())
    .flat_map(|series| series.chunked(CHUNK))
    .collect()
}

/// What was counted of a benchmark that has its times, as series beside them.
pub(super) fn counted(
    spec: &SessionSpec,
    benchmark: &Benchmark,
    work: &Work,
    check: &Check,
    device: Option<String>,
    counted: Counted,
) -> Series {
    let Counted { metric, samples, stop, mut flags, error } = counted;
    if spec.noisy {
        flags.push(Flag::Noisy);
    }
    // No clock has a part in a count.
    let (work, check) = (work.clone(), check.clone());
    let facts = Facts { work, check, flags, timer: Timer::default(), device };
    let series = of_metric(spec, benchmark, &facts, metric, (Phase::Measure, stop), samples);
    Series { error, ..series }
}

/// A series without samples that says why there are none.
pub(super) fn without_samples(
    spec: &SessionSpec,
    benchmark: &Benchmark,
    metric: Metric,
    reason: StopReason,
    error: &str,
) -> Series {
    let facts = Facts::default();
    let nothing = Samples { started_at: now(), ..Samples::default() };
    let series = of_metric(spec, benchmark, &facts, metric, (Phase::Measure, reason), nothing);
    Series { error: Some(error.to_owned()), ..series }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session has the devices that its environment names, in their order; none where it names none.
    #[test]
    fn devices_are_those_of_the_environment() {
        let mut environment = BTreeMap::new();
        assert_eq!(devices(&environment), [""; 0]);
        environment.insert("gpu.devices".to_owned(), "GPU-b GPU-a".to_owned());
        assert_eq!(devices(&environment), ["GPU-b", "GPU-a"]);
    }
}
