//! The table of functions.

use crate::stats;

/// A function of SQL, described once for registration, help and documentation.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Name and parameters, optional ones in brackets.
    pub signature: &'static str,
    /// The type of its value.
    pub returns: &'static str,
    /// What it computes, and when it is null.
    pub what: &'static str,
    /// Its formula; empty where there is none.
    pub formula: &'static str,
    /// Where the formula comes from.
    pub source: &'static str,
    /// An expression that uses it, and whose value is `result`.
    pub example: &'static str,
    /// The value of `example`.
    pub result: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Statistic(Statistic),
    PerIteration,
    Label,
}

/// A statistic of one list, perhaps with one number beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statistic {
    /// The statistic; the second argument is NaN where it takes none.
    pub(super) compute: fn(&[f64], f64) -> Option<f64>,
    pub(super) argument: Option<Argument>,
}

/// The number beside the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Argument {
    pub(super) name: &'static str,
    /// What it is when it is not given; `None` if it must be.
    pub(super) default: Option<f64>,
    /// Whether 0 and 1 are allowed besides what lies between them.
    pub(super) closed: bool,
}

impl Argument {
    /// Whether `value` may be given.
    pub(super) fn allows(self, value: f64) -> bool {
        if self.closed { (0.0..=1.0).contains(&value) } else { value > 0.0 && value < 1.0 }
    }
}

const LEVEL: Argument = Argument { name: "level", default: Some(0.95), closed: false };
const PROBABILITY: Argument = Argument { name: "p", default: None, closed: true };

const fn statistic(compute: fn(&[f64], f64) -> Option<f64>, argument: Option<Argument>) -> Kind {
    Kind::Statistic(Statistic { compute, argument })
}

/// Every function that benchlake adds to SQL.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "list_avg",
        signature: "list_avg(samples)",
        returns: "double",
        what: "The arithmetic mean.",
        formula: "Σx / n, with Neumaier's compensated sum",
        source: "Neumaier, ZAMM 54 (1974)",
        example: "list_avg([1.0, 2.0, 6.0])",
        result: "3.0",
        kind: statistic(|values, _| stats::mean(values), None),
    },
    Function {
        name: "list_stddev",
        signature: "list_stddev(samples)",
        returns: "double",
        what: "The sample standard deviation; null below two elements.",
        formula: "√(Σ(x − x̄)² / (n − 1)), corrected two-pass algorithm",
        source: "Chan, Golub and LeVeque, The American Statistician 37 (1983)",
        example: "list_stddev([1.0, 2.0, 3.0])",
        result: "1.0",
        kind: statistic(|values, _| stats::standard_deviation(values), None),
    },
    Function {
        name: "list_median",
        signature: "list_median(samples)",
        returns: "double",
        what: "The median: `list_quantile(samples, 0.5)`.",
        formula: "the middle order statistic, or the mean of the two middle ones",
        source: "Hyndman and Fan, The American Statistician 50 (1996), type 7",
        example: "list_median([9.0, 1.0, 2.0, 4.0])",
        result: "3.0",
        kind: statistic(|values, _| stats::median(values), None),
    },
    Function {
        name: "list_quantile",
        signature: "list_quantile(samples, p)",
        returns: "double",
        what: "The quantile at p, 0 ≤ p ≤ 1.",
        formula: "linear between the order statistics around (n − 1)·p (type 7, the default of NumPy and R)",
        source: "Hyndman and Fan, The American Statistician 50 (1996)",
        example: "list_quantile([4.0, 1.0, 3.0, 2.0], 0.25)",
        result: "1.75",
        kind: statistic(stats::quantile, Some(PROBABILITY)),
    },
    Function {
        name: "list_cv",
        signature: "list_cv(samples)",
        returns: "double",
        what: "The coefficient of variation; null below two elements or where the mean is zero.",
        formula: "s / |x̄|",
        source: "ISO 3534-1, relative standard deviation",
        example: "list_cv([1.0, 2.0, 3.0])",
        result: "0.5",
        kind: statistic(|values, _| stats::coefficient_of_variation(values), None),
    },
    Function {
        name: "list_ci_low",
        signature: "list_ci_low(samples[, level])",
        returns: "double",
        what: "The lower end of the interval of the mean, 0 < level < 1 (default 0.95); null below two elements. The elements must be independent: means of sessions, not iterations.",
        formula: "x̄ − t(1 − α/2; n − 1) · s / √n, α = 1 − level",
        source: "Student, Biometrika 6 (1908)",
        example: "round(list_ci_low([1.0, 2.0, 3.0]), 4)",
        result: "-0.4841",
        kind: statistic(|values, level| Some(stats::mean_interval(values, level)?.low), Some(LEVEL)),
    },
    Function {
        name: "list_ci_high",
        signature: "list_ci_high(samples[, level])",
        returns: "double",
        what: "The upper end of the interval of the mean; see `list_ci_low`.",
        formula: "x̄ + t(1 − α/2; n − 1) · s / √n, α = 1 − level",
        source: "Student, Biometrika 6 (1908)",
        example: "round(list_ci_high([1.0, 2.0, 3.0], 0.9), 4)",
        result: "3.6859",
        kind: statistic(|values, level| Some(stats::mean_interval(values, level)?.high), Some(LEVEL)),
    },
    Function {
        name: "per_iteration",
        signature: "per_iteration(samples, iterations)",
        returns: "list of double",
        what: "Each sample divided by its number of iterations; null where that is null or not positive. The lists of a row must be of one length.",
        formula: "",
        source: "",
        example: "per_iteration([6.0, 8.0], [2, 4])",
        result: "[3.0, 2.0]",
        kind: Kind::PerIteration,
    },
    Function {
        name: "benchmark_label",
        signature: "benchmark_label(benchmark, parameters)",
        returns: "text",
        what: "A benchmark's name on screen: its parameters sorted, in braces.",
        formula: "",
        source: "",
        example: "benchmark_label('cpu.gemm', MAP {'n': '512', 'dtype': 'f32'})",
        result: "cpu.gemm{dtype=f32,n=512}",
        kind: Kind::Label,
    },
];
