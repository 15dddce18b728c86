//! Where values lie.

use super::{Aggregate, Family, Function, Kind, Number, ONE, Range, number};
use crate::stats;

const PROBABILITY: Number = number("p", None, Range::Closed);

/// What the functions of this family have in common.
const LOCATION: Function = Function { family: Family::Location, ..ONE };

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "list_avg",
        what: "The arithmetic mean.",
        formula: "Σx / n, with Neumaier's compensated sum",
        source: "Neumaier, ZAMM 54 (1974)",
        example: "list_avg([1.0, 2.0, 6.0])",
        result: "3.0",
        aggregate: Aggregate::No,
        kind: Kind::One(|values, _| stats::mean(values)),
        ..LOCATION
    },
    Function {
        name: "list_median",
        what: "The median: `list_quantile(samples, 0.5)`.",
        formula: "the middle order statistic, or the mean of the two middle ones",
        source: "Hyndman and Fan, The American Statistician 50 (1996), type 7",
        example: "list_median([9.0, 1.0, 2.0, 4.0])",
        result: "3.0",
        aggregate: Aggregate::No,
        kind: Kind::One(|values, _| stats::median(values)),
        ..LOCATION
    },
    Function {
        name: "list_quantile",
        numbers: &[PROBABILITY],
        what: "The quantile at p, 0 ≤ p ≤ 1.",
        formula: "linear between the order statistics around (n − 1)·p (type 7, the default of NumPy and R)",
        source: "Hyndman and Fan, The American Statistician 50 (1996)",
        example: "list_quantile([4.0, 1.0, 3.0, 2.0], 0.25)",
        result: "1.75",
        kind: Kind::One(|values, numbers| stats::quantile(values, numbers[0])),
        ..LOCATION
    },
];
