//! Values that are far from the rest: flagged, never deleted.

use super::{
    location::{has_nan, median, two_quantiles},
    spread::{distance, median_absolute_deviation},
};

/// How far beyond the quartiles Tukey's fences stand, in interquartile ranges.
const FENCE: f64 = 1.5;
/// The modified z-score above which Iglewicz and Hoaglin call a value an outlier.
const MODIFIED_Z: f64 = 3.5;
/// Their Φ⁻¹(3/4), as they round it.
const NORMAL: f64 = 0.6745;

/// Which values lie beyond Tukey's fences, 1.5 interquartile ranges below the lower or above the upper
/// quartile (Tukey, *Exploratory Data Analysis*, 1977, section 2D, with quartiles as
/// [`quantile`](super::quantile)). `None` without values or where one is NaN.
///
/// ```
/// use benchlake_analytics::stats::outliers_tukey;
/// assert_eq!(outliers_tukey(&[1.0, 2.0, 3.0, 2.0, 9.0]), Some(vec![false, false, false, false, true]));
/// ```
#[must_use]
pub fn outliers_tukey(values: &[f64]) -> Option<Vec<bool>> {
    if has_nan(values) {
        return None;
    }
    let [low, high] = two_quantiles(&mut values.to_vec(), 0.25, 0.75)?;
    let reach = FENCE * distance(high, low);
    Some(values.iter().map(|&value| value < low - reach || value > high + reach).collect())
}

/// Which values have a modified z-score `0.6745 · |x − median| / MAD` above 3.5 (Iglewicz and Hoaglin,
/// *How to Detect and Handle Outliers*, 1993). Where more than half of the values are equal, each other
/// value is one. `None` without values or where one is NaN.
///
/// ```
/// use benchlake_analytics::stats::outliers_mad;
/// assert_eq!(outliers_mad(&[1.0, 2.0, 3.0, 2.0, 9.0]), Some(vec![false, false, false, false, true]));
/// ```
#[must_use]
pub fn outliers_mad(values: &[f64]) -> Option<Vec<bool>> {
    if has_nan(values) {
        return None;
    }
    let (centre, deviation) = (median(values)?, median_absolute_deviation(values)?);
    let far = |value: f64| NORMAL * distance(value, centre) > MODIFIED_Z * deviation;
    Some(values.iter().map(|&value| far(value)).collect())
}
