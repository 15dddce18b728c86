//! Each benchmark's effect, and the decisions over all of them.

use super::{
    Centre, Compared, Comparison, Decision, Evidence, Layout, Options, Policy,
    comparison::{OfSession, Places},
    controlled_p, decide, noise,
    sides::Sides,
};
use crate::{
    cores::on_all_cores,
    selection::{Measured, Observed},
    stats::{self, Effect, Replicate, Resampling},
};
use benchlake_schemas::Outcome;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use uuid::Uuid;

/// What all benchmarks of a comparison have in common.
pub(super) struct Judge<'a> {
    pub(super) sides: &'a Sides,
    pub(super) histories: &'a noise::Histories,
    pub(super) places: &'a Places,
    pub(super) platform: &'a str,
    pub(super) options: &'a Options,
}

impl Judge<'_> {
    /// The effects of some benchmarks, before it is known how many there are.
    pub(super) fn undecided(&self, both: &[(Measured, Measured)]) -> Vec<Compared> {
        on_all_cores(both, |(base, new)| self.effect(base, new))
    }

    /// Every benchmark's decision, worst first; whatever order they come in.
    pub(super) fn decided(&self, mut compared: Vec<Compared>) -> Vec<Compared> {
        let name = |one: &Compared| (one.label.clone(), one.metric.clone(), one.benchmark_id.clone());
        compared.sort_by_cached_key(name);
        decide_all(&mut compared, &self.options.policy);
        compared
            .sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| by_how_much(b).total_cmp(&by_how_much(a))));
        compared
    }

    /// The effect of one benchmark.
    fn effect(&self, base: &Measured, new: &Measured) -> Compared {
        let Self { sides, options, .. } = self;
        let policy = &options.policy;
        let resampling = Resampling {
            level: policy.level,
            resamples: policy.resamples,
            // Of its own, so that chance does not strike all benchmarks alike.
            seed: seed(&new.benchmark_id, &new.metric) ^ options.seed,
        };
        let (first, second) = (counted(base, &sides.first), counted(new, &sides.second));
        let flags: BTreeSet<&String> =
            first.iter().chain(&second).flat_map(|(series, _)| &series.flags).collect();
        let noise = self.histories.noise(&new.benchmark_id, &new.metric);
        let effect = effect(&first, &second, sides.layout, resampling).map(|effect| match noise {
            Some(noise) => noise.added_to(effect, (self.runs(&first), self.runs(&second)), policy.level),
            None => effect,
        });
        let of_sessions = (self.of_sessions(&first), self.of_sessions(&second));
        Compared {
            benchmark_id: new.benchmark_id.clone(),
            benchmark: new.benchmark.clone(),
            parameters: new.parameters.clone(),
            label: new.label.clone(),
            metric: new.metric.clone(),
            unit: new.unit.clone(),
            better: new.better,
            base: centre(&of_sessions.0),
            new: centre(&of_sessions.1),
            effect,
            adjusted_p: None,
            margins: policy.margins(&new.metric, new.better, &new.label, self.platform),
            noise,
            decision: Decision {
                outcome: Outcome::Inconclusive,
                severity: None,
                reason: super::Reason::NoRatio,
                worse: None,
                margin: 0.0,
                sessions_needed: None,
            },
            flags: flags.into_iter().cloned().collect(),
            of_sessions,
        }
    }

    fn of_sessions(&self, side: &[(&Observed, usize)]) -> Vec<OfSession> {
        let of = |(series, unit): &(&Observed, usize)| {
            let (session_id, _) = self.places.get_key_value(series.session_id.as_str())?;
            Some(OfSession {
                session_id: Arc::clone(session_id),
                unit: *unit,
                median: stats::median(&series.values).unwrap_or(f64::NAN),
                samples: series.values.len(),
                flags: series.flags.clone().into(),
            })
        };
        side.iter().filter_map(of).collect()
    }

    /// How many runs the series are of.
    fn runs(&self, side: &[(&Observed, usize)]) -> usize {
        let run = |(series, _): &(&Observed, usize)| {
            Some(self.places.get(series.session_id.as_str())?.run_id.as_str())
        };
        side.iter().filter_map(run).collect::<BTreeSet<_>>().len()
    }
}

/// Controls false discoveries over all, and decides each.
fn decide_all(compared: &mut [Compared], policy: &Policy) {
    let with: Vec<usize> = (0..compared.len()).filter(|&i| compared[i].effect.is_some()).collect();
    let p = |one: &Compared| one.effect.map(|effect| controlled_p(&effect, one.margins, one.noise));
    let ps: Vec<f64> = with.iter().filter_map(|&i| p(&compared[i])).collect();
    let adjusted = policy.adjusted(&ps);
    let discovered = adjusted.iter().filter(|p| **p <= policy.false_discovery_rate).count();
    for (&i, p) in with.iter().zip(adjusted) {
        compared[i].adjusted_p = Some(p);
    }
    // How many sessions would decide is searched for, which takes longer than all the rest.
    let decisions = on_all_cores(compared, |one| {
        decide(&Evidence {
            effect: one.effect.as_ref(),
            adjusted_p: one.adjusted_p.unwrap_or(1.0),
            false_discovery_rate: policy.false_discovery_rate,
            discovering_p: policy.discovering_p(discovered, with.len()),
            better: one.better,
            margins: one.margins,
            noise: one.noise,
            sessions: (one.base.sessions, one.new.sessions),
            constant: constant(&one.of_sessions.0).zip(constant(&one.of_sessions.1)),
            level: policy.level,
        })
    });
    for (one, decision) in compared.iter_mut().zip(decisions) {
        one.decision = decision;
    }
}

/// Regressions first, improvements last.
fn rank(one: &Compared) -> (u8, u8) {
    let outcome = match one.decision.outcome {
        Outcome::Regression => 0,
        Outcome::Inconclusive => 1,
        Outcome::Equivalent => 2,
        Outcome::Improvement => 3,
    };
    (outcome, one.decision.severity.map_or(2, |severity| severity as u8))
}

/// By how much it is worse; a change from 0 is larger than any fraction.
fn by_how_much(one: &Compared) -> f64 {
    one.decision.worse.unwrap_or(match one.decision.outcome {
        Outcome::Regression => f64::INFINITY,
        Outcome::Improvement => f64::NEG_INFINITY,
        Outcome::Equivalent | Outcome::Inconclusive => 0.0,
    })
}

/// The series of sessions that count, with their pair or block.
fn counted<'a>(measured: &'a Measured, units: &BTreeMap<String, usize>) -> Vec<(&'a Observed, usize)> {
    measured.observed.iter().filter_map(|series| Some((series, *units.get(&series.session_id)?))).collect()
}

fn centre(side: &[OfSession]) -> Centre {
    let logs: Vec<f64> = side.iter().map(|session| session.median.ln()).collect();
    let geometric = stats::mean(&logs).map_or(f64::NAN, f64::exp);
    Centre {
        // Zeros have no logarithm; where all are, that is what they are.
        value: constant(side).unwrap_or(geometric),
        sessions: side.iter().map(|session| &session.session_id).collect::<BTreeSet<_>>().len(),
        samples: side.iter().map(|session| session.samples).sum(),
    }
}

/// The median of every session, where there are two or more and all are the same number.
fn constant(side: &[OfSession]) -> Option<f64> {
    let (first, rest) = side.split_first()?;
    let is_same = |other: &OfSession| other.median.total_cmp(&first.median).is_eq();
    (first.median.is_finite() && !rest.is_empty() && rest.iter().all(is_same)).then_some(first.median)
}

fn effect(
    first: &[(&Observed, usize)],
    second: &[(&Observed, usize)],
    layout: Layout,
    resampling: Resampling,
) -> Option<Effect> {
    if layout == Layout::Pairs {
        let by_pair: BTreeMap<usize, &Observed> =
            second.iter().map(|(series, pair)| (*pair, *series)).collect();
        let both =
            first.iter().filter_map(|(series, pair)| Some((&series.values, &by_pair.get(pair)?.values)));
        let (first, second): (Vec<&Vec<f64>>, Vec<&Vec<f64>>) = both.unzip();
        return stats::paired_session_ratio(&first, &second, resampling);
    }
    stats::session_ratio(&replicates(first), &replicates(second), resampling)
}

fn replicates<'a>(side: &[(&'a Observed, usize)]) -> Vec<Replicate<'a>> {
    side.iter().map(|(series, block)| Replicate { samples: &series.values, block: *block }).collect()
}

impl Comparison {
    /// The seed of a benchmark's bootstrap.
    pub(super) fn seed(&self, one: &Compared) -> u64 {
        seed(&one.benchmark_id, &one.metric) ^ self.options.seed
    }
}

/// A number from an id, the same for ever.
fn seed(benchmark_id: &str, metric: &str) -> u64 {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{benchmark_id}/{metric}").as_bytes()).as_u64_pair().0
}
