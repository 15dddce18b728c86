//! Intervals of confidence.

use super::{
    location::mean,
    spread::deviation_from,
    student::{student, two_sided_quantile},
};
use std::cell::Cell;

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
    let mean = mean(values)?;
    around(mean, deviation_from(values, mean)?, values.len(), level)
}

/// The interval of a mean of `n` values with this standard deviation.
pub(super) fn around(mean: f64, deviation: f64, n: usize, level: f64) -> Option<Interval> {
    if n < 2 || !(level > 0.0 && level < 1.0) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "no slice has 2⁵³ values")]
    let n = n as f64;
    let half = t_quantile(n - 1.0, level)? * deviation / n.sqrt();
    Some(Interval { low: mean - half, high: mean + half })
}

/// The quantile of Student's t between whose negative and itself `level` lies. The last one is
/// remembered: rows that are summarised together mostly have one length.
fn t_quantile(freedom: f64, level: f64) -> Option<f64> {
    thread_local! {
        static LAST: Cell<Option<([u64; 2], f64)>> = const { Cell::new(None) };
    }
    let key = [freedom.to_bits(), level.to_bits()];
    if let Some((_, quantile)) = LAST.get().filter(|(last, _)| *last == key) {
        return Some(quantile);
    }
    let quantile = two_sided_quantile(&student(freedom)?, level);
    LAST.set(Some((key, quantile)));
    Some(quantile)
}
