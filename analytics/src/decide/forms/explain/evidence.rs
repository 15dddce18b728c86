//! The effect with its interval, and the test.

use crate::{
    decide::{
        Compared, Comparison, Layout,
        forms::words::{self, counted},
        verdict::is_beyond,
    },
    format::number,
    stats::{Effect, Units},
};
use benchlake_schemas::Better;

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
        lines.push("The sessions of each side agree exactly: the interval has no width, or reaches to 1 where so few may agree by chance.".to_owned());
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

/// Whether the units agree, and runs too as far as that is known.
fn has_no_spread(effect: &Effect) -> bool {
    effect.error <= 0.0
}

/// How far units lie apart.
fn spread(layout: Layout, effect: &Effect) -> String {
    let (first, second) = (words::share_rounded(effect.sd_first), words::share_rounded(effect.sd_second));
    let (within, weighted) = match layout {
        Layout::Nodes => {
            (" within their block", " The ratios of blocks are weighted by n₁n₂/(n₁ + n₂) of their sessions.")
        }
        Layout::Pairs | Layout::Groups => ("", ""),
    };
    match effect.units {
        Units::Pairs => format!("The logarithms of the pairs' ratios have a standard deviation of {first}."),
        Units::Blocks => format!(
            "Blocks are the units here, each of them counts alike: the logarithms of their ratios have a standard deviation of {first}."
        ),
        Units::Sessions => format!(
            "Sessions differ{within} by a standard deviation (of logarithms) of {first} before and {second} now.{weighted}"
        ),
    }
}

/// t, and what its interval is made of.
fn interval_is(comparison: &Comparison, one: &Compared, effect: &Effect) -> Vec<String> {
    let Some(quantile) = effect.student_quantile(comparison.level) else { return Vec::new() };
    let between = effect.error_between_runs;
    let (of_which, df) = if between > 0.0 {
        (
            format!(" ({} of it, in squares, is noise between runs)", number(between)),
            "by Welch and Satterthwaite, noise between runs included",
        )
    } else {
        let df = match effect.units {
            Units::Pairs => "the pairs less one",
            Units::Blocks => "the blocks less one",
            Units::Sessions => "by Welch and Satterthwaite",
        };
        (String::new(), df)
    };
    let theta = number(effect.estimate.value.ln());
    vec![
        format!(
            "The logarithm of the ratio is {theta}, its standard error {}{of_which}: t = {} with {} degrees of freedom ({df}).",
            number(effect.error),
            number(effect.t),
            number(effect.df)
        ),
        calibration(comparison, one, effect),
        format!(
            "The interval is exp({theta} ± {} · {} · {}): calibration, Student's quantile, standard error.",
            number(effect.calibration),
            number(quantile),
            number(effect.error)
        ),
    ]
}

/// What the bootstrap says of t.
fn calibration(comparison: &Comparison, one: &Compared, effect: &Effect) -> String {
    if effect.resamples == 0 {
        return "Nothing is resampled (blocks, or fewer than five sessions on a side to draw from): Student's quantile stands.".to_owned();
    }
    let between = effect.error_between_runs.powi(2);
    let of_sessions =
        (((effect.calibration * effect.error).powi(2) - between) / (effect.error.powi(2) - between)).sqrt();
    let with_runs = if between > 0.0 {
        format!(" With noise between runs, which is not resampled, that is {}.", number(effect.calibration))
    } else {
        String::new()
    };
    format!(
        "Calibration: over {} resamples of sessions, and in each of its samples (seed {}), the {} quantile of |t| is {} times Student's.{with_runs}",
        effect.resamples,
        comparison.seed(one),
        words::share(comparison.level),
        number(of_sessions)
    )
}

/// p by itself, and among all.
pub(super) fn test(comparison: &Comparison, one: &Compared) -> Vec<String> {
    let (Some(effect), Some(adjusted)) = (&one.effect, one.adjusted_p) else { return Vec::new() };
    let tested = comparison.compared.iter().filter(|one| one.adjusted_p.is_some()).count();
    let own = if has_no_spread(effect) {
        format!(
            "p = {}: where nothing varies, what an exact permutation test of so few can say.",
            number(effect.p)
        )
    } else {
        format!(
            "p = {}: so probable is |t| / calibration = {} or more, on either side, in Student's distribution where nothing changed.",
            number(effect.p),
            number(effect.t.abs() / effect.calibration)
        )
    };
    let enters = if is_beyond(effect, one.decision.margin) {
        "This one enters as it is, as its change is beyond the margin."
    } else {
        "This one enters as 1, as a change within the margin is never reported."
    };
    vec![
        own,
        format!(
            "{enters} Adjusted for the {} of this comparison by {}, p is {}; it counts if it is at most the false-discovery rate, {}.",
            counted(tested, "test"),
            words::procedure(comparison.procedure),
            number(adjusted),
            number(comparison.false_discovery_rate)
        ),
    ]
}
