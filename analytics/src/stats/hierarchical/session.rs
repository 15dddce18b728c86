//! A session: the logarithms of its samples.

use crate::stats::resampled_median::ResampledMedian;

pub(super) struct Session {
    samples: ResampledMedian,
    /// Their median.
    pub(super) centre: f64,
}

impl Session {
    /// `None` where there are no samples, one is NaN, or one in the middle is not positive or not finite.
    pub(super) fn new(samples: &[f64]) -> Option<Self> {
        if samples.is_empty() || samples.iter().any(|sample| sample.is_nan()) {
            return None;
        }
        // A sample that is not positive has no logarithm: it is below all that have one.
        let logs = samples.iter().map(|sample| if *sample > 0.0 { sample.ln() } else { f64::NEG_INFINITY });
        let samples = ResampledMedian::new(logs.collect());
        let centre = samples.median();
        centre.is_finite().then_some(Self { samples, centre })
    }

    /// How far the median of a resample is from the median.
    #[inline]
    pub(super) fn noise(&self, random: u64) -> f64 {
        self.samples.draw(random) - self.centre
    }
}
