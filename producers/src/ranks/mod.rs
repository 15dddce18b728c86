//! Ranks: the processes that measure together, one for each device or share of a machine.
//!
//! A session of `world_size` n is n processes with one session id and the ranks 0 to n - 1. They talk over TCP
//! on the host ([`Group`]), beside whatever their benchmark uses. Rank 0 leads: it says which benchmark comes next, and its
//! sampler decides how often; the others run the same samples in step
//! ([`follow`](crate::measure::follow)) and keep their own times. An iteration takes as long as its slowest rank.
//!
//! A benchmark is measured by as many ranks as its parameter `ranks` says, the first ones; by rank 0 alone where
//! it has none. The other ranks wait meanwhile.

pub(crate) mod barrier;
mod devices;
mod error;
mod group;
mod link;
mod meeting;
pub(crate) mod step;

pub use devices::{devices, visible_devices};
pub use error::RankError;
pub use group::Group;
pub(crate) use meeting::free_address;

use crate::cpu::Parameter;

/// How many ranks measure a benchmark.
pub(crate) const RANKS: Parameter =
    Parameter::number("ranks", "processes that measure together, such as 2: the first ones of the session");
