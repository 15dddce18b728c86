//! How large a difference is, in standard deviations.

use super::{
    location::{count, mean},
    spread::variance,
};
use statrs::function::gamma::ln_gamma;

/// Cohen's d: `(b̄ − ā) / s` with the pooled standard deviation, `s² = ((n_a − 1)·s²_a + (n_b − 1)·s²_b) /
/// (n_a + n_b − 2)` (Cohen, *Statistical Power Analysis for the Behavioral Sciences*, 2nd edition, 1988). `None` below two
/// values in either, or where neither varies.
///
/// ```
/// use benchlake_analytics::stats::cohens_d;
/// assert_eq!(cohens_d(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]), Some(1.0));
/// ```
#[must_use]
pub fn cohens_d(a: &[f64], b: &[f64]) -> Option<f64> {
    let (freedom_a, freedom_b) = (count(a) - 1.0, count(b) - 1.0);
    let pooled = (freedom_a * variance(a)? + freedom_b * variance(b)?) / (freedom_a + freedom_b);
    let difference = mean(b)? - mean(a)?;
    (pooled > 0.0 || pooled.is_nan()).then(|| difference / pooled.sqrt())
}

/// Hedges' g: [`cohens_d`] without its bias, `d · J` with the exact
/// `J = Γ(ν/2) / (√(ν/2) · Γ((ν − 1)/2))`, `ν = n_a + n_b − 2` (Hedges, *Distribution Theory for Glass's Estimator
/// of Effect Size*, Journal of Educational Statistics 6, 1981). `None` as [`cohens_d`].
///
/// ```
/// use benchlake_analytics::stats::hedges_g;
/// assert!(hedges_g(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]).is_some_and(|g| (g - 0.797_884_560_8).abs() < 1e-9));
/// ```
#[must_use]
pub fn hedges_g(a: &[f64], b: &[f64]) -> Option<f64> {
    let freedom = count(a) + count(b) - 2.0;
    let j = (ln_gamma(freedom / 2.0) - ln_gamma((freedom - 1.0) / 2.0)).exp() / (freedom / 2.0).sqrt();
    Some(cohens_d(a, b)? * j)
}
