//! How often something happened, with what chance makes of that.

use benchlake_analytics::stats::Interval;
use std::fmt;

/// 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// `hits` of `of`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) hits: u64,
    pub(crate) of: u64,
}

impl Rate {
    pub(crate) fn share(self) -> f64 {
        self.hits as f64 / self.of as f64
    }

    /// The interval at 95 % of Wilson, *Probable Inference, the Law of Succession, and Statistical
    /// Inference*, Journal of the American Statistical Association 22, 1927.
    pub(crate) fn interval(self) -> Interval {
        let (n, p) = (self.of as f64, self.share());
        let centre = p + Z * Z / (2.0 * n);
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        Interval { low: ((centre - half) / scale).max(0.0), high: ((centre + half) / scale).min(1.0) }
    }

    /// Whether the share lies in `low..=high`.
    pub(crate) fn is_within(self, low: f64, high: f64) -> bool {
        (low..=high).contains(&self.share())
    }
}

/// `5.1 (4.7–5.5)`, in per cent.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Interval { low, high } = self.interval();
        write!(f, "{:.1} ({:.1}–{:.1})", 100.0 * self.share(), 100.0 * low, 100.0 * high)
    }
}
