//! The nouns of benchlake, settled in one place: ids, units, metrics, the rows of the lake's
//! tables, their Arrow schemas with version rules, and the envelope in which rows travel.
//!
//! Everything else depends on this crate and it depends on nothing of ours. It performs no I/O.
//!
//! ```
//! use benchlake_schemas::{Benchmark, Envelope, ProducerId, Record, Table, sample_series};
//!
//! # fn main() -> Result<(), benchlake_schemas::RecordError> {
//! let row = sample_series(Benchmark::new("cpu.reduce").with("n", 4096), &[1.5e-6, 1.4e-6]);
//! let record = Record::encode(Table::Series, ProducerId::new(), 1, &[row])?;
//! let envelope = Envelope::seal(&record);
//! let (batch, range) = envelope.open(Table::Series)?;
//! assert_eq!((batch.num_rows(), range.first, range.last), (1, 1, 1));
//! # Ok(())
//! # }
//! ```

mod benchmark;
mod envelope;
mod id;
mod ipc;
mod record;
mod row;
mod table;
mod unit;

pub use benchmark::{Benchmark, BenchmarkId};
pub use envelope::{Envelope, header};
pub use id::{ProducerId, RunId, SessionId};
pub use ipc::{decode_ipc, encode_ipc};
pub use record::{Record, RecordError, SeqRange, conform, from_batch, to_batch, to_numbered_batch};
pub use row::{
    Baseline, BaselineEvent, Check, DeadLetter, Event, Flag, Header, MovedBy, Outcome, Phase, Reason, Row,
    Series, Session, Severity, Status, StopReason, Timer, Verdict, Work, sample_series, sample_session,
};
pub use table::{SCHEMA_KEY, SchemaVersion, TABLE_KEY, Table};
pub use unit::{Better, Metric, Unit};

/// Microseconds since 1970-01-01 UTC: the lake's only representation of an instant.
pub type Micros = i64;

/// The current wall clock, in microseconds UTC.
#[must_use]
pub fn now() -> Micros {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
