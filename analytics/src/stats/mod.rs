//! Statistics: pure functions on slices. Each states its formula and where it comes from.
//!
//! A NaN in the values gives NaN; a statistic that too few values define gives `None`. Infinite values
//! are values: what is computed of them follows IEEE 754, and no function panics for them.

mod bootstrap;
mod dip;
mod effect_size;
mod equivalence;
mod fourier;
mod hierarchical;
mod hodges_lehmann;
mod interval;
mod kolmogorov_smirnov;
mod location;
mod mann_whitney;
mod order_interval;
mod ordered;
mod outliers;
mod ratio;
mod resampled_median;
mod runs;
mod serial;
mod shape;
mod spread;
mod student;
mod summary;
mod trimmed;
mod welch;

pub use bootstrap::{RESAMPLES, SEED, bca_mean, bca_median};
pub use dip::{dip, dip_in_place};
pub use effect_size::{cliffs_delta, cohens_d, hedges_g};
pub use equivalence::{Equivalence, tost};
pub use hierarchical::{
    Effect, Estimate, Replicate, Resampling, paired_session_ratio, session_centre, session_ratio,
};
pub use hodges_lehmann::hodges_lehmann;
pub use interval::{Interval, mean_interval};
pub use kolmogorov_smirnov::{KolmogorovSmirnov, kolmogorov_smirnov};
pub use location::{geometric_mean, mean, median, minimum, quantile, quantile_in_place};
pub use mann_whitney::{MannWhitney, mann_whitney};
pub use order_interval::{OrderInterval, quantile_interval, quantile_interval_in_place};
pub use outliers::{outliers_mad, outliers_tukey};
pub use ratio::ratio_of_means;
pub use serial::{autocorrelation, effective_sample_size};
pub use shape::{bimodality_coefficient, kurtosis, skewness};
pub use spread::{
    NORMAL_SCALE, coefficient_of_variation, interquartile_range, interquartile_range_in_place,
    median_absolute_deviation, median_absolute_deviation_in_place, standard_deviation, standard_error,
    variance,
};
pub use summary::{Summary, summary};
pub use trimmed::{trimmed_mean, trimmed_mean_in_place, winsorized_mean, winsorized_mean_in_place};
pub use welch::{Welch, welch};

// SHIM until decide-two is merged.
#[expect(missing_docs, reason = "shim")]
#[must_use]
pub fn benjamini_hochberg(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|&a, &b| ps[b].total_cmp(&ps[a]));
    let (mut out, mut least) = (vec![1.0; ps.len()], 1.0f64);
    for (rank, &i) in order.iter().enumerate() {
        least = least.min(ps[i] * ps.len() as f64 / (ps.len() - rank) as f64);
        out[i] = least;
    }
    out
}
#[expect(missing_docs, reason = "shim")]
#[must_use]
pub fn benjamini_yekutieli(ps: &[f64]) -> Vec<f64> {
    benjamini_hochberg(ps)
}
#[expect(missing_docs, reason = "shim")]
#[must_use]
pub fn sessions_needed(effect: f64, sd: f64, _level: f64, _power: f64) -> Option<u64> {
    Some((2.0 * (3.24 * sd / effect).powi(2)).ceil() as u64 + 2)
}
