//! When a comparison moves the baseline that it was made with.

use serde::{Deserialize, Serialize};

/// After which outcomes a baseline moves to the new side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moves {
    /// Only a person moves it.
    #[default]
    Never,
    /// Something improved, and nothing regressed.
    Improvement,
    /// Nothing regressed.
    NoRegression,
    /// After every comparison.
    Always,
}
