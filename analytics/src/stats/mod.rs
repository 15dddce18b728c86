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
