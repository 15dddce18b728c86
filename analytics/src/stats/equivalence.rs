//! Equivalence: is the difference of two means small, rather than merely not seen?

use super::{student::upper_tail, welch::Difference};

/// What two one-sided tests say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equivalence {
    /// The larger of the two: small where the difference lies between the limits.
    pub p: f64,
    /// Of the test against a difference at the lower limit or below.
    pub lower_p: f64,
    /// Of the test against a difference at the upper limit or above.
    pub upper_p: f64,
}

/// Two one-sided tests by Welch that `x̄_b − x̄_a` lies between `low` and `high`, which are in the unit of
/// the values: `p = max(P(T > (d − low)/se), P(T < (d − high)/se))` with the error and the degrees of
/// freedom of [`welch`](super::welch()) (Schuirmann, *A Comparison of the Two One-Sided Tests Procedure and
/// the Power Approach*, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987; as
/// `statsmodels.stats.weightstats.ttost_ind(b, a, low, high, usevar="unequal")`). `p` is below α exactly if
/// the interval of the difference at level 1 − 2α lies between the limits.
///
/// `None` below two values on a side, where neither side varies, or unless `low` < `high`. NaN where a
/// value is NaN or infinite.
///
/// ```
/// use benchlake_analytics::stats::tost;
/// let (a, b) = ([9.9, 10.0, 10.1, 10.0], [10.0, 10.1, 10.2, 10.1]);
/// assert!(tost(&a, &b, -1.0, 1.0).is_some_and(|test| test.p < 0.001));
/// assert!(tost(&a, &b, -0.1, 0.1).is_some_and(|test| test.p > 0.4));
/// assert_eq!(tost(&a, &b, 1.0, -1.0), None);
/// ```
#[must_use]
pub fn tost(a: &[f64], b: &[f64], low: f64, high: f64) -> Option<Equivalence> {
    if low >= high || low.is_nan() || high.is_nan() {
        return None;
    }
    let found = Difference::new(a, b)?;
    let Some(student) = found.student() else {
        return Some(Equivalence { p: f64::NAN, lower_p: f64::NAN, upper_p: f64::NAN });
    };
    let lower_p = upper_tail(&student, (found.value - low) / found.error);
    let upper_p = upper_tail(&student, (high - found.value) / found.error);
    Some(Equivalence { p: lower_p.max(upper_p), lower_p, upper_p })
}
