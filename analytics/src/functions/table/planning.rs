//! How much must be measured, and what can be found.

use super::{Aggregate, Family, Function, Kind, LEVEL, Number, ONE, Range, number};
use crate::stats;

const EFFECT: Number = number("effect", None, Range::Any);
const SD: Number = number("sd", None, Range::Any);
const N: Number = number("n", None, Range::Whole);
const POWER: Number = number("power", Some(0.9), Range::Open);

/// What functions of numbers have in common.
const PLANNING: Function = Function { family: Family::Planning, lists: &[], aggregate: Aggregate::No, ..ONE };

const COHEN: &str =
    "Cohen, Statistical Power Analysis (1988), chapter 2; as `statsmodels.stats.power.TTestIndPower`";
const KALIBERA: &str = "Kalibera and Jones, ISMM (2013)";

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "test_power",
        numbers: &[EFFECT, SD, N, LEVEL],
        what: "How probably a two-sided test finds a true difference `effect` of two means. Each is of n independent values with the standard deviation `sd`, in the unit of the effect; null below two values, for a negative `sd`, or where a number is NaN.",
        formula: "P(|T| > t(1 − α/2; 2n − 2)), T noncentral t with |effect| / sd · √(n/2), α = 1 − level",
        source: COHEN,
        example: "round(test_power(0.02, 0.01, 10), 4)",
        result: "0.9882",
        kind: Kind::Numbers(|numbers| {
            let side = (numbers[1], whole(numbers[2]));
            stats::test_power(numbers[0], side, side, numbers[3])
        }),
        ..PLANNING
    },
    Function {
        name: "minimum_detectable_effect",
        numbers: &[SD, N, LEVEL, POWER],
        what: "The smallest true difference of two means that a two-sided test finds with `power`. Each is of n independent values with the standard deviation `sd`, whose unit the difference has; null as `test_power`.",
        formula: "the effect whose `test_power` is `power`",
        source: COHEN,
        example: "round(minimum_detectable_effect(1.0, 10), 4)",
        result: "1.5337",
        kind: Kind::Numbers(|numbers| {
            let side = (numbers[0], whole(numbers[1]));
            stats::minimum_detectable_effect(side, side, numbers[2], numbers[3])
        }),
        ..PLANNING
    },
    Function {
        name: "sessions_needed",
        numbers: &[EFFECT, SD, LEVEL, POWER],
        what: "How many sessions each side needs to find a true difference `effect` with `power`. `sd` is the standard deviation between sessions, in the unit of the effect; null without an effect, for a negative `sd`, or where a number is NaN.",
        formula: "the smallest n, from 2, whose `test_power` is at least `power`",
        source: COHEN,
        example: "sessions_needed(0.02, 0.01)",
        result: "7.0",
        kind: Kind::Numbers(|numbers| {
            counted(stats::sessions_needed(numbers[0], numbers[1], numbers[2], numbers[3])?)
        }),
        ..PLANNING
    },
    Function {
        name: "sessions_for_precision",
        numbers: &[SD, number("half_width", None, Range::Any), LEVEL],
        what: "How many sessions it takes to know their mean to ± `half_width`. `sd` is the standard deviation between sessions, in the unit of the width; null for a width of zero, and where a number is negative or NaN.",
        formula: "the smallest n, from 2, with t(1 − α/2; n − 1) · sd / √n ≤ half_width, α = 1 − level",
        source: "Student, Biometrika 6 (1908)",
        example: "sessions_for_precision(0.02, 0.01)",
        result: "18.0",
        kind: Kind::Numbers(|numbers| {
            counted(stats::sessions_for_precision(numbers[0], numbers[1], numbers[2])?)
        }),
        ..PLANNING
    },
    Function {
        name: "optimal_repetitions",
        numbers: &[
            number("cost", None, Range::Any),
            number("variance", None, Range::Any),
            number("cost_above", None, Range::Any),
            number("variance_above", None, Range::Any),
        ],
        what: "How often to repeat at a level, so that the mean is as precise as its cost allows. A cost is of one more repetition at the level, a sample's time, and at the one above, a session's start; infinite where only the level above adds no variance, null for costs that are not positive or a NaN.",
        formula: "⌈√(cost_above / cost · variance / variance_above)⌉, at least 1",
        source: KALIBERA,
        example: "optimal_repetitions(1.0, 4.0, 30.0, 4.0)",
        result: "6.0",
        kind: Kind::Numbers(|numbers| {
            let [cost, variance, above, variance_above] = *numbers else { return None };
            let found = stats::optimal_repetitions(&[cost, above], &[variance, variance_above]);
            Some(counted(*found.first()?).unwrap_or(f64::INFINITY))
        }),
        ..PLANNING
    },
];

/// A count as a double; `None` above 2³², where nobody counts.
fn counted(count: u64) -> Option<f64> {
    u32::try_from(count).ok().map(f64::from)
}

/// A number whose range is that of whole numbers.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 0 to 2⁵³")]
fn whole(number: f64) -> u64 {
    number as u64
}
