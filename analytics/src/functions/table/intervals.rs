//! Where the true value is.

use super::{Family, Function, Kind, LEVEL, ONE};
use crate::stats;

/// What the functions of this family have in common.
const INTERVAL: Function = Function { family: Family::Intervals, numbers: &[LEVEL], ..ONE };

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "list_ci_low",
        what: "The lower end of the interval of the mean, 0 < level < 1 (default 0.95); null below two elements. The elements must be independent: means of sessions, not iterations.",
        formula: "x̄ − t(1 − α/2; n − 1) · s / √n, α = 1 − level",
        source: "Student, Biometrika 6 (1908)",
        example: "round(list_ci_low([1.0, 2.0, 3.0]), 4)",
        result: "-0.4841",
        kind: Kind::One(|values, numbers| Some(stats::mean_interval(values, numbers[0])?.low)),
        ..INTERVAL
    },
    Function {
        name: "list_ci_high",
        what: "The upper end of the interval of the mean; see `list_ci_low`.",
        formula: "x̄ + t(1 − α/2; n − 1) · s / √n, α = 1 − level",
        source: "Student, Biometrika 6 (1908)",
        example: "round(list_ci_high([1.0, 2.0, 3.0], 0.9), 4)",
        result: "3.6859",
        kind: Kind::One(|values, numbers| Some(stats::mean_interval(values, numbers[0])?.high)),
        ..INTERVAL
    },
];
