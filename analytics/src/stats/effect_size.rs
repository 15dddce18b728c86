//! How large a difference is, without a unit.

use super::{
    location::{count, has_nan},
    runs::{Pairs, runs},
    spread::standard_deviation,
    welch::difference_of_means,
};
use statrs::function::gamma::ln_gamma;

/// Cohen's d: the mean of `b` less that of `a`, over the pooled standard deviation
/// `√(((n_a − 1)·s_a² + (n_b − 1)·s_b²) / (n_a + n_b − 2))` (Cohen, *Statistical Power Analysis for the
/// Behavioral Sciences*, 2nd edition, 1988, 2.2). Positive where `b` is larger.
///
/// `None` below two values on a side or where neither side varies; NaN where a value is NaN or infinite.
///
/// ```
/// use benchlake_analytics::stats::cohens_d;
/// assert_eq!(cohens_d(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]), Some(1.0));
/// assert_eq!(cohens_d(&[1.0, 1.0], &[2.0, 2.0]), None);
/// ```
#[must_use]
pub fn cohens_d(a: &[f64], b: &[f64]) -> Option<f64> {
    let (of_a, of_b) = (standard_deviation(a)?, standard_deviation(b)?);
    let freedom = count(a) + count(b) - 2.0;
    // Weighted before they are squared, which may leave the range of doubles.
    let share = |deviation: f64, values: &[f64]| deviation * ((count(values) - 1.0) / freedom).sqrt();
    let pooled = share(of_a, a).hypot(share(of_b, b));
    if pooled <= 0.0 {
        return None;
    }
    Some(difference_of_means(a, b)? / pooled)
}

/// Hedges' g: [`cohens_d`] without its bias for few values, times
/// `J = Γ(df/2) / (√(df/2)·Γ((df − 1)/2))`, `df = n_a + n_b − 2` (Hedges, *Distribution Theory for Glass's
/// Estimator of Effect Size and Related Estimators*, Journal of Educational Statistics 6, 1981; the exact
/// factor, not `1 − 3/(4·df − 1)`). `None` and NaN as `cohens_d`.
///
/// ```
/// use benchlake_analytics::stats::hedges_g;
/// let g = hedges_g(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]).expect("three values each");
/// assert!((g - 0.7978845608).abs() < 1e-9);
/// ```
#[must_use]
pub fn hedges_g(a: &[f64], b: &[f64]) -> Option<f64> {
    Some(cohens_d(a, b)? * correction(count(a) + count(b) - 2.0))
}

/// Hedges' factor for these degrees of freedom, of which there are at least two.
fn correction(freedom: f64) -> f64 {
    let x = (freedom - 1.0) / 2.0;
    let quotient = if x < 50.0 {
        (ln_gamma(x + 0.5) - ln_gamma(x)).exp()
    } else {
        // Of large numbers the logarithms would lose the digits that they share; the next term is below
        // 10⁻¹¹ (Tricomi and Erdélyi, Pacific Journal of Mathematics 1, 1951).
        let y = 1.0 / x;
        let series = [1.0, -1.0 / 8.0, 1.0 / 128.0, 5.0 / 1024.0, -21.0 / 32768.0, -399.0 / 262_144.0];
        x.sqrt() * series.iter().rev().fold(0.0, |sum, term| sum * y + term)
    };
    quotient / (freedom / 2.0).sqrt()
}

/// Cliff's delta: how much more often a value of `b` is larger than one of `a` than it is smaller, over all
/// pairs: `(#(b > a) − #(b < a)) / (n_a·n_b)`, from −1 to 1 (Cliff, *Dominance Statistics: Ordinal Analyses
/// to Answer Ordinal Questions*, Psychological Bulletin 114, 1993). In O(n log n).
///
/// `None` where a list is empty; NaN where a value is NaN. Infinite values have their rank.
///
/// ```
/// use benchlake_analytics::stats::cliffs_delta;
/// assert_eq!(cliffs_delta(&[1.0, 2.0], &[2.0, 3.0]), Some(0.75));
/// ```
#[must_use]
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if has_nan(a) || has_nan(b) {
        return Some(f64::NAN);
    }
    let pairs = Pairs::of(&runs(a, b));
    let all = a.len() as u64 * b.len() as u64;
    let smaller = all - pairs.larger - pairs.equal;
    #[expect(clippy::cast_precision_loss, reason = "a number of pairs, rounded once")]
    let difference = pairs.larger.abs_diff(smaller) as f64 / all as f64;
    Some(if pairs.larger < smaller { -difference } else { difference })
}
