//! Deciding about many tests at once: the false-discovery rate.

use super::location::real;

/// Benjamini and Hochberg's adjusted p-values, beside each of `ps`: to call those at most `q` gives
/// a false-discovery rate of at most `q` where the tests are independent or positively dependent.
/// With the m values sorted, `p̃₍ᵢ₎ = min(1, min over j ≥ i of m · p₍ⱼ₎ / j)` (Benjamini and Hochberg,
/// *Controlling the False Discovery Rate*, Journal of the Royal Statistical Society B 57, 1995; as
/// `statsmodels` `multipletests(method="fdr_bh")`).
///
/// A NaN, a test that could not be made, stays NaN and does not count among the m.
///
/// ```
/// use benchlake_analytics::stats::benjamini_hochberg;
/// assert_eq!(benjamini_hochberg(&[0.5, 0.125, f64::NAN, 1.0, 0.25])[..2], [2.0 / 3.0, 0.5]);
/// ```
#[must_use]
pub fn benjamini_hochberg(ps: &[f64]) -> Vec<f64> {
    step_up(ps, |_| 1.0)
}

/// Benjamini and Yekutieli's adjusted p-values, beside each of `ps`: those of
/// [`benjamini_hochberg`] with `m · (1 + 1/2 + … + 1/m)` in place of m, so that they hold however the
/// tests depend on one another (Benjamini and Yekutieli, *The Control of the False Discovery Rate in
/// Multiple Testing under Dependency*, The Annals of Statistics 29, 2001; as `statsmodels`
/// `multipletests(method="fdr_by")`).
///
/// ```
/// use benchlake_analytics::stats::benjamini_yekutieli;
/// assert_eq!(benjamini_yekutieli(&[0.25, 0.125]), [0.375, 0.375]);
/// ```
#[must_use]
pub fn benjamini_yekutieli(ps: &[f64]) -> Vec<f64> {
    step_up(ps, |m| (1..=m).rev().map(|i| 1.0 / real(i)).sum())
}

/// The adjusted values of the step-up procedure whose thresholds are those of Benjamini and Hochberg
/// over `factor` of the number of tests.
fn step_up(ps: &[f64], factor: fn(usize) -> f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).filter(|&i| !ps[i].is_nan()).collect();
    order.sort_unstable_by(|&a, &b| ps[a].total_cmp(&ps[b]));
    let m = order.len();
    let scale = real(m) * factor(m);
    let mut adjusted = vec![f64::NAN; ps.len()];
    let mut least = 1.0_f64;
    for (rank, &i) in order.iter().enumerate().rev() {
        // The quotient first: of the largest it is 1, and leaves the value as it is.
        least = least.min(ps[i] * (scale / real(rank + 1)));
        adjusted[i] = least;
    }
    adjusted
}
