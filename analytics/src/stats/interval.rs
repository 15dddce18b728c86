//! Intervals of confidence.

use super::{
    location::{count, mean},
    spread::standard_deviation,
};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// An interval around an estimate.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Student's interval of the mean at `level`: `x̄ ± t(1 − α/2; n − 1) · s / √n` (Student, *The
/// Probable Error of a Mean*, Biometrika 6, 1908). `None` below two values or for a `level` outside
/// (0, 1).
///
/// It presumes independent values whose mean is near normal: give it the means of sessions, never
/// the iterations inside one, which are not independent.
///
/// ```
/// use benchlake_analytics::stats::mean_interval;
/// let interval = mean_interval(&[9.8, 10.1, 10.0, 10.3], 0.95);
/// assert!(interval.is_some_and(|interval| interval.low < 9.8 && interval.high > 10.3));
/// ```
#[must_use]
pub fn mean_interval(values: &[f64], level: f64) -> Option<Interval> {
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let centre = mean(values)?;
    let deviation = standard_deviation(values)?;
    let n = count(values);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(f64::midpoint(1.0, level));
    let half = t * deviation / n.sqrt();
    Some(Interval { low: centre - half, high: centre + half })
}
