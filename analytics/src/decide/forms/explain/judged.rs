//! Margin, rule, verdict, and what would decide what is open.

use crate::{
    decide::{
        Compared, Comparison, Layout, Reason,
        forms::words::{self, share, share_rounded},
        verdict::{POWER, is_beyond},
    },
    format::number,
    stats::Effect,
};
use benchlake_schemas::Outcome;

/// The answer first.
pub(super) fn verdict(comparison: &Comparison, one: &Compared) -> Vec<String> {
    let decision = &one.decision;
    let severity = decision.severity.map(|severity| format!(", {severity}")).unwrap_or_default();
    let change = match words::interval(one) {
        Some(interval) => {
            format!("{} ({} interval {interval} %)", words::change(one), share(comparison.level))
        }
        None => words::change(one),
    };
    vec![
        format!("{}{severity}: {change}, {}; + is worse.", decision.outcome, words::base_to_new(one)),
        format!("{}.", capitalised(decision.reason.told())),
    ]
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What the policy says, what its noise between runs says, which of them is used.
pub(super) fn margin(comparison: &Comparison, one: &Compared) -> Vec<String> {
    let margins = one.margins;
    let file = comparison
        .options
        .policy_file
        .as_deref()
        .map_or("the built-in policy".to_owned(), |file| format!("the policy {file}"));
    let noise = match one.noise {
        Some(noise) => format!(
            "Noise between runs: 95 % of the changes from one run to the next stay below {}, and beyond what its sessions show a run varies by a standard deviation of {} (among {} earlier runs on this platform, of the base's branch and arm).",
            share_rounded(noise.floor),
            share_rounded(noise.between_runs),
            noise.runs
        ),
        None if comparison.layout == Layout::Pairs => {
            "Pairs are of one run: noise between runs does not count.".to_owned()
        }
        None => "Noise between runs is not known: fewer than six earlier runs on this platform, of the base's branch and arm. What differs from run to run looks like a change.".to_owned(),
    };
    let which = match one.noise {
        Some(noise) if noise.floor > margins.margin => {
            "what changes between runs stay below, as that is wider"
        }
        _ => "the policy's",
    };
    vec![
        format!(
            "By {file}: a change below {} does not matter, a regression is a warning from {} and critical from {}.",
            share(margins.margin),
            share(margins.warning),
            share(margins.critical)
        ),
        noise,
        format!("The margin used is {}: {which}.", share_rounded(one.decision.margin)),
    ]
}

/// Condition by condition.
pub(super) fn rule(comparison: &Comparison, one: &Compared) -> Vec<String> {
    let (Some(effect), Some(worse)) = (&one.effect, one.decision.worse) else { return without_ratio(one) };
    let interval = effect.estimate.interval;
    let adjusted = one.adjusted_p.unwrap_or(1.0);
    let (margin, yes) = (one.decision.margin, |holds: bool| if holds { "yes" } else { "no" });
    let within = (1.0 / (1.0 + margin), 1.0 + margin);
    let mut lines = vec![
        "A change: 1. the interval leaves no change (1) out; 2. the adjusted p counts; 3. the change is at least the margin, as a ratio.".to_owned(),
        format!("1. {}: {} to {}.", yes(interval.low > 1.0 || interval.high < 1.0), number(interval.low), number(interval.high)),
        format!(
            "2. {}: {} against {}.",
            yes(adjusted <= comparison.false_discovery_rate),
            number(adjusted),
            number(comparison.false_discovery_rate)
        ),
        format!(
            "3. {}: |ln ratio| = {} against ln(1 + margin) = {}.",
            yes(is_beyond(effect, margin)),
            number(effect.estimate.value.ln().abs()),
            number(margin.ln_1p())
        ),
        format!(
            "Equivalent, where it is no change: the whole interval within 1/(1 + margin) = {} to 1 + margin = {}: {}.",
            number(within.0),
            number(within.1),
            yes(interval.low >= within.0 && interval.high <= within.1)
        ),
        format!("So it is {}.", conclusion(one)),
    ];
    lines.extend(severity(one, worse));
    lines
}

fn conclusion(one: &Compared) -> String {
    match one.decision.outcome {
        Outcome::Regression => "a regression: a change, and for the worse".to_owned(),
        Outcome::Improvement => "an improvement: a change, and for the better".to_owned(),
        Outcome::Equivalent => "equivalent".to_owned(),
        Outcome::Inconclusive => format!("inconclusive: {}", one.decision.reason.told()),
    }
}

fn severity(one: &Compared, worse: f64) -> Option<String> {
    let margins = one.margins;
    (one.decision.outcome == Outcome::Regression).then(|| match one.decision.severity {
        Some(severity) => format!(
            "It is {}: {} is at least {}.",
            words::severity(severity),
            words::percent(worse),
            share(if severity == benchlake_schemas::Severity::Critical {
                margins.critical
            } else {
                margins.warning
            })
        ),
        None => format!("It has no severity: {} is below {}.", words::percent(worse), share(margins.warning)),
    })
}

fn without_ratio(one: &Compared) -> Vec<String> {
    let rule = match one.decision.reason {
        Reason::TooFewAgree => {
            "Sides whose sessions agree exactly and that differ are a change, if there are enough of them: as few may do so by chance, by an exact permutation test."
        }
        Reason::TooFewSessions => "An interval over sessions needs two of them on each side.",
        Reason::Same => {
            "Without a ratio, sides whose sessions all have one and the same median are equivalent."
        }
        Reason::FromZero | Reason::ToZero => {
            "Without an interval, sides whose sessions agree exactly and that differ are a change; one from 0 is beyond every margin."
        }
        _ => "A ratio needs medians that are positive and finite, in every session.",
    };
    vec![rule.to_owned(), format!("So it is {}.", conclusion(one))]
}

/// How many sessions would decide it, and how that is computed.
pub(super) fn needed(one: &Compared) -> Vec<String> {
    let decision = &one.decision;
    if decision.outcome != Outcome::Inconclusive {
        return Vec::new();
    }
    let (Some(effect), Some(needed)) = (&one.effect, decision.sessions_needed) else { return advice(one) };
    if decision.reason == Reason::TooFewAgree {
        return advice(one);
    }
    vec![
        format!(
            "{} sessions on each side would decide it with probability {POWER}, if the estimate and the spreads are right.",
            words::about(needed)
        ),
        what_for(effect, decision.margin, decision.reason),
        "At least one more than there are; noise between runs, which no number of sessions lessens, is taken off.".to_owned(),
    ]
}

/// What so many sessions would show.
fn what_for(effect: &Effect, margin: f64, reason: Reason) -> String {
    let distance = number((margin.ln_1p() - effect.estimate.value.ln().abs()).abs());
    match reason {
        Reason::NotDiscovered => {
            "So many make p small enough to be discovered among as many as were compared.".to_owned()
        }
        Reason::Wide if is_beyond(effect, margin) => {
            "So many show that a change of this size is one.".to_owned()
        }
        Reason::Wide => format!(
            "So many narrow the interval until it lies within the margin, from which the estimate is {distance} away (of logarithms)."
        ),
        _ => format!(
            "So many show on which side of the margin it is, from which the estimate is {distance} away (of logarithms)."
        ),
    }
}

fn advice(one: &Compared) -> Vec<String> {
    let line = match (one.decision.reason, one.decision.sessions_needed) {
        (Reason::TooFewAgree, Some(needed)) => {
            format!("{} sessions on each side that agree exactly would be enough.", words::about(needed))
        }
        (Reason::TooFewSessions, _) => "Measure with --sessions 5 or more.".to_owned(),
        (Reason::NoRatio, _) => {
            "No number of sessions: look at the medians above that are zero, negative or no number.".to_owned()
        }
        _ => "No number of sessions that anybody measures: noise between runs alone keeps it open, or the estimate lies at the margin. More runs on each side would tell.".to_owned(),
    };
    vec![line]
}
