//! Intervals that know where samples come from: samples lie in sessions, and sessions are what varies.

use super::{Interval, location::median};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
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

/// The centre of a benchmark over `sessions`, each the times of one session: the mean of the sessions'
/// medians, with the interval of a hierarchical bootstrap at `level`: sessions are drawn with
/// replacement, and in each of them its samples (Davison and Hinkley, *Bootstrap Methods and their
/// Application*, 1997, section 3.8, where it is one of two strategies; drawing samples too makes the
/// interval somewhat wide where sessions hardly differ). `None` below two sessions, where a session is empty, or for a
/// `level` outside (0, 1).
///
/// The ends are those quantiles of the `resamples` that make up for few sessions: an expanded
/// percentile interval, `Φ(−√(n/(n−1))·t(1 − α/2; n − 1))` instead of α/2 (Hesterberg, *What Teachers
/// Should Know About the Bootstrap*, The American Statistician 69, 2015, section 5.3). Deterministic
/// by `seed`.
///
/// ```
/// use benchlake_analytics::stats::hierarchical;
/// let sessions: Vec<Vec<f64>> = (0..10).map(|i| vec![1.0 + f64::from(i % 3) / 100.0; 30]).collect();
/// let centre = hierarchical(&sessions, 0.95, 2000, 1).expect("ten sessions");
/// assert!(centre.interval.low < 1.009 && 1.009 < centre.interval.high && centre.relative_half_width() < 0.01);
/// ```
#[must_use]
pub fn hierarchical<S: AsRef<[f64]>>(
    sessions: &[S],
    level: f64,
    resamples: usize,
    seed: u64,
) -> Option<Estimate> {
    let value = centre(sessions)?;
    let mut rng = StdRng::seed_from_u64(seed);
    let draws = (0..resamples).map(|_| {
        let drawn = draw(sessions.len(), &mut rng);
        resampled_centre(sessions, &drawn, &mut rng)
    });
    let interval = expanded(draws.collect(), sessions.len(), level)?;
    Some(Estimate { value, interval })
}

/// The ratio of the centres of `candidate` and `baseline`, with an interval as that of
/// [`hierarchical`]. Where both have as many sessions, session i of one was measured beside session i
/// of the other, and the pairs are drawn together: what disturbed both cancels.
///
/// ```
/// use benchlake_analytics::stats::hierarchical_ratio;
/// let of = |scale: f64| -> Vec<Vec<f64>> { (0..10).map(|i| vec![scale * (1.0 + f64::from(i) / 50.0); 30]).collect() };
/// let ratio = hierarchical_ratio(&of(1.0), &of(1.02), 0.95, 2000, 1).expect("ten sessions each");
/// assert!((ratio.value - 1.02).abs() < 1e-12 && ratio.interval.low > 1.0199);
/// ```
#[must_use]
pub fn hierarchical_ratio<S: AsRef<[f64]>>(
    baseline: &[S],
    candidate: &[S],
    level: f64,
    resamples: usize,
    seed: u64,
) -> Option<Estimate> {
    let value = centre(candidate)? / centre(baseline)?;
    let mut rng = StdRng::seed_from_u64(seed);
    let paired = baseline.len() == candidate.len();
    let draws = (0..resamples).map(|_| {
        let of_baseline = draw(baseline.len(), &mut rng);
        let of_candidate = if paired { of_baseline.clone() } else { draw(candidate.len(), &mut rng) };
        resampled_centre(candidate, &of_candidate, &mut rng)
            / resampled_centre(baseline, &of_baseline, &mut rng)
    });
    let interval = expanded(draws.collect(), baseline.len().min(candidate.len()), level)?;
    Some(Estimate { value, interval })
}

/// The mean of the sessions' medians; `None` without sessions or where one is empty.
fn centre<S: AsRef<[f64]>>(sessions: &[S]) -> Option<f64> {
    let medians: Option<Vec<f64>> = sessions.iter().map(|session| median(session.as_ref())).collect();
    super::mean(&medians?)
}

/// Which of `n` sessions are drawn, with replacement.
fn draw(n: usize, rng: &mut StdRng) -> Vec<usize> {
    (0..n).map(|_| rng.random_range(0..n)).collect()
}

/// The centre of the sessions `drawn`, with the samples of each drawn with replacement.
fn resampled_centre<S: AsRef<[f64]>>(sessions: &[S], drawn: &[usize], rng: &mut StdRng) -> f64 {
    let mut sum = 0.0;
    let mut samples = Vec::new();
    for &session in drawn {
        let session = sessions[session].as_ref();
        samples.clear();
        samples.extend((0..session.len()).map(|_| session[rng.random_range(0..session.len())]));
        sum += middle(&mut samples);
    }
    #[expect(clippy::cast_precision_loss, reason = "numbers of sessions are far below 2^53")]
    let sessions = drawn.len() as f64;
    sum / sessions
}

/// The median, in place.
fn middle(samples: &mut [f64]) -> f64 {
    let half = samples.len() / 2;
    let even = samples.len().is_multiple_of(2);
    let (below, &mut upper, _) = samples.select_nth_unstable_by(half, f64::total_cmp);
    if even { f64::midpoint(below.iter().copied().fold(f64::NEG_INFINITY, f64::max), upper) } else { upper }
}

/// The expanded percentile interval of the bootstrap distribution `draws` over `n` sessions.
fn expanded(mut draws: Vec<f64>, n: usize, level: f64) -> Option<Interval> {
    if n < 2 || draws.is_empty() || !(level > 0.0 && level < 1.0) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "numbers of sessions are far below 2^53")]
    let n = n as f64;
    let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(f64::midpoint(1.0, level));
    let tail = Normal::standard().cdf(-(n / (n - 1.0)).sqrt() * t);
    draws.sort_unstable_by(f64::total_cmp);
    Some(Interval { low: at(&draws, tail), high: at(&draws, 1.0 - tail) })
}

/// The quantile at `p` of sorted `values`, linear between order statistics.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place between 0 and n − 1"
)]
fn at(values: &[f64], p: f64) -> f64 {
    let position = (values.len() - 1) as f64 * p;
    let below = position.floor() as usize;
    let above = (below + 1).min(values.len() - 1);
    values[below] + (values[above] - values[below]) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, Normal as Gaussian};

    /// `n` sessions of 30 samples around `centre`, with noise between and half as much within.
    fn simulated(n: usize, centre: f64, between: f64, rng: &mut StdRng) -> Vec<Vec<f64>> {
        let gauss = Gaussian::new(0.0, 1.0).expect("a distribution");
        let session = |rng: &mut StdRng| {
            let own = centre * (1.0 + between * gauss.sample(rng));
            (0..30).map(|_| own * (1.0 + 0.5 * between * gauss.sample(rng))).collect()
        };
        (0..n).map(|_| session(rng)).collect()
    }

    /// Of 400 intervals at 95 % about 95 % hold the true centre, with 5 sessions as with 10: within
    /// what 400 draws of a binomial tell (3.5 standard deviations).
    #[test]
    fn intervals_cover() {
        let mut rng = StdRng::seed_from_u64(7);
        for n in [5, 10] {
            let holds = (0..400).filter(|&seed| {
                let sessions = simulated(n, 1.0, 0.01, &mut rng);
                let found = hierarchical(&sessions, 0.95, 400, seed).expect("sessions");
                found.interval.low <= 1.0 && 1.0 <= found.interval.high
            });
            let share = holds.count() as f64 / 400.0;
            assert!((0.912..=0.988).contains(&share), "{n} sessions: {share}");
        }
    }

    /// What two arms have in common cancels in the ratio; a true difference of 2 % is found.
    #[test]
    fn pairs_cancel_what_they_share() {
        let mut rng = StdRng::seed_from_u64(9);
        let baseline = simulated(10, 1.0, 0.05, &mut rng);
        let slower = |session: &Vec<f64>| session.iter().map(|time| time * 1.02).collect::<Vec<_>>();
        let candidate: Vec<_> = baseline.iter().map(slower).collect();
        let ratio = hierarchical_ratio(&baseline, &candidate, 0.95, 1000, 1).expect("sessions");
        assert!((ratio.value - 1.02).abs() < 1e-12);
        assert!(ratio.relative_half_width() < 0.02, "{ratio:?}");
        assert!(ratio.interval.low > 1.0, "{ratio:?}");
    }

    /// The same seed gives the same interval; too little to tell gives none.
    #[test]
    fn seeds_and_too_little() {
        let sessions = [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]];
        assert_eq!(hierarchical(&sessions, 0.9, 100, 3), hierarchical(&sessions, 0.9, 100, 3));
        assert_eq!(hierarchical(&sessions[..1], 0.9, 100, 3), None);
        assert_eq!(hierarchical::<Vec<f64>>(&[vec![], vec![1.0]], 0.9, 100, 3), None);
        assert_eq!(hierarchical(&sessions, 1.0, 100, 3), None);
    }
}
