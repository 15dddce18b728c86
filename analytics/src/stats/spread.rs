//! How far values lie apart.

use super::location::{count, mean, sum};

/// The sample standard deviation, `√(Σ(x − x̄)² / (n − 1))`; `None` below two values.
///
/// The corrected two-pass algorithm of Chan, Golub and LeVeque, *Algorithms for Computing the
/// Sample Variance*, The American Statistician 37, 1983.
///
/// ```
/// use benchlake_analytics::stats::standard_deviation;
/// assert_eq!(standard_deviation(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]), Some(1.0));
/// assert_eq!(standard_deviation(&[1.0]), None);
/// ```
#[must_use]
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let centre = mean(values)?;
    let squares = sum(values.iter().map(|value| (value - centre).powi(2)));
    let residue = sum(values.iter().map(|value| value - centre));
    let n = count(values);
    Some(((squares - residue.powi(2) / n).max(0.0) / (n - 1.0)).sqrt())
}

/// The coefficient of variation, `s / |x̄|`; `None` below two values or where the mean is zero.
#[must_use]
pub fn coefficient_of_variation(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?.abs();
    let deviation = standard_deviation(values)?;
    (centre > 0.0 || centre.is_nan()).then(|| deviation / centre)
}
