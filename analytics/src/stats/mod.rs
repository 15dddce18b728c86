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
mod multiplicity;
mod order_interval;
mod ordered;
mod outliers;
mod power;
mod precision;
mod quantiles;
mod random_effects;
mod ratio;
mod repetitions;
mod resampled_median;
mod runs;
mod serial;
mod sessions;
mod shape;
mod spread;
mod stragglers;
mod student;
mod summary;
mod trimmed;
mod welch;

pub use bootstrap::{RESAMPLES, SEED, bca_mean, bca_median};
pub use dip::{dip, dip_in_place};
pub use effect_size::{cliffs_delta, cohens_d, hedges_g};
pub use equivalence::{Equivalence, tost};
pub use hierarchical::{
    Effect, Estimate, Replicate, Resampling, Units, paired_session_ratio, session_centre, session_ratio,
};
pub use hodges_lehmann::hodges_lehmann;
pub use interval::{Interval, mean_interval};
pub use kolmogorov_smirnov::{KolmogorovSmirnov, kolmogorov_smirnov};
pub(crate) use location::real;
pub use location::{geometric_mean, mean, median, minimum, quantile, quantile_in_place};
pub use mann_whitney::{MannWhitney, mann_whitney};
pub use multiplicity::{benjamini_hochberg, benjamini_yekutieli};
pub use order_interval::{OrderInterval, quantile_interval, quantile_interval_in_place};
pub use outliers::{outliers_mad, outliers_tukey};
pub use power::{minimum_detectable_effect, test_power};
pub use precision::{Precision, iso5725};
pub use random_effects::{VarianceComponents, random_effects};
pub use ratio::ratio_of_means;
pub use repetitions::{NestedVariances, nested_interval, nested_variances, optimal_repetitions};
pub use serial::{autocorrelation, effective_sample_size};
pub use sessions::{sessions_for_precision, sessions_needed};
pub use shape::{bimodality_coefficient, kurtosis, skewness};
pub use spread::{
    NORMAL_SCALE, coefficient_of_variation, interquartile_range, interquartile_range_in_place,
    median_absolute_deviation, median_absolute_deviation_in_place, standard_deviation, standard_error,
    variance,
};
pub use stragglers::{Cochran, Grubbs, cochran, grubbs};
pub use summary::{Summary, summary};
pub use trimmed::{trimmed_mean, trimmed_mean_in_place, winsorized_mean, winsorized_mean_in_place};
pub use welch::{Welch, welch};
