//! The usual figures of a list, sorted once for all of them.

use super::{Interval, interval::around, location, mean, spread::deviation_from};

/// What a list is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many values there are.
    pub n: usize,
    /// [`mean`].
    pub mean: f64,
    /// [`standard_deviation`](super::standard_deviation); `None` below two values.
    pub standard_deviation: Option<f64>,
    /// [`median`](super::median).
    pub median: f64,
    /// The quantile at 0.95.
    pub p95: f64,
    /// [`mean_interval`](super::mean_interval); `None` below two values.
    pub interval: Option<Interval>,
}

/// The summary of `values`, with the interval of the mean at `level`; `None` without values or for a
/// `level` outside (0, 1). The values are put in another order.
///
/// ```
/// use benchlake_analytics::stats::summary;
/// let found = summary(&mut [4.0, 1.0, 3.0, 2.0], 0.95).expect("four values");
/// assert_eq!((found.n, found.mean, found.median), (4, 2.5, 2.5));
/// ```
#[must_use]
pub fn summary(values: &mut [f64], level: f64) -> Option<Summary> {
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let mean = mean(values)?;
    let standard_deviation = deviation_from(values, mean);
    let interval = standard_deviation.and_then(|deviation| around(mean, deviation, values.len(), level));
    let [median, p95] = location::two_quantiles(values, 0.5, 0.95)?;
    Some(Summary { n: values.len(), mean, standard_deviation, median, p95, interval })
}
