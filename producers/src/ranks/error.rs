//! Why ranks cannot go on together.

/// Why ranks cannot go on together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RankError {
    /// They never were together.
    #[error("the ranks cannot meet at {address}: {problem}")]
    Meeting {
        /// Where.
        address: String,
        /// What is wrong.
        problem: String,
    },
    /// The connection to a rank is closed.
    #[error("rank {rank} died: its connection is closed")]
    Died {
        /// Which.
        rank: usize,
    },
    /// A rank says nothing.
    #[error("rank {rank} said nothing for {seconds} s: does it hang, or the network?")]
    Silent {
        /// Which.
        rank: usize,
        /// The limit.
        seconds: u64,
    },
    /// A rank says something else than what comes next.
    #[error("rank {rank} does not do what the others do: {problem}")]
    OutOfStep {
        /// Which.
        rank: usize,
        /// What it said.
        problem: String,
    },
    /// This rank failed where the others count on it.
    #[error("{0}; the other ranks cannot go on without this one")]
    Here(String),
}
