//! Lands records from Kafka or a spool in the lake, exactly once.
//!
//! ```text
//! source (Kafka | spool) ─ Event ─► Landing (pending rows, positions) ─► LakeTable: Parquet + positions in ONE commit
//! ```
//!
//! One thread owns all state: it takes an event, applies it, hands rows to their table's worker, which
//! encodes them at once, and asks for a commit when the flush policy says so. Nothing is acknowledged to a source before its commit is durable. Where a lander starts is
//! read from the lake alone; Kafka's own committed offsets serve lag metrics only.

mod compact;
mod data_file;
mod declare;
mod durable;
mod flush;
mod health;
mod lake_table;
mod lander;
mod landing;
mod log;
mod maintain;
mod metrics;
mod position;
mod positions;
mod replay;
mod source;
pub mod store;
mod summarise;
mod verify;
mod worker;

pub use compact::{Compacted, Compaction};
pub use data_file::writer_properties;
pub use declare::{Recorded, record_verdicts, set_baselines};
pub use flush::FlushPolicy;
pub use health::Health;
pub use lake_table::{LakeError, LakeTable, Outcome, Progress};
pub use lander::{LandError, Lander, Report};
pub use landing::Counts;
pub use maintain::{Commit, TableInfo, VACUUM_AGE};
pub use metrics::{Metrics, PartitionLabel, ReasonLabel, Seconds, TableHistogram, TableLabel};
pub use position::{Span, Standing};
pub use positions::Positions;
pub use replay::{ReplayError, Replayed};
pub use source::{
    Assigned, Event, Message, OffsetReset, Partition, Source,
    kafka::{KafkaSource, PartitionEnds, partitions},
    spool::SpoolSource,
};
pub use store::register_stores;
pub use verify::FileCheck;
