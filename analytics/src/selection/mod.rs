//! Which sessions are meant: selectors such as `branch:main,node:gpu-*`, the sessions they select at a
//! state of a lake, and what those measured.

mod columns;
mod environment;
mod nothing;
mod part;
mod reader;
mod resolve;
mod selector;
mod series;

pub(crate) use environment::decisive;
pub use environment::{Difference, Differences, differences, platform};
pub use resolve::{Selected, Session, select};
pub(crate) use resolve::{decoded, select_base, text, texts};
pub use selector::{ParseSelectorError, Selector, Term};
pub(crate) use series::titled;
pub use series::{BUDGET, Measured, Observed, Passes, measured};

use crate::SqlError;

/// Why a selector selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// Nothing in the lake fits.
    #[error("{selector} selects no session: {why}")]
    Nothing {
        /// The selector.
        selector: String,
        /// Which of its terms fits nothing, and what there is that is near.
        why: String,
    },
    /// The beginning of an id fits several.
    #[error("{term} fits {count} {what}: {some}; give more of it")]
    Ambiguous {
        /// The term.
        term: String,
        /// How many.
        count: usize,
        /// Of what: `runs` or `commits`.
        what: &'static str,
        /// Some of them.
        some: String,
    },
    /// A query failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
}
