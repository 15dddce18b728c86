//! Statistics: pure functions on slices. Each states its formula and where it comes from.
//!
//! A NaN in the values gives NaN; a statistic that too few values define gives `None`.

mod hierarchical;
mod interval;
mod location;
mod resampled_median;
mod spread;

pub use hierarchical::{
    Effect, Estimate, Replicate, Resampling, paired_session_ratio, session_centre, session_ratio,
};
pub use interval::{Interval, mean_interval};
pub use location::{mean, median, quantile};
pub use spread::{coefficient_of_variation, standard_deviation};

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
#[allow(missing_docs, reason = "shim")]
pub mod shim;
pub use shim::*;
