//! How far values lie apart.

use super::{Aggregate, Family, Function, Kind, ONE};
use crate::stats;

/// What the functions of this family have in common.
const SPREAD: Function = Function { family: Family::Spread, ..ONE };

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "list_stddev",
        what: "The sample standard deviation; null below two elements.",
        formula: "√(Σ(x − x̄)² / (n − 1)), corrected two-pass algorithm",
        source: "Chan, Golub and LeVeque, The American Statistician 37 (1983)",
        example: "list_stddev([1.0, 2.0, 3.0])",
        result: "1.0",
        aggregate: Aggregate::No,
        kind: Kind::One(|values, _| stats::standard_deviation(values)),
        ..SPREAD
    },
    Function {
        name: "list_cv",
        what: "The coefficient of variation; null below two elements or where the mean is zero.",
        formula: "s / |x̄|",
        source: "ISO 3534-1, relative standard deviation",
        example: "list_cv([1.0, 2.0, 3.0])",
        result: "0.5",
        kind: Kind::One(|values, _| stats::coefficient_of_variation(values)),
        ..SPREAD
    },
];
