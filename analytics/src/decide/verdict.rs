//! From evidence to a decision: pure.

use super::{Margins, Noise};
use crate::stats::{Effect, sessions_needed};
use benchlake_schemas::{Better, Outcome, Severity};
use serde::Serialize;

/// What a decision is made of.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The ratio new / base over sessions; `None` where there is none.
    pub effect: Option<&'a Effect>,
    /// Its p, adjusted for all that are compared.
    pub adjusted_p: f64,
    /// The largest adjusted p that counts.
    pub false_discovery_rate: f64,
    /// Which direction is better.
    pub better: Better,
    /// What the policy says.
    pub margins: Margins,
    /// The benchmark's own noise from run to run.
    pub noise: Option<Noise>,
    /// Sessions on each side.
    pub sessions: (usize, usize),
    /// The level of the interval.
    pub level: f64,
}

/// An outcome and why.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Decision {
    /// The outcome.
    pub outcome: Outcome,
    /// Of a regression beyond the policy's margins.
    pub severity: Option<Severity>,
    /// Why.
    pub reason: Reason,
    /// By how much the new side is worse, as a fraction; negative where it is better.
    pub worse: Option<f64>,
    /// The margin that was used: the policy's, or the benchmark's own noise where that is wider.
    pub margin: f64,
    /// Sessions on each side that would probably decide it.
    pub sessions_needed: Option<u64>,
}

/// Why a decision is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The interval leaves 1 out, the test survives false-discovery control, the change is beyond the margin.
    Beyond,
    /// The whole interval lies within the margin.
    Within,
    /// The interval holds both no change and one beyond the margin.
    Wide,
    /// Different, but perhaps by less than the margin.
    NearMargin,
    /// Different by itself, but not among as many as were compared.
    NotDiscovered,
    /// Too few sessions for an interval.
    TooFewSessions,
    /// A centre is not a positive, finite number: there is no ratio.
    NoRatio,
}

/// The power that is planned for.
const POWER: f64 = 0.9;

/// Decides.
///
/// - `regression` or `improvement`: the interval of the ratio leaves 1 out, its adjusted p is at most the
///   false-discovery rate, and the estimate is beyond the margin.
/// - `equivalent`: the whole interval lies within the margin on both sides (two one-sided tests, each at (1 − level) / 2).
/// - `inconclusive`: everything else, with the number of sessions at which a change of the size of the margin
///   would be found with probability 0.9.
///
/// A regression is `critical` or a `warning` where the estimate is beyond those margins.
#[must_use]
pub fn decide(evidence: &Evidence<'_>) -> Decision {
    let margin = evidence.noise.map_or(0.0, |noise| noise.floor).max(evidence.margins.margin);
    let undecided = |reason, worse, sessions_needed| Decision {
        outcome: Outcome::Inconclusive,
        severity: None,
        reason,
        worse,
        margin,
        sessions_needed,
    };
    let Some(effect) = evidence.effect else {
        let few = evidence.sessions.0.min(evidence.sessions.1) < 2;
        return undecided(if few { Reason::TooFewSessions } else { Reason::NoRatio }, None, None);
    };
    let (ratio, interval) = (effect.estimate.value, effect.estimate.interval);
    let worse = worse(ratio, evidence.better);
    let decided = |outcome, reason| {
        let severity = if outcome == Outcome::Regression { severity(worse, evidence.margins) } else { None };
        Decision { outcome, severity, reason, worse: Some(worse), margin, sessions_needed: None }
    };
    let apart = interval.low > 1.0 || interval.high < 1.0;
    let discovered = evidence.adjusted_p <= evidence.false_discovery_rate;
    if apart && discovered && worse.abs() >= margin {
        let outcome = if worse > 0.0 { Outcome::Regression } else { Outcome::Improvement };
        return decided(outcome, Reason::Beyond);
    }
    if interval.low >= 1.0 / (1.0 + margin) && interval.high <= 1.0 + margin {
        return decided(Outcome::Equivalent, Reason::Within);
    }
    let reason = match (apart, discovered) {
        (true, false) => Reason::NotDiscovered,
        (true, true) => Reason::NearMargin,
        (false, _) => Reason::Wide,
    };
    undecided(reason, Some(worse), needed(effect, margin, evidence))
}

/// By how much the new side is worse.
fn worse(ratio: f64, better: Better) -> f64 {
    match better {
        Better::Lower => ratio - 1.0,
        Better::Higher => 1.0 - ratio,
    }
}

fn severity(worse: f64, margins: Margins) -> Option<Severity> {
    if worse >= margins.critical {
        Some(Severity::Critical)
    } else if worse >= margins.warning {
        Some(Severity::Warning)
    } else {
        None
    }
}

/// Sessions on each side at which a change of the size of the margin would be found, or, where the change
/// lies near the margin, on which side of it it is.
fn needed(effect: &Effect, margin: f64, evidence: &Evidence<'_>) -> Option<u64> {
    let sd = ((effect.sd_first.powi(2) + effect.sd_second.powi(2)) / 2.0).sqrt();
    let size = (1.0 + margin).ln();
    // At least as many again as there are: where the plan says that it should have been decided, it was bad luck.
    let least = evidence.sessions.0.min(evidence.sessions.1) as u64 + 1;
    sessions_needed(size, sd, evidence.level, POWER).map(|sessions| sessions.max(least))
}
