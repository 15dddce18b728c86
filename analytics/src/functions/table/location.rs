//! Where values lie.

use super::{Aggregate, Family, Function, Kind, Number, ONE, Range, number};
use crate::stats;

/// Which quantile.
const PROBABILITY: Number = number("p", None, Range::Closed);
/// The share that is cut or replaced at each end.
const SHARE: Number = number("share", None, Range::Tail);

/// What the functions of this family have in common.
const LOCATION: Function = Function { family: Family::Location, ..ONE };

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "list_avg",
        what: "The arithmetic mean.",
        formula: "Σx / n, with a compensated sum (Sum2, in eight lanes)",
        source: "Ogita, Rump and Oishi, SIAM Journal on Scientific Computing 26 (2005)",
        example: "list_avg([1.0, 2.0, 6.0])",
        result: "3.0",
        aggregate: Aggregate::No,
        kind: Kind::One(|values, _| stats::mean(values)),
        ..LOCATION
    },
    Function {
        name: "list_geometric_mean",
        what: "The geometric mean; null where an element is not positive.",
        formula: "exp(Σ ln x / n)",
        source: "ISO 3534-1; as `scipy.stats.gmean`",
        example: "round(list_geometric_mean([1.0, 10.0, 100.0]), 9)",
        result: "10.0",
        kind: Kind::One(|values, _| stats::geometric_mean(values)),
        ..LOCATION
    },
    Function {
        name: "list_trimmed_mean",
        numbers: &[SHARE],
        what: "The mean without the extremes: `share` of the elements, rounded down, is cut from each end, 0 ≤ share < 0.5.",
        formula: "the mean of x₍ₖ₊₁₎ … x₍ₙ₋ₖ₎, k = ⌊share · n⌋",
        source: "Tukey, Annals of Mathematical Statistics 33 (1962); as `scipy.stats.trim_mean`",
        example: "list_trimmed_mean([1.0, 2.0, 3.0, 4.0, 100.0], 0.2)",
        result: "3.0",
        kind: Kind::Reordering(|values, numbers| stats::trimmed_mean_in_place(values, numbers[0])),
        ..LOCATION
    },
    Function {
        name: "list_winsorized_mean",
        numbers: &[SHARE],
        what: "The mean with the extremes drawn in: `share` of the elements, rounded down, is replaced at each end by the nearest that is kept, 0 ≤ share < 0.5.",
        formula: "(k · x₍ₖ₊₁₎ + Σ x₍ᵢ₎ + k · x₍ₙ₋ₖ₎) / n over i = k + 1 … n − k, k = ⌊share · n⌋",
        source: "Dixon, Annals of Mathematical Statistics 31 (1960); as `scipy.stats.mstats.winsorize`",
        example: "list_winsorized_mean([1.0, 2.0, 3.0, 5.0, 100.0], 0.2)",
        result: "3.4",
        kind: Kind::Reordering(|values, numbers| stats::winsorized_mean_in_place(values, numbers[0])),
        ..LOCATION
    },
    Function {
        name: "list_min",
        what: "The least element. (`list_max` and `list_sum` are the engine's own.)",
        formula: "x₍₁₎",
        source: "ISO 3534-1",
        example: "list_min([3.0, 1.0, 2.0])",
        result: "1.0",
        aggregate: Aggregate::No,
        kind: Kind::One(|values, _| stats::minimum(values)),
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
        kind: Kind::Reordering(|values, _| stats::quantile_in_place(values, 0.5)),
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
        kind: Kind::Reordering(|values, numbers| stats::quantile_in_place(values, numbers[0])),
        ..LOCATION
    },
    Function {
        name: "list_summary",
        numbers: &[super::LEVEL],
        returns: "struct of n, mean, sd, median, p95, low, high",
        what: "The usual figures at once, with one copy and one selection: number of elements, `list_avg`, `list_stddev`, `list_median`, the quantile at 0.95, and `list_ci_low` and `list_ci_high` at `level` (default 0.95).",
        formula: "those of the functions named",
        source: "theirs",
        example: "list_summary([1.0, 2.0, 3.0, 6.0])['median']",
        result: "2.5",
        kind: Kind::Summary,
        ..LOCATION
    },
];
