//! Where records come from.

pub(crate) mod kafka;
pub(crate) mod spool;
mod topic_id;

use crate::LandError;
use benchlake_schemas::{Envelope, ProducerId, Table};
use std::{str::FromStr, sync::Arc, time::Duration};

/// One ordered sequence of records, landed by at most one lander at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Identity in the Delta log: the `appId` under which the table keeps its position.
    pub app_id: String,
    /// The table its records land in.
    pub table: Table,
    /// Kafka topic, or the spool's log.
    pub topic: String,
    /// Kafka partition, or 0.
    pub number: i32,
}

/// One record at positions `offset..next` of its partition.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it comes from.
    pub partition: Arc<Partition>,
    /// Its position.
    pub offset: i64,
    /// The position after it.
    pub next: i64,
    /// What came.
    pub envelope: Envelope,
}

/// A partition that is ours from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// Which.
    pub partition: Arc<Partition>,
    /// The position at which its table stands in the lake.
    pub stands: Option<i64>,
    /// Where a person decided to go on instead ([`OffsetReset`]).
    pub reset: Option<i64>,
}

/// Where to go on in a partition of which the lake has no position that the broker has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetReset {
    /// At the oldest record that the broker has.
    Earliest,
    /// After the newest one.
    Latest,
    /// At this offset.
    Offset(i64),
}

impl FromStr for OffsetReset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            number => match number.parse() {
                Ok(offset @ 0..) => Ok(Self::Offset(offset)),
                _ => Err(format!("{text:?} is not earliest, latest or an offset")),
            },
        }
    }
}

impl OffsetReset {
    /// The offset among the broker's `low..=high`, if it is one.
    pub(crate) fn within(self, low: i64, high: i64) -> Option<i64> {
        let offset = match self {
            Self::Earliest => low,
            Self::Latest => high,
            Self::Offset(offset) => offset,
        };
        (low..=high).contains(&offset).then_some(offset)
    }
}

/// What a source reports.
#[derive(Debug)]
pub enum Event {
    /// These partitions are ours from now on, and are read from these positions.
    Assigned(Vec<Assigned>),
    /// All partitions were taken away: what is pending belongs to others now.
    Revoked,
    /// A record.
    Message(Message),
    /// Nothing within the time waited; `caught_up` says that everything written so far was read.
    Idle {
        /// Whether everything that was written is read.
        caught_up: bool,
    },
}

/// A source of records: the lander's only view of Kafka and of spools.
pub trait Source {
    /// The next event, after at most `wait`.
    ///
    /// # Errors
    /// [`LandError`] when going on could lose or repeat rows, or needs a person.
    fn next(&mut self, wait: Duration) -> Result<Event, LandError>;

    /// Goes back, or on, to `position`; used when a batch was dropped because it was fenced.
    ///
    /// # Errors
    /// [`LandError`] if the source cannot.
    fn seek(&mut self, partition: &Partition, position: Option<i64>) -> Result<(), LandError>;

    /// Everything before `position` is durable in the lake.
    ///
    /// # Errors
    /// [`LandError`]; rows are safe all the same.
    fn landed(&mut self, partition: &Partition, position: i64) -> Result<(), LandError>;

    /// Stops or goes on handing out records; everything else goes on meanwhile.
    ///
    /// # Errors
    /// [`LandError`] if the source cannot.
    fn pause(&mut self, paused: bool) -> Result<(), LandError>;

    /// The newest known end of `partition`, where that costs no question.
    fn end(&self, partition: &Partition) -> Option<i64>;

    /// Bytes of a spool that are not landed.
    fn spooled(&self) -> Option<u64> {
        None
    }

    /// Leaves: hands partitions to others and closes connections.
    fn close(&mut self);
}

/// The application id under which a table keeps a producer's last row.
pub(crate) fn producer_app_id(producer: ProducerId) -> String {
    format!("benchlake/producer/{producer}")
}
