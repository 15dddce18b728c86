//! Estimates that know where samples come from: samples lie in sessions, and sessions are what varies.

use super::{
    Interval,
    resampled_median::{DRAWN_BITS, ResampledMedian},
};
use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeMap;

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// What was estimated.
    pub value: f64,
    /// Where the true value is, at the level that was asked for.
    pub interval: Interval,
}

impl Estimate {
    /// Half the width of the interval, relative to the value.
    #[must_use]
    pub fn relative_half_width(&self) -> f64 {
        (self.interval.high - self.interval.low) / 2.0 / self.value.abs()
    }
}

/// How an interval is resampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampling {
    /// The level of the interval, in (0, 1).
    pub level: f64,
    /// Draws of the bootstrap.
    pub resamples: usize,
    /// What the draws come from: the same seed gives the same interval, on every machine.
    pub seed: u64,
}

impl Default for Resampling {
    fn default() -> Self {
        Self { level: 0.95, resamples: 2_000, seed: 1 }
    }
}

/// An effect over sessions: a ratio (or one centre) with its interval, and the test that belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Effect {
    /// The ratio of the geometric means of the sessions' medians, or one such mean.
    pub estimate: Estimate,
    /// The logarithm of the estimate over its standard error.
    pub t: f64,
    /// The degrees of freedom of `t`, by Welch and Satterthwaite.
    pub df: f64,
    /// What the bootstrap says the quantile of |t| is, over that of Student's distribution.
    pub calibration: f64,
    /// How probable so large a |t| is where nothing changed: below 1 − level just where the interval
    /// leaves 1 out.
    pub p: f64,
    /// Standard deviation of the logarithms of the medians between sessions of the first side (of the
    /// pairs' differences where sessions are paired), about the relative spread.
    pub sd_first: f64,
    /// The same of the second side.
    pub sd_second: f64,
}

/// The samples of a session, and the block that it belongs to, such as its node. What differs from block
/// to block, but not within, is no part of an effect.
#[derive(Debug, Clone, Copy)]
pub struct Replicate<'a> {
    /// Its samples; at least one.
    pub samples: &'a [f64],
    /// Its block.
    pub block: usize,
}

/// Fewer sessions on a side than this give too few different resamples: Student's quantile stands.
const LEAST_RESAMPLED: usize = 5;
/// With fewer degrees of freedom on a side, sides in several blocks share one variance.
const LEAST_DEGREES: f64 = 4.0;

/// The centre of a benchmark over `sessions`, each the samples of one: the geometric mean of the
/// sessions' medians, with an interval as that of [`session_ratio`]. `None` below two sessions, or
/// where a session is empty or its median is not a positive number.
///
/// ```
/// use benchlake_analytics::stats::{Resampling, session_centre};
/// let sessions: Vec<Vec<f64>> = (0..10).map(|i| vec![1.0 + f64::from(i % 3) / 100.0; 30]).collect();
/// let centre = session_centre(&sessions, Resampling::default()).expect("ten sessions").estimate;
/// assert!(centre.interval.low < 1.009 && 1.009 < centre.interval.high && centre.relative_half_width() < 0.01);
/// ```
#[must_use]
pub fn session_centre<S: AsRef<[f64]>>(sessions: &[S], resampling: Resampling) -> Option<Effect> {
    let sessions: Option<Vec<_>> = sessions.iter().map(|samples| Session::new(samples.as_ref())).collect();
    let sessions = sessions?;
    let centres: Vec<f64> = sessions.iter().map(|session| session.centre).collect();
    single(&centres, resampling, |i, random| sessions[i].noise(random))
}

/// The ratio of the centres of `second` and `first`, where session i of one was measured beside session i
/// of the other: what disturbed both alike cancels. The interval is as that of [`session_ratio`], over pairs.
///
/// ```
/// use benchlake_analytics::stats::{Resampling, paired_session_ratio};
/// let of = |scale: f64| -> Vec<Vec<f64>> { (0..10).map(|i| vec![scale * (1.0 + f64::from(i) / 50.0); 30]).collect() };
/// let ratio = paired_session_ratio(&of(1.0), &of(1.02), Resampling::default()).expect("ten pairs").estimate;
/// assert!((ratio.value - 1.02).abs() < 1e-12 && ratio.interval.low > 1.0199);
/// ```
#[must_use]
pub fn paired_session_ratio<S: AsRef<[f64]>>(
    first: &[S],
    second: &[S],
    resampling: Resampling,
) -> Option<Effect> {
    if first.len() != second.len() {
        return None;
    }
    let sessions = |side: &[S]| -> Option<Vec<Session>> {
        side.iter().map(|samples| Session::new(samples.as_ref())).collect()
    };
    let (first, second) = (sessions(first)?, sessions(second)?);
    let differences: Vec<f64> = first.iter().zip(&second).map(|(a, b)| b.centre - a.centre).collect();
    single(&differences, resampling, |i, random| {
        // Two medians are drawn of one number: each has bits of its own, and the choice of the pair the rest.
        second[i].noise(random) - first[i].noise(random.rotate_right(DRAWN_BITS))
    })
}

/// The ratio of the centres of `second` and `first`: of the geometric means of the sessions' medians,
/// within blocks that both sides have. `None` without such a block, with one session on a side in a single
/// block, or where a session is empty or its median is not a positive number.
///
/// Formula. With c the median of a session's log samples, a block's difference is d = c̄₂ − c̄₁, and θ = Σ
/// w·d with w ∝ n₁n₂/(n₁ + n₂). A side's variance s² is pooled over its blocks; the standard error is
/// √(s₁²·Σw²/n₁ + s₂²·Σw²/n₂), with Welch and Satterthwaite's degrees of freedom; with one block θ/se is
/// Welch's t of the c. Where sides have several blocks, but one of them not enough sessions in each for a
/// variance of its own (fewer than four degrees of freedom), both share one: that of the additive model of
/// blocks and sides, with one degree of freedom for each session, less the blocks and one. The interval is
/// exp(θ ± q·se): q is the quantile, at the level, of |θ* − θ|/se* over resamples in which sessions are
/// drawn with replacement and in each of them its samples: the hierarchical bootstrap (Davison and Hinkley,
/// *Bootstrap Methods and their Application*, 1997, section 3.8), studentised and symmetric (Hall, *On
/// symmetric bootstrap confidence intervals*, Journal of the Royal Statistical Society B 50, 1988). Drawing
/// samples too makes resamples vary more, and their standard errors as much; studentised, the two cancel.
/// Below five sessions on a side q is Student's quantile. p is two-sided, of Student's distribution with
/// |t| divided by q over Student's quantile, so that interval and p are one rule.
///
/// ```
/// use benchlake_analytics::stats::{Replicate, Resampling, session_ratio};
/// let times: Vec<Vec<f64>> = (0..10).map(|i| vec![1.0 + f64::from(i * 7 % 10) / 1000.0; 30]).collect();
/// let slower: Vec<Vec<f64>> = times.iter().rev().map(|times| times.iter().map(|time| time * 1.02).collect()).collect();
/// fn side(times: &[Vec<f64>]) -> Vec<Replicate<'_>> {
///     times.iter().map(|samples| Replicate { samples, block: 0 }).collect()
/// }
/// let effect = session_ratio(&side(&times), &side(&slower), Resampling::default()).expect("ten sessions a side");
/// assert!((effect.estimate.value - 1.02).abs() < 1e-12 && effect.estimate.interval.low > 1.015 && effect.p < 1e-6);
/// ```
#[must_use]
pub fn session_ratio(
    first: &[Replicate<'_>],
    second: &[Replicate<'_>],
    resampling: Resampling,
) -> Option<Effect> {
    let design = Design::new(first, second)?;
    let observed = design.difference(&design.first.centres, &design.second.centres);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(resampling.seed);
    let (mut a, mut b) = (design.first.centres.clone(), design.second.centres.clone());
    let resampled = |_| {
        design.first.resample(&design.sessions, &mut rng, &mut a);
        design.second.resample(&design.sessions, &mut rng, &mut b);
        let drawn = design.difference(&a, &b);
        (drawn.theta - observed.theta).abs() / drawn.error
    };
    let few = design.first.residuals.len().min(design.second.residuals.len()) < LEAST_RESAMPLED;
    let draws = if few { Vec::new() } else { (0..resampling.resamples).map(resampled).collect() };
    studentised(&observed, draws, resampling.level)
}

/// A session: the logarithms of its samples.
struct Session {
    samples: ResampledMedian,
    centre: f64,
}

impl Session {
    fn new(samples: &[f64]) -> Option<Self> {
        if samples.is_empty() || samples.iter().any(|sample| sample.is_nan()) {
            return None;
        }
        // A sample that is not positive has no logarithm: it counts as the least number there is.
        let samples = samples.iter().map(|sample| sample.max(f64::MIN_POSITIVE).ln()).collect();
        let samples = ResampledMedian::new(samples);
        let centre = samples.median();
        (centre.is_finite() && centre > f64::MIN_POSITIVE.ln()).then_some(Self { samples, centre })
    }

    /// How far the median of a resample is from the median.
    #[inline]
    fn noise(&self, random: u64) -> f64 {
        self.samples.draw(random) - self.centre
    }
}

/// θ, its standard error and degrees of freedom.
struct Difference {
    theta: f64,
    error: f64,
    df: f64,
    sd: (f64, f64),
}

/// Effect of one list of centres, or of differences of pairs, whose i-th varies by `noise`.
fn single(centres: &[f64], resampling: Resampling, noise: impl Fn(usize, u64) -> f64) -> Option<Effect> {
    let observed = mean_of(centres)?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(resampling.seed);
    let mut drawn = centres.to_vec();
    let resampled = |_| {
        for slot in &mut drawn {
            let random = rng.next_u64();
            let i = below(centres.len(), rng.next_u64());
            *slot = centres[i] + noise(i, random);
        }
        let resample = mean_of(&drawn).map_or((0.0, f64::NAN), |found| (found.theta, found.error));
        (resample.0 - observed.theta).abs() / resample.1
    };
    let few = centres.len() < LEAST_RESAMPLED;
    let draws = if few { Vec::new() } else { (0..resampling.resamples).map(resampled).collect() };
    studentised(&observed, draws, resampling.level)
}

/// The mean with its standard error; `None` below two.
fn mean_of(values: &[f64]) -> Option<Difference> {
    if values.len() < 2 {
        return None;
    }
    let n = count(values.len());
    let theta = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - theta).powi(2)).sum::<f64>() / (n - 1.0);
    let sd = variance.sqrt();
    Some(Difference { theta, error: (variance / n).sqrt(), df: n - 1.0, sd: (sd, sd) })
}

/// Interval and test from the resampled |t|; from Student's distribution where there are none.
fn studentised(observed: &Difference, mut draws: Vec<f64>, level: f64) -> Option<Effect> {
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let Difference { theta, error, df, sd } = *observed;
    if error <= theta.abs() * f64::EPSILON * 8.0 {
        return Some(without_variance(theta, df));
    }
    let student = StudentsT::new(0.0, 1.0, df).ok()?;
    let quantile = student.inverse_cdf(f64::midpoint(1.0, level));
    // A resample without any spread says nothing of t.
    draws.retain(|draw| draw.is_finite());
    let calibration = if draws.is_empty() { 1.0 } else { at(&mut draws, level) / quantile };
    let half = quantile * calibration * error;
    let t = theta / error;
    Some(Effect {
        estimate: Estimate {
            value: theta.exp(),
            interval: Interval { low: (theta - half).exp(), high: (theta + half).exp() },
        },
        t,
        df,
        calibration,
        p: 2.0 * student.sf(t.abs() / calibration),
        sd_first: sd.0,
        sd_second: sd.1,
    })
}

/// Sessions that agree exactly: the estimate is what it is.
fn without_variance(theta: f64, df: f64) -> Effect {
    let same = theta.abs() < 1e-12;
    let value = theta.exp();
    Effect {
        estimate: Estimate { value, interval: Interval { low: value, high: value } },
        t: if same { 0.0 } else { f64::INFINITY.copysign(theta) },
        df,
        calibration: 1.0,
        p: if same { 1.0 } else { 0.0 },
        sd_first: 0.0,
        sd_second: 0.0,
    }
}

/// The value below which a share `level` of the draws lies.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the draws")]
fn at(draws: &mut [f64], level: f64) -> f64 {
    let place = (level * count(draws.len() + 1)).ceil() as usize;
    *draws.select_nth_unstable_by(place.clamp(1, draws.len()) - 1, f64::total_cmp).1
}

/// One side of a comparison: sessions of a block next to each other.
struct Side {
    /// The centres of the sessions.
    centres: Vec<f64>,
    /// Where each block ends.
    ends: Vec<usize>,
    /// The block's mean, as the design has it, of each block.
    fitted: Vec<f64>,
    /// What sessions differ from it, as much wider as their mean draws it in, and which session that is.
    residuals: Vec<(f64, usize)>,
}

impl Side {
    /// Centres of drawn sessions: each its block's mean, what a drawn session differs from its own, and the
    /// noise of that session's drawn samples.
    fn resample(&self, sessions: &[Session], rng: &mut impl Rng, centres: &mut [f64]) {
        let mut start = 0;
        for (&end, mean) in self.ends.iter().zip(&self.fitted) {
            for slot in &mut centres[start..end] {
                let random = rng.next_u64();
                let (residual, session) = self.residuals[below(self.residuals.len(), random)];
                *slot = mean + residual + sessions[session].noise(random);
            }
            start = end;
        }
    }
}

/// A number below `n` by the highest bits of `random`, of which the lowest ones are used for medians.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "less than n")]
fn below(n: usize, random: u64) -> usize {
    const BITS: u32 = 32;
    (((random >> BITS) * n as u64) >> BITS) as usize
}

/// Both sides, in the blocks that both have.
struct Design {
    /// The sessions of both sides.
    sessions: Vec<Session>,
    first: Side,
    second: Side,
    /// n₁n₂/(n₁ + n₂) of each block.
    information: Vec<f64>,
    /// Degrees of freedom of each side's own variance.
    degrees: (f64, f64),
    /// What each side's variance is multiplied by.
    shares: (f64, f64),
    /// Whether both sides share one variance, as one of them has too few sessions in a block for its own.
    shared: bool,
}

impl Design {
    fn new(first: &[Replicate<'_>], second: &[Replicate<'_>]) -> Option<Self> {
        let mut blocks: BTreeMap<usize, (Vec<Session>, Vec<Session>)> = BTreeMap::new();
        for replicate in first {
            blocks.entry(replicate.block).or_default().0.push(Session::new(replicate.samples)?);
        }
        for replicate in second {
            blocks.entry(replicate.block).or_default().1.push(Session::new(replicate.samples)?);
        }
        blocks.retain(|_, (a, b)| !a.is_empty() && !b.is_empty());
        let sizes: Vec<(f64, f64)> = blocks.values().map(|(a, b)| (count(a.len()), count(b.len()))).collect();
        let information: Vec<f64> = sizes.iter().map(|(a, b)| a * b / (a + b)).collect();
        let total: f64 = information.iter().sum();
        let sum = |of: &dyn Fn((f64, f64)) -> f64| sizes.iter().map(|&size| of(size)).sum::<f64>();
        let degrees = (sum(&|(a, _)| a - 1.0), sum(&|(_, b)| b - 1.0));
        let several = sizes.len() > 1;
        let shared = several && degrees.0.min(degrees.1) < LEAST_DEGREES;
        if !several && degrees.0.min(degrees.1) < 1.0 || sizes.is_empty() {
            return None;
        }
        let share = |side: &dyn Fn(&(f64, f64)) -> f64| {
            let part = |(weight, size): (&f64, _)| (weight / total).powi(2) / side(size);
            information.iter().zip(&sizes).map(part).sum::<f64>()
        };
        let shares = (share(&|size| size.0), share(&|size| size.1));
        let (a, b): (Vec<_>, Vec<_>) = blocks.into_values().unzip();
        let mut sessions = Vec::new();
        let (first, second) = (laid_out(a, &mut sessions), laid_out(b, &mut sessions));
        let mut design = Self { sessions, first, second, information, degrees, shares, shared };
        design.fit();
        Some(design)
    }

    /// Fills in what is resampled from.
    fn fit(&mut self) {
        let theta = self.difference(&self.first.centres, &self.second.centres).theta;
        let (a, b) = (cell_means(&self.first), cell_means(&self.second));
        if !self.shared {
            (self.first.fitted, self.second.fitted) = (a, b);
            self.first.residuals = own_residuals(&self.first, 0);
            self.second.residuals = own_residuals(&self.second, self.first.centres.len());
            return;
        }
        let sizes = cell_sizes(&self.first).into_iter().zip(cell_sizes(&self.second));
        let block = |((n, m), (a, b)): ((f64, f64), (&f64, &f64))| (n * a + m * (b - theta)) / (n + m);
        self.first.fitted = sizes.zip(a.iter().zip(&b)).map(block).collect();
        self.second.fitted = self.first.fitted.iter().map(|mean| mean + theta).collect();
        let all = count(self.sessions.len());
        let wider = (all / (all - count(self.information.len()) - 1.0)).sqrt();
        let mut pooled = residuals(&self.first, 0, |_| wider);
        pooled.extend(residuals(&self.second, self.first.centres.len(), |_| wider));
        self.first.residuals.clone_from(&pooled);
        self.second.residuals = pooled;
    }

    /// θ of centres that lie as those of the two sides do.
    fn difference(&self, first: &[f64], second: &[f64]) -> Difference {
        let total: f64 = self.information.iter().sum();
        let (mut theta, mut of_blocks, mut squares, mut start) = (0.0, 0.0, (0.0, 0.0), (0, 0));
        for (block, information) in self.information.iter().enumerate() {
            let end = (self.first.ends[block], self.second.ends[block]);
            let (a, of_a) = moments(&first[start.0..end.0]);
            let (b, of_b) = moments(&second[start.1..end.1]);
            theta += information / total * (b - a);
            of_blocks += information * (b - a) * (b - a);
            squares = (squares.0 + of_a, squares.1 + of_b);
            start = end;
        }
        if self.shared {
            // What blocks differ by, besides what they all do, is noise as well.
            let between = (of_blocks - total * theta * theta).max(0.0);
            let df = self.degrees.0 + self.degrees.1 + count(self.information.len()) - 1.0;
            let variance = (squares.0 + squares.1 + between) / df;
            let sd = variance.sqrt();
            return Difference { theta, error: (variance / total).sqrt(), df, sd: (sd, sd) };
        }
        let variance = (squares.0 / self.degrees.0, squares.1 / self.degrees.1);
        let parts = (variance.0 * self.shares.0, variance.1 * self.shares.1);
        let sum = parts.0 + parts.1;
        let df = sum * sum / (parts.0 * parts.0 / self.degrees.0 + parts.1 * parts.1 / self.degrees.1);
        Difference { theta, error: sum.sqrt(), df, sd: (variance.0.sqrt(), variance.1.sqrt()) }
    }
}

/// The sessions of a side, block by block, appended to those of both.
fn laid_out(blocks: Vec<Vec<Session>>, sessions: &mut Vec<Session>) -> Side {
    let start = sessions.len();
    let mut ends = Vec::with_capacity(blocks.len());
    for block in blocks {
        sessions.extend(block);
        ends.push(sessions.len() - start);
    }
    let centres = sessions[start..].iter().map(|session| session.centre).collect();
    Side { centres, ends, fitted: Vec::new(), residuals: Vec::new() }
}

/// The centres of each block.
fn cells(side: &Side) -> impl Iterator<Item = &[f64]> {
    let starts = std::iter::once(0).chain(side.ends.iter().copied());
    starts.zip(&side.ends).map(|(start, &end)| &side.centres[start..end])
}

fn cell_sizes(side: &Side) -> Vec<f64> {
    cells(side).map(|cell| count(cell.len())).collect()
}

fn cell_means(side: &Side) -> Vec<f64> {
    cells(side).map(|cell| moments(cell).0).collect()
}

/// What the sessions of a side differ from what is fitted, times what `wider` makes of the size of their
/// block; `before` sessions come before them.
fn residuals(side: &Side, before: usize, wider: impl Fn(f64) -> f64) -> Vec<(f64, usize)> {
    let mut found = Vec::with_capacity(side.centres.len());
    for (cell, fitted) in cells(side).zip(&side.fitted) {
        for centre in cell {
            found.push(((centre - fitted) * wider(count(cell.len())), before + found.len()));
        }
    }
    found
}

/// The residuals of blocks with two sessions or more.
fn own_residuals(side: &Side, before: usize) -> Vec<(f64, usize)> {
    let all = residuals(side, before, |n| if n > 1.0 { (n / (n - 1.0)).sqrt() } else { f64::NAN });
    all.into_iter().filter(|(residual, _)| !residual.is_nan()).collect()
}

/// The mean, and the sum of the squares of what the values differ from it.
fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / count(values.len());
    (mean, values.iter().map(|value| (value - mean) * (value - mean)).sum())
}

#[expect(clippy::cast_precision_loss, reason = "numbers of sessions are far below 2^53")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, Normal as Gaussian};

    /// `n` sessions of 30 samples around `centre`, with noise between and half as much within.
    fn simulated(n: usize, centre: f64, between: f64, rng: &mut Xoshiro256PlusPlus) -> Vec<Vec<f64>> {
        let gauss = Gaussian::new(0.0, 1.0).expect("a distribution");
        let session = |rng: &mut Xoshiro256PlusPlus| {
            let own = centre * (1.0 + between * gauss.sample(rng));
            (0..30).map(|_| own * (1.0 + 0.5 * between * gauss.sample(rng))).collect()
        };
        (0..n).map(|_| session(rng)).collect()
    }

    fn side(sessions: &[Vec<f64>], block: impl Fn(usize) -> usize) -> Vec<Replicate<'_>> {
        sessions.iter().enumerate().map(|(i, samples)| Replicate { samples, block: block(i) }).collect()
    }

    const QUICK: Resampling = Resampling { level: 0.95, resamples: 400, seed: 1 };

    /// Of 400 intervals at 95 % about 95 % hold the true centre and the true ratio, with 5 sessions as with 10:
    /// within what 400 draws of a binomial tell (3.5 standard deviations).
    #[test]
    fn intervals_cover() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        for n in [5, 10] {
            let (mut centres, mut ratios) = (0, 0);
            for seed in 0..400 {
                let (a, b) = (simulated(n, 1.0, 0.01, &mut rng), simulated(n, 1.0, 0.01, &mut rng));
                let holds = |effect: Option<Effect>| {
                    let Interval { low, high } = effect.expect("sessions").estimate.interval;
                    usize::from(low <= 1.0 && 1.0 <= high)
                };
                centres += holds(session_centre(&a, Resampling { seed, ..QUICK }));
                ratios +=
                    holds(session_ratio(&side(&a, |_| 0), &side(&b, |_| 0), Resampling { seed, ..QUICK }));
            }
            for share in [centres, ratios].map(|holds| holds as f64 / 400.0) {
                assert!((0.912..=0.988).contains(&share), "{n} sessions: {share}");
            }
        }
    }

    /// p is below 5 % just where the 95 % interval leaves 1 out.
    #[test]
    fn interval_and_test_are_one_rule() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        for round in 0..60 {
            let (a, b) = (simulated(6, 1.0, 0.01, &mut rng), simulated(7, 1.01, 0.02, &mut rng));
            let found = session_ratio(&side(&a, |_| 0), &side(&b, |_| 0), QUICK).expect("sessions");
            let Interval { low, high } = found.estimate.interval;
            assert_eq!(found.p < 0.05, 1.0 < low || high < 1.0, "{round}: {found:?}");
        }
    }

    /// What two arms have in common cancels in the ratio of pairs; a true difference of 2 % is found.
    #[test]
    fn pairs_cancel_what_they_share() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
        let baseline = simulated(10, 1.0, 0.05, &mut rng);
        let slower = |session: &Vec<f64>| session.iter().map(|time| time * 1.02).collect::<Vec<_>>();
        let candidate: Vec<_> = baseline.iter().map(slower).collect();
        let found = paired_session_ratio(&baseline, &candidate, QUICK).expect("sessions").estimate;
        assert!((found.value - 1.02).abs() < 1e-12);
        assert!(found.relative_half_width() < 0.02, "{found:?}");
        assert!(found.interval.low > 1.0, "{found:?}");
    }

    /// Nodes that differ by 30 %, measured unequally often on both sides, are no regression; without blocks
    /// they would be one.
    #[test]
    fn nodes_are_no_regression() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(11);
        let (quick, slow) = (simulated(12, 1.0, 0.005, &mut rng), simulated(12, 1.3, 0.005, &mut rng));
        let mix = |quicks: std::ops::Range<usize>, slows: std::ops::Range<usize>| {
            let of = |part: &[Vec<f64>], block| {
                part.iter().map(|times| (times.clone(), block)).collect::<Vec<_>>()
            };
            [of(&quick[quicks], 0), of(&slow[slows], 1)].concat()
        };
        let (a, b) = (mix(0..9, 0..3), mix(9..12, 3..12));
        let replicates = |side: &'static [(Vec<f64>, usize)], blocks: bool| -> Vec<Replicate<'static>> {
            side.iter()
                .map(|(samples, block)| Replicate { samples, block: if blocks { *block } else { 0 } })
                .collect()
        };
        let (a, b): (&'static [_], &'static [_]) = (a.leak(), b.leak());
        let blocked = session_ratio(&replicates(a, true), &replicates(b, true), QUICK).expect("sessions");
        assert!((blocked.estimate.value - 1.0).abs() < 0.01 && blocked.p > 0.01, "{blocked:?}");
        let pooled = session_ratio(&replicates(a, false), &replicates(b, false), QUICK).expect("sessions");
        assert!(pooled.estimate.value > 1.1, "{pooled:?}");
    }

    /// One session on each of eight nodes, which differ by 30 %: a change of 2 % is found, none is not; a
    /// design of pairs is the paired t.
    #[test]
    fn a_session_a_node() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(13);
        let node = |i: usize| 1.0 + 0.3 * i as f64;
        let times = |scale: f64, rng: &mut _| -> Vec<Vec<f64>> {
            (0..8).flat_map(|i| simulated(1, scale * node(i), 0.003, rng)).collect()
        };
        let (a, b, c) = (times(1.0, &mut rng), times(1.02, &mut rng), times(1.0, &mut rng));
        let found = session_ratio(&side(&a, |i| i), &side(&b, |i| i), QUICK).expect("nodes");
        assert!(found.p < 0.01 && (found.estimate.value - 1.02).abs() < 0.01, "{found:?}");
        let same = session_ratio(&side(&a, |i| i), &side(&c, |i| i), QUICK).expect("nodes");
        assert!(same.p > 0.01 && (same.estimate.value - 1.0).abs() < 0.01, "{same:?}");
        let pairs = paired_session_ratio(&a, &b, QUICK).expect("pairs");
        assert!((pairs.t - found.t).abs() < 1e-9 && (pairs.df - found.df).abs() < 1e-12);
        assert_eq!(session_ratio(&side(&a[..1], |_| 0), &side(&b, |_| 0), QUICK), None);
    }

    /// The same seed gives the same interval; other draws one that hardly differs.
    #[test]
    fn a_seed_decides() {
        let sessions = simulated(10, 1.0, 0.02, &mut Xoshiro256PlusPlus::seed_from_u64(3));
        let of = |seed| {
            session_centre(&sessions, Resampling { resamples: 2000, seed, level: 0.95 })
                .expect("sessions")
                .estimate
        };
        assert_eq!(of(1), of(1));
        assert!((of(1).interval.low - of(2).interval.low).abs() < 0.002);
    }

    /// One session, an empty session, NaN, a median that is not positive, a level out of range: no estimate.
    /// Samples that are not finite or not positive, but few, are taken in.
    #[test]
    fn too_few() {
        let times = vec![1.0, 2.0];
        assert_eq!(session_centre(&[times.clone()], QUICK), None);
        assert_eq!(session_centre(&[times.clone(), Vec::new()], QUICK), None);
        assert_eq!(session_centre(&[times.clone(), vec![f64::NAN, 1.0]], QUICK), None);
        assert_eq!(session_centre(&[times.clone(), vec![-1.0, 0.0, 3.0]], QUICK), None);
        assert_eq!(session_centre(&[times.clone(), vec![f64::INFINITY]], QUICK), None);
        assert_eq!(session_centre(&[times.clone(), times.clone()], Resampling { level: 1.0, ..QUICK }), None);
        assert_eq!(
            session_ratio(
                &side(&[times.clone()], |_| 0),
                &side(&[times.clone(), times.clone()], |_| 0),
                QUICK
            ),
            None
        );
        let odd: Vec<Vec<f64>> =
            (0..6).map(|i| vec![1.0, 1.01, 1.02 + f64::from(i) / 100.0, 0.0, f64::INFINITY]).collect();
        let found = session_centre(&odd, QUICK).expect("sessions");
        assert!(
            found.estimate.interval.low.is_finite() && found.estimate.interval.high.is_finite(),
            "{found:?}"
        );
    }

    /// Sessions that agree exactly: equal sides are equal, others differ beyond doubt.
    #[test]
    fn without_any_spread() {
        let same = vec![vec![2.0; 3]; 5];
        let found = session_ratio(&side(&same, |_| 0), &side(&same, |_| 0), QUICK).expect("sessions");
        assert_eq!((found.estimate.value, found.p), (1.0, 1.0));
        let found = session_ratio(&side(&same, |_| 0), &side(&vec![vec![4.0; 3]; 5], |_| 0), QUICK)
            .expect("sessions");
        assert_eq!((found.p, found.estimate.value), (0.0, 2.0));
    }
}
