//! Machines that are simulated: what the times of sessions look like where nothing changed.
//!
//! Time t of sample j in session i, in units of the benchmark's true time; Z are standard normal, U
//! uniform on [0, 1), all independent:
//!
//! | scenario | t |
//! | --- | --- |
//! | normal | 1 + 0.01·Zᵢⱼ |
//! | lognormal | exp(0.3·Zᵢⱼ) |
//! | slow samples | (1 + 0.01·Zᵢⱼ) · (1.5 if Uᵢⱼ < 0.1, else 1) |
//! | slow sessions | (1 + 0.01·Zᵢⱼ) · (1.1 if Uᵢ < 0.1, else 1) |
//! | autocorrelated | 1 + aᵢⱼ, aᵢⱼ = 0.7·aᵢⱼ₋₁ + 0.01·Zᵢⱼ, stationary |
//! | session noise half | 1 + 0.005·Zᵢ + 0.01·Zᵢⱼ |
//! | session noise dominates | 1 + 0.01·Zᵢ + 0.003·Zᵢⱼ |
//! | drift | (1 + 0.05·p) · (1 + 0.003·Zᵢ + 0.01·Zᵢⱼ), p from 0 to 1 over the sessions as they are run: arms in turns, ABBA |
//! | nodes | (1 + 0.05·Zₙ) · (1 + 0.005·Zᵢ + 0.01·Zᵢⱼ), n = i mod 3 the node, the same for both sides |

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Samples of a session.
pub(crate) const SAMPLES: usize = 50;
/// Nodes of the scenario that has some.
pub(crate) const NODES: usize = 3;

/// A kind of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    Normal,
    Lognormal,
    SlowSamples,
    SlowSessions,
    Autocorrelated,
    SessionsHalf,
    SessionsDominate,
    Drift,
    Nodes,
}

impl Scenario {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Normal,
        Self::Lognormal,
        Self::SlowSamples,
        Self::SlowSessions,
        Self::Autocorrelated,
        Self::SessionsHalf,
        Self::SessionsDominate,
        Self::Drift,
        Self::Nodes,
    ];

    /// Those whose sessions are independent and of one distribution.
    pub(crate) fn independent() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|scenario| !matches!(scenario, Self::Drift | Self::Nodes))
    }

    /// How it is called in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Lognormal => "lognormal, σ 0.3",
            Self::SlowSamples => "10 % slow samples",
            Self::SlowSessions => "10 % slow sessions",
            Self::Autocorrelated => "AR(1) 0.7",
            Self::SessionsHalf => "session noise half of iteration noise",
            Self::SessionsDominate => "session noise dominates",
            Self::Drift => "drift of 5 %, arms in turns",
            Self::Nodes => "3 nodes that differ by 5 %, as blocks",
        }
    }

    /// The samples of one session that is independent of all others.
    pub(crate) fn session(self, rng: &mut impl Rng) -> Vec<f64> {
        self.at(0.0, 1.0, rng)
    }

    /// `sessions` of either side; the second side's times are `ratio` times as long.
    pub(crate) fn sides(self, sessions: usize, ratio: f64, rng: &mut impl Rng) -> [Vec<Vec<f64>>; 2] {
        let nodes: [f64; NODES] = std::array::from_fn(|_| match self {
            Self::Nodes => 1.0 + 0.05 * normal(rng),
            _ => 1.0,
        });
        let last = (2 * sessions - 1) as f64;
        let mut side = |second: bool| -> Vec<Vec<f64>> {
            let scale = if second { ratio } else { 1.0 };
            // ABBA: in odd rounds the second side goes first.
            let place = |round: usize| (2 * round + usize::from(second != (round % 2 == 1))) as f64 / last;
            (0..sessions).map(|i| self.at(place(i), scale * nodes[i % NODES], rng)).collect()
        };
        [side(false), side(true)]
    }

    /// A session at `place` of the run, 0 to 1, with times `scale` times as long.
    fn at(self, place: f64, scale: f64, rng: &mut impl Rng) -> Vec<f64> {
        let (own, slow) = (normal(rng), rng.random::<f64>() < 0.1);
        // The state of an autocorrelated series that has run for ever.
        let mut before = 0.01 * normal(rng) / (1.0_f64 - 0.49).sqrt();
        let mut time = || {
            let z = normal(rng);
            match self {
                Self::Normal => 1.0 + 0.01 * z,
                Self::Lognormal => (0.3 * z).exp(),
                Self::SlowSamples => (1.0 + 0.01 * z) * if rng.random::<f64>() < 0.1 { 1.5 } else { 1.0 },
                Self::SlowSessions => (1.0 + 0.01 * z) * if slow { 1.1 } else { 1.0 },
                Self::Autocorrelated => {
                    before = 0.7 * before + 0.01 * z;
                    1.0 + before
                }
                Self::SessionsHalf => 1.0 + 0.005 * own + 0.01 * z,
                Self::SessionsDominate => 1.0 + 0.01 * own + 0.003 * z,
                Self::Drift => (1.0 + 0.05 * place) * (1.0 + 0.003 * own + 0.01 * z),
                Self::Nodes => 1.0 + 0.005 * own + 0.01 * z,
            }
        };
        (0..SAMPLES).map(|_| scale * time()).collect()
    }
}

pub(crate) fn normal(rng: &mut impl Rng) -> f64 {
    rng.sample(StandardNormal)
}
