//! The noise model: what moves a simulated time away from its benchmark's base time.
//!
//! A sample's time per iteration is a product:
//!
//! ```text
//! base · node · session · drift · steps · mode · iteration · tail
//! ```
//!
//! `docs/simulate.md` has the formulas with their sources.

use rand::{Rng, RngExt};
use rand_distr::{OpenClosed01, StandardNormal};

/// The tail's exponent: its mean and variance are finite, its third moment is not.
const TAIL_EXPONENT: f64 = 2.5;
/// How many times as long the slow mode takes.
const SLOW: f64 = 1.25;

/// How much of each kind of noise there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Coefficient of variation between nodes: one lognormal factor per node.
    pub node: f64,
    /// Coefficient of variation between sessions: one lognormal factor per series.
    pub session: f64,
    /// Coefficient of variation of samples: one lognormal factor each.
    pub iteration: f64,
    /// Share of samples that a Pareto-distributed factor slows down.
    pub tails: f64,
    /// Share of series that have a slow mode.
    pub modes: f64,
    /// How many times as long everything takes in the last session as in the first.
    pub drift: f64,
}

impl Noise {
    /// None at all.
    pub const NONE: Self =
        Self { node: 0.0, session: 0.0, iteration: 0.0, tails: 0.0, modes: 0.0, drift: 1.0 };
}

impl Default for Noise {
    /// That of a quiet cluster.
    fn default() -> Self {
        Self { node: 0.01, session: 0.01, iteration: 0.005, tails: 0.01, modes: 0.01, drift: 1.0 }
    }
}

/// A lognormal factor with median 1 and coefficient of variation `cv`: `exp(σ·Z)` with Z standard
/// normal and `σ = √ln(1 + cv²)`. (Johnson, Kotz and Balakrishnan, Continuous Univariate
/// Distributions 1, 1994, chapter 14.)
pub(super) fn lognormal(cv: f64, random: &mut impl Rng) -> f64 {
    let z: f64 = random.sample(StandardNormal);
    ((cv * cv).ln_1p().sqrt() * z).exp()
}

/// A factor that is 1 but for a share of draws, where it is Pareto-distributed from 1 on:
/// `P(factor > x) = share · x^-2.5` for x ≥ 1, by inversion. (The same, chapter 20.)
fn tail(share: f64, random: &mut impl Rng) -> f64 {
    let uniform: f64 = random.sample(OpenClosed01);
    (share / uniform).max(1.0).powf(1.0 / TAIL_EXPONENT)
}

/// Which of a series' samples are in the slow mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// None.
    Fast,
    /// All: sessions are bimodal.
    Slow,
    /// Each with an even chance: samples are bimodal.
    Switching,
}

/// The noise of one series: an endless iterator of factors, one per sample. Every draw is made
/// whatever is switched on, so that a switch changes nothing but what it is for.
pub(super) struct Factors<R> {
    noise: Noise,
    level: f64,
    mode: Mode,
    random: R,
}

impl<R: Rng> Factors<R> {
    pub(super) fn new(noise: Noise, mut random: R) -> Self {
        let level = lognormal(noise.session, &mut random);
        let (has_modes, whole): (f64, bool) = (random.random(), random.random());
        let mode = match (has_modes < noise.modes, whole) {
            (false, _) => Mode::Fast,
            (true, true) => Mode::Slow,
            (true, false) => Mode::Switching,
        };
        Self { noise, level, mode, random }
    }
}

impl<R: Rng> Iterator for Factors<R> {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let slow: bool = self.random.random();
        let mode = match self.mode {
            Mode::Slow => SLOW,
            Mode::Switching if slow => SLOW,
            Mode::Fast | Mode::Switching => 1.0,
        };
        let iteration = lognormal(self.noise.iteration, &mut self.random);
        Some(self.level * mode * iteration * tail(self.noise.tails, &mut self.random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::stream::stream;

    fn factors(noise: Noise, count: usize) -> Vec<f64> {
        Factors::new(noise, stream(1, [0; 3], "test")).take(count).collect()
    }

    fn share(values: &[f64], of: impl Fn(f64) -> bool) -> f64 {
        values.iter().filter(|&&value| of(value)).count() as f64 / values.len() as f64
    }

    /// A lognormal factor has the median 1 and the coefficient of variation that was asked for.
    #[test]
    fn lognormal_has_its_cv() {
        let mut random = stream(1, [0; 3], "test");
        let mut values: Vec<_> = (0..200_000).map(|_| lognormal(0.3, &mut random)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!((variance.sqrt() / mean - 0.3).abs() < 0.005, "{}", variance.sqrt() / mean);
        values.sort_by(f64::total_cmp);
        assert!((values[values.len() / 2] - 1.0).abs() < 0.005, "{}", values[values.len() / 2]);
    }

    /// The page that explains the model has the numbers of the code.
    #[test]
    fn the_page_says_what_is_done() {
        let page = include_str!("../../../docs/simulate.md");
        let Noise { node, session, iteration, tails, modes, drift } = Noise::default();
        for words in [
            format!("`--node-noise` {node} |"),
            format!("`--session-noise` {session} |"),
            format!("`--noise` {iteration} |"),
            format!("`--tails` {tails} |"),
            format!("`--modes` {modes} |"),
            format!("`--drift` {drift} |"),
            format!("share · x^-{TAIL_EXPONENT} for"),
            format!("{SLOW} in the slow mode"),
        ] {
            assert!(page.contains(&words), "{words}");
        }
    }

    /// Without noise nothing moves; tails strike their share and follow their power law.
    #[test]
    fn tails_follow_their_law() {
        assert!(factors(Noise::NONE, 1_000).iter().all(|&factor| (factor - 1.0).abs() < 1e-15));
        let values = factors(Noise { tails: 0.1, ..Noise::NONE }, 200_000);
        assert!((share(&values, |value| value > 1.0) - 0.1).abs() < 0.003);
        // P(factor > 2) = 0.1 · 2^-2.5.
        assert!((share(&values, |value| value > 2.0) - 0.017_68).abs() < 0.001);
        assert!(values.iter().all(|&value| value >= 1.0));
    }

    /// Series with modes are wholly slow or switch; both kinds are there.
    #[test]
    fn modes_come_in_two_kinds() {
        let noise = Noise { modes: 0.5, ..Noise::NONE };
        let slow = (0..400_u32).map(|which| {
            let factors = Factors::new(noise, stream(1, [which, 0, 0], "test"));
            share(&factors.take(50).collect::<Vec<_>>(), |factor| factor > 1.2)
        });
        let slow: Vec<_> = slow.collect();
        assert!((share(&slow, |part| part > 0.99) - 0.25).abs() < 0.06);
        assert!((share(&slow, |part| part > 0.01 && part < 0.99) - 0.25).abs() < 0.06);
    }
}
