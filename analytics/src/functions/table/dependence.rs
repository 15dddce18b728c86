//! How much one sample tells about the next.

use super::{Aggregate, Family, Function, Kind, Number, ONE, Range, number};
use crate::stats;

const LAG: Number = number("lag", None, Range::Whole);

/// What the functions of this family have in common.
const DEPENDENCE: Function = Function { family: Family::Dependence, aggregate: Aggregate::InOrder, ..ONE };

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "list_autocorrelation",
        numbers: &[LAG],
        what: "The autocorrelation at a lag, 0 ≤ lag; null where there are not more elements, or without spread. The order of the elements is their order in time.",
        formula: "Σ (xₜ − x̄)(xₜ₊ₖ − x̄) / Σ (xₜ − x̄)²",
        source: "Box, Jenkins and Reinsel, Time Series Analysis (1994), 2.1.5; as `statsmodels.tsa.stattools.acf`",
        example: "list_autocorrelation([1.0, 2.0, 3.0, 4.0, 5.0], 1)",
        result: "0.4",
        kind: Kind::One(|values, numbers| stats::autocorrelation(values, whole(numbers[0]))),
        ..DEPENDENCE
    },
    Function {
        name: "list_effective_sample_size",
        what: "How many independent elements would tell as much about the mean; at most n, null below four elements or without spread. The order of the elements is their order in time.",
        formula: "n / τ, τ = −1 + 2 Σ Γₘ / γ₀ over Geyer's initial monotone sequence of Γₘ = γ₂ₘ + γ₂ₘ₊₁",
        source: "Geyer, Statistical Science 7 (1992), 3.3",
        example: "round(list_effective_sample_size([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), 4)",
        result: "2.9217",
        kind: Kind::One(|values, _| stats::effective_sample_size(values)),
        ..DEPENDENCE
    },
];

/// A number whose range is that of whole numbers.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 0 to 2⁵³")]
fn whole(number: f64) -> usize {
    number as usize
}
