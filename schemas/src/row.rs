//! The rows of the lake's tables, as values. `table.rs` holds the columns they become.

use crate::{
    Benchmark, BenchmarkId, Better, Metric, Micros, RunId, SessionId, Table, Unit, now, unit::words,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A row that a producer writes: [`Series`] or [`Session`].
pub trait Row: Serialize {
    /// The table this row belongs to.
    const TABLE: Table;
    /// About how many bytes the row takes on the wire.
    fn wire_size(&self) -> usize;
}

words!(
    /// The part of a measurement that a series belongs to.
    Phase {
        /// Before the workload was steady; kept, never mixed with `measure`.
        Warmup = "warmup",
        /// What statistics are computed from.
        Measure = "measure",
    }
);

words!(
    /// Why sampling stopped.
    StopReason {
        /// The wished precision of the interval was reached.
        Precision = "precision",
        /// Enough samples and enough time, where no precision was asked for.
        Enough = "enough",
        /// The largest number of samples was reached first.
        MaxSamples = "max_samples",
        /// The largest time was reached first.
        MaxTime = "max_time",
        /// A person or the launcher interrupted the run; what was measured is kept.
        Interrupted = "interrupted",
        /// It cannot be measured here: hardware, a permission or a program is missing.
        Skipped = "skipped",
        /// It could not be set up, or reported an error.
        Failed = "failed",
        /// Its result differs from the reference: it has no time.
        WrongResult = "wrong_result",
        /// It panicked.
        Panicked = "panicked",
        /// It took longer than its time-out and was killed.
        TimedOut = "timed_out",
        /// Its process ended: by a signal, for want of memory, or because it called `exit`.
        Crashed = "crashed",
        /// Warm-up ended: no trend was left.
        Steady = "steady",
    }
);

words!(
    /// A remark kept beside samples; samples are never deleted for it.
    Flag {
        /// Warm-up reached its cap while a trend was still there.
        Unsteady = "unsteady",
        /// The device reduced its clocks while measuring.
        Throttled = "throttled",
        /// A sample is shorter than 1000 × the timer's resolution.
        CoarseTimer = "coarse_timer",
        /// Only some of the samples were kept when the series grew old: order statistics, evenly spaced.
        Summarised = "summarised",
        /// Fewer samples than the policy's minimum.
        TooFewSamples = "too_few_samples",
        /// The machine was disturbed when the session began, or while it measured: see its `noise.*`.
        Noisy = "noisy",
        /// Counters took turns: the counts are scaled by the time that they ran.
        Multiplexed = "multiplexed",
    }
);

words!(
    /// What happened to a session.
    Event {
        /// It started.
        Start = "start",
        /// It ended.
        End = "end",
    }
);

words!(
    /// How a session stands.
    Status {
        /// It started and has not reported its end (in a start row), or never will.
        Running = "running",
        /// Every benchmark was measured.
        Ok = "ok",
        /// At least one benchmark failed or a check did.
        Failed = "failed",
        /// A person or the launcher ended it early.
        Interrupted = "interrupted",
    }
);

words!(
    /// Why a record became a dead letter.
    Reason {
        /// The bytes differ from the checksum that came with them.
        Checksum = "checksum",
        /// The bytes are not a self-contained Arrow IPC stream.
        Malformed = "malformed",
        /// The schema's major version is newer than this build reads.
        NewerMajor = "newer_major",
        /// A required column is missing or a column has another type.
        Schema = "schema",
        /// The rows break a rule of the table: null ids, mixed producers, a broken sequence.
        Invalid = "invalid",
    }
);

/// Work of one iteration: what the flop/s and B/s of a report are computed from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Floating-point operations.
    pub flops: Option<i64>,
    /// Bytes that the algorithm has to move (not the traffic that the caches make of it).
    pub bytes: Option<i64>,
    /// Items processed.
    pub items: Option<i64>,
    /// Name and version of the formula, such as `gemm-2mnk/1`.
    pub work_model: Option<String>,
}

/// The clock that timed a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    /// Smallest step that the clock was seen to make, in seconds.
    pub timer_resolution: Option<f64>,
    /// Median time of reading the clock once, in seconds; contained once in every sample.
    pub timer_overhead: Option<f64>,
}

/// The comparison of a workload's result with a reference in higher precision.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What the result was compared with; null where nothing was checked.
    pub check: Option<String>,
    /// The largest relative error found.
    pub check_error: Option<f64>,
    /// The largest relative error allowed.
    pub check_tolerance: Option<f64>,
}

/// All samples of one metric of one benchmark in one session and phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "every column is documented at its definition in table.rs")]
pub struct Series {
    pub run_id: RunId,
    pub session_id: SessionId,
    pub rank: i64,
    pub benchmark_id: BenchmarkId,
    pub benchmark: String,
    pub parameters: BTreeMap<String, String>,
    pub metric: String,
    pub unit: Unit,
    pub better: Better,
    pub phase: Phase,
    pub chunk: i64,
    pub started_at: Micros,
    pub offsets: Vec<i64>,
    pub samples: Vec<f64>,
    pub iterations: Vec<i64>,
    #[serde(flatten)]
    pub work: Work,
    pub device: Option<String>,
    pub flags: Vec<Flag>,
    pub stop_reason: Option<StopReason>,
    #[serde(flatten)]
    pub timer: Timer,
    #[serde(flatten)]
    pub check: Check,
    pub error: Option<String>,
    pub chunks: Option<i64>,
}

impl Series {
    /// The benchmark this series measures.
    #[must_use]
    pub fn benchmark(&self) -> Benchmark {
        Benchmark { name: self.benchmark.clone(), parameters: self.parameters.clone() }
    }

    /// Splits a series into rows of at most `samples` samples each, numbered by `chunk`, so that
    /// one row always fits one message.
    #[must_use]
    pub fn chunked(self, samples: usize) -> Vec<Self> {
        let chunks = self.samples.len().div_ceil(samples).max(1);
        let whole = Self { chunks: i64::try_from(chunks).ok(), ..self };
        if chunks == 1 {
            return vec![whole];
        }
        let starts = (0..whole.samples.len()).step_by(samples);
        starts
            .zip(0..)
            .map(|(start, chunk)| {
                let part = start..(start + samples).min(whole.samples.len());
                Self {
                    chunk,
                    offsets: whole.offsets[part.clone()].to_vec(),
                    samples: whole.samples[part.clone()].to_vec(),
                    iterations: whole.iterations[part].to_vec(),
                    ..whole.clone()
                }
            })
            .collect()
    }
}

fn map_size(map: &BTreeMap<String, String>) -> usize {
    map.iter().map(|(key, value)| key.len() + value.len() + 8).sum()
}

impl Row for Series {
    const TABLE: Table = Table::Series;

    fn wire_size(&self) -> usize {
        400 + self.samples.len() * 24 + map_size(&self.parameters)
    }
}

/// The start or the end of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "every column is documented at its definition in table.rs")]
pub struct Session {
    pub run_id: RunId,
    pub session_id: SessionId,
    pub event: Event,
    pub started_at: Micros,
    pub ended_at: Option<Micros>,
    pub node: String,
    pub rank: i64,
    pub world_size: i64,
    pub devices: Vec<String>,
    pub commit: Option<String>,
    pub branch: Option<String>,
    pub dirty: Option<bool>,
    pub arm: Option<String>,
    pub position: i64,
    pub seed: i64,
    pub suite: String,
    pub suite_hash: String,
    pub environment: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub status: Status,
    pub message: Option<String>,
}

impl Row for Session {
    const TABLE: Table = Table::Sessions;

    fn wire_size(&self) -> usize {
        600 + map_size(&self.environment) + map_size(&self.tags)
    }
}

/// One header of a message, as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The header's name.
    pub key: String,
    /// The header's bytes, unchanged.
    pub value: Vec<u8>,
}

/// A record that could not be landed: its bytes, where it was, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "every column is documented at its definition in table.rs")]
pub struct DeadLetter {
    pub received_at: Micros,
    pub table: Table,
    pub topic: String,
    pub partition: i64,
    pub offset: i64,
    pub headers: Vec<Header>,
    pub payload: Vec<u8>,
    pub reason: Reason,
    pub error: String,
}

words!(
    /// The answer of a verdict.
    Outcome {
        /// Worse, beyond the margin.
        Regression = "regression",
        /// Better, beyond the margin.
        Improvement = "improvement",
        /// Not different by more than the margin.
        Equivalent = "equivalent",
        /// The measurements do not tell.
        Inconclusive = "inconclusive",
    }
);

words!(
    /// How bad a regression is, by the policy.
    Severity {
        /// As bad as the policy calls critical.
        Critical = "critical",
        /// As bad as the policy warns of.
        Warning = "warning",
    }
);

/// The answer for one benchmark, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "every column is documented at its definition in table.rs")]
pub struct Verdict {
    pub verdict_id: String,
    pub decided_at: Micros,
    pub benchmark_id: BenchmarkId,
    pub benchmark: String,
    pub parameters: BTreeMap<String, String>,
    pub metric: String,
    pub baseline: String,
    pub candidate: String,
    pub verdict: Outcome,
    pub severity: Option<Severity>,
    pub ratio: Option<f64>,
    pub ratio_low: Option<f64>,
    pub ratio_high: Option<f64>,
    pub level: f64,
    pub method: String,
    pub policy: Option<String>,
    pub query: String,
    pub versions: BTreeMap<String, String>,
    pub evidence: BTreeMap<String, String>,
}

words!(
    /// What happened to a baseline.
    BaselineEvent {
        /// It holds from now on.
        Set = "set",
        /// It holds no more.
        Removed = "removed",
    }
);

words!(
    /// Who moved a baseline.
    MovedBy {
        /// A person.
        Person = "person",
        /// The policy, after a comparison.
        Policy = "policy",
    }
);

/// A baseline on one platform, from a time on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "every column is documented at its definition in table.rs")]
pub struct Baseline {
    pub name: String,
    pub platform: String,
    pub revision: i64,
    pub event: BaselineEvent,
    pub set_at: Micros,
    pub selector: String,
    pub sessions: Vec<String>,
    pub runs: Vec<String>,
    pub commit: Option<String>,
    pub moved_by: MovedBy,
    pub reason: Option<String>,
    pub versions: BTreeMap<String, String>,
}

/// A plausible `measure` series of `benchmark` in a session of its own; for examples and tests.
#[must_use]
pub fn sample_series(benchmark: Benchmark, samples: &[f64]) -> Series {
    Series {
        run_id: RunId::new(),
        session_id: SessionId::new(),
        rank: 0,
        benchmark_id: benchmark.id(),
        benchmark: benchmark.name,
        parameters: benchmark.parameters,
        metric: Metric::Time.to_string(),
        unit: Metric::Time.unit(),
        better: Metric::Time.better(),
        phase: Phase::Measure,
        chunk: 0,
        started_at: now(),
        offsets: (0..).take(samples.len()).map(|i| i * 1_000).collect(),
        samples: samples.to_vec(),
        iterations: vec![1; samples.len()],
        work: Work::default(),
        device: None,
        flags: Vec::new(),
        stop_reason: Some(StopReason::Enough),
        timer: Timer { timer_resolution: Some(1e-9), timer_overhead: Some(2e-8) },
        check: Check::default(),
        error: None,
        chunks: Some(1),
    }
}

/// A plausible end of the session `session_id` of `run_id`; for examples and tests.
#[must_use]
pub fn sample_session(run_id: RunId, session_id: SessionId) -> Session {
    Session {
        run_id,
        session_id,
        event: Event::End,
        started_at: now(),
        ended_at: Some(now()),
        node: "node-1".into(),
        rank: 0,
        world_size: 1,
        devices: Vec::new(),
        commit: Some("0123abc".into()),
        branch: Some("main".into()),
        dirty: Some(false),
        arm: None,
        position: 0,
        seed: 1,
        suite: "example".into(),
        suite_hash: "0".into(),
        environment: BTreeMap::from([("cpu.model".into(), "an example".into())]),
        tags: BTreeMap::new(),
        status: Status::Ok,
        message: None,
    }
}
