//! From a difference, its standard error and resamples of both to an interval and a test.

use super::{Effect, Estimate, Resampling, Units};
use crate::stats::{
    Interval,
    location::real,
    student::{student, two_sided_quantile, upper_tail},
};
use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

/// With fewer to draw from there are too few different resamples: Student's quantile stands.
pub(super) const LEAST_RESAMPLED: usize = 5;

/// θ, its standard error and degrees of freedom.
pub(super) struct Difference {
    pub(super) theta: f64,
    pub(super) error: f64,
    pub(super) df: f64,
    pub(super) sd: (f64, f64),
    pub(super) units: Units,
    pub(super) replicates: usize,
    /// The least p that a permutation test of so few can have.
    pub(super) least_p: f64,
}

/// The mean of one list of centres, or of differences of pairs, whose i-th varies by `noise`.
pub(super) fn single(
    centres: &[f64],
    units: Units,
    resampling: Resampling,
    noise: impl Fn(usize, u64) -> f64,
) -> Option<Effect> {
    let observed = mean_of(centres, units)?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(resampling.seed);
    let mut drawn = centres.to_vec();
    let resampled = |_| {
        for slot in &mut drawn {
            let random = rng.next_u64();
            let i = below(centres.len(), rng.next_u64());
            *slot = centres[i] + noise(i, random);
        }
        mean_of(&drawn, units).map_or(f64::NAN, |found| (found.theta - observed.theta).abs() / found.error)
    };
    let few = centres.len() < LEAST_RESAMPLED;
    let draws = if few { Vec::new() } else { (0..resampling.resamples).map(resampled).collect() };
    studentised(&observed, draws, resampling.level)
}

/// The mean of units, by Student's t alone.
pub(super) fn of_units(differences: &[f64], units: Units, level: f64) -> Option<Effect> {
    studentised(&mean_of(differences, units)?, Vec::new(), level)
}

/// The mean with its standard error; `None` below two.
fn mean_of(values: &[f64], units: Units) -> Option<Difference> {
    if values.len() < 2 {
        return None;
    }
    let n = real(values.len());
    let (theta, squares) = moments(values);
    let variance = squares / (n - 1.0);
    let sd = variance.sqrt();
    // A centre has no sides to permute; differences change their signs.
    let least_p = if units == Units::Sessions { 0.0 } else { (1.0 - n).exp2() };
    Some(Difference {
        theta,
        error: (variance / n).sqrt(),
        df: n - 1.0,
        sd: (sd, sd),
        units,
        replicates: values.len(),
        least_p,
    })
}

/// The mean, and the sum of the squares of what the values differ from it.
pub(super) fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / real(values.len());
    (mean, values.iter().map(|value| (value - mean) * (value - mean)).sum())
}

/// Interval and test from the resampled |t|; from Student's distribution where there are none.
pub(super) fn studentised(observed: &Difference, mut draws: Vec<f64>, level: f64) -> Option<Effect> {
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let Difference { theta, error, df, sd, units, replicates, .. } = *observed;
    if error <= theta.abs() * f64::EPSILON * 8.0 {
        return Some(without_variance(observed, level));
    }
    let student = student(df)?;
    let quantile = two_sided_quantile(&student, level);
    // 0/0: a resample of one value throughout says nothing of t. One that is off without any spread is as far off as can be.
    draws.retain(|draw| !draw.is_nan());
    let resampled = if draws.is_empty() { f64::INFINITY } else { at(&mut draws, level) };
    let (calibration, resamples) =
        if resampled.is_finite() { (resampled / quantile, draws.len()) } else { (1.0, 0) };
    let half = quantile * calibration * error;
    let t = theta / error;
    Some(Effect {
        estimate: Estimate {
            value: theta.exp(),
            interval: Interval { low: (theta - half).exp(), high: (theta + half).exp() },
        },
        error,
        t,
        df,
        calibration,
        resamples,
        p: 2.0 * upper_tail(&student, t.abs() / calibration),
        units,
        replicates,
        sd_first: sd.0,
        sd_second: sd.1,
        error_between_runs: 0.0,
    })
}

/// Units that agree exactly: the estimate is what it is, if there are enough of them to say so.
fn without_variance(observed: &Difference, level: f64) -> Effect {
    let Difference { theta, df, units, replicates, least_p, .. } = *observed;
    let same = theta.abs() < 1e-12;
    let value = theta.exp();
    let p = if same { 1.0 } else { least_p };
    let reaches = !same && p >= 1.0 - level;
    let interval = if reaches {
        Interval { low: value.min(1.0), high: value.max(1.0) }
    } else {
        Interval { low: value, high: value }
    };
    Effect {
        estimate: Estimate { value, interval },
        error: 0.0,
        t: if same { 0.0 } else { f64::INFINITY.copysign(theta) },
        df,
        calibration: 1.0,
        resamples: 0,
        p,
        units,
        replicates,
        sd_first: 0.0,
        sd_second: 0.0,
        error_between_runs: 0.0,
    }
}

/// The value below which a share `level` of the draws lies.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the draws")]
fn at(draws: &mut [f64], level: f64) -> f64 {
    let place = (level * real(draws.len() + 1)).ceil() as usize;
    *draws.select_nth_unstable_by(place.clamp(1, draws.len()) - 1, f64::total_cmp).1
}

/// A number below `n` by the highest bits of `random`, of which the lowest ones are used for medians.
#[inline]
pub(super) fn below(n: usize, random: u64) -> usize {
    const BITS: u32 = 32;
    (((random >> BITS) * n as u64) >> BITS) as usize
}
