//! From measured rows to durable records, and on to Kafka.
//!
//! A spool is a folder with one folder per producer; a producer's folder holds one log per table.
//! Records are fsynced before `append` returns and stay until they are known to be landed or
//! acknowledged.

mod log;
mod spool;

#[cfg(feature = "kafka")]
mod certificate;
#[cfg(feature = "kafka")]
mod forward;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "kafka")]
mod property;
#[cfg(feature = "kafka")]
mod refusal;
#[cfg(feature = "kafka")]
mod sender;
#[cfg(feature = "kafka")]
mod textfile;

pub(crate) use log::end as log_end;
pub use log::{Entry, LogReader};
pub(crate) use spool::replace;
pub use spool::{Drain, Spool, SpoolError, SpoolOptions, WhenFull, backlog, drains};

#[cfg(feature = "kafka")]
pub use self::{
    forward::{ForwardError, Forwarded, Forwarder},
    kafka::{Kafka, KafkaError, shown},
    property::Property,
    refusal::{Complaint, Complaints, Refusal},
    sender::Sender,
    textfile::{Textfile, TextfileError},
};
/// The Kafka client's configuration, as the library has it.
#[cfg(feature = "kafka")]
pub use rdkafka::ClientConfig;
#[cfg(feature = "kafka")]
pub(crate) use spool::packed;
