//! Asks the lake: the catalog at a pinned version, statistics in SQL, named queries, output
//! formats and reports with plots.
//!
//! A [`Lake`] is opened [`At`] a version or a time; its [`context`](Lake::context) answers SQL over
//! the tables, the views (`samples`, `measured`, `runs`, …) and the statistics [`functions`].
//!
//! ```no_run
//! use benchlake_analytics::{At, Lake, ask, format, queries};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let lake = Lake::open("lake", &"2026-11-21".parse::<At>()?).await?;
//! let answer = ask(&lake.context(), "SELECT label, sessions FROM benchmarks ORDER BY label").await?;
//! format::write(&answer, format::Format::Csv, &mut std::io::stdout())?;
//! let slowest = queries::find("slowest")?.run(&lake.context(), &[("top".into(), "5".into())].into()).await?;
//! println!("{} samples at --at {}", slowest.rows(), lake.pin());
//! # Ok(())
//! # }
//! ```

pub mod baselines;
mod catalog;
pub mod continuity;
mod cores;
pub mod decide;
pub mod format;
pub mod functions;
pub mod queries;
pub mod report;
pub mod reproducibility;
pub mod selection;
mod sql;
pub mod stats;

pub use catalog::{At, Lake, LakeError, ParseAtError};
pub use queries::{Query, QueryError};
pub use sql::{Answer, SqlError, ask, context};
