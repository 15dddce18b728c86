//! What a session reports while it runs.

use benchlake_schemas::{Benchmark, Micros, ProducerId, Status, StopReason};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a session reports while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SessionEvent {
    /// It knows what it will measure.
    Started {
        /// The producer it spools as.
        producer: ProducerId,
        /// When it started.
        started_at: Micros,
        /// How many benchmarks.
        benchmarks: usize,
        /// What it runs on and with.
        #[serde(default)]
        environment: BTreeMap<String, String>,
    },
    /// It begins with a benchmark.
    Measuring {
        /// Which.
        benchmark: Benchmark,
        /// How long it may take in all, in seconds; for ever where a program of an older version does not say.
        #[serde(default = "for_ever")]
        limit: f64,
    },
    /// A benchmark is measured and durable.
    Measured {
        /// Which.
        benchmark: Benchmark,
        /// Samples of the phase `measure`.
        samples: usize,
        /// Why sampling stopped.
        stop: StopReason,
        /// Iterations of each sample.
        #[serde(default)]
        iterations: u64,
        /// Times of one iteration, in seconds: all of them, or as many order statistics, evenly
        /// spaced, as a launcher needs to tell how precise the run is.
        #[serde(default)]
        times: Vec<f64>,
    },
    /// A benchmark could not be measured; the session goes on.
    Failed {
        /// Which.
        benchmark: Benchmark,
        /// What happened.
        reason: StopReason,
        /// Why, and what to do.
        error: String,
    },
    /// The session is over.
    Ended {
        /// How.
        status: Status,
    },
}

fn for_ever() -> f64 {
    f64::INFINITY
}
