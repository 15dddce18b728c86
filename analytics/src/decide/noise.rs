//! How much a benchmark moves from run to run although nothing changed, by its own history.

mod histories;

use crate::stats::{Effect, NORMAL_SCALE, mean, median, quantile, real, standard_error};
pub(super) use histories::{Histories, histories};
use serde::Serialize;
use std::collections::BTreeMap;

/// The noise between runs of a benchmark, from its own history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Noise {
    /// What 95 % of the changes from one run to the next stay below, as a fraction.
    pub floor: f64,
    /// The standard deviation of the logarithm of a run's centre that its sessions do not show.
    pub between_runs: f64,
    /// Runs that it was found in.
    pub runs: usize,
}

/// What a run measured on a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunCentre {
    /// The mean of the logarithms of its sessions' medians.
    pub mean: f64,
    /// How much of its variance the sessions show: the square of its standard error; `None` of one session.
    pub own: Option<f64>,
}

/// Below so many runs a history says nothing of noise.
const LEAST_RUNS: usize = 6;
/// With so many changes, their largest ones are known well enough to count.
const MANY: usize = 20;
/// The 97.5 % quantile of a normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl RunCentre {
    /// Of the logarithms of the sessions' medians; `None` without any.
    #[must_use]
    pub fn of(sessions: &[f64]) -> Option<Self> {
        Some(Self { mean: mean(sessions)?, own: standard_error(sessions).map(|error| error * error) })
    }
}

impl Noise {
    /// The noise in consecutive runs, oldest first, each the centres of its nodes; a run is compared with the one before
    /// on the nodes that both have. The standard deviation of the changes is 1.48 times the median of their absolute
    /// values, so that the few true changes of a history do not count; with twenty or more it is at least what their
    /// 95 % quantile says, so that a second mode does. `None` below six runs.
    ///
    /// ```
    /// use benchlake_analytics::decide::{Noise, RunCentre};
    /// use std::collections::BTreeMap;
    /// let centres = [0.0, 0.01, -0.01, 0.0, 0.02, 0.01, 0.0];
    /// let history = centres.map(|mean| BTreeMap::from([("node-1".to_owned(), RunCentre { mean, own: None })]));
    /// let noise = Noise::of(&history).expect("seven runs");
    /// assert!(noise.floor > 0.02 && noise.floor < 0.04 && noise.runs == 7);
    /// assert_eq!(Noise::of(&history[..5]), None);
    /// ```
    #[must_use]
    pub fn of<'a>(history: impl IntoIterator<Item = &'a BTreeMap<String, RunCentre>>) -> Option<Self> {
        let changes = changes(&history.into_iter().collect::<Vec<_>>());
        if changes.len() + 1 < LEAST_RUNS {
            return None;
        }
        let sizes: Vec<f64> = changes.iter().map(|(change, _)| change.abs()).collect();
        let mut sd = NORMAL_SCALE * median(&sizes)?;
        if sizes.len() >= MANY {
            sd = sd.max(quantile(&sizes, 0.95)? / Z);
        }
        let own = mean(&changes.iter().map(|(_, own)| *own).collect::<Vec<_>>())?;
        // A change has the noise of two runs.
        let between_runs = ((sd * sd - own) / 2.0).max(0.0).sqrt();
        Some(Self { floor: (Z * sd).exp_m1(), between_runs, runs: changes.len() + 1 })
    }

    /// The effect of sides of so many runs with this noise in its interval, at `level`, and in its test.
    #[must_use]
    pub fn added_to(&self, effect: Effect, (first, second): (usize, usize), level: f64) -> Effect {
        let share = |runs: usize| self.between_runs * self.between_runs / real(runs.max(1));
        // Changes from run to run overlap, and their median counts, not their squares.
        let df = (real(self.runs) - 1.0) / 2.0;
        effect.with_noise_between_runs(share(first) + share(second), df, level)
    }
}

/// The changes from run to run, and how much of the variance of each the run itself shows.
fn changes(runs: &[&BTreeMap<String, RunCentre>]) -> Vec<(f64, f64)> {
    let change = |pair: &[&BTreeMap<String, RunCentre>]| {
        let both: Vec<(RunCentre, RunCentre)> =
            pair[0].iter().filter_map(|(node, before)| Some((*before, *pair[1].get(node)?))).collect();
        let differences: Vec<f64> = both.iter().map(|(before, after)| after.mean - before.mean).collect();
        let own = match both.as_slice() {
            [(before, after)] => before.own.unwrap_or(0.0) + after.own.unwrap_or(0.0),
            // Nodes that moved apart show it, sessions of theirs included.
            _ => standard_error(&differences).map_or(0.0, |error| error * error),
        };
        Some((mean(&differences)?, own))
    };
    runs.windows(2).filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
    use rand_distr::{Distribution, Normal};

    type Runs = Vec<BTreeMap<String, RunCentre>>;

    fn history(centres: &[f64], own: Option<f64>) -> Runs {
        let run = |centre: &f64| BTreeMap::from([("n".to_owned(), RunCentre { mean: centre.ln(), own })]);
        centres.iter().map(run).collect()
    }

    fn quiet(runs: usize) -> Vec<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let gauss = Normal::new(0.0, 0.01).expect("a distribution");
        (0..runs).map(|_| f64::exp(gauss.sample(&mut rng))).collect()
    }

    /// Runs that vary by 1 % give 1 % between runs and a floor near 1.96 · √2 %; one true step does not move it;
    /// what the sessions show is taken off; few runs say nothing.
    #[test]
    fn a_step_is_no_noise() {
        let quiet = quiet(400);
        let stepped: Vec<f64> =
            quiet.iter().enumerate().map(|(i, x)| if i < 200 { *x } else { x * 1.5 }).collect();
        let of = |centres: &[f64]| Noise::of(&history(centres, None)).expect("a history");
        assert!((of(&quiet).floor - 0.0277).abs() < 0.004, "{:?}", of(&quiet));
        assert!((of(&quiet).between_runs - 0.01).abs() < 0.0015, "{:?}", of(&quiet));
        assert!((of(&quiet).floor - of(&stepped).floor).abs() < 0.001);
        let shown = Noise::of(&history(&quiet, Some(1e-4))).expect("a history");
        assert!(shown.between_runs < 0.006, "{shown:?}");
        assert_eq!(Noise::of(&history(&quiet[..5], None)), None);
    }

    /// A second mode that a quarter of the runs have is noise.
    #[test]
    fn a_second_mode_is_noise() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let modes: Vec<f64> =
            quiet(40).iter().map(|x| if rng.random::<f64>() < 0.25 { x * 1.05 } else { *x }).collect();
        assert!(Noise::of(&history(&modes, None)).expect("a history").floor > 0.04);
    }

    /// Nodes that differ, measured in turns, are no noise: runs are compared on the nodes that both have.
    #[test]
    fn other_nodes_are_no_noise() {
        let run = |i: usize, x: &f64| {
            let of =
                |node: &str, level: f64| (node.to_owned(), RunCentre { mean: (x * level).ln(), own: None });
            let other = if i.is_multiple_of(2) { of("slow", 1.5) } else { of("slower", 2.0) };
            BTreeMap::from([of("both", 1.0), other])
        };
        let runs: Runs = quiet(30).iter().enumerate().map(|(i, x)| run(i, x)).collect();
        let found = Noise::of(&runs).expect("a history");
        assert!(found.floor < 0.05, "{found:?}");
        let apart: Runs =
            quiet(30).iter().enumerate().map(|(i, x)| run(i, x).into_iter().skip(1).collect()).collect();
        assert_eq!(Noise::of(&apart), None);
    }
}
