//! The BCa bootstrap: intervals that correct for bias and skewness.

use super::{
    Interval,
    location::{count, has_nan, mean, quantile_of_sorted, selected, sum},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use statrs::distribution::{ContinuousCDF, Normal};

/// How many resamples an interval of [`bca_mean`] and [`bca_median`] in SQL is made of.
pub const RESAMPLES: usize = 9_999;
/// The seed of the intervals in SQL.
pub const SEED: u64 = 1987;

/// The BCa bootstrap interval of the mean at `level`: bias-corrected and accelerated, with the
/// acceleration from the jackknife (Efron, *Better Bootstrap Confidence Intervals*, Journal of the
/// American Statistical Association 82, 1987; as `scipy.stats.bootstrap(method="BCa")`).
/// Deterministic by `seed`, in whatever order the values come. `None` below two values, for a `level` outside (0, 1), or without resamples;
/// NaN where a value is not finite.
///
/// ```
/// use benchlake_analytics::stats::bca_mean;
/// let found = bca_mean(&[1.0, 2.0, 3.0, 4.0, 20.0], 0.9, 2000, 1).expect("five values");
/// assert!(found.low < 6.0 && found.high > 10.0);
/// ```
#[must_use]
pub fn bca_mean(values: &[f64], level: f64, resamples: usize, seed: u64) -> Option<Interval> {
    let total = sum(values);
    let rest = count(values) - 1.0;
    let jackknife = |values: &[f64]| values.iter().map(|value| (total - value) / rest).collect();
    bca(values, level, resamples, seed, |values| sum_fast(values) / count(values), jackknife)
}

/// The BCa bootstrap interval of the median at `level`; else as [`bca_mean`].
#[must_use]
pub fn bca_median(values: &[f64], level: f64, resamples: usize, seed: u64) -> Option<Interval> {
    bca(values, level, resamples, seed, |values| selected(values, 0.5), medians_without)
}

/// The interval of `statistic`, which may reorder what it is given.
fn bca(
    values: &[f64],
    level: f64,
    resamples: usize,
    seed: u64,
    statistic: impl Fn(&mut [f64]) -> f64,
    jackknife: impl Fn(&[f64]) -> Vec<f64>,
) -> Option<Interval> {
    if values.len() < 2 || resamples == 0 || !(level > 0.0 && level < 1.0) {
        return None;
    }
    if has_nan(values) || values.iter().any(|value| value.is_infinite()) {
        return Some(Interval { low: f64::NAN, high: f64::NAN });
    }
    // Whatever order they come in, the same values give the same interval.
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let mut copy = values.clone();
    let observed = statistic(&mut copy);
    let mut rng = StdRng::seed_from_u64(seed);
    let draw = |_| {
        copy.iter_mut().for_each(|drawn| *drawn = values[rng.random_range(0..values.len())]);
        statistic(&mut copy)
    };
    let mut draws: Vec<f64> = (0..resamples).map(draw).collect();
    draws.sort_unstable_by(f64::total_cmp);
    let corrected = correction(&draws, observed, &jackknife(&values));
    let tail = f64::midpoint(1.0, -level);
    let end = |tail| quantile_of_sorted(&draws, corrected(tail));
    Some(Interval { low: end(tail), high: end(1.0 - tail) })
}

/// Which quantile of the sorted `draws` stands for the quantile at p.
fn correction(draws: &[f64], observed: f64, without: &[f64]) -> impl Fn(f64) -> f64 + use<> {
    let normal = Normal::standard();
    let below = draws.partition_point(|&draw| draw < observed);
    let not_above = draws.partition_point(|&draw| draw <= observed);
    // Half of the draws that hit the observed value count as below it. Where all lie on one side, the bias
    // is taken for that of half a draw on the other, not for infinite.
    let least = 0.5 / count(draws);
    let share = f64::midpoint(count(&draws[..below]), count(&draws[..not_above])) / count(draws);
    let bias = normal.inverse_cdf(share.clamp(least, 1.0 - least));
    let acceleration = acceleration(without);
    move |p| {
        let z = bias + normal.inverse_cdf(p);
        normal.cdf(bias + z / (1.0 - acceleration * z))
    }
}

/// The acceleration from the statistic `without` each value; 0 where it does not depend on which.
fn acceleration(without: &[f64]) -> f64 {
    let Some(centre) = mean(without) else { return 0.0 };
    let moment = |power| without.iter().map(|value| (centre - value).powi(power)).sum::<f64>();
    let squares = moment(2);
    if squares > 0.0 { moment(3) / (6.0 * squares.powf(1.5)) } else { 0.0 }
}

/// The median without each of the sorted values.
fn medians_without(sorted: &[f64]) -> Vec<f64> {
    let n = sorted.len();
    let at = |place: usize, without: usize| sorted[place + usize::from(place >= without)];
    let median = |without: usize| f64::midpoint(at((n - 2) / 2, without), at((n - 1) / 2, without));
    (0..n).map(median).collect()
}

/// The sum of a resample: its rounding is nothing beside the resampling.
fn sum_fast(values: &[f64]) -> f64 {
    values.iter().sum()
}
