//! What to simulate.

use super::Noise;
use crate::cpu::hint;
use benchlake_schemas::Micros;
use std::{collections::BTreeSet, str::FromStr};

/// A node's session is held in memory while it is delivered: the most samples that it may have.
const MOST_SAMPLES: u64 = 10_000_000;
/// 2026-01-01T00:00:00Z: a simulation does not look at the clock.
const START: Micros = 1_767_225_600_000_000;

/// What to simulate. Two equal plans give the same rows, to the byte, with the same build on the same
/// kind of machine. More nodes, or more sessions without drift, continue a fleet; any other change
/// makes another one, with ids of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Nodes; each measures in every session.
    pub nodes: u32,
    /// Series in a session: one per benchmark.
    pub series: u32,
    /// Samples in a series.
    pub samples: u32,
    /// Sessions of each node: one per run.
    pub sessions: u32,
    /// What everything random comes from.
    pub seed: u64,
    /// When the first run starts.
    pub start: Micros,
    /// Time from the start of one run to that of the next, in microseconds.
    pub every: Micros,
    /// The noise.
    pub noise: Noise,
    /// Changes on purpose.
    pub regressions: Vec<Regression>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            nodes: 10,
            series: 12,
            samples: 30,
            sessions: 10,
            seed: 42,
            start: START,
            every: 3_600_000_000,
            noise: Noise::default(),
            regressions: Vec::new(),
        }
    }
}

/// A step: from a session on, some benchmarks take longer (or less long).
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// A benchmark's name (all with this name) or label.
    pub benchmark: String,
    /// How many times as long every sample is.
    pub ratio: f64,
    /// The first session that has it, counted from 0.
    pub session: u32,
}

/// Why a plan cannot be simulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A text is no regression.
    #[error("{0:?} is not BENCHMARK=RATIO@SESSION, such as cpu.gemm=1.05@20")]
    Regression(String),
    /// A regression names no benchmark of the plan.
    #[error("no benchmark {given:?} is simulated{hint}")]
    UnknownBenchmark {
        /// What was given.
        given: String,
        /// The nearest, or all names.
        hint: String,
    },
    /// A regression begins after the last session.
    #[error("{benchmark} cannot change at session {session}: the sessions are 0 to {last}")]
    UnknownSession {
        /// The benchmark.
        benchmark: String,
        /// What was given.
        session: u32,
        /// The last one.
        last: u32,
    },
    /// A session is too large to be held in memory.
    #[error(
        "{series} series of {samples} samples are too much for one session: at most {MOST_SAMPLES} samples together"
    )]
    TooLarge {
        /// Series in a session.
        series: u32,
        /// Samples in a series.
        samples: u32,
    },
    /// The last session starts beyond the range of instants.
    #[error(
        "{sessions} sessions so far apart do not end before the year 10000: make them fewer or --every shorter"
    )]
    TooLong {
        /// How many sessions.
        sessions: u32,
    },
}

impl FromStr for Regression {
    type Err = PlanError;

    /// Reads `BENCHMARK=RATIO@SESSION`; a label has `=` too, so the last ones count.
    fn from_str(text: &str) -> Result<Self, PlanError> {
        let parse = || {
            let (rest, session) = text.rsplit_once('@')?;
            let (benchmark, ratio) = rest.rsplit_once('=')?;
            let ratio: f64 = ratio.trim().parse().ok()?;
            let valid = !benchmark.is_empty() && ratio.is_finite() && ratio > 0.0;
            let session = session.trim().parse().ok()?;
            valid.then(|| Self { benchmark: benchmark.trim().to_owned(), ratio, session })
        };
        parse().ok_or_else(|| PlanError::Regression(text.to_owned()))
    }
}

impl Regression {
    /// Whether it is meant for the benchmark `name` with this `label`.
    pub(super) fn is_of(&self, name: &str, label: &str) -> bool {
        self.benchmark == name || self.benchmark == label
    }
}

impl Plan {
    /// The name and label of each benchmark are `names`.
    pub(super) fn check(&self, names: &[(&str, String)]) -> Result<(), PlanError> {
        let &Self { series, samples, sessions, .. } = self;
        if u64::from(series) * u64::from(samples) > MOST_SAMPLES {
            return Err(PlanError::TooLarge { series, samples });
        }
        let last = self.every.checked_mul(i64::from(sessions)).and_then(|all| all.checked_add(self.start));
        // 10000-01-01T00:00:00Z
        if last.is_none_or(|last| last >= 253_402_300_800_000_000) {
            return Err(PlanError::TooLong { sessions });
        }
        for Regression { benchmark, session, .. } in &self.regressions {
            if !names.iter().any(|(name, label)| name == benchmark || label == benchmark) {
                let is_label = benchmark.contains('{');
                let known = names.iter().map(|(name, label)| if is_label { label } else { *name });
                let known: BTreeSet<&str> = known.collect();
                let (given, hint) = (benchmark.clone(), hint(benchmark, known.iter().copied()));
                return Err(PlanError::UnknownBenchmark { given, hint });
            }
            if *session >= sessions {
                let (benchmark, session) = (benchmark.clone(), *session);
                return Err(PlanError::UnknownSession {
                    benchmark,
                    session,
                    last: sessions.saturating_sub(1),
                });
            }
        }
        Ok(())
    }
}
