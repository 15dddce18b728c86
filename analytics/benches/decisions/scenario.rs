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
//! | nodes that move | (1 + 0.01·Zₙₛ) · (1 + 0.003·Zᵢ + 0.01·Zᵢⱼ), n = i mod 5 the node, s the side |
//! | noise between runs | exp(0.01·Zᵣ) · (1 + 0.003·Zᵢ + 0.01·Zᵢⱼ), r the run: one a side, and those before them |

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Samples of a session.
pub(crate) const SAMPLES: usize = 50;
/// Nodes that stay as they are, and nodes that move.
const NODES: usize = 3;
const MOVING: usize = 5;
/// Earlier runs of a short and of a long history.
const FEW: usize = 8;
const MANY: usize = 40;

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
    NodesThatMove,
    RunsUnknown,
    RunsFew,
    RunsMany,
}

impl Scenario {
    /// All of them.
    pub(crate) const ALL: [Self; 13] = [
        Self::Normal,
        Self::Lognormal,
        Self::SlowSamples,
        Self::SlowSessions,
        Self::Autocorrelated,
        Self::SessionsHalf,
        Self::SessionsDominate,
        Self::Drift,
        Self::Nodes,
        Self::NodesThatMove,
        Self::RunsUnknown,
        Self::RunsFew,
        Self::RunsMany,
    ];

    /// Those whose sessions are independent and of one distribution.
    pub(crate) fn independent() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|scenario| scenario.has_pairs() && scenario.nodes() == 1 && *scenario != Self::Drift)
    }

    /// Whether session i of one side may stand for one that was measured beside session i of the other: not where a run or
    /// a node moves between the sides, which it does not within a round.
    pub(crate) const fn has_pairs(self) -> bool {
        !matches!(self, Self::NodesThatMove | Self::RunsUnknown | Self::RunsFew | Self::RunsMany)
    }

    /// Session i is of node i modulo so many.
    pub(crate) const fn nodes(self) -> usize {
        match self {
            Self::Nodes => NODES,
            Self::NodesThatMove => MOVING,
            _ => 1,
        }
    }

    /// How many earlier runs are known.
    const fn known_runs(self) -> usize {
        match self {
            Self::RunsFew => FEW,
            Self::RunsMany => MANY,
            _ => 0,
        }
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
            Self::NodesThatMove => "5 nodes that move by 1 % each, as blocks",
            Self::RunsUnknown => "runs that differ by 1 %, no earlier ones",
            Self::RunsFew => "runs that differ by 1 %, 8 earlier ones",
            Self::RunsMany => "runs that differ by 1 %, 40 earlier ones",
        }
    }

    /// The samples of one session that is independent of all others.
    pub(crate) fn session(self, rng: &mut impl Rng) -> Vec<f64> {
        self.at(0.0, 1.0, rng)
    }

    /// `sessions` of either side; the second side's times are `ratio` times as long.
    pub(crate) fn sides(self, sessions: usize, ratio: f64, rng: &mut impl Rng) -> [Vec<Vec<f64>>; 2] {
        let levels = self.levels(rng);
        let last = (2 * sessions - 1) as f64;
        let mut side = |second: bool| -> Vec<Vec<f64>> {
            let scale = if second { ratio } else { 1.0 };
            // ABBA: in odd rounds the second side goes first.
            let place = |round: usize| (2 * round + usize::from(second != (round % 2 == 1))) as f64 / last;
            let nodes = &levels[usize::from(second)];
            (0..sessions).map(|i| self.at(place(i), scale * nodes[i % nodes.len()], rng)).collect()
        };
        [side(false), side(true)]
    }

    /// What each side's nodes are on.
    fn levels(self, rng: &mut impl Rng) -> [Vec<f64>; 2] {
        match self {
            Self::Nodes => {
                let nodes: Vec<f64> = (0..NODES).map(|_| 1.0 + 0.05 * normal(rng)).collect();
                [nodes.clone(), nodes]
            }
            Self::NodesThatMove => {
                std::array::from_fn(|_| (0..MOVING).map(|_| 1.0 + 0.01 * normal(rng)).collect())
            }
            Self::RunsUnknown | Self::RunsFew | Self::RunsMany => std::array::from_fn(|_| vec![run(rng)]),
            _ => [vec![1.0], vec![1.0]],
        }
    }

    /// The runs before the two sides that are known, each of so many `sessions`.
    pub(crate) fn earlier(self, sessions: usize, rng: &mut impl Rng) -> Vec<Vec<Vec<f64>>> {
        let earlier = |_| {
            let level = run(rng);
            (0..sessions).map(|_| self.at(0.0, level, rng)).collect()
        };
        (0..self.known_runs()).map(earlier).collect()
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
                Self::NodesThatMove | Self::RunsUnknown | Self::RunsFew | Self::RunsMany => {
                    1.0 + 0.003 * own + 0.01 * z
                }
            }
        };
        (0..SAMPLES).map(|_| scale * time()).collect()
    }
}

/// What a run is on.
fn run(rng: &mut impl Rng) -> f64 {
    (0.01 * normal(rng)).exp()
}

pub(crate) fn normal(rng: &mut impl Rng) -> f64 {
    rng.sample(StandardNormal)
}
