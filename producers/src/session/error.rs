//! Why a session ended without having measured what it was told to.

use crate::{emit::SpoolError, machine::PlacementError, ranks::RankError, suite::SuiteError};

/// Why a session ended without having measured what it was told to.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The suite.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// The filter.
    #[error("--filter {filter:?} is not a regular expression: {problem}")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The filter matches nothing.
    #[error("nothing to measure: {label} has no benchmark that matches {filter:?}")]
    NothingMatched {
        /// The suite.
        label: String,
        /// What was given.
        filter: String,
    },
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// It cannot run where it was told to.
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// A rank is lost.
    #[error(transparent)]
    Ranks(#[from] RankError),
    /// A limit of memory could not be set.
    #[error("cannot limit the session's memory to {bytes} bytes: {problem}; leave --memory-limit out")]
    MemoryLimit {
        /// The limit.
        bytes: u64,
        /// What the system said.
        problem: String,
    },
    /// The session's process could not be started.
    #[error("cannot start {program}: {problem}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        problem: String,
    },
}
