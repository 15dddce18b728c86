//! Estimates that know where samples come from: samples lie in sessions, and sessions are what varies.

mod design;
mod session;
mod studentised;
#[cfg(test)]
mod tests;

use super::{
    Interval,
    resampled_median::DRAWN_BITS,
    student::{student, two_sided_quantile, upper_tail},
};
use design::Design;
use serde::Serialize;
use session::Session;
use studentised::{of_units, single};

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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

/// What the replicates of an effect are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Units {
    /// Sessions of either side, within blocks.
    Sessions,
    /// Pairs of sessions.
    Pairs,
    /// Blocks: each the difference of its two sides.
    Blocks,
}

impl Units {
    /// Their name, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Pairs => "pairs",
            Self::Blocks => "blocks",
        }
    }
}

/// An effect over sessions: a ratio (or one centre) with its interval, and the test that belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Effect {
    /// The ratio of the geometric means of the sessions' medians, or one such mean.
    pub estimate: Estimate,
    /// The standard error of its logarithm.
    pub error: f64,
    /// The logarithm of the estimate over its standard error.
    pub t: f64,
    /// The degrees of freedom of `t`.
    pub df: f64,
    /// What the bootstrap says the quantile of |t| is, over that of Student's distribution; 1 where nothing was
    /// resampled.
    pub calibration: f64,
    /// How many resamples say so; 0 where Student's quantile stands.
    pub resamples: usize,
    /// How probable so large a |t| is where nothing changed: below 1 − level just where the interval
    /// leaves 1 out.
    pub p: f64,
    /// What was replicated.
    pub units: Units,
    /// How many of them: pairs, blocks, or the sessions of both sides.
    pub replicates: usize,
    /// Standard deviation of the logarithms of the medians between sessions of the first side (of the
    /// differences, where units are pairs or blocks), about the relative spread.
    pub sd_first: f64,
    /// The same of the second side.
    pub sd_second: f64,
    /// The part of the standard error that comes from noise between runs: 0 where it is not known.
    pub error_between_runs: f64,
}

impl Effect {
    /// Student's quantile of the interval at `level`, in (0, 1): the half width of its logarithm is this times
    /// [`calibration`](Self::calibration) times [`error`](Self::error). `None` unless there are degrees of freedom.
    ///
    /// ```
    /// use benchlake_analytics::stats::{Resampling, session_centre};
    /// let sessions: Vec<Vec<f64>> = (0..10).map(|i| vec![1.0 + f64::from(i % 3) / 100.0; 30]).collect();
    /// let centre = session_centre(&sessions, Resampling::default()).expect("ten sessions");
    /// assert!((centre.student_quantile(0.95).expect("9 degrees of freedom") - 2.262_157).abs() < 1e-6);
    /// ```
    #[must_use]
    pub fn student_quantile(&self, level: f64) -> Option<f64> {
        student(self.df).map(|student| two_sided_quantile(&student, level))
    }

    /// The effect where `variance`, with its degrees of freedom, adds to that of its logarithm: noise that
    /// sessions of few runs do not show.
    ///
    /// ```
    /// use benchlake_analytics::stats::{Resampling, session_centre};
    /// let sessions: Vec<Vec<f64>> = (0..10).map(|i| vec![1.0 + f64::from(i % 3) / 100.0; 30]).collect();
    /// let narrow = session_centre(&sessions, Resampling::default()).expect("ten sessions");
    /// let wide = narrow.with_noise_between_runs(0.01 * 0.01, 20.0, 0.95);
    /// assert!(wide.estimate.interval.low < narrow.estimate.interval.low && wide.p > narrow.p);
    /// ```
    #[must_use]
    pub fn with_noise_between_runs(self, variance: f64, df: f64, level: f64) -> Self {
        if !(variance > 0.0 && df > 0.0) {
            return self;
        }
        let own = (self.calibration * self.error).powi(2);
        let calibrated = own + variance;
        let df = calibrated * calibrated / (own * own / self.df + variance * variance / df);
        let Some(student) = student(df) else { return self };
        let error = (self.error * self.error + variance).sqrt();
        let theta = self.estimate.value.ln();
        let half = two_sided_quantile(&student, level) * calibrated.sqrt();
        Self {
            estimate: Estimate {
                value: self.estimate.value,
                interval: Interval { low: (theta - half).exp(), high: (theta + half).exp() },
            },
            error,
            t: theta / error,
            df,
            calibration: calibrated.sqrt() / error,
            p: 2.0 * upper_tail(&student, (theta / calibrated.sqrt()).abs()),
            error_between_runs: variance.sqrt(),
            ..self
        }
    }
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

/// From so many blocks on, blocks are replicates too.
const BLOCKS: usize = 4;

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
    let sessions = each(sessions)?;
    let centres: Vec<f64> = sessions.iter().map(|session| session.centre).collect();
    single(&centres, Units::Sessions, resampling, |i, random| sessions[i].noise(random))
}

/// The ratio of the centres of `second` and `first`, where session i of one was measured beside session i
/// of the other: what disturbed both alike cancels. The interval is as that of [`session_ratio`], over
/// pairs.
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
    let (first, second) = (each(first)?, each(second)?);
    let differences: Vec<f64> = first.iter().zip(&second).map(|(a, b)| b.centre - a.centre).collect();
    single(&differences, Units::Pairs, resampling, |i, random| {
        // Two medians are drawn of one number: each has bits of its own.
        second[i].noise(random) - first[i].noise(random.rotate_right(DRAWN_BITS))
    })
}

fn each<S: AsRef<[f64]>>(sessions: &[S]) -> Option<Vec<Session>> {
    sessions.iter().map(|samples| Session::new(samples.as_ref())).collect()
}

/// The ratio of the centres of `second` and `first`: of the geometric means of the sessions' medians,
/// within blocks that both sides have. `None` without such a block, with one session on a side in a single
/// block, or where a session is empty or its median is not a positive number.
///
/// Formula. With c the median of a session's log samples, a block's difference is d = c̄₂ − c̄₁, and
/// θ = Σ w·d with w ∝ n₁n₂/(n₁ + n₂). A side's variance s² is pooled over its blocks; the standard error is
/// √(s₁²·Σw²/n₁ + s₂²·Σw²/n₂), with Welch and Satterthwaite's degrees of freedom; with one block θ/se is
/// Welch's t of the c. The interval is exp(θ ± q·se): q is the quantile, at the level, of |θ* − θ|/se* over
/// resamples in which sessions are drawn with replacement and in each of them its samples: the hierarchical
/// bootstrap (Davison and Hinkley, *Bootstrap Methods and their Application*, 1997, section 3.8),
/// studentised and symmetric (Hall, *On symmetric bootstrap confidence intervals*, Journal of the Royal
/// Statistical Society B 50, 1988). Drawing samples too makes resamples vary more, and their standard errors
/// as much; studentised, the two cancel. With fewer than five sessions to draw from on a side q is
/// Student's quantile. p is two-sided, of Student's distribution with |t| divided by q over Student's
/// quantile, so that interval and p are one rule.
///
/// Blocks may change by different amounts, which sessions within them do not show. With four blocks or more the d
/// themselves are tested too, as Student's t of their mean with one degree of freedom less than blocks, and
/// of the two effects the one with the larger p is taken. With two or three that is done only where a side has
/// no block with two sessions.
///
/// Where nothing varies, p is that of an exact permutation test, and the interval reaches to 1 unless p is below 1 − level.
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
    let within = design.effect(resampling);
    let several = design.blocks() >= BLOCKS || design.blocks() > 1 && within.is_none();
    let of_blocks =
        if several { of_units(&design.differences(), Units::Blocks, resampling.level) } else { None };
    match (within, of_blocks) {
        (Some(within), Some(of_blocks)) => Some(if within.p < of_blocks.p { of_blocks } else { within }),
        (within, of_blocks) => within.or(of_blocks),
    }
}
