//! A share of comparisons.

use statrs::distribution::{Beta, ContinuousCDF as _};
use std::fmt;

/// So many of all.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Share {
    count: u32,
    all: u32,
}

impl Share {
    /// Counts one more.
    pub(crate) fn add(&mut self, counts: bool) {
        self.count += u32::from(counts);
        self.all += 1;
    }

    /// The 95 % interval of the probability (Clopper and Pearson, Biometrika 26, 1934).
    fn interval(self) -> (f64, f64) {
        let (count, all) = (f64::from(self.count), f64::from(self.all));
        let quantile = |a, b, p| Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(p));
        let low = if self.count == 0 { 0.0 } else { quantile(count, all - count + 1.0, 0.025) };
        let high = if self.count == self.all { 1.0 } else { quantile(count + 1.0, all - count, 0.975) };
        (low, high)
    }
}

/// `3 of 200: 1.5 % [0.3, 4.3]`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.interval();
        let percent = 100.0 * f64::from(self.count) / f64::from(self.all);
        let text = format!(
            "{} of {}: {percent:.1} % [{:.1}, {:.1}]",
            self.count,
            self.all,
            100.0 * low,
            100.0 * high
        );
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: scipy.stats.binomtest(3, 200).proportion_ci(), and of 0.
    #[test]
    fn interval_agrees_with_scipy() {
        let (low, high) = Share { count: 3, all: 200 }.interval();
        assert!(
            (low - 0.003_104_107_6).abs() < 1e-9 && (high - 0.043_208_281_9).abs() < 1e-9,
            "{low} {high}"
        );
        assert!((Share { count: 0, all: 200 }.interval().1 - 0.018_275_340_4).abs() < 1e-9);
    }
}
