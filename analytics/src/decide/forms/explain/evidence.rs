//! The effect with its interval, and the test.

use crate::{
    decide::{
        Compared, Comparison, Layout,
        forms::words::{self, counted},
    },
    format::number,
    stats::Effect,
};
use benchlake_schemas::Better;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The ratio with its interval, and how that is made.
pub(super) fn effect(comparison: &Comparison, one: &Compared) -> Vec<String> {
    let Some(effect) = &one.effect else { return without_effect(one) };
    let (ratio, interval) = (effect.estimate.value, effect.estimate.interval);
    let mut lines = vec![
        format!("new / base = {}: {}.", number(ratio), in_direction(one)),
        format!(
            "Its {} interval is {} to {}.",
            words::share(comparison.level),
            number(interval.low),
            number(interval.high)
        ),
    ];
    if has_no_spread(effect) {
        lines.push("The sessions of each side agree exactly: the interval has no width.".to_owned());
        return lines;
    }
    lines.push(spread(comparison.layout, effect));
    lines.extend(interval_is(comparison, one, effect));
    lines
}

fn without_effect(one: &Compared) -> Vec<String> {
    vec![format!("There is no ratio: {}.", one.decision.reason.told())]
}

fn in_direction(one: &Compared) -> String {
    let (formula, direction) = match one.better {
        Better::Lower => ("new / base − 1", "less"),
        Better::Higher => ("1 − new / base", "more"),
    };
    format!("{direction} is better, so that it is worse by {formula} = {}", words::change(one))
}

/// Whether the sessions of each side agree.
fn has_no_spread(effect: &Effect) -> bool {
    effect.sd_first.max(effect.sd_second) <= 0.0
}

/// How far sessions lie apart.
fn spread(layout: Layout, effect: &Effect) -> String {
    let (first, second) = (words::share_rounded(effect.sd_first), words::share_rounded(effect.sd_second));
    let shared = effect.sd_first.total_cmp(&effect.sd_second).is_eq();
    match layout {
        Layout::Pairs => format!("The logarithms of the pairs' ratios have a standard deviation of {first}."),
        Layout::Nodes if shared => format!(
            "Sessions of a node differ by a standard deviation of {first} (of logarithms), which both sides share: one of them has fewer than four degrees of freedom for its own."
        ),
        Layout::Nodes => format!(
            "Sessions of a node differ by a standard deviation (of logarithms, pooled over nodes) of {first} before and {second} now."
        ),
        Layout::Groups => format!(
            "Sessions differ by a standard deviation (of logarithms) of {first} before and {second} now."
        ),
    }
}

/// t, and how the bootstrap widens or narrows its interval.
fn interval_is(comparison: &Comparison, one: &Compared, effect: &Effect) -> Vec<String> {
    let Ok(student) = StudentsT::new(0.0, 1.0, effect.df) else { return Vec::new() };
    let quantile = student.inverse_cdf(f64::midpoint(1.0, comparison.level));
    let interval = effect.estimate.interval;
    let error = (interval.high / interval.low).ln() / 2.0 / (quantile * effect.calibration);
    let df = match comparison.layout {
        Layout::Pairs => "the pairs less one",
        Layout::Nodes if effect.sd_first.total_cmp(&effect.sd_second).is_eq() => {
            "the sessions less the nodes and one"
        }
        Layout::Nodes | Layout::Groups => "by Welch and Satterthwaite",
    };
    let resampled = if effect.calibration.total_cmp(&1.0).is_eq() {
        "Too few sessions on a side to resample (fewer than five, or alone on their nodes): Student's quantile stands, a calibration of 1.".to_owned()
    } else {
        format!(
            "Calibration: over {} resamples of sessions, and in each of its samples (seed {}), the {} quantile of |t| is {} times Student's {}.",
            comparison.options.policy.resamples,
            comparison.seed(one),
            words::share(comparison.level),
            number(effect.calibration),
            number(quantile)
        )
    };
    vec![
        format!(
            "The logarithm of the ratio is {}, its standard error {}: t = {} with {} degrees of freedom ({df}).",
            number(effect.estimate.value.ln()),
            number(error),
            number(effect.t),
            number(effect.df)
        ),
        resampled,
        format!(
            "The interval is exp({} ± {} · {} · {}).",
            number(effect.estimate.value.ln()),
            number(effect.calibration),
            number(quantile),
            number(error)
        ),
    ]
}

/// p by itself, and among all.
pub(super) fn test(comparison: &Comparison, one: &Compared) -> Vec<String> {
    let (Some(effect), Some(adjusted)) = (&one.effect, one.adjusted_p) else { return Vec::new() };
    let tested = comparison.compared.iter().filter(|one| one.adjusted_p.is_some()).count();
    let own = if has_no_spread(effect) {
        format!(
            "p = {}: without any spread a difference is beyond doubt, and equality too.",
            number(effect.p)
        )
    } else {
        format!(
            "p = {}: so probable is |t| / calibration = {} or more, on either side, in Student's distribution where nothing changed.",
            number(effect.p),
            number(effect.t.abs() / effect.calibration)
        )
    };
    vec![
        own,
        format!(
            "Adjusted for the {} of this comparison by {}, p is {}; it counts if it is at most the false-discovery rate, {}.",
            counted(tested, "test"),
            words::procedure(comparison.procedure),
            number(adjusted),
            number(comparison.false_discovery_rate)
        ),
    ]
}
