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
        name: "list_var",
        what: "The sample variance; null below two elements.",
        formula: "Σ(x − x̄)² / (n − 1), corrected two-pass algorithm",
        source: "Chan, Golub and LeVeque, The American Statistician 37 (1983)",
        example: "list_var([1.0, 2.0, 6.0])",
        result: "7.0",
        aggregate: Aggregate::No,
        kind: Kind::One(|values, _| stats::variance(values)),
        ..SPREAD
    },
    Function {
        name: "list_sem",
        what: "The standard error of the mean of independent elements; null below two.",
        formula: "s / √n",
        source: "ISO 3534-1; as `scipy.stats.sem`",
        example: "round(list_sem([1.0, 2.0, 3.0]), 4)",
        result: "0.5774",
        kind: Kind::One(|values, _| stats::standard_error(values)),
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
    Function {
        name: "list_mad",
        what: "The median absolute deviation from the median, not scaled.",
        formula: "median |x − median x|",
        source: "Hampel, Journal of the American Statistical Association 69 (1974)",
        example: "list_mad([1.0, 2.0, 3.0, 4.0, 100.0])",
        result: "1.0",
        kind: Kind::Reordering(|values, _| stats::median_absolute_deviation_in_place(values)),
        ..SPREAD
    },
    Function {
        name: "list_mad_sd",
        what: "A robust standard deviation: `list_mad` scaled so that it is σ of normal elements.",
        formula: "1.4826 · MAD; the factor is 1 / Φ⁻¹(3/4)",
        source: "Rousseeuw and Croux, Journal of the American Statistical Association 88 (1993)",
        example: "round(list_mad_sd([1.0, 2.0, 3.0, 4.0, 100.0]), 4)",
        result: "1.4826",
        kind: Kind::Reordering(|values, _| {
            Some(stats::NORMAL_SCALE * stats::median_absolute_deviation_in_place(values)?)
        }),
        ..SPREAD
    },
    Function {
        name: "list_iqr",
        what: "The interquartile range.",
        formula: "the quantile at 3/4 less that at 1/4 (type 7)",
        source: "Hyndman and Fan, The American Statistician 50 (1996); as `scipy.stats.iqr`",
        example: "list_iqr([1.0, 2.0, 3.0, 4.0, 5.0])",
        result: "2.0",
        kind: Kind::Reordering(|values, _| stats::interquartile_range_in_place(values)),
        ..SPREAD
    },
];
