//! The tables of the lake: their columns, with documentation, and their versions.
//!
//! Columns are only ever added, nullable, with a new minor version; column names are public and
//! stay. Types are those that Delta reader 1 / writer 2 has: no unsigned integers, instants in
//! microseconds UTC. Names inside lists (`element`) and maps (`key_value`) are Parquet's own, so
//! that a batch and its Parquet file have the same schema.

use crate::unit::words;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use std::{collections::HashMap, fmt, str::FromStr, sync::Arc};

/// Key of the Arrow schema metadata that names the table.
pub const TABLE_KEY: &str = "benchlake.table";
/// Key of the Arrow schema metadata that holds the [`SchemaVersion`].
pub const SCHEMA_KEY: &str = "benchlake.schema";

words!(
    /// A table of the lake.
    Table {
        /// One row per start and per end of a session.
        Sessions = "sessions",
        /// One row per series: the samples.
        Series = "series",
        /// Records that could not be landed, with their bytes.
        DeadLetters = "dead_letters",
        /// Answers, with their evidence.
        Verdicts = "verdicts",
        /// What was declared to be the baseline, when, and why.
        Baselines = "baselines",
    }
);

/// Version of a table's schema. A newer minor version has more nullable columns; a newer major
/// version may have anything and is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaVersion {
    /// Changes when old readers must not read new rows.
    pub major: u16,
    /// Changes when nullable columns are added.
    pub minor: u16,
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for SchemaVersion {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { major: major.parse()?, minor: minor.parse()? })
    }
}

impl Table {
    /// The tables that producers write, one Kafka topic each.
    pub const PRODUCED: [Self; 2] = [Self::Sessions, Self::Series];

    /// The Kafka topic whose messages land in this table.
    #[must_use]
    pub fn topic(self) -> String {
        format!("benchlake.{self}.v{}", self.version().major)
    }

    /// The version of the schema that this build writes.
    #[must_use]
    pub const fn version(self) -> SchemaVersion {
        let minor = match self {
            Self::Series => 2,
            Self::Sessions | Self::DeadLetters | Self::Verdicts | Self::Baselines => 0,
        };
        SchemaVersion { major: 1, minor }
    }

    /// The Arrow schema of this build's version, with table and version in its metadata.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        let fields = match self {
            Self::Sessions => sessions(),
            Self::Series => series(),
            Self::DeadLetters => dead_letters(),
            Self::Verdicts => verdicts(),
            Self::Baselines => baselines(),
        };
        let metadata = HashMap::from([
            (TABLE_KEY.to_owned(), self.to_string()),
            (SCHEMA_KEY.to_owned(), self.version().to_string()),
        ]);
        Arc::new(Schema::new_with_metadata(fields, metadata))
    }
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", element, false)))
}

fn text_map() -> DataType {
    let entry = Fields::from(vec![required("key", DataType::Utf8), required("value", DataType::Utf8)]);
    DataType::Map(Arc::new(required("key_value", DataType::Struct(entry))), false)
}

/// Who wrote a row, and as which number: the row's key.
fn sequence() -> [Field; 2] {
    [
        // The spool that the row comes from (UUIDv7).
        required("producer_id", DataType::Utf8),
        // The row's number among the producer's rows of this table: 1, 2, 3, … without a hole.
        required("seq", DataType::Int64),
    ]
}

/// Which benchmark a row is about.
fn benchmark() -> [Field; 3] {
    [
        // Stable hash of name and parameters.
        required("benchmark_id", DataType::Utf8),
        // The workload, such as `cpu.gemm`.
        required("benchmark", DataType::Utf8),
        // Its parameters.
        required("parameters", text_map()),
    ]
}

fn sessions() -> Vec<Field> {
    use DataType::{Boolean, Int64, Utf8};
    let mut fields = sequence().to_vec();
    fields.extend([
        required("run_id", Utf8),
        required("session_id", Utf8),
        // `start` or `end`: a session without an `end` row crashed or still runs.
        required("event", Utf8),
        // When the session started (in both rows), and when it ended.
        required("started_at", instant()),
        optional("ended_at", instant()),
        // The node's host name; this process's rank among world_size of them.
        required("node", Utf8),
        required("rank", Int64),
        required("world_size", Int64),
        // Accelerators used, by UUID.
        required("devices", list(Utf8)),
        // What was measured: version-control state of the suite's folder.
        optional("commit", Utf8),
        optional("branch", Utf8),
        optional("dirty", Boolean),
        // Side of a comparison: `baseline`, `candidate`, or null.
        optional("arm", Utf8),
        // Place of the session in the run's order (0, 1, …) and the seed of its shuffle and inputs.
        required("position", Int64),
        required("seed", Int64),
        // The suite's name and the SHA-256 of its text.
        required("suite", Utf8),
        required("suite_hash", Utf8),
        // What the session ran on and with: dotted keys, such as `cpu.model`.
        required("environment", text_map()),
        // What the user said of the run.
        required("tags", text_map()),
        // `running` in a start row; `ok`, `failed` or `interrupted` in an end row, with a message.
        required("status", Utf8),
        optional("message", Utf8),
    ]);
    fields
}

fn series() -> Vec<Field> {
    use DataType::{Float64, Int64, Utf8};
    let mut fields = sequence().to_vec();
    fields.extend([required("run_id", Utf8), required("session_id", Utf8), required("rank", Int64)]);
    fields.extend(benchmark());
    fields.extend([
        // What is measured, in which unit (an SI base unit or `1`), and whether `lower` or
        // `higher` is better.
        required("metric", Utf8),
        required("unit", Utf8),
        required("better", Utf8),
        // `warmup` or `measure`.
        required("phase", Utf8),
        // Part number of a series that is longer than one row: 0, 1, ….
        required("chunk", Int64),
        // When the first sample of the series started.
        required("started_at", instant()),
        // Start of each sample in nanoseconds of the monotonic clock since the series started.
        required("offsets", list(Int64)),
        // Each sample as it was measured: the total over its iterations, undivided.
        required("samples", list(Float64)),
        // How many iterations each sample holds.
        required("iterations", list(Int64)),
        // Work of ONE iteration, and the formula it comes from.
        optional("flops", Int64),
        optional("bytes", Int64),
        optional("items", Int64),
        optional("work_model", Utf8),
        // The accelerator, by UUID; null on a CPU.
        optional("device", Utf8),
        // Remarks beside the samples: `unsteady`, `throttled`, ….
        required("flags", list(Utf8)),
        // Why sampling stopped.
        optional("stop_reason", Utf8),
        // The clock's smallest step and the time of reading it, in seconds.
        optional("timer_resolution", Float64),
        optional("timer_overhead", Float64),
        // What the result was compared with; largest relative error found, and allowed.
        optional("check", Utf8),
        optional("check_error", Float64),
        optional("check_tolerance", Float64),
        // Since 1.1. Why there are no samples, and what to do: with `stop_reason` `failed`, `skipped`, ….
        optional("error", Utf8),
        // Since 1.2. How many rows the series has: 1 where it fits in one.
        optional("chunks", Int64),
    ]);
    fields
}

fn dead_letters() -> Vec<Field> {
    use DataType::{Binary, Int64, Struct, Utf8};
    let header = Fields::from(vec![required("key", Utf8), required("value", Binary)]);
    vec![
        // When the lander met the record.
        required("received_at", instant()),
        // The table it was meant for.
        required("table", Utf8),
        // Where it was: Kafka topic or spool log, partition, offset.
        required("topic", Utf8),
        required("partition", Int64),
        required("offset", Int64),
        // What came: headers and bytes, unchanged.
        required("headers", list(Struct(header))),
        required("payload", Binary),
        // Class of the failure, and the error in words.
        required("reason", Utf8),
        required("error", Utf8),
    ]
}

fn verdicts() -> Vec<Field> {
    use DataType::{Float64, Utf8};
    let mut fields = vec![required("verdict_id", Utf8), required("decided_at", instant())];
    fields.extend(benchmark());
    fields.extend([
        required("metric", Utf8),
        // The selectors of the two sides, as given.
        required("baseline", Utf8),
        required("candidate", Utf8),
        // `regression`, `improvement`, `equivalent` or `inconclusive`; `critical` or `warning`.
        required("verdict", Utf8),
        optional("severity", Utf8),
        // candidate / baseline in the metric's own unit, with its interval at `level`.
        optional("ratio", Float64),
        optional("ratio_low", Float64),
        optional("ratio_high", Float64),
        required("level", Float64),
        // How it was decided: method, policy, query, table versions, further figures.
        required("method", Utf8),
        optional("policy", Utf8),
        required("query", Utf8),
        required("versions", text_map()),
        required("evidence", text_map()),
    ]);
    fields
}

fn baselines() -> Vec<Field> {
    use DataType::{Int64, Utf8};
    vec![
        required("name", Utf8),
        // What it holds for, such as `AMD EPYC, 2 threads, x86_64-unknown-linux-gnu`.
        required("platform", Utf8),
        // 1, 2, 3, … for each name: the newest row of a name and platform holds.
        required("revision", Int64),
        // `set`, or `removed`.
        required("event", Utf8),
        required("set_at", instant()),
        // The selector as it was given, and the sessions and runs that it selected then.
        required("selector", Utf8),
        required("sessions", list(Utf8)),
        required("runs", list(Utf8)),
        // Their commit, where it is one.
        optional("commit", Utf8),
        // Who moved it: `person`, or `policy` after a comparison; and why.
        required("moved_by", Utf8),
        optional("reason", Utf8),
        // The table versions at which the selector was resolved.
        required("versions", text_map()),
    ]
}
