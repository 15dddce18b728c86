//! The BCa bootstrap: intervals that correct for bias and skewness.

use super::{
    Interval,
    location::{count, has_nan, mean, quantile_of_sorted, sum},
    ordered::sort,
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
    bca(values, level, resamples, seed, weighted_mean, means_without)
}

/// The BCa bootstrap interval of the median at `level`; else as [`bca_mean`].
#[must_use]
pub fn bca_median(values: &[f64], level: f64, resamples: usize, seed: u64) -> Option<Interval> {
    bca(values, level, resamples, seed, weighted_median, medians_without)
}

/// The interval of `statistic`, a function of the sorted values and how often each was drawn; `jackknife`
/// gives it without each of them.
fn bca(
    values: &[f64],
    level: f64,
    resamples: usize,
    seed: u64,
    statistic: fn(&[f64], &[f64]) -> f64,
    jackknife: fn(&[f64]) -> Vec<f64>,
) -> Option<Interval> {
    if values.len() < 2 || resamples == 0 || !(level > 0.0 && level < 1.0) {
        return None;
    }
    if has_nan(values) || values.iter().any(|value| value.is_infinite()) {
        return Some(Interval { low: f64::NAN, high: f64::NAN });
    }
    // Whatever order they come in, the same values give the same interval.
    let mut values = values.to_vec();
    sort(&mut values);
    let mut times = vec![1.0; values.len()];
    let observed = statistic(&values, &times);
    let mut rng = StdRng::seed_from_u64(seed);
    let draw = |_| {
        resample(&mut times, &mut rng);
        statistic(&values, &times)
    };
    let mut draws: Vec<f64> = (0..resamples).map(draw).collect();
    sort(&mut draws);
    let corrected = correction(&draws, observed, &jackknife(&values));
    let tail = f64::midpoint(1.0, -level);
    let end = |tail| quantile_of_sorted(&draws, corrected(tail));
    Some(Interval { low: end(tail), high: end(1.0 - tail) })
}

/// Draws as many values as there are, with replacement: how often each.
fn resample(times: &mut [f64], rng: &mut StdRng) {
    times.fill(0.0);
    let n = times.len() as u64;
    for _ in 0..n {
        // The high half of the product is below n, and uniform to n / 2³².
        let drawn = (u64::from(rng.random::<u32>()) * n) >> 32;
        let drawn = drawn as usize;
        times[drawn] += 1.0;
    }
}

/// Its rounding is nothing beside the resampling.
fn weighted_mean(values: &[f64], times: &[f64]) -> f64 {
    values.iter().zip(times).map(|(value, times)| value * times).sum::<f64>() / count(values)
}

/// The mean of the two middle values that were drawn, which may be one.
fn weighted_median(values: &[f64], times: &[f64]) -> f64 {
    let half = count(values) / 2.0;
    let (mut drawn, mut low) = (0.0, None);
    for (&value, &times) in values.iter().zip(times).filter(|(_, times)| **times > 0.0) {
        if let Some(low) = low {
            return f64::midpoint(low, value);
        }
        drawn += times;
        if drawn > half {
            return value;
        }
        // Half of the draws lie up to here: the other middle one is the next value.
        if drawn >= half {
            low = Some(value);
        }
    }
    f64::NAN
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

/// The mean without each value.
fn means_without(values: &[f64]) -> Vec<f64> {
    let (total, rest) = (sum(values), count(values) - 1.0);
    values.iter().map(|value| (total - value) / rest).collect()
}

/// The median without each of the sorted values.
fn medians_without(sorted: &[f64]) -> Vec<f64> {
    let n = sorted.len();
    let at = |place: usize, without: usize| sorted[place + usize::from(place >= without)];
    let median = |without: usize| f64::midpoint(at((n - 2) / 2, without), at((n - 1) / 2, without));
    (0..n).map(median).collect()
}
