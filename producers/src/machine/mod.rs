//! The machine as a place to measure on: what it is set to and what of that can be set, where a
//! session runs, how quiet it is, and whether it stayed so. `docs/machine.md` says it for users.
//!
//! What is not visible (a virtual machine without frequencies, a container without `/sys`) is said to
//! be so, and never guessed.

mod cpus;
mod noise;
mod numa;
mod pin;
mod placement;
mod quanta;
mod settings;
mod ticks;
mod tune;
mod watch;

pub use cpus::{Cpus, CpusError};
pub use noise::{LIMIT, Noise, probe};
pub use placement::{Placement, PlacementError};
pub use quanta::Quanta;
pub use settings::{Reach, Setting, settings};
pub(crate) use settings::{numa_balancing, turbo};
pub(crate) use ticks::Ticks;
pub use tune::{Change, Outcome, Plan, TuneError, apply, state_file, undo};
pub(crate) use watch::Throttles;
pub use watch::{Watch, Watched};
