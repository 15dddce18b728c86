//! A session: one fresh process that measures one suite, in an order of its own, into a spool.
//!
//! The launcher passes a [`SessionSpec`] as JSON and reads [`SessionEvent`]s as JSON lines.

use crate::{
    cpu,
    emit::{Spool, SpoolError, SpoolOptions},
    environment::{self, Topology, VersionControl},
    measure::{Clock, Measurement, Samples, Workload, measure},
    suite::{Planned, Suite, SuiteError},
};
use benchlake_schemas::{
    Benchmark, Check, Event, Metric, Phase, ProducerId, RunId, Series, Session, SessionId, Status,
    StopReason, now,
};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

/// Longer series are split into rows of this many samples, so that a row fits a message.
pub(crate) const CHUNK: usize = 16_384;

/// What one session has to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionSpec {
    /// The suite's text, and the name that its errors give.
    pub suite: String,
    /// Where the suite came from.
    pub label: String,
    /// Benchmarks to measure: a regular expression over `name{parameters}`.
    pub filter: Option<String>,
    /// The launch that this session belongs to.
    pub run_id: RunId,
    /// Its own id.
    pub session_id: SessionId,
    /// Its place in the run: 0, 1, ….
    pub position: i64,
    /// Seed of the inputs; with the position, of the order.
    pub seed: i64,
    /// Its rank among `world_size` processes.
    pub rank: i64,
    /// How many processes measure together.
    pub world_size: i64,
    /// The side of a comparison.
    pub arm: Option<String>,
    /// What the user said of the run.
    pub tags: BTreeMap<String, String>,
    /// What is measured, where the suite lies in a repository.
    pub version_control: Option<VersionControl>,
    /// Where to spool.
    pub spool: PathBuf,
    /// Partitions of the topics, for a producer that is made here.
    pub partitions: u32,
    /// The spool's bounds.
    pub spool_options: SpoolOptions,
}

impl SessionSpec {
    /// The first session of a new run of `suite`, alone in the world, into `spool`, for topics of
    /// `partitions` partitions.
    #[must_use]
    pub fn new(suite: &Suite, label: &str, spool: PathBuf, partitions: u32) -> Self {
        Self {
            suite: suite.text().to_owned(),
            label: label.to_owned(),
            filter: None,
            run_id: RunId::new(),
            session_id: SessionId::new(),
            position: 0,
            seed: 42,
            rank: 0,
            world_size: 1,
            arm: None,
            tags: BTreeMap::new(),
            version_control: None,
            spool,
            partitions,
            spool_options: SpoolOptions::default(),
        }
    }
}

/// What a session reports while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SessionEvent {
    /// It knows what it will measure.
    Started {
        /// The producer it spools as.
        producer: ProducerId,
        /// How many benchmarks.
        benchmarks: usize,
    },
    /// It begins with a benchmark.
    Measuring {
        /// Which.
        benchmark: String,
    },
    /// A benchmark is measured and durable.
    Measured {
        /// Which.
        benchmark: String,
        /// Samples of the phase `measure`.
        samples: usize,
        /// Why sampling stopped.
        stop: StopReason,
    },
    /// A benchmark could not be measured; the session goes on.
    Failed {
        /// Which.
        benchmark: String,
        /// Why.
        error: String,
    },
    /// The session is over.
    Ended {
        /// How.
        status: Status,
    },
}

/// Why a session ended without having measured what it was told to.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The suite.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// The filter.
    #[error("--filter {filter:?} is not a regular expression: {problem}")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The filter matches nothing.
    #[error("nothing to measure: {label} has no benchmark that matches {filter:?}")]
    NothingMatched {
        /// The suite.
        label: String,
        /// What was given.
        filter: String,
    },
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// The benchmarks of `suite` that match `filter`, on this machine, in the order of the file.
///
/// # Errors
/// [`SessionError`] if the suite does not fit this machine or nothing matches.
pub fn plan(suite: &Suite, label: &str, filter: Option<&str>) -> Result<Vec<Planned>, SessionError> {
    let mut planned = suite.expand(&Topology::read())?;
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
/// [`SessionError`] if nothing could be measured or kept; a benchmark that fails is reported and
/// makes the session [`Status::Failed`].
pub fn run(
    spec: &SessionSpec,
    interrupted: &AtomicBool,
    report: &mut dyn FnMut(SessionEvent),
) -> Result<Status, SessionError> {
    let suite = Suite::parse(&spec.suite, &spec.label)?;
    let mut planned = plan(&suite, &spec.label, spec.filter.as_deref())?;
    let order = spec.seed.wrapping_mul(1_000_003).wrapping_add(spec.position);
    planned.shuffle(&mut StdRng::seed_from_u64(order.cast_unsigned()));
    let mut spool = Spool::open(&spec.spool, spec.partitions, spec.spool_options)?;
    let start = session_row(spec, &suite);
    spool.append(std::slice::from_ref(&start))?;
    report(SessionEvent::Started { producer: spool.producer(), benchmarks: planned.len() });
    let clock = Clock::calibrate();
    let mut failures = Vec::new();
    for Planned { benchmark, policy } in &planned {
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
        report(SessionEvent::Measuring { benchmark: benchmark.to_string() });
        let opened = cpu::open(benchmark, spec.seed.cast_unsigned()).map_err(|error| error.to_string());
        // A wrong result has no time: the check comes before the first sample.
        let checked = opened.and_then(|mut workload| {
            workload.check().map(|check| (workload, check)).map_err(|error| error.to_string())
        });
        match checked {
            Ok((mut workload, check)) => {
                let measurement = measure(workload.as_mut(), policy, &clock, interrupted);
                let (samples, stop) = (measurement.measure.samples.len(), measurement.stop);
                let rows = series(spec, benchmark, workload.as_ref(), &check, measurement);
                // Idle threads of a workload spin: end them before anything else runs.
                drop(workload);
                let kept = spool.append(&rows)?;
                if kept < rows.len() {
                    let error = format!("{} rows dropped: the spool is full", rows.len() - kept);
                    failures.push(format!("{benchmark}: {error}"));
                    report(SessionEvent::Failed { benchmark: benchmark.to_string(), error });
                    continue;
                }
                report(SessionEvent::Measured { benchmark: benchmark.to_string(), samples, stop });
            }
            Err(error) => {
                failures.push(format!("{benchmark}: {error}"));
                report(SessionEvent::Failed { benchmark: benchmark.to_string(), error });
            }
        }
    }
    let status = match (interrupted.load(Ordering::Relaxed), failures.is_empty()) {
        (true, _) => Status::Interrupted,
        (false, true) => Status::Ok,
        (false, false) => Status::Failed,
    };
    let message = (!failures.is_empty()).then(|| failures.join("; "));
    spool.append(&[Session { event: Event::End, ended_at: Some(now()), status, message, ..start }])?;
    report(SessionEvent::Ended { status });
    Ok(status)
}

fn session_row(spec: &SessionSpec, suite: &Suite) -> Session {
    let environment = environment::probe();
    let vcs = spec.version_control.as_ref();
    Session {
        run_id: spec.run_id,
        session_id: spec.session_id,
        event: Event::Start,
        started_at: now(),
        ended_at: None,
        node: environment.get("node").cloned().unwrap_or_else(|| "unknown".into()),
        rank: spec.rank,
        world_size: spec.world_size,
        devices: Vec::new(),
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

/// The rows of one measurement: warm-up and measure, in chunks that fit a message.
fn series(
    spec: &SessionSpec,
    benchmark: &Benchmark,
    workload: &dyn Workload,
    check: &Check,
    measurement: Measurement,
) -> Vec<Series> {
    let Measurement { warmup, measure, warmup_stop, stop, flags, timer } = measurement;
    let row = |phase: Phase, stop: StopReason, samples: Samples| Series {
        run_id: spec.run_id,
        session_id: spec.session_id,
        rank: spec.rank,
        benchmark_id: benchmark.id(),
        benchmark: benchmark.name.clone(),
        parameters: benchmark.parameters.clone(),
        metric: Metric::Time.to_string(),
        unit: Metric::Time.unit(),
        better: Metric::Time.better(),
        phase,
        chunk: 0,
        started_at: samples.started_at,
        offsets: samples.offsets,
        samples: samples.samples,
        iterations: samples.iterations,
        work: workload.work(),
        device: None,
        flags: flags.clone(),
        stop_reason: Some(stop),
        timer,
        check: check.clone(),
    };
    [row(Phase::Warmup, warmup_stop, warmup), row(Phase::Measure, stop, measure)]
        .into_iter()
        .filter(|series| !series.samples.is_empty())
        .flat_map(|series| series.chunked(CHUNK))
        .collect()
}
