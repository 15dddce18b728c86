//! Deciding whether something became slower: two selections of sessions held against each other,
//! benchmark by benchmark, under a policy.
//!
//! [`compare`] reads what both sides measured; everything after that is pure: an [`Effect`](crate::stats::Effect)
//! over sessions, the [`Margins`] that the policy and the benchmark's noise between runs give it, false-discovery
//! control over all of them, and a [`Decision`] with its reason.

mod asked;
mod comparison;
mod forms;
pub(crate) mod glob;
mod judge;
mod matched;
mod moves;
mod noise;
mod policy;
mod rules;
mod sides;
mod verdict;
mod verdicts;

pub use comparison::{Centre, CompareError, Compared, Comparison, Options, compare};
pub use forms::{ExplainError, FailOn, Form, ParseFormError, Screen, explain, named};
pub use moves::{Moves, should_move};
pub use noise::{Noise, RunCentre};
pub use policy::{BaselinePolicy, Policy, PolicyError, Procedure};
pub use rules::{Margins, Rule};
pub use sides::{Layout, Refused, SideOf};
pub use verdict::{Decision, Evidence, Reason, controlled_p, decide};
