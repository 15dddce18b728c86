//! From evidence to a decision: pure.

use super::{Margins, Noise};
use crate::stats::{Effect, Units, sessions_needed};
use benchlake_schemas::{Better, Outcome, Severity};
use serde::Serialize;
use statrs::{
    distribution::{ContinuousCDF, Normal},
    function::factorial::ln_binomial,
};
use std::fmt;

/// What a decision is made of.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The ratio new / base over sessions; `None` where there is none.
    pub effect: Option<&'a Effect>,
    /// Its p, adjusted for all that are compared.
    pub adjusted_p: f64,
    /// The largest adjusted p that counts.
    pub false_discovery_rate: f64,
    /// The p that it would take to be discovered beside what was.
    pub discovering_p: f64,
    /// Which direction is better.
    pub better: Better,
    /// What the policy says.
    pub margins: Margins,
    /// The benchmark's noise between runs.
    pub noise: Option<Noise>,
    /// Sessions on each side.
    pub sessions: (usize, usize),
    /// The level of the interval.
    pub level: f64,
    /// The median of every session, where all of a side have the same one: counts such as of allocations.
    pub constant: Option<(f64, f64)>,
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
    /// The margin that was used: the policy's, or what changes between runs stay below where that is wider.
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
    /// The sessions of each side agree exactly and the sides differ, but so few may do so by chance.
    TooFewAgree,
    /// A centre is not a positive, finite number: there is no ratio.
    NoRatio,
    /// There is no ratio, but every session of both sides has the same median.
    Same,
    /// The base is 0, so that there is no ratio; the sessions of each side agree exactly, and the sides differ.
    FromZero,
    /// The new side is 0, so that there is no interval; the sessions of each side agree exactly, and the sides differ.
    ToZero,
}

impl Reason {
    /// Every reason.
    pub const ALL: &[Self] = &[
        Self::Beyond,
        Self::Within,
        Self::Wide,
        Self::NearMargin,
        Self::NotDiscovered,
        Self::TooFewSessions,
        Self::TooFewAgree,
        Self::NoRatio,
        Self::Same,
        Self::FromZero,
        Self::ToZero,
    ];

    /// Its name, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Beyond => "beyond",
            Self::Within => "within",
            Self::Wide => "wide",
            Self::NearMargin => "near_margin",
            Self::NotDiscovered => "not_discovered",
            Self::TooFewSessions => "too_few_sessions",
            Self::TooFewAgree => "too_few_agree",
            Self::NoRatio => "no_ratio",
            Self::Same => "same",
            Self::FromZero => "from_zero",
            Self::ToZero => "to_zero",
        }
    }

    /// The reason in words.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::Beyond => {
                "the interval leaves no change out, the test survives false-discovery control, and the change is beyond the margin"
            }
            Self::Within => "the whole interval lies within the margin",
            Self::Wide => "the interval holds no change, and also one beyond the margin",
            Self::NearMargin => "there is a change, but not whether it is beyond the margin",
            Self::NotDiscovered => "a change by itself, but not among as many as were compared",
            Self::TooFewSessions => "one session on a side shows nothing of the noise between sessions",
            Self::TooFewAgree => {
                "the sessions of each side agree exactly and the sides differ, but so few may do so by chance"
            }
            Self::NoRatio => "the median of some session is not a positive number, so that there is no ratio",
            Self::Same => "every session of both sides has the same median",
            Self::FromZero => "0 in every session of the base, and one other number in every new session",
            Self::ToZero => "one number in every session of the base, and 0 in every new session",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The power that is planned for.
pub(super) const POWER: f64 = 0.9;
/// More sessions than this are none that anybody measures.
const MOST_SESSIONS: u64 = 10_000;

/// The margin of a benchmark: the policy's, or what its changes between runs stay below where that is wider.
fn margin(margins: Margins, noise: Option<Noise>) -> f64 {
    noise.map_or(0.0, |noise| noise.floor).max(margins.margin)
}

/// Whether an effect is beyond a margin: on the scale of logarithms, where 2 % slower and 2 % quicker are as far from no
/// change.
pub(super) fn is_beyond(effect: &Effect, margin: f64) -> bool {
    effect.estimate.value.ln().abs() >= margin.ln_1p()
}

/// The p of an effect that false-discovery control sees: 1 of what is within its margin, as that is never
/// reported. Else many small true changes would let noise of others through.
#[must_use]
pub fn controlled_p(effect: &Effect, margins: Margins, noise: Option<Noise>) -> f64 {
    if is_beyond(effect, margin(margins, noise)) { effect.p } else { 1.0 }
}

/// Decides.
///
/// With m the margin, a ratio is within it from 1 / (1 + m) to 1 + m.
///
/// - `regression` or `improvement`: the interval of the ratio leaves 1 out, its adjusted p is at most the
///   false-discovery rate, and the estimate is beyond the margin.
/// - `equivalent`: the whole interval lies within the margin (two one-sided tests, each at (1 − level) / 2).
/// - `inconclusive`: everything else, with the number of sessions on each side that would decide it with
///   probability 0.9 if the estimate is right; none where noise between runs alone keeps it open.
///
/// A regression is `critical` or a `warning` where the estimate is beyond those margins.
///
/// Medians of 0 have no ratio. Where all sessions of a side have one and the same, as counts do, sides that
/// are equal are `equivalent`, and a change from 0 is beyond every margin.
#[must_use]
pub fn decide(evidence: &Evidence<'_>) -> Decision {
    let margin = margin(evidence.margins, evidence.noise);
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
        return without_ratio(evidence, margin).unwrap_or_else(|| {
            undecided(if few { Reason::TooFewSessions } else { Reason::NoRatio }, None, None)
        });
    };
    let (ratio, interval) = (effect.estimate.value, effect.estimate.interval);
    let worse = worse(ratio, evidence.better);
    let decided = |outcome, reason| {
        let severity = if outcome == Outcome::Regression { severity(worse, evidence.margins) } else { None };
        Decision { outcome, severity, reason, worse: Some(worse), margin, sessions_needed: None }
    };
    let apart = interval.low > 1.0 || interval.high < 1.0;
    let discovered = evidence.adjusted_p <= evidence.false_discovery_rate;
    if apart && discovered && is_beyond(effect, margin) {
        let outcome = if worse > 0.0 { Outcome::Regression } else { Outcome::Improvement };
        return decided(outcome, Reason::Beyond);
    }
    if interval.low >= 1.0 / (1.0 + margin) && interval.high <= 1.0 + margin {
        return decided(Outcome::Equivalent, Reason::Within);
    }
    let reason = match (apart, discovered) {
        (false, _) if effect.error <= 0.0 => Reason::TooFewAgree,
        (true, false) => Reason::NotDiscovered,
        (true, true) => Reason::NearMargin,
        (false, _) => Reason::Wide,
    };
    undecided(reason, Some(worse), needed(effect, margin, reason, evidence))
}

/// What can be said where one of the sides is 0: only if the sessions of each agree exactly.
fn without_ratio(evidence: &Evidence<'_>, margin: f64) -> Option<Decision> {
    let (base, new) = evidence.constant?;
    let of = |outcome, severity, reason, worse| {
        Some(Decision { outcome, severity, reason, worse, margin, sessions_needed: None })
    };
    if base.total_cmp(&new).is_eq() {
        return of(Outcome::Equivalent, None, Reason::Same, Some(0.0));
    }
    if base < 0.0 || new < 0.0 {
        return None;
    }
    if least_p(evidence.sessions) > 1.0 - evidence.level {
        return Some(Decision {
            outcome: Outcome::Inconclusive,
            severity: None,
            reason: Reason::TooFewAgree,
            worse: None,
            margin,
            sessions_needed: enough_agree(Units::Sessions, 1.0 - evidence.level),
        });
    }
    let is_worse = (new > base) == (evidence.better == Better::Lower);
    // A fraction of a base of 0 is no number.
    let worse = (base > 0.0).then(|| worse(new / base, evidence.better));
    let severity = is_worse.then(|| severity(worse.unwrap_or(f64::INFINITY), evidence.margins)).flatten();
    let outcome = if is_worse { Outcome::Regression } else { Outcome::Improvement };
    of(outcome, severity, if base > 0.0 { Reason::ToZero } else { Reason::FromZero }, worse)
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

/// The least p of an exact permutation test of so many sessions.
fn least_p((first, second): (usize, usize)) -> f64 {
    2.0 * (-ln_binomial((first + second) as u64, first as u64)).exp()
}

/// How many that agree exactly, sessions on each side or pairs or blocks, give a permutation test a p of at most `p`.
fn enough_agree(units: Units, p: f64) -> Option<u64> {
    let is_enough = |&n: &u32| match units {
        Units::Sessions => least_p((n as usize, n as usize)) <= p,
        // Each may have either sign.
        Units::Pairs | Units::Blocks => 2.0 * 0.5_f64.powf(f64::from(n)) <= p,
    };
    (2..=64).find(is_enough).map(u64::from)
}

/// Sessions on each side that would decide it with a probability of 0.9, if the estimate and the spreads are
/// right: by how much the interval would have to be narrower, and how that goes with the number of sessions.
fn needed(effect: &Effect, margin: f64, reason: Reason, evidence: &Evidence<'_>) -> Option<u64> {
    let (theta, limit) = (effect.estimate.value.ln().abs(), margin.ln_1p());
    let to_limit = (limit - theta).abs();
    let (size, level, power) = match reason {
        Reason::NotDiscovered => (theta, 1.0 - evidence.discovering_p, POWER),
        // Beyond the margin: that it is one at all. Within: on both sides, each of which may fail.
        Reason::Wide if theta >= limit => (theta, evidence.level, POWER),
        Reason::Wide => (to_limit, evidence.level, f64::midpoint(1.0, POWER)),
        _ => (to_limit, evidence.level, POWER),
    };
    let normal = Normal::standard();
    let reach = normal.inverse_cdf(f64::midpoint(1.0, level)) + normal.inverse_cdf(power);
    // What noise between runs takes of it is there with any number of sessions.
    let size = size * size - (reach * effect.error_between_runs).powi(2);
    if size <= 0.0 {
        return None;
    }
    let mean_sd = f64::midpoint(effect.sd_first.powi(2), effect.sd_second.powi(2)).sqrt();
    // The plan is for two groups; a mean of differences has half of their variance.
    let sd = if effect.units == Units::Sessions { mean_sd } else { mean_sd / std::f64::consts::SQRT_2 };
    let units = if effect.error <= 0.0 {
        enough_agree(effect.units, 1.0 - level)?
    } else {
        sessions_needed(size.sqrt(), sd, level, power)?
    };
    let now = evidence.sessions.0.min(evidence.sessions.1) as u64;
    let sessions = match effect.units {
        // Blocks of as many sessions as those that there are.
        Units::Blocks => units.checked_mul(now)?.div_ceil(effect.replicates as u64),
        _ => units,
    };
    // Where the plan says that it should have been decided, it was bad luck.
    Some(sessions.max(now + 1)).filter(|sessions| *sessions <= MOST_SESSIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Estimate, Interval, Replicate, Resampling, paired_session_ratio, session_ratio};

    fn evidence(constant: Option<(f64, f64)>, better: Better) -> Evidence<'static> {
        Evidence {
            effect: None,
            adjusted_p: 1.0,
            false_discovery_rate: 0.05,
            discovering_p: 0.05,
            better,
            margins: Margins::default(),
            noise: None,
            sessions: (5, 5),
            level: 0.95,
            constant,
        }
    }

    /// Ten times slower is a regression in either direction, whatever the margin is short of that; a ratio just beyond the
    /// margin is as decided on both sides.
    #[test]
    fn margins_are_ratios() {
        let effect = |ratio: f64| Effect {
            estimate: Estimate {
                value: ratio,
                interval: Interval { low: ratio * 0.999, high: ratio * 1.001 },
            },
            error: 0.0005,
            t: ratio.ln() / 0.0005,
            df: 18.0,
            calibration: 1.0,
            resamples: 0,
            p: 0.0,
            units: Units::Sessions,
            replicates: 20,
            sd_first: 0.001,
            sd_second: 0.001,
            error_between_runs: 0.0,
        };
        let of = |ratio: f64, better, margin: f64| {
            let effect = effect(ratio);
            let margins = Margins { margin, warning: 0.3, critical: 0.5 };
            decide(&Evidence { effect: Some(&effect), adjusted_p: 0.0, margins, ..evidence(None, better) })
                .outcome
        };
        assert_eq!(of(0.1, Better::Higher, 1.1), Outcome::Regression);
        assert_eq!(of(10.0, Better::Lower, 1.1), Outcome::Regression);
        assert_eq!(of(0.78, Better::Lower, 0.25), Outcome::Improvement);
        assert_eq!(of(0.79, Better::Higher, 0.25), Outcome::Regression);
        assert_eq!(of(0.82, Better::Higher, 0.25), Outcome::Equivalent);
    }

    /// More sessions are asked for the nearer the estimate lies to the margin; none where noise between runs
    /// alone keeps it open; pairs need half as many as groups.
    #[test]
    fn what_would_decide() {
        let of = |ratio: f64, units, error_between_runs| {
            let interval = Interval { low: ratio * 0.98, high: ratio * 1.02 };
            let effect = Effect {
                estimate: Estimate { value: ratio, interval },
                error: 0.01,
                t: ratio.ln() / 0.01,
                df: 18.0,
                calibration: 1.0,
                resamples: 0,
                p: 0.5,
                units,
                replicates: 10,
                sd_first: 0.02,
                sd_second: 0.02,
                error_between_runs,
            };
            decide(&Evidence { effect: Some(&effect), sessions: (10, 10), ..evidence(None, Better::Lower) })
                .sessions_needed
        };
        let none = of(1.0, Units::Sessions, 0.0).expect("a number");
        let near = of(1.005, Units::Sessions, 0.0).expect("a number");
        let pairs = of(1.0, Units::Pairs, 0.0).expect("a number");
        assert!((80..130).contains(&none) && near > 3 * none, "{none} {near}");
        assert!((pairs * 2).abs_diff(none) < 4, "{none} {pairs}");
        assert_eq!(of(1.0, Units::Sessions, 0.01), None);
        assert_eq!(of(1.009_999, Units::Sessions, 0.0), None);
    }

    /// A reason is called in texts what it is called in JSON.
    #[test]
    fn names_of_reasons() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).ok(), Some(reason.as_str().into()));
        }
    }

    fn of(ratio: f64, low: f64, high: f64, adjusted_p: f64, noise: Option<Noise>) -> Decision {
        let estimate = Estimate { value: ratio, interval: Interval { low, high } };
        let effect = Effect {
            estimate,
            error: 0.02,
            t: 3.0,
            df: 8.0,
            calibration: 1.0,
            resamples: 0,
            p: 0.01,
            units: Units::Sessions,
            replicates: 20,
            sd_first: 0.02,
            sd_second: 0.02,
            error_between_runs: 0.0,
        };
        let evidence = evidence(None, Better::Lower);
        decide(&Evidence { effect: Some(&effect), adjusted_p, noise, ..evidence })
    }

    /// Each condition of the rule decides by itself: interval, adjusted p, margin (the policy's 1 %, or the
    /// benchmark's noise), severity; what stays open says how many sessions would decide it.
    #[test]
    fn conditions() {
        let found = |decision: Decision| (decision.outcome, decision.severity, decision.reason);
        let open = |reason| (Outcome::Inconclusive, None, reason);
        let (critical, warning) = (Some(Severity::Critical), Some(Severity::Warning));
        assert_eq!(found(of(1.12, 1.05, 1.2, 0.01, None)), (Outcome::Regression, critical, Reason::Beyond));
        assert_eq!(found(of(1.06, 1.02, 1.1, 0.05, None)), (Outcome::Regression, warning, Reason::Beyond));
        assert_eq!(found(of(1.02, 1.005, 1.03, 0.05, None)), (Outcome::Regression, None, Reason::Beyond));
        assert_eq!(found(of(0.97, 0.95, 0.99, 0.01, None)), (Outcome::Improvement, None, Reason::Beyond));
        assert_eq!(found(of(1.12, 1.05, 1.2, 0.051, None)), open(Reason::NotDiscovered));
        assert_eq!(found(of(1.12, 0.99, 1.2, 0.01, None)), open(Reason::Wide));
        assert_eq!(found(of(1.008, 1.002, 1.014, 0.01, None)), open(Reason::NearMargin));
        // A change for certain, and for certain too small to matter.
        assert_eq!(found(of(1.005, 1.001, 1.009, 0.01, None)), (Outcome::Equivalent, None, Reason::Within));
        assert_eq!(found(of(1.0, 0.991, 1.009, 1.0, None)), (Outcome::Equivalent, None, Reason::Within));
        assert_eq!(found(of(1.0, 0.990, 1.009, 1.0, None)), open(Reason::Wide));

        let noisy = Some(Noise { floor: 0.08, between_runs: 0.0, runs: 9 });
        assert_eq!(found(of(1.06, 1.02, 1.1, 0.01, noisy)), open(Reason::NearMargin));
        assert_eq!(found(of(1.06, 1.05, 1.07, 0.01, noisy)), (Outcome::Equivalent, None, Reason::Within));
        let quiet = Some(Noise { floor: 0.001, between_runs: 0.0, runs: 9 });
        assert_eq!(
            (of(1.0, 0.9, 1.1, 1.0, quiet).margin, of(1.0, 0.9, 1.1, 1.0, noisy).margin),
            (0.01, 0.08)
        );
        assert!(of(1.0, 0.9, 1.1, 1.0, None).sessions_needed > Some(50));
        assert_eq!(of(1.12, 1.05, 1.2, 0.01, None).sessions_needed, None);
        let single = Evidence { sessions: (1, 5), ..evidence(None, Better::Lower) };
        assert_eq!(found(decide(&single)), open(Reason::TooFewSessions));
    }

    /// Blocks are counted as they are, whatever noise between runs makes of the degrees of freedom: of four blocks with
    /// ten sessions in all, each asks for two and a half.
    #[test]
    fn blocks_are_counted() {
        let estimate = Estimate { value: 1.03, interval: Interval { low: 0.96, high: 1.1 } };
        let of_blocks = Effect {
            estimate,
            error: 0.01,
            t: 3.0,
            df: 3.0,
            calibration: 1.0,
            resamples: 0,
            p: 0.1,
            units: Units::Blocks,
            replicates: 4,
            sd_first: 0.05,
            sd_second: 0.05,
            error_between_runs: 0.0,
        };
        let needed = |effect: &Effect| {
            let evidence = evidence(None, Better::Lower);
            decide(&Evidence { effect: Some(effect), sessions: (10, 10), ..evidence }).sessions_needed
        };
        let without = needed(&of_blocks).expect("a number");
        let blocks = sessions_needed(1.03_f64.ln(), 0.05 / 2_f64.sqrt(), 0.95, POWER).expect("a number");
        assert_eq!(without, (blocks * 10).div_ceil(4));
        let noisy = of_blocks.with_noise_between_runs(1e-7, 1e-6, 0.95);
        assert!(noisy.df < 1.0 && noisy.error_between_runs > 0.0, "{noisy:?}");
        assert_eq!(needed(&noisy), Some(without));
    }

    /// Sessions that agree exactly are told apart from single ones, with how many of them no chance would explain: four a
    /// side, six pairs.
    #[test]
    fn few_agree() {
        let of = |evidence: Evidence<'_>| {
            let decision = decide(&evidence);
            (decision.outcome, decision.reason, decision.sessions_needed)
        };
        let open = |needed| (Outcome::Inconclusive, Reason::TooFewAgree, Some(needed));
        let from_zero = evidence(Some((0.0, 3.0)), Better::Lower);
        assert_eq!(of(Evidence { sessions: (3, 3), ..from_zero }), open(4));
        let side = |value: f64, n: usize| vec![vec![value; 5]; n];
        let pairs = paired_session_ratio(&side(2.0, 3), &side(3.0, 3), Resampling::default());
        assert_eq!(of(Evidence { effect: pairs.as_ref(), sessions: (3, 3), ..from_zero }), open(6));
        fn in_a_block(side: &[Vec<f64>]) -> Vec<Replicate<'_>> {
            side.iter().map(|samples| Replicate { samples, block: 0 }).collect()
        }
        let groups =
            session_ratio(&in_a_block(&side(2.0, 3)), &in_a_block(&side(3.0, 3)), Resampling::default());
        assert_eq!(of(Evidence { effect: groups.as_ref(), sessions: (3, 3), ..from_zero }), open(4));
        let said = [Reason::TooFewAgree, Reason::TooFewSessions].map(Reason::told);
        assert!(said[0].contains("agree exactly") && said[1].starts_with("one session"), "{said:?}");
    }

    /// Counts that never vary are decided without a ratio: none and none are equivalent, some from none are
    /// beyond every margin, in the metric's own direction; what varies around 0 stays open.
    #[test]
    fn zeros() {
        let of = |constant, better| {
            let decision = decide(&evidence(constant, better));
            (decision.outcome, decision.severity, decision.reason, decision.worse)
        };
        let (lower, higher) = (Better::Lower, Better::Higher);
        let critical = Some(Severity::Critical);
        assert_eq!(of(Some((0.0, 0.0)), lower), (Outcome::Equivalent, None, Reason::Same, Some(0.0)));
        assert_eq!(of(Some((0.0, 3.0)), lower), (Outcome::Regression, critical, Reason::FromZero, None));
        assert_eq!(of(Some((0.0, 3.0)), higher), (Outcome::Improvement, None, Reason::FromZero, None));
        assert_eq!(of(Some((3.0, 0.0)), lower), (Outcome::Improvement, None, Reason::ToZero, Some(-1.0)));
        assert_eq!(of(Some((3.0, 0.0)), higher), (Outcome::Regression, critical, Reason::ToZero, Some(1.0)));
        assert_eq!(of(Some((-1.0, 3.0)), lower), (Outcome::Inconclusive, None, Reason::NoRatio, None));
        assert_eq!(of(None, lower), (Outcome::Inconclusive, None, Reason::NoRatio, None));
    }
}
