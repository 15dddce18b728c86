//! The rule by which two arms are called different, and the statistics that the tables need.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// The least effect that is worth a word: half of the 1 % that a run is usually measured to, and less
/// than two builds of one source differ by where the linker puts things.
pub(crate) const MINIMUM_EFFECT: f64 = 0.005;

/// The ratio of two arms, candidate to baseline, with its 95 % interval.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) ratio: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Ratio {
    /// The ratio of sessions in pairs `(baseline, candidate)`, neighbours in time: Student's t interval
    /// of the mean of the logarithms of their ratios, with n − 1 degrees of freedom (Student, Biometrika
    /// 6, 1908). The session is the unit, and what drifts slowly is the same on both sides of a pair.
    ///
    /// Infinitely wide below two pairs.
    pub(crate) fn of(pairs: &[(f64, f64)]) -> Self {
        let logs: Vec<f64> = pairs.iter().map(|(baseline, candidate)| (candidate / baseline).ln()).collect();
        let n = logs.len() as f64;
        let mean = logs.iter().sum::<f64>() / n;
        let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let half = match StudentsT::new(0.0, 1.0, n - 1.0) {
            Ok(t) => t.inverse_cdf(0.975) * (variance / n).sqrt(),
            Err(_) => f64::INFINITY,
        };
        Self { ratio: mean.exp(), low: (mean - half).exp(), high: (mean + half).exp() }
    }

    /// The same without any distribution assumed: the median of the ratios, between the second smallest
    /// and the second largest of them. For ten pairs that is an interval of 97.9 %, by the binomial
    /// distribution of how many lie below the median (David and Nagaraja, Order Statistics, 7.1), and one
    /// disturbed session on either side does not widen it.
    ///
    /// # Panics
    /// Below two pairs.
    pub(crate) fn by_order(pairs: &[(f64, f64)]) -> Self {
        let mut ratios: Vec<f64> = pairs.iter().map(|(baseline, candidate)| candidate / baseline).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        Self { ratio: median(&ratios), low: ratios[1], high: ratios[ratios.len() - 2] }
    }

    /// Whether the interval excludes 1 and the effect is at least [`MINIMUM_EFFECT`].
    pub(crate) fn is_different(self) -> bool {
        (self.low > 1.0 || self.high < 1.0) && (self.ratio - 1.0).abs() >= MINIMUM_EFFECT
    }

    /// Different, and the candidate the slower one.
    pub(crate) fn is_slower(self) -> bool {
        self.is_different() && self.ratio > 1.0
    }
}

/// The median; NaN of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n => (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0,
    }
}

/// The median absolute deviation from the median, scaled by 1.4826 so that it is the standard
/// deviation of normal values (Hampel, JASA 69, 1974).
pub(crate) fn scaled_mad(values: &[f64]) -> f64 {
    let center = median(values);
    1.4826 * median(&values.iter().map(|value| (value - center).abs()).collect::<Vec<_>>())
}

/// The standard deviation, with n − 1.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: scipy.stats.ttest_1samp(log([1.01, 1.02, 1.03]), 0).confidence_interval(), raised again.
    #[test]
    fn interval_agrees_with_scipy() {
        const REFERENCE: [f64; 3] = [1.019_967_319_214_357_2, 0.995_425_910_788_358_1, 1.045_113_775_912_663];
        let ratio = Ratio::of(&[(1.0, 1.01), (2.0, 2.04), (1.0, 1.03)]);
        assert!((ratio.ratio - REFERENCE[0]).abs() < 1e-9, "{ratio:?}");
        assert!((ratio.low - REFERENCE[1]).abs() < 1e-9, "{ratio:?}");
        assert!((ratio.high - REFERENCE[2]).abs() < 1e-9, "{ratio:?}");
        assert!(!ratio.is_different());
    }

    /// Pairs that agree are no difference, however small their scatter; a small effect is none either.
    #[test]
    fn both_conditions_count() {
        let pairs = |effect: f64| [(1.0, 1.0 + effect), (1.0, 1.0 + effect), (1.0, 1.0001 + effect)];
        assert!(!Ratio::of(&pairs(0.003)).is_different());
        assert!(Ratio::of(&pairs(0.02)).is_slower());
        assert!(Ratio::of(&pairs(-0.02)).is_different() && !Ratio::of(&pairs(-0.02)).is_slower());
        assert!(!Ratio::of(&[(1.0, 2.0)]).is_different(), "one pair tells nothing");
    }

    /// One pair that is far off widens the interval of Student's t, but not that of the order.
    #[test]
    fn one_outlier_is_borne() {
        let mut pairs = [(1.0, 1.02); 10];
        pairs[3].1 = 0.6;
        assert!(!Ratio::of(&pairs).is_different());
        assert!(Ratio::by_order(&pairs).is_slower());
    }

    /// Known medians and deviations.
    #[test]
    fn known_numbers() {
        let values = [5.0, 1.0, 4.0, 2.0];
        assert!((median(&values) - 3.0).abs() < 1e-12);
        assert!((scaled_mad(&values) - 1.4826 * 1.5).abs() < 1e-12);
        assert!((deviation(&values) - (10.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    }
}
