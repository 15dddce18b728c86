//! Two sides held against each other as `benchlake compare` does: the same effect, the same decision.

use crate::scenario::Scenario;
use benchlake_analytics::{
    decide::{Evidence, Noise, Policy, RunCentre, controlled_p, decide},
    stats::{Effect, Replicate, Resampling, median, paired_session_ratio, session_ratio},
};
use benchlake_schemas::{Better, Outcome};
use std::collections::BTreeMap;

/// How sessions of the two sides belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Not at all, but for their nodes.
    Groups,
    /// Session i of one was measured beside session i of the other.
    Pairs,
}

/// The noise between `runs`, each the samples of its sessions.
pub(crate) fn noise(runs: &[Vec<Vec<f64>>]) -> Option<Noise> {
    let centre = |run: &Vec<Vec<f64>>| {
        let medians: Vec<f64> = run.iter().filter_map(|samples| Some(median(samples)?.ln())).collect();
        Some(BTreeMap::from([("node".to_owned(), RunCentre::of(&medians)?)]))
    };
    Noise::of(&runs.iter().filter_map(centre).collect::<Vec<_>>())
}

/// The effect of the second side against the first, each of one run.
pub(crate) fn effect(
    scenario: Scenario,
    layout: Layout,
    sides: &[Vec<Vec<f64>>; 2],
    noise: Option<Noise>,
    seed: u64,
) -> Option<Effect> {
    let policy = Policy::default();
    let resampling = Resampling { level: policy.level, resamples: policy.resamples, seed };
    let [first, second] = sides;
    if layout == Layout::Pairs {
        return paired_session_ratio(first, second, resampling);
    }
    let nodes = scenario.nodes();
    let effect = session_ratio(&in_blocks(first, nodes), &in_blocks(second, nodes), resampling)?;
    Some(noise.map_or(effect, |noise| noise.added_to(effect, (1, 1), policy.level)))
}

fn in_blocks(side: &[Vec<f64>], nodes: usize) -> Vec<Replicate<'_>> {
    side.iter().enumerate().map(|(i, samples)| Replicate { samples, block: i % nodes }).collect()
}

/// Whether the interval leaves 1 out.
pub(crate) fn alarms(effect: Option<&Effect>) -> bool {
    effect.is_some_and(|effect| {
        let interval = effect.estimate.interval;
        interval.low > 1.0 || interval.high < 1.0
    })
}

/// What the default policy makes of the effects of a suite, of benchmarks with `sessions` a side and this noise.
pub(crate) fn outcomes(effects: &[Option<Effect>], noise: Option<Noise>, sessions: usize) -> Vec<Outcome> {
    let policy = Policy::default();
    let margins = policy.margins("time", Better::Lower, "cpu.gemm{n=512}", "any");
    let p =
        |effect: &Option<Effect>| effect.as_ref().map_or(1.0, |effect| controlled_p(effect, margins, noise));
    let ps: Vec<f64> = effects.iter().map(p).collect();
    let decided = |(effect, adjusted_p): (&Option<Effect>, f64)| {
        decide(&Evidence {
            effect: effect.as_ref(),
            adjusted_p,
            false_discovery_rate: policy.false_discovery_rate,
            // Only the number of sessions that would decide it depends on this.
            discovering_p: policy.false_discovery_rate,
            better: Better::Lower,
            margins,
            noise,
            sessions: (sessions, sessions),
            level: policy.level,
            constant: None,
        })
        .outcome
    };
    effects.iter().zip(policy.adjusted(&ps)).map(decided).collect()
}
