//! Where values lie: mean, median, quantiles.

/// The arithmetic mean, `Σx / n`; `None` without values.
///
/// The sum is compensated (Neumaier, *Rundungsfehleranalyse einiger Verfahren zur Summation
/// endlicher Summen*, ZAMM 54, 1974), so that its error does not grow with n.
///
/// ```
/// use benchlake_analytics::stats::mean;
/// assert_eq!(mean(&[1e16, 1.0, -1e16]), Some(1.0 / 3.0));
/// assert_eq!(mean(&[]), None);
/// ```
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| sum(values.iter().copied()) / count(values))
}

/// The median: the quantile at 1/2; `None` without values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The quantile at `p`, linear between the order statistics around `(n − 1)·p`: type 7 of Hyndman
/// and Fan, *Sample Quantiles in Statistical Packages*, The American Statistician 50, 1996; the
/// default of NumPy and R. `None` without values or for a `p` outside [0, 1].
///
/// ```
/// use benchlake_analytics::stats::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.25), Some(1.75));
/// ```
#[must_use]
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    if values.is_empty() || !(0.0..=1.0).contains(&p) {
        return None;
    }
    if values.iter().any(|value| value.is_nan()) {
        return Some(f64::NAN);
    }
    let position = (count(values) - 1.0) * p;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 ≤ position ≤ n − 1")]
    let below = position.floor() as usize;
    let mut values = values.to_vec();
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    // Equal neighbours may be infinite, where the difference would be NaN.
    let step = if high > low { (high - low) * position.fract() } else { 0.0 };
    Some(low + step)
}

/// The compensated sum of Neumaier.
pub(super) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    // Once the sum is infinite the compensation is NaN and has nothing to add.
    if sum.is_finite() { sum + lost } else { sum }
}

/// n as a float; exact below 2⁵³ values.
#[expect(clippy::cast_precision_loss, reason = "no slice has 2⁵³ values")]
pub(super) fn count(values: &[f64]) -> f64 {
    values.len() as f64
}
