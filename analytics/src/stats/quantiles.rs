//! Quantiles of the distributions of tests, as exact as the statistics that are compared with them.

use super::student::{exceeded, student};
use statrs::{
    distribution::{ContinuousCDF, Normal},
    function::beta::{checked_beta_reg, inv_beta_reg},
};

/// Above it the series in 1/freedom is exact to the last digits, and the incomplete beta function of
/// which the quantile is computed below it no longer is.
const MANY: f64 = 10_000.0;

/// The t that Student's distribution exceeds with probability `tail`, 0 < tail < 1/2.
pub(super) fn student_above(tail: f64, freedom: f64) -> Option<f64> {
    if freedom <= MANY {
        return Some(exceeded(&student(freedom)?, tail));
    }
    Some(cornish_fisher(-Normal::standard().inverse_cdf(tail), freedom))
}

/// Fisher's expansion of the quantile of t about that of the normal distribution (Abramowitz and
/// Stegun, *Handbook of Mathematical Functions*, 1964, 26.7.5).
fn cornish_fisher(z: f64, freedom: f64) -> f64 {
    let z2 = z * z;
    let terms = [
        (z2 + 1.0) / 4.0,
        ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0,
        (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0,
        ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92_160.0,
    ];
    z + z * terms.iter().rev().fold(0.0, |sum, term| (sum + term) / freedom)
}

/// The F that Fisher's distribution exceeds with probability `tail`, 0 < tail < 1. It is computed of
/// the tail: of its complement, digits would be lost.
pub(super) fn fisher_above(tail: f64, between: f64, within: f64) -> f64 {
    let share = inv_beta_reg(within / 2.0, between / 2.0, tail);
    within / between * (1.0 - share) / share
}

/// The probability that Fisher's distribution exceeds `f` ≥ 0; NaN for NaN.
pub(super) fn fisher_tail(f: f64, between: f64, within: f64) -> f64 {
    // Not 1 less the share of `between`, which loses the digits of small tails.
    let share = if f.is_infinite() { 0.0 } else { within / between.mul_add(f, within) };
    checked_beta_reg(within / 2.0, between / 2.0, share).unwrap_or(f64::NAN)
}
