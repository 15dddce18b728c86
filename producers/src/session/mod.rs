//! A session: one fresh process that measures one suite, in an order of its own, into a spool.
//!
//! The launcher passes a [`SessionSpec`] as JSON and reads [`SessionEvent`]s as JSON lines.
//! [`supervise`](supervise::supervise) is who starts the process, ends it when it hangs, and goes on
//! with the rest in another one when it died.

mod child;
mod course;
mod error;
mod event;
mod one;
mod rows;
mod run;
mod spec;
pub mod supervise;
mod workloads;

pub use error::SessionError;
pub use event::SessionEvent;
pub(crate) use one::said;
pub use run::{plan, run};
pub use spec::SessionSpec;
pub use workloads::{Builtin, Refused, Workloads};

/// Longer series are split into rows of this many samples, so that a row fits a message.
pub(crate) const CHUNK: usize = 16_384;
