//! Asks the lake: the catalog at a pinned version, statistics in SQL, named queries, output
//! formats and reports with plots.
//!
//! A [`Lake`] is opened [`At`] a version or a time; its [`context`](Lake::context) answers SQL over
//! the tables, the views (`samples`, `measured`, `runs`, …) and the statistics [`functions`].

mod catalog;
pub mod format;
pub mod functions;
pub mod queries;
pub mod report;
mod sql;
pub mod stats;

pub use catalog::{At, Lake, LakeError, ParseAtError};
pub use queries::{Query, QueryError};
pub use sql::{Answer, SqlError, ask, context};
