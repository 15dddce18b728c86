//! What each level of repetition adds to the variance, and how often to repeat at each: Kalibera and
//! Jones, *Rigorous Benchmarking in Reasonable Time*, ISMM 2013.

use super::{
    Interval,
    interval::mean_interval,
    location::{count, mean},
    random_effects::{centred, squares},
    spread::variance,
};

/// The variance that each level adds, T² in the paper. Each is an estimate that may be negative; `None`
/// where nothing was repeated at the level, or at one below it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct NestedVariances {
    /// Of samples in one session, T₁².
    pub sample: Option<f64>,
    /// Of the true means of sessions on one node, T₂².
    pub session: Option<f64>,
    /// Of the true means of nodes, T₃².
    pub node: Option<f64>,
}

/// Splits the variance of samples in sessions on `nodes` by level:
///
/// - `T₁² = S₁²`, `T₂² = S₂² − S₁² / r₁`, `T₃² = S₃² − S₂² / r₂`
///
/// with `Sᵢ²` the mean variance of the means at level i, and rᵢ how often it was repeated (as in the
/// paper). Where r differs, variances are pooled over their degrees of freedom, and `1 / r` is its mean, so
/// that no estimate is biased. Sessions and nodes without samples are left out. A NaN or an infinite value
/// gives NaN.
///
/// ```
/// use benchlake_analytics::stats::nested_variances;
/// let nodes = [vec![vec![1.0, 3.0], vec![5.0, 7.0]], vec![vec![11.0, 13.0], vec![15.0, 17.0]]];
/// let found = nested_variances(&nodes);
/// let rounded = |variance: Option<f64>| variance.map(|variance| variance.round());
/// assert_eq!([found.sample, found.session, found.node].map(rounded), [Some(2.0), Some(7.0), Some(46.0)]);
/// ```
#[must_use]
pub fn nested_variances(nodes: &[Vec<Vec<f64>>]) -> NestedVariances {
    let nodes = present(nodes);
    let sample = pooled(nodes.iter().flatten().copied());
    let centres: Vec<Vec<f64>> = nodes.iter().map(|node| means(&centred(node.iter().copied()))).collect();
    // The variance of a session's mean that its samples are the reason of, over T₁².
    let shares: Vec<Vec<f64>> =
        nodes.iter().map(|node| node.iter().map(|session| 1.0 / count(session)).collect()).collect();
    let session = sample.and_then(|sample| {
        let freedom = |node: &[f64]| count(node) - 1.0;
        let total: f64 = shares.iter().map(|node| freedom(node)).sum();
        let share = shares.iter().map(|node| freedom(node) * mean(node).unwrap_or(0.0)).sum::<f64>() / total;
        Some(pooled(centres.iter().map(Vec::as_slice))? - sample * share)
    });
    let node = sample.zip(session).and_then(|(sample, session)| {
        let from_below = shares.iter().map(|node| {
            let r = count(node);
            session / r + sample * node.iter().sum::<f64>() / (r * r)
        });
        Some(variance(&node_means(&nodes))? - mean(&from_below.collect::<Vec<_>>())?)
    });
    NestedVariances { sample, session, node }
}

/// The interval of the mean at `level` by Student's t over the means of the highest level that was
/// repeated: of nodes, each the mean of its sessions' means; of one node, of its sessions; of one session, of
/// its samples (as in the paper, where levels have equal numbers of repetitions). `None` where nothing
/// was repeated, or for a `level` outside (0, 1).
///
/// ```
/// use benchlake_analytics::stats::{mean_interval, nested_interval};
/// let nodes = [vec![vec![1.0, 3.0], vec![5.0, 7.0]], vec![vec![11.0, 13.0], vec![15.0, 17.0]]];
/// assert_eq!(nested_interval(&nodes, 0.95), mean_interval(&[4.0, 14.0], 0.95));
/// ```
#[must_use]
pub fn nested_interval(nodes: &[Vec<Vec<f64>>], level: f64) -> Option<Interval> {
    let nodes = present(nodes);
    match nodes.as_slice() {
        [] => None,
        [node] => match node.as_slice() {
            [session] => mean_interval(session, level),
            sessions => mean_interval(&means(sessions), level),
        },
        nodes => mean_interval(&means(&nodes.iter().map(|node| means(node)).collect::<Vec<_>>()), level),
    }
}

/// How often to repeat at each level but the highest, so that the mean is as precise as its cost allows:
/// `rᵢ = ⌈√(cᵢ₊₁ / cᵢ · Tᵢ² / Tᵢ₊₁²)⌉`, with level 1 the lowest, cᵢ what a repetition at level i costs (a sample's
/// time, a session's start, a node's), and Tᵢ² its variance, as of [`nested_variances`] (as in the
/// paper). The highest level is repeated until the mean is precise enough.
///
/// One repetition where level i adds no variance; `u64::MAX` where only the level above adds none, so that
/// repeating there is of no use. Empty unless costs are positive, there is a variance to each, and none is
/// NaN.
///
/// ```
/// use benchlake_analytics::stats::optimal_repetitions;
/// // A sample takes 1 s, a session 30 s to start; both vary alike.
/// assert_eq!(optimal_repetitions(&[1.0, 30.0], &[4.0, 4.0]), [6]);
/// ```
#[must_use]
pub fn optimal_repetitions(costs: &[f64], variances: &[f64]) -> Vec<u64> {
    let known = costs.iter().all(|&cost| cost > 0.0) && !variances.iter().any(|variance| variance.is_nan());
    if costs.len() != variances.len() || !known {
        return Vec::new();
    }
    let repetitions = |(costs, variances): (&[f64], &[f64])| match variances {
        [here, _] if *here <= 0.0 => 1,
        [_, above] if *above <= 0.0 => u64::MAX,
        [here, above] => whole((costs[1] / costs[0] * here / above).sqrt().ceil()),
        _ => 1,
    };
    costs.windows(2).zip(variances.windows(2)).map(repetitions).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, and is above 0")]
fn whole(number: f64) -> u64 {
    (number as u64).max(1)
}

/// The sessions that have samples, of the nodes that have such.
fn present(nodes: &[Vec<Vec<f64>>]) -> Vec<Vec<&[f64]>> {
    nodes
        .iter()
        .map(|node| node.iter().map(Vec::as_slice).filter(|session| !session.is_empty()).collect::<Vec<_>>())
        .filter(|node| !node.is_empty())
        .collect()
}

/// The means of nodes less one of the samples.
fn node_means(nodes: &[Vec<&[f64]>]) -> Vec<f64> {
    let sessions = centred(nodes.iter().flatten().copied());
    let mut sessions = sessions.iter();
    nodes
        .iter()
        .filter_map(|node| mean(&means(&sessions.by_ref().take(node.len()).collect::<Vec<_>>())))
        .collect()
}

fn means<G: AsRef<[f64]>>(groups: &[G]) -> Vec<f64> {
    groups.iter().filter_map(|group| mean(group.as_ref())).collect()
}

/// The variance in groups, pooled over their degrees of freedom; `None` where none has two values.
fn pooled<'a>(groups: impl Iterator<Item = &'a [f64]>) -> Option<f64> {
    let (mut sum, mut freedom) = (0.0, 0.0);
    for group in groups {
        sum += squares(group);
        freedom += (count(group) - 1.0).max(0.0);
    }
    (freedom > 0.0).then(|| sum / freedom)
}
