//! Two sides in the blocks that both have.

use super::{
    Effect, Replicate, Resampling, Session, Units,
    studentised::{Difference, LEAST_RESAMPLED, below, moments, studentised},
};
use crate::stats::location::real;
use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
use statrs::function::factorial::ln_binomial;
use std::collections::BTreeMap;

/// Both sides.
pub(super) struct Design {
    first: Side,
    second: Side,
    /// The weight of each block; they sum to 1.
    weights: Vec<f64>,
    /// Degrees of freedom of each side's variance.
    degrees: (f64, f64),
    /// What each side's variance is multiplied by.
    shares: (f64, f64),
    /// The least p of a permutation test within blocks.
    least_p: f64,
}

/// One side: sessions of a block next to each other.
struct Side {
    sessions: Vec<Session>,
    /// Their centres.
    centres: Vec<f64>,
    /// Where each block ends.
    ends: Vec<usize>,
    /// The mean of each block.
    means: Vec<f64>,
    /// What sessions of blocks with two or more differ from it, as much wider as they draw it in, and which
    /// session that is.
    residuals: Vec<(f64, usize)>,
}

impl Side {
    fn new(blocks: Vec<Vec<Session>>) -> Self {
        let mut side = Self {
            sessions: Vec::new(),
            centres: Vec::new(),
            ends: Vec::new(),
            means: Vec::new(),
            residuals: Vec::new(),
        };
        for block in blocks {
            let n = real(block.len());
            let mean = block.iter().map(|session| session.centre).sum::<f64>() / n;
            for session in block {
                if n > 1.0 {
                    let wider = (n / (n - 1.0)).sqrt();
                    side.residuals.push(((session.centre - mean) * wider, side.sessions.len()));
                }
                side.centres.push(session.centre);
                side.sessions.push(session);
            }
            side.ends.push(side.sessions.len());
            side.means.push(mean);
        }
        side
    }

    /// Centres of drawn sessions: each its block's mean, what a drawn session differs from its own, and the
    /// noise of that session's drawn samples.
    fn resample(&self, rng: &mut impl Rng, centres: &mut [f64]) {
        let mut start = 0;
        for (&end, mean) in self.ends.iter().zip(&self.means) {
            for slot in &mut centres[start..end] {
                let random = rng.next_u64();
                let (residual, session) = self.residuals[below(self.residuals.len(), random)];
                *slot = mean + residual + self.sessions[session].noise(random);
            }
            start = end;
        }
    }
}

impl Design {
    /// `None` without a block that both sides have, or where a session has no centre.
    pub(super) fn new(first: &[Replicate<'_>], second: &[Replicate<'_>]) -> Option<Self> {
        let mut blocks: BTreeMap<usize, (Vec<Session>, Vec<Session>)> = BTreeMap::new();
        for replicate in first {
            blocks.entry(replicate.block).or_default().0.push(Session::new(replicate.samples)?);
        }
        for replicate in second {
            blocks.entry(replicate.block).or_default().1.push(Session::new(replicate.samples)?);
        }
        blocks.retain(|_, (a, b)| !a.is_empty() && !b.is_empty());
        if blocks.is_empty() {
            return None;
        }
        let sizes: Vec<(f64, f64)> = blocks.values().map(|(a, b)| (real(a.len()), real(b.len()))).collect();
        let information: Vec<f64> = sizes.iter().map(|(a, b)| a * b / (a + b)).collect();
        let total: f64 = information.iter().sum();
        let weights: Vec<f64> = information.iter().map(|part| part / total).collect();
        let share = |side: &dyn Fn(&(f64, f64)) -> f64| {
            weights.iter().zip(&sizes).map(|(weight, size)| weight * weight / side(size)).sum::<f64>()
        };
        let orders: f64 = blocks.values().map(|(a, b)| ln_orders(a.len(), b.len())).sum();
        let (a, b): (Vec<_>, Vec<_>) = blocks.into_values().unzip();
        Some(Self {
            first: Side::new(a),
            second: Side::new(b),
            degrees: (sizes.iter().map(|(a, _)| a - 1.0).sum(), sizes.iter().map(|(_, b)| b - 1.0).sum()),
            shares: (share(&|size| size.0), share(&|size| size.1)),
            weights,
            least_p: (2.0 * (-orders).exp()).min(1.0),
        })
    }

    pub(super) fn blocks(&self) -> usize {
        self.weights.len()
    }

    /// The difference of the sides in each block.
    pub(super) fn differences(&self) -> Vec<f64> {
        self.first.means.iter().zip(&self.second.means).map(|(a, b)| b - a).collect()
    }

    /// The effect over sessions within blocks; `None` where a side has no block with two.
    pub(super) fn effect(&self, resampling: Resampling) -> Option<Effect> {
        if self.degrees.0.min(self.degrees.1) < 1.0 {
            return None;
        }
        let observed = self.difference(&self.first.centres, &self.second.centres);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(resampling.seed);
        let (mut a, mut b) = (self.first.centres.clone(), self.second.centres.clone());
        let resampled = |_| {
            self.first.resample(&mut rng, &mut a);
            self.second.resample(&mut rng, &mut b);
            let drawn = self.difference(&a, &b);
            (drawn.theta - observed.theta).abs() / drawn.error
        };
        let few = self.first.residuals.len().min(self.second.residuals.len()) < LEAST_RESAMPLED;
        let draws = if few { Vec::new() } else { (0..resampling.resamples).map(resampled).collect() };
        studentised(&observed, draws, resampling.level)
    }

    /// θ of centres that lie as those of the two sides do.
    fn difference(&self, first: &[f64], second: &[f64]) -> Difference {
        let (mut theta, mut squares, mut start) = (0.0, (0.0, 0.0), (0, 0));
        for (block, weight) in self.weights.iter().enumerate() {
            let end = (self.first.ends[block], self.second.ends[block]);
            let (a, of_a) = moments(&first[start.0..end.0]);
            let (b, of_b) = moments(&second[start.1..end.1]);
            theta += weight * (b - a);
            squares = (squares.0 + of_a, squares.1 + of_b);
            start = end;
        }
        let variance = (squares.0 / self.degrees.0, squares.1 / self.degrees.1);
        let parts = (variance.0 * self.shares.0, variance.1 * self.shares.1);
        let sum = parts.0 + parts.1;
        let df = if sum > 0.0 {
            let share = (parts.0 / sum, parts.1 / sum);
            1.0 / (share.0 * share.0 / self.degrees.0 + share.1 * share.1 / self.degrees.1)
        } else {
            self.degrees.0 + self.degrees.1
        };
        Difference {
            theta,
            error: sum.sqrt(),
            df,
            sd: (variance.0.sqrt(), variance.1.sqrt()),
            units: Units::Sessions,
            replicates: first.len() + second.len(),
            least_p: self.least_p,
        }
    }
}

/// The logarithm of in how many ways n and m sessions can be told apart as sides.
fn ln_orders(n: usize, m: usize) -> f64 {
    ln_binomial((n + m) as u64, n as u64)
}
