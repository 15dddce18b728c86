//! What a fleet would have measured: sessions and samples from a seed, for trying benchlake at scale.
//!
//! [`Fleet`] is pure: a node's session comes out the same in any order and on any number of threads,
//! as each thing that varies has a stream of random numbers of its own. `deliver` takes it to a spool
//! or to Kafka, one node's session at a time.
//!
//! ```
//! use benchlake_producers::simulate::{Fleet, Plan};
//!
//! # fn main() -> Result<(), benchlake_producers::simulate::PlanError> {
//! let regressions = vec!["cpu.triad=1.05@3".parse()?];
//! let fleet = Fleet::new(Plan { nodes: 4, sessions: 6, regressions, ..Plan::default() })?;
//! let session = fleet.session(2, 5);
//! assert_eq!((session.series.len(), session.series[0].samples.len()), (12, 30));
//! assert_eq!(session, fleet.session(2, 5));
//! # Ok(())
//! # }
//! ```

mod catalog;
mod deliver;
mod faults;
mod fleet;
mod noise;
mod plan;
mod stream;

pub use deliver::{Tally, to_kafka, to_spool};
pub use faults::Faults;
pub use fleet::{Fleet, NodeSession};
pub use noise::Noise;
pub use plan::{Plan, PlanError, Regression};
