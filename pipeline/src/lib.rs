//! Lands records from Kafka or a spool in the lake, exactly once.
//!
//! ```text
//! source (Kafka | spool) ─ Event ─► Landing (pending rows, positions) ─► LakeTable: Parquet + positions in ONE commit
//! ```
//!
//! One thread owns all state: it takes an event, applies it, and commits when the flush policy says
//! so. Nothing is acknowledged to a source before its commit is durable. Where a lander starts is
//! read from the lake alone; Kafka's own committed offsets serve lag metrics only.

mod flush;
mod lake_table;
mod lander;
mod landing;
mod maintain;
mod position;
mod replay;
mod source;
pub mod store;
mod verify;

pub use flush::FlushPolicy;
pub use lake_table::{LakeError, LakeTable, Outcome, Progress};
pub use lander::{LandError, Lander, Report};
pub use landing::Counts;
pub use position::{Span, Standing};
pub use replay::{ReplayError, Replayed};
pub use source::{
    Assigned, Event, Message, OffsetReset, Partition, Positions, Source,
    kafka::{KafkaSource, PartitionEnds, partitions},
    spool::SpoolSource,
};
pub use store::register_stores;
pub use verify::FileCheck;
