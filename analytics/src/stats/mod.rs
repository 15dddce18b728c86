//! Statistics: pure functions on slices. Each states its formula and where it comes from.
//!
//! A NaN in the values gives NaN; a statistic that too few values define gives `None`. Infinite values
//! are values: what is computed of them follows IEEE 754, and no function panics for them.

mod hierarchical;
mod interval;
mod location;
mod spread;
mod summary;

pub use hierarchical::{Estimate, hierarchical, hierarchical_ratio};
pub use interval::{Interval, mean_interval};
pub use location::{geometric_mean, mean, median, minimum, quantile, quantile_in_place};
pub use spread::{
    coefficient_of_variation, median_absolute_deviation, median_absolute_deviation_in_place,
    standard_deviation, standard_error, variance,
};
pub use summary::{Summary, summary};
