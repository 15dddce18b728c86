//! How far sessions lie apart, with an interval of its own, and whether that is within the limit.

use super::subject::all_equal;
use crate::stats::{Interval, mean, random_effects, real, standard_deviation};
use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// The answer for one benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reproducible {
    /// The whole interval of the spread is above the limit.
    No,
    /// The limit lies in the interval, or there is none.
    Undecided,
    /// The whole interval is within the limit.
    Yes,
}

impl Reproducible {
    /// The word on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Undecided => "undecided",
            Self::Yes => "yes",
        }
    }

    /// What a spread says of a limit.
    pub(super) fn of(spread: &Spread, limit: f64) -> Self {
        match spread.interval {
            Interval { high, .. } if high <= limit => Self::Yes,
            Interval { low, .. } if low > limit => Self::No,
            _ => Self::Undecided,
        }
    }
}

/// The spread of sessions relative to their centre: of a session on any node, as nodes and sessions both
/// vary.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The coefficient of variation.
    pub cv: f64,
    /// Its interval; the upper end is infinite where the sessions leave it open.
    #[serde(flatten)]
    pub interval: Interval,
}

/// How many sessions would decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Deciding {
    /// Sessions in all.
    pub sessions: usize,
    /// On so many nodes.
    pub nodes: usize,
}

/// Most sessions of a node, and most nodes, that are worth saying.
const MOST: usize = 200;

/// The spread of sessions whose centres are given by node: the coefficient of variation with its interval
/// at `level`. `None` below two sessions, or where their mean is zero and they differ.
///
/// Sessions on one node, or one session on each: s / |x̄|, with Vangel's interval
/// `K / √(((u + 2)/n − 1)·K² + u/ν)`, u the quantiles of chi-squared with ν = n − 1 degrees of freedom
/// (Vangel, *Confidence Intervals for a Normal Coefficient of Variation*, The American Statistician 50, 1996).
///
/// Several sessions of several nodes are not independent: those of a node share it. Then s² is
/// `MSA/n₀ + (1 − 1/n₀)·MSE` of the one-way analysis of variance (the variance of a session on any node),
/// and u/ν is replaced by the ratio of s² to the ends of its interval by Graybill and Wang, *Confidence
/// Intervals on Nonnegative Linear Combinations of Variances*, JASA 75, 1980. With few nodes it is wide: they
/// tell little of how far nodes spread.
pub(super) fn spread(by_node: &[Vec<f64>], level: f64) -> Option<Spread> {
    let all: Vec<f64> = by_node.concat();
    if all.len() >= 2 && all_equal(&all) {
        return Some(Spread { cv: 0.0, interval: Interval { low: 0.0, high: 0.0 } });
    }
    let design = Design::new(by_node)?;
    let cv = design.variance().sqrt() / mean(&all)?.abs();
    let interval = design.interval(cv, level)?;
    cv.is_finite().then_some(Spread { cv, interval })
}

/// How many sessions would decide, if their spread stays what it is: more on the same nodes, or on more
/// nodes with as many sessions each. `None` where even many would not, as the spread is too near to the
/// limit.
pub(super) fn deciding(by_node: &[Vec<f64>], limit: f64, level: f64) -> Option<Deciding> {
    let all: Vec<f64> = by_node.concat();
    let design = Design::new(by_node)?;
    let cv = design.variance().sqrt() / mean(&all)?.abs();
    let decides = |design: &Design| {
        let interval = design.interval(cv, level)?;
        (Reproducible::of(&Spread { cv, interval }, limit) != Reproducible::Undecided)
            .then_some(Deciding { sessions: design.sessions, nodes: design.nodes })
    };
    let per_node = design.sessions.div_ceil(design.nodes);
    if design.groups() == 1 && design.nodes > 1 {
        return (design.nodes + 1..=MOST * 5).find_map(|nodes| decides(&design.with(nodes, 1)));
    }
    let more = (per_node + 1..=MOST).find_map(|each| decides(&design.with(design.nodes, each)));
    more.or_else(|| (design.nodes + 1..=MOST).find_map(|nodes| decides(&design.with(nodes, per_node))))
}

/// Sessions on nodes, and the mean squares of their centres.
#[derive(Debug, Clone, Copy)]
struct Design {
    nodes: usize,
    sessions: usize,
    /// Sessions of a node: n₀ of the analysis of variance, where they differ.
    each: f64,
    /// The mean square between nodes and its degrees of freedom; 0 and 0 where there is none.
    between: (f64, f64),
    /// The same within nodes; of all sessions where they are independent.
    within: (f64, f64),
}

impl Design {
    fn new(by_node: &[Vec<f64>]) -> Option<Self> {
        let (nodes, sessions) = (by_node.len(), by_node.iter().map(Vec::len).sum::<usize>());
        let all = by_node.concat();
        if nodes < 2 || sessions == nodes {
            let variance = standard_deviation(&all)?.powi(2);
            let within = (variance, real(sessions) - 1.0);
            return Some(Self { nodes, sessions, each: 1.0, between: (0.0, 0.0), within });
        }
        let effects = random_effects(by_node, 0.95)?;
        let squares: f64 = by_node.iter().map(|node| real(node.len()).powi(2)).sum();
        let each = (real(sessions) - squares / real(sessions)) / (real(nodes) - 1.0);
        Some(Self {
            nodes,
            sessions,
            each,
            between: (effects.within + each * effects.between_raw, real(nodes) - 1.0),
            within: (effects.within, real(sessions - nodes)),
        })
    }

    /// How many mean squares there are.
    fn groups(&self) -> usize {
        if self.between.1 > 0.0 { 2 } else { 1 }
    }

    /// The variance of a session on any node.
    fn variance(&self) -> f64 {
        self.parts().iter().map(|(part, _)| part).sum()
    }

    /// What the variance is the sum of, each with its degrees of freedom.
    fn parts(&self) -> [(f64, f64); 2] {
        if self.groups() == 1 {
            return [self.within, (0.0, 0.0)];
        }
        [
            (self.between.0 / self.each, self.between.1),
            (self.within.0 * (1.0 - 1.0 / self.each), self.within.1),
        ]
    }

    /// The same variances seen by another number of nodes and sessions of each.
    fn with(&self, nodes: usize, each: usize) -> Self {
        let sessions = nodes * each;
        if self.groups() == 1 {
            return Self { nodes, sessions, within: (self.within.0, real(sessions) - 1.0), ..*self };
        }
        let node = ((self.between.0 - self.within.0) / self.each).max(0.0);
        Self {
            nodes,
            sessions,
            each: real(each),
            between: (self.within.0 + real(each) * node, real(nodes) - 1.0),
            within: (self.within.0, real(sessions - nodes)),
        }
    }

    /// The interval of a coefficient of variation `cv`; see [`spread`].
    fn interval(&self, cv: f64, level: f64) -> Option<Interval> {
        let variance = self.variance();
        let (mut below, mut above) = (0.0, 0.0);
        for (part, freedom) in self.parts().into_iter().filter(|(_, freedom)| *freedom > 0.0) {
            let chi = ChiSquared::new(freedom).ok()?;
            let upper = chi.inverse_cdf(f64::midpoint(1.0, level));
            let lower = chi.inverse_cdf((1.0 - level) / 2.0);
            below += ((1.0 - freedom / upper) * part).powi(2);
            above += ((freedom / lower - 1.0) * part).powi(2);
        }
        let n = real(self.sessions);
        let end = |ratio: f64| {
            let u = (n - 1.0) / ratio;
            let square = ((u + 2.0) / n - 1.0) * cv.powi(2) + 1.0 / ratio;
            if square > 0.0 { cv / square.sqrt() } else { f64::INFINITY }
        };
        let low = (variance - f64::sqrt(below)) / variance;
        Some(Interval {
            low: if low > 0.0 { end(low) } else { 0.0 },
            high: end((variance + f64::sqrt(above)) / variance),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};
    use rand_distr::{Distribution, Normal};

    /// Centres of `each` sessions on each of `nodes`, of a spread of `cv` of which nodes make `share`.
    fn simulated(nodes: usize, each: usize, cv: f64, share: f64, rng: &mut StdRng) -> Vec<Vec<f64>> {
        let gauss = Normal::new(0.0, 1.0).expect("a distribution");
        let mut node = || {
            let own = 1.0 + cv * share.sqrt() * gauss.sample(rng);
            (0..each).map(|_| own + cv * (1.0 - share).sqrt() * gauss.sample(rng)).collect()
        };
        (0..nodes).map(|_| node()).collect()
    }

    /// The rows of the table of coverages in the documentation: nodes, sessions of each, share, coverage.
    fn documented() -> Vec<(usize, usize, f64, f64)> {
        let text = include_str!("../../../docs/reproducibility.md");
        let (_, text) = text.split_once("| coverage |\n").expect("the table");
        let (text, _) = text.split_once("\n\n").expect("its end");
        let number = |cell: &str| cell.trim().trim_end_matches(" %").parse::<f64>().ok();
        let rows = text.lines().filter_map(|line| {
            let cells: Option<Vec<f64>> = line.trim_matches('|').split('|').map(number).collect();
            let [nodes, each, share, coverage] = cells?[..] else { return None };
            Some((nodes as usize, each as usize, share / 100.0, coverage / 100.0))
        });
        rows.collect()
    }

    /// Of 4,000 intervals at 95 % as many hold the true spread as the documentation says, within what so many draws
    /// tell; that is 93.5 to 96.5 %, however the spread is split between nodes and sessions.
    #[test]
    fn intervals_cover() {
        let mut rng = StdRng::seed_from_u64(11);
        let rows = documented();
        assert!(rows.len() >= 9, "{rows:?}");
        for (nodes, each, share, said) in rows {
            let holds = (0..4_000).filter(|_| {
                let by_node = simulated(nodes, each, 0.03, share, &mut rng);
                let Interval { low, high } = spread(&by_node, 0.95).expect("sessions").interval;
                low <= 0.03 && 0.03 <= high
            });
            let covered = f64::from(u32::try_from(holds.count()).unwrap_or(0)) / 4_000.0;
            // 3.5 standard deviations.
            assert!((covered - said).abs() < 0.0125, "{nodes} nodes, {each} sessions, {share}: {covered}");
            assert!((0.935..=0.965).contains(&said), "{nodes} nodes, {each} sessions, {share}: {said}");
        }
    }

    /// The interval of independent sessions is Vangel's, worked out apart with quantiles of a table.
    #[test]
    fn vangel() {
        // K = 0.1 of n = 10: chi-squared quantiles 19.0228 and 2.7004 with 9 degrees of freedom.
        let k: f64 = 0.1;
        let unit: Vec<f64> = [-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0].into();
        let scale = k / (10.0_f64 / 9.0).sqrt();
        let values: Vec<f64> = unit.iter().map(|sign| 1.0 + sign * scale).collect();
        let found = spread(&[values], 0.95).expect("sessions");
        let end = |u: f64| k / (((u + 2.0) / 10.0 - 1.0) * k * k + u / 9.0).sqrt();
        assert!((found.cv - k).abs() < 1e-12, "{found:?}");
        assert!((found.interval.low - end(19.022_767_8)).abs() < 1e-8, "{found:?}");
        assert!((found.interval.high - end(2.700_389_5)).abs() < 1e-8, "{found:?}");
    }

    /// What never differs has no spread; one session tells nothing of any; equal sessions on several nodes are as
    /// equal ones of one.
    #[test]
    fn extremes() {
        assert_eq!(spread(&[vec![1.0]], 0.95), None);
        assert_eq!(spread(&[], 0.95), None);
        let none = Some(Spread { cv: 0.0, interval: Interval { low: 0.0, high: 0.0 } });
        assert_eq!(spread(&[vec![0.0, 0.0]], 0.95), none);
        assert_eq!(spread(&[vec![2.0, 2.0], vec![2.0]], 0.95), none);
        // Nodes differ and their sessions do not.
        let nodes = spread(&[vec![1.0, 1.0], vec![1.1, 1.1], vec![1.2, 1.2]], 0.95).expect("sessions");
        assert!((nodes.cv - 0.1 / 1.1).abs() < 1e-12 && nodes.interval.high.is_finite(), "{nodes:?}");
    }

    /// The number of sessions that decides does decide, and one session of a node fewer does not.
    #[test]
    fn deciding_is_the_least() {
        let centres = vec![vec![1.0, 1.03, 0.98, 1.02, 0.97, 1.0]];
        let now = spread(&centres, 0.95).expect("sessions");
        assert_eq!(Reproducible::of(&now, 0.04), Reproducible::Undecided);
        let Deciding { sessions, nodes } = deciding(&centres, 0.04, 0.95).expect("a number");
        assert!(nodes == 1 && sessions > 6, "{sessions}");
        let design = Design::new(&centres).expect("sessions");
        let answer = |each: usize| {
            let interval = design.with(1, each).interval(now.cv, 0.95).expect("an interval");
            Reproducible::of(&Spread { interval, ..now }, 0.04)
        };
        assert_eq!((answer(sessions), answer(sessions - 1)), (Reproducible::Yes, Reproducible::Undecided));
        assert_eq!(deciding(&centres, now.cv, 0.95), None);
    }

    /// Nodes that differ by more than their sessions ask for more nodes, not for more sessions.
    #[test]
    fn few_nodes_need_more_nodes() {
        let nodes: Vec<Vec<f64>> =
            [1.0, 1.05, 0.97].map(|node| vec![node, node + 0.001, node - 0.001]).into();
        let found = deciding(&nodes, 0.10, 0.95).expect("a number");
        assert!(found.nodes > 3 && found.sessions == 3 * found.nodes, "{found:?}");
    }
}
