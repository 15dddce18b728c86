//! Where the true value is.

use super::{Family, Function, Kind, LEVEL, Number, ONE, Range, number};
use crate::stats::{
    OrderInterval, RESAMPLES, SEED, bca_mean, bca_median, mean_interval, quantile_interval_in_place,
};

/// Which quantile an interval is of.
const PROBABILITY: Number = number("p", None, Range::Open);

/// What the functions of this family have in common.
const INTERVAL: Function = Function { family: Family::Intervals, numbers: &[LEVEL], ..ONE };

const T: &str = "Student, Biometrika 6 (1908)";
const ORDER: &str = "Conover, Practical Nonparametric Statistics (1999), 3.2";
const BCA: &str = "Efron, Journal of the American Statistical Association 82 (1987); as `scipy.stats.bootstrap(method=\"BCa\")`, 9,999 resamples, seed 1987";

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "list_ci_low",
        what: "The lower end of the interval of the mean, 0 < level < 1 (default 0.95); null below two elements. The elements must be independent: means of sessions, not iterations.",
        formula: "x̄ − t(1 − α/2; n − 1) · s / √n, α = 1 − level",
        source: T,
        example: "round(list_ci_low([1.0, 2.0, 3.0]), 4)",
        result: "-0.4841",
        kind: Kind::One(|values, numbers| Some(mean_interval(values, numbers[0])?.low)),
        ..INTERVAL
    },
    Function {
        name: "list_ci_high",
        what: "The upper end of the interval of the mean; see `list_ci_low`.",
        formula: "x̄ + t(1 − α/2; n − 1) · s / √n, α = 1 − level",
        source: T,
        example: "round(list_ci_high([1.0, 2.0, 3.0], 0.9), 4)",
        result: "3.6859",
        kind: Kind::One(|values, numbers| Some(mean_interval(values, numbers[0])?.high)),
        ..INTERVAL
    },
    Function {
        name: "list_median_low",
        what: "The lower end of the interval of the median that presumes no distribution: an order statistic. It covers with at least `level` (default 0.95), and is null where n is too small for that, below six elements at 0.95.",
        formula: "x₍ₗ₎, the highest l with P(B < l) ≤ α/2, B binomial of n and 1/2, α = 1 − level",
        source: ORDER,
        example: "list_median_low([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])",
        result: "1.0",
        kind: Kind::Reordering(|values, numbers| Some(of_median(values, numbers)?.interval.low)),
        ..INTERVAL
    },
    Function {
        name: "list_median_high",
        what: "The upper end of the interval of the median; see `list_median_low`.",
        formula: "x₍ᵤ₎, the lowest u with P(B ≥ u) ≤ α/2, B binomial of n and 1/2, α = 1 − level",
        source: ORDER,
        example: "list_median_high([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])",
        result: "8.0",
        kind: Kind::Reordering(|values, numbers| Some(of_median(values, numbers)?.interval.high)),
        ..INTERVAL
    },
    Function {
        name: "list_median_level",
        what: "The level that the interval of the median reaches; see `list_median_low`.",
        formula: "P(l ≤ B < u), B binomial of n and 1/2",
        source: ORDER,
        example: "round(list_median_level([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), 4)",
        result: "0.9922",
        kind: Kind::Reordering(|values, numbers| Some(of_median(values, numbers)?.level)),
        ..INTERVAL
    },
    Function {
        name: "list_quantile_low",
        numbers: &[PROBABILITY, LEVEL],
        what: "The lower end of the distribution-free interval of the quantile at p, 0 < p < 1: an order statistic. It covers with at least `level` (default 0.95), and is null where n is too small for that: the quantile at 0.99 needs 368 elements at 0.95.",
        formula: "x₍ₗ₎, the highest l with P(B < l) ≤ α/2, B binomial of n and p, α = 1 − level",
        source: ORDER,
        example: "list_quantile_low([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 0.5, 0.9)",
        result: "2.0",
        kind: Kind::Reordering(|values, numbers| Some(of_quantile(values, numbers)?.interval.low)),
        ..INTERVAL
    },
    Function {
        name: "list_quantile_high",
        numbers: &[PROBABILITY, LEVEL],
        what: "The upper end of the interval of the quantile at p; see `list_quantile_low`.",
        formula: "x₍ᵤ₎, the lowest u with P(B ≥ u) ≤ α/2, B binomial of n and p, α = 1 − level",
        source: ORDER,
        example: "list_quantile_high([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 0.5, 0.9)",
        result: "7.0",
        kind: Kind::Reordering(|values, numbers| Some(of_quantile(values, numbers)?.interval.high)),
        ..INTERVAL
    },
    Function {
        name: "list_quantile_level",
        numbers: &[PROBABILITY, LEVEL],
        what: "The level that the interval of the quantile at p reaches; see `list_quantile_low`.",
        formula: "P(l ≤ B < u), B binomial of n and p",
        source: ORDER,
        example: "round(list_quantile_level([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 0.5, 0.9), 4)",
        result: "0.9297",
        kind: Kind::Reordering(|values, numbers| Some(of_quantile(values, numbers)?.level)),
        ..INTERVAL
    },
    Function {
        name: "list_bca_low",
        what: "The lower end of the BCa bootstrap interval of the mean (default level 0.95): it follows bias and skewness, where `list_ci_low` presumes neither. Null below two elements; NaN where one is not finite. It resamples 9,999 times, so that a list of n costs 9,999 · n draws.",
        formula: "the quantile of resampled means at Φ(z₀ + (z₀ + z) / (1 − a(z₀ + z))), z = Φ⁻¹(α/2), z₀ from the share of them below the mean, a from the jackknife",
        source: BCA,
        example: "round(list_bca_low([1.0, 2.0, 3.0, 4.0, 20.0], 0.9), 1)",
        result: "2.2",
        kind: Kind::One(|values, numbers| Some(bca_mean(values, numbers[0], RESAMPLES, SEED)?.low)),
        ..INTERVAL
    },
    Function {
        name: "list_bca_high",
        what: "The upper end of the BCa bootstrap interval of the mean; see `list_bca_low`.",
        formula: "the quantile of resampled means at Φ(z₀ + (z₀ + z) / (1 − a(z₀ + z))), z = Φ⁻¹(1 − α/2), z₀ from the share of them below the mean, a from the jackknife",
        source: BCA,
        example: "round(list_bca_high([1.0, 2.0, 3.0, 4.0, 20.0], 0.9), 1)",
        result: "13.4",
        kind: Kind::One(|values, numbers| Some(bca_mean(values, numbers[0], RESAMPLES, SEED)?.high)),
        ..INTERVAL
    },
    Function {
        name: "list_bca_median_low",
        what: "The lower end of the BCa bootstrap interval of the median; see `list_bca_low`. Of few elements the medians of resamples are few different values: `list_median_low` is safer there.",
        formula: "the quantile of resampled medians at Φ(z₀ + (z₀ + z) / (1 − a(z₀ + z))), z = Φ⁻¹(α/2), z₀ from the share of them below the median, a from the jackknife",
        source: BCA,
        example: "list_bca_median_low([1.0, 2.0, 3.0, 4.0, 20.0], 0.9)",
        result: "1.0",
        kind: Kind::One(|values, numbers| Some(bca_median(values, numbers[0], RESAMPLES, SEED)?.low)),
        ..INTERVAL
    },
    Function {
        name: "list_bca_median_high",
        what: "The upper end of the BCa bootstrap interval of the median; see `list_bca_median_low`.",
        formula: "the quantile of resampled medians at Φ(z₀ + (z₀ + z) / (1 − a(z₀ + z))), z = Φ⁻¹(1 − α/2), z₀ from the share of them below the median, a from the jackknife",
        source: BCA,
        example: "list_bca_median_high([1.0, 2.0, 3.0, 4.0, 20.0], 0.9)",
        result: "20.0",
        kind: Kind::One(|values, numbers| Some(bca_median(values, numbers[0], RESAMPLES, SEED)?.high)),
        ..INTERVAL
    },
];

fn of_median(values: &mut [f64], numbers: &[f64]) -> Option<OrderInterval> {
    quantile_interval_in_place(values, 0.5, numbers[0])
}

fn of_quantile(values: &mut [f64], numbers: &[f64]) -> Option<OrderInterval> {
    quantile_interval_in_place(values, numbers[0], numbers[1])
}
