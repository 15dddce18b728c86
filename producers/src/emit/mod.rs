//! From measured rows to durable records, and on to Kafka.
//!
//! A spool is a folder with one folder per producer; a producer's folder holds one log per table.
//! Records are fsynced before `append` returns and stay until they are known to be landed or
//! acknowledged.

mod certificate;
mod forward;
mod kafka;
mod log;
mod property;
mod refusal;
mod sender;
mod spool;
mod textfile;

pub use forward::{ForwardError, Forwarded, Forwarder};
pub use kafka::{Kafka, KafkaError, shown};
pub use log::{Entry, LogReader};
pub use property::Property;
/// The Kafka client's configuration, as the library has it.
pub use rdkafka::ClientConfig;
pub use refusal::{Complaint, Complaints, Refusal};
pub use sender::Sender;
pub use spool::{Drain, Spool, SpoolError, SpoolOptions, WhenFull, backlog, drains};
pub(crate) use spool::{packed, replace};
pub use textfile::{Textfile, TextfileError};
