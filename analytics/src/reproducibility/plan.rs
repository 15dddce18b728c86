//! What the next run needs: sessions and samples for a wished precision, and the time they take.

use super::{Options, shares::Variances, subject::Subject};
use crate::stats::{
    mean, median, optimal_repetitions, random_effects, sessions_for_precision, standard_deviation,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a benchmark needs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plan {
    /// Sessions in all, on the same nodes, each with as many samples as now.
    pub sessions: Option<u64>,
    /// What they take, all sessions one after the other and every benchmark in them, in seconds.
    pub seconds: Option<f64>,
    /// Nodes for a statement about any node: that many of the kind, each with as many sessions as now; where
    /// several nodes tell how far they spread.
    pub nodes: Option<u64>,
    /// The cheapest way.
    pub cheapest: Option<Cheapest>,
}

/// As many samples in a session as pay, and the sessions that are then needed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cheapest {
    /// Samples in each session.
    pub samples: u64,
    /// Sessions in all, on the same nodes.
    pub sessions: u64,
    /// What that takes of this benchmark, in seconds.
    pub seconds: f64,
    /// What the sessions with as many samples as now take of it.
    pub instead_of: f64,
}

impl Cheapest {
    /// Whether it saves a tenth at least; less is within what the estimates are worth.
    #[must_use]
    pub fn saves(&self) -> bool {
        self.seconds < 0.9 * self.instead_of
    }
}

/// What all benchmarks need.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NextRun {
    /// Sessions in all: what the neediest benchmark needs of those that a sensible number is enough for; `None` where
    /// that is none of them.
    pub sessions: Option<u64>,
    /// On so many nodes.
    pub nodes: usize,
    /// That benchmark.
    pub needed_by: Option<String>,
    /// All sessions one after the other, in seconds.
    pub seconds: Option<f64>,
    /// Benchmarks that up to a million sessions are not enough for.
    pub beyond: Vec<String>,
    /// Benchmarks of which too few sessions were measured to tell.
    pub unknown: Vec<String>,
}

/// Sessions beyond this number are no plan.
pub(super) const MOST: u64 = 1_000_000;
/// A median of fewer samples is none to rely on.
const LEAST_SAMPLES: u64 = 30;

/// What `subject` needs so that half the width of the interval of its centre is within the wished share of it.
///
/// Sessions: the least n with t(1 − α/2; n − 1)·s/√n ≤ precision·|x̄|, s the standard deviation of the
/// sessions of a node. Samples: the optimum of Kalibera and Jones, *Rigorous Benchmarking in Reasonable Time*, ISMM
/// 2013: ⌈√(c₂/c₁ · T₁²/T₂²)⌉, c₁ the time of a sample, c₂ what a
/// session takes besides samples, T₁² and T₂² the variances of samples and sessions; but at least 30.
pub(super) fn plan(
    subject: &Subject<'_>,
    variances: &Variances,
    options: &Options,
    besides: &BTreeMap<&str, f64>,
) -> Option<Plan> {
    let by_node = subject.centres_by_node();
    let centre = mean(&subject.centres())?.abs();
    let half_width = options.precision * centre;
    let nested = by_node.len() > 1 && subject.sessions.len() > by_node.len();
    let effects = if nested { random_effects(&by_node, options.level) } else { None };
    let deviation = match &effects {
        Some(effects) => effects.within.sqrt(),
        None => standard_deviation(&subject.centres())?,
    };
    let needed = |deviation: f64| {
        let sessions = sessions_for_precision(deviation, half_width, options.level)?;
        (sessions <= MOST).then_some(sessions)
    };
    let node_means: Vec<f64> = by_node.iter().filter_map(|node| mean(node)).collect();
    let sessions = needed(deviation);
    Some(Plan {
        sessions,
        seconds: sessions.zip(session_seconds(subject, options)).map(|(n, each)| count(n) * each),
        nodes: if nested { needed(standard_deviation(&node_means)?) } else { None },
        cheapest: cheapest(subject, variances, (options, besides), &needed, sessions),
    })
}

/// What all of `plans` need together: sessions measure every benchmark. `None` without a single plan.
pub(super) fn next_run<'a>(
    plans: impl Iterator<Item = (&'a str, Option<&'a Plan>)>,
    nodes: usize,
) -> Option<NextRun> {
    let (mut beyond, mut unknown) = (Vec::new(), Vec::new());
    let mut neediest: Option<(u64, &str, Option<f64>)> = None;
    for (label, plan) in plans {
        match plan.map(|plan| (plan.sessions, plan.seconds)) {
            Some((Some(sessions), seconds)) if neediest.is_none_or(|known| known.0 < sessions) => {
                neediest = Some((sessions, label, seconds));
            }
            Some((Some(_), _)) => {}
            Some((None, _)) => beyond.push(label.to_owned()),
            None => unknown.push(label.to_owned()),
        }
    }
    let is_planned = neediest.is_some() || !beyond.is_empty();
    is_planned.then(|| NextRun {
        sessions: neediest.map(|it| it.0),
        nodes,
        needed_by: neediest.map(|it| it.1.to_owned()),
        seconds: neediest.and_then(|it| it.2),
        beyond,
        unknown,
    })
}

/// The mean duration of the sessions.
fn session_seconds(subject: &Subject<'_>, options: &Options) -> Option<f64> {
    let known = subject.sessions.iter().filter_map(|it| options.costs.sessions.get(&it.session.session_id));
    mean(&known.copied().collect::<Vec<_>>()).filter(|seconds| *seconds > 0.0)
}

/// The optimum, where the costs are known and both levels vary.
fn cheapest(
    subject: &Subject<'_>,
    variances: &Variances,
    (options, besides): (&Options, &BTreeMap<&str, f64>),
    needed: &dyn Fn(f64) -> Option<u64>,
    sessions: Option<u64>,
) -> Option<Cheapest> {
    let (sample, besides) = costs_of(subject, options, besides)?;
    if variances.session <= 0.0 || variances.long_run <= 0.0 {
        return None;
    }
    let optimum =
        *optimal_repetitions(&[sample, besides], &[variances.long_run, variances.session]).first()?;
    let samples = optimum.max(LEAST_SAMPLES);
    let of_mean = variances.session + variances.long_run / count(samples);
    let wanted = needed(of_mean.sqrt())?;
    let now: Vec<f64> = subject.sessions.iter().map(|it| count(it.values.len() as u64)).collect();
    let seconds = |sessions: u64, samples: f64| count(sessions) * (besides + samples * sample);
    Some(Cheapest {
        samples,
        sessions: wanted,
        seconds: seconds(wanted, count(samples)),
        instead_of: seconds(sessions?, median(&now)?),
    })
}

/// What a sample of this benchmark takes, and what a session takes for it besides: its share of the time that
/// is not sampling.
fn costs_of(subject: &Subject<'_>, options: &Options, besides: &BTreeMap<&str, f64>) -> Option<(f64, f64)> {
    let ids = || subject.sessions.iter().map(|measurement| &measurement.session.session_id);
    let sampled = |id: &String| {
        let key = (id.clone(), subject.measured.benchmark_id.clone());
        let cost = options.costs.sampled.get(&key).filter(|cost| cost.samples > 0)?;
        Some(cost.seconds / count(cost.samples))
    };
    let sample = median(&ids().filter_map(sampled).collect::<Vec<_>>())?;
    let besides = mean(&ids().filter_map(|id| besides.get(id.as_str()).copied()).collect::<Vec<_>>())?;
    (sample > 0.0 && besides > 0.0).then_some((sample, besides))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of sessions and samples are far below 2^53")]
fn count(n: u64) -> f64 {
    n as f64
}
