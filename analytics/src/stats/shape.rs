//! What a distribution looks like: skewness, kurtosis, modality.

use super::location::{count, has_nan, mean, sum_by};

/// The sample skewness without bias for normal values, `G₁ = √(n(n − 1)) / (n − 2) · m₃ / m₂^(3/2)`
/// (Joanes and Gill, *Comparing Measures of Sample Skewness and Kurtosis*, The Statistician 47, 1998;
/// as `scipy.stats.skew(bias=False)`). `None` below three values or without spread.
///
/// ```
/// use benchlake_analytics::stats::skewness;
/// assert!((skewness(&[1.0, 2.0, 6.0]).unwrap() - 1.4578).abs() < 1e-4);
/// assert_eq!(skewness(&[1.0, 1.0, 1.0]), None);
/// ```
#[must_use]
pub fn skewness(values: &[f64]) -> Option<f64> {
    if values.len() < 3 {
        return None;
    }
    let n = count(values);
    let [third, _] = standardised_moments(values)?;
    Some((n * (n - 1.0)).sqrt() / (n - 2.0) * third)
}

/// The sample excess kurtosis without bias for normal values,
/// `G₂ = (n − 1) / ((n − 2)(n − 3)) · ((n + 1) g₂ + 6)`, `g₂ = m₄ / m₂² − 3` (Joanes and Gill, as
/// above; as `scipy.stats.kurtosis(bias=False)`). `None` below four values or without spread.
///
/// ```
/// use benchlake_analytics::stats::kurtosis;
/// assert!((kurtosis(&[1.0, 2.0, 3.0, 4.0]).unwrap() + 1.2).abs() < 1e-14);
/// ```
#[must_use]
pub fn kurtosis(values: &[f64]) -> Option<f64> {
    if values.len() < 4 {
        return None;
    }
    let n = count(values);
    let [_, fourth] = standardised_moments(values)?;
    Some((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * (fourth - 3.0) + 6.0))
}

/// Sarle's bimodality coefficient, `(G₁² + 1) / (G₂ + 3(n − 1)² / ((n − 2)(n − 3)))` (SAS/STAT User's
/// Guide, the CLUSTER procedure). Above 5/9, that of a uniform distribution, it hints at several modes or
/// at a heavy tail. `None` below four values or without spread.
#[must_use]
pub fn bimodality_coefficient(values: &[f64]) -> Option<f64> {
    let (skewness, kurtosis) = (skewness(values)?, kurtosis(values)?);
    let n = count(values);
    Some((skewness * skewness + 1.0) / (kurtosis + 3.0 * (n - 1.0).powi(2) / ((n - 2.0) * (n - 3.0))))
}

/// `m₃ / m₂^(3/2)` and `m₄ / m₂²`; `None` without spread.
fn standardised_moments(values: &[f64]) -> Option<[f64; 2]> {
    let n = count(values);
    // By a power of two, so that neither squares nor fourth powers leave the range of doubles.
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if has_nan(values) || largest.is_infinite() {
        return Some([f64::NAN; 2]);
    }
    if largest <= 0.0 {
        return None;
    }
    let factor = (-largest.log2().floor()).exp2();
    let centre = mean(values)?;
    let difference = |value: f64| value * factor - centre * factor;
    // The centre is rounded; what is left of the mean matters to values far from zero.
    let rest = sum_by(values, difference) / n;
    let moment = |power: i32| sum_by(values, |value| (difference(value) - rest).powi(power)) / n;
    let second = moment(2);
    (second > 0.0).then(|| [moment(3) / second.powf(1.5), moment(4) / (second * second)])
}
