//! Two sides held against each other as `benchlake compare` does: the same effect, the same decision.

use crate::scenario::{NODES, Scenario};
use benchlake_analytics::{
    decide::{Evidence, Policy, controlled_p, decide},
    stats::{Effect, Replicate, Resampling, paired_session_ratio, session_ratio},
};
use benchlake_schemas::{Better, Outcome};

/// How sessions of the two sides belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Not at all, but for their nodes.
    Groups,
    /// Session i of one was measured beside session i of the other.
    Pairs,
}

/// The effect of the second side against the first.
pub(crate) fn effect(
    scenario: Scenario,
    layout: Layout,
    sides: &[Vec<Vec<f64>>; 2],
    seed: u64,
) -> Option<Effect> {
    let policy = Policy::default();
    let resampling = Resampling { level: policy.level, resamples: policy.resamples, seed };
    let [first, second] = sides;
    if layout == Layout::Pairs {
        return paired_session_ratio(first, second, resampling);
    }
    let nodes = if scenario == Scenario::Nodes { NODES } else { 1 };
    session_ratio(&in_blocks(first, nodes), &in_blocks(second, nodes), resampling)
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

/// What the default policy makes of the effects of a suite, of benchmarks with `sessions` a side.
pub(crate) fn outcomes(effects: &[Option<Effect>], sessions: usize) -> Vec<Outcome> {
    let policy = Policy::default();
    let margins = policy.margins("time", Better::Lower, "cpu.gemm{n=512}", "any");
    let p =
        |effect: &Option<Effect>| effect.as_ref().map_or(1.0, |effect| controlled_p(effect, margins, None));
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
            noise: None,
            sessions: (sessions, sessions),
            level: policy.level,
            constant: None,
        })
        .outcome
    };
    effects.iter().zip(policy.adjusted(&ps)).map(decided).collect()
}
