//! Two selections, benchmark by benchmark.

use super::{
    Decision, Evidence, Layout, Noise, Policy, Procedure, Refused, SideOf, decide, noise, sides::Sides,
};
use crate::{
    Lake, SqlError,
    selection::{
        Difference, Measured, Observed, SelectError, Selected, Selector, Term, measured, platform, select,
    },
    stats::{self, Effect, Replicate, Resampling},
};
use benchlake_schemas::{Better, Outcome};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};
use uuid::Uuid;

/// What is compared how.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// The metric, or `all`.
    pub metric: Option<String>,
    /// Only benchmarks whose label fits this pattern of `*` and `?`, or contains it.
    pub filter: Option<String>,
    /// Facts of the environment that may differ, with `*` and `?`.
    pub across: Vec<String>,
    /// What counts.
    pub policy: Policy,
    /// Another seed of the bootstrap.
    pub seed: u64,
}

/// The answer, benchmark by benchmark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The same for the same question, asked of the same state of the lake.
    pub id: String,
    /// What is held against.
    pub base: SideOf,
    /// What is judged.
    pub new: SideOf,
    /// How sessions are held against each other.
    pub layout: Layout,
    /// The level of the intervals.
    pub level: f64,
    /// The false-discovery rate.
    pub false_discovery_rate: f64,
    /// How it is controlled.
    pub procedure: Procedure,
    /// Decisive facts of the environment that differ and were allowed to.
    pub across: Vec<Difference>,
    /// Other facts that differ.
    pub differences: Vec<Difference>,
    /// What a reader has to know.
    pub remarks: Vec<String>,
    /// Worst first.
    pub compared: Vec<Compared>,
    /// Benchmarks that one side alone has: label and metric.
    pub only_base: Vec<String>,
    /// The same of the new side.
    pub only_new: Vec<String>,
    /// The state of the lake, as a value of `--at`.
    pub at: String,
}

/// The centre of a side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Centre {
    /// The geometric mean of the sessions' medians; NaN where one is not positive.
    pub value: f64,
    /// How many sessions.
    pub sessions: usize,
    /// How many samples in them.
    pub samples: usize,
}

/// One benchmark and metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The benchmark's id.
    pub benchmark_id: String,
    /// Its name.
    pub benchmark: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Both, as they are shown.
    pub label: String,
    /// What was measured.
    pub metric: String,
    /// In which unit.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// The base.
    pub base: Centre,
    /// What is judged.
    pub new: Centre,
    /// new / base over sessions, with interval and test.
    pub effect: Option<Effect>,
    /// Its p, adjusted for all that were compared.
    pub adjusted_p: Option<f64>,
    /// What the policy says of it.
    pub margins: super::Margins,
    /// Its own noise from run to run.
    pub noise: Option<Noise>,
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// What was remarked of its samples, on either side.
    pub flags: Vec<String>,
    /// The medians of the sessions of both sides, for a picture.
    #[serde(skip)]
    pub(crate) centres: (Vec<f64>, Vec<f64>),
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A side selects nothing.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The environments differ.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Both sides are the same sessions.
    #[error(
        "{base} and {new} select the same sessions: name two different sides, such as two runs or two arms"
    )]
    Same {
        /// The base's selector.
        base: String,
        /// The new side's.
        new: String,
    },
    /// No benchmark was measured by both.
    #[error("no benchmark was measured on both sides: {base} has {only_base}, {new} has {only_new}")]
    NothingInCommon {
        /// The base's selector.
        base: String,
        /// The new side's.
        new: String,
        /// What the base has.
        only_base: String,
        /// What the new side has.
        only_new: String,
    },
    /// A baseline has no state for what is judged.
    #[error("{base} has nothing for the platform of {new} ({platform}); it has {known}")]
    OtherPlatform {
        /// The base's selector.
        base: String,
        /// The new side's.
        new: String,
        /// The new side's platform.
        platform: String,
        /// Those of the base.
        known: String,
    },
    /// A query failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

/// Holds `new` against `base`.
///
/// Sessions that both select belong to `new` alone, so that a window may contain what is judged.
///
/// # Errors
/// [`CompareError`].
pub async fn compare(
    lake: &Lake,
    base: &Selector,
    new: &Selector,
    options: &Options,
) -> Result<Comparison, CompareError> {
    let (mut first, second) = (select(lake, base).await?, select(lake, new).await?);
    keep_apart(&mut first, &second)?;
    let sides = Sides::new(&first, &second, &options.across)?;
    let metric = options.metric.as_deref().unwrap_or("time");
    let (of_base, of_new) = (measured(lake, &first, metric).await?, measured(lake, &second, metric).await?);
    let mut matched = Matched::new(of_base, of_new, options.filter.as_deref());
    if matched.both.is_empty() {
        return Err(CompareError::NothingInCommon {
            base: base.to_string(),
            new: new.to_string(),
            only_base: some(&matched.only_base),
            only_new: some(&matched.only_new),
        });
    }
    let histories = noise::histories(lake, &first, &second, metric).await?;
    let platform = second.sessions.first().map(|session| platform(&session.environment)).unwrap_or_default();
    let both = std::mem::take(&mut matched.both);
    let compared = decided(&both, &sides, &histories, &platform, options);
    let mut remarks = sides.remarks.clone();
    remarks.append(&mut matched.remarks);
    let side = |selected: &Selected, counted| SideOf::new(selected, counted);
    Ok(Comparison {
        id: id(lake, base, new, options),
        base: side(&first, &sides.first),
        new: side(&second, &sides.second),
        layout: sides.layout,
        level: options.policy.level,
        false_discovery_rate: options.policy.false_discovery_rate,
        procedure: options.policy.procedure,
        across: sides.allowed,
        differences: sides.told,
        remarks,
        compared,
        only_base: matched.only_base,
        only_new: matched.only_new,
        at: lake.pin().to_string(),
    })
}

/// Takes from the base what the new side selects too, and, of a baseline, what is of other platforms.
fn keep_apart(first: &mut Selected, second: &Selected) -> Result<(), CompareError> {
    let (base, new) = (first.selector.to_string(), second.selector.to_string());
    let judged: BTreeSet<&str> = second.sessions.iter().map(|session| session.session_id.as_str()).collect();
    first.sessions.retain(|session| !judged.contains(session.session_id.as_str()));
    if first.sessions.is_empty() {
        return Err(CompareError::Same { base, new });
    }
    if first.selector.terms.iter().any(|term| matches!(term, Term::Baseline(_))) {
        let of = |selected: &Selected| -> BTreeSet<String> {
            selected.sessions.iter().map(|session| platform(&session.environment)).collect()
        };
        let (known, wanted) = (of(first), of(second));
        first.sessions.retain(|session| wanted.contains(&platform(&session.environment)));
        if first.sessions.is_empty() {
            let text = |platforms: BTreeSet<String>| platforms.into_iter().collect::<Vec<_>>().join("; ");
            return Err(CompareError::OtherPlatform {
                base,
                new,
                platform: text(wanted),
                known: text(known),
            });
        }
    }
    Ok(())
}

/// What both sides measured, and what one alone did.
struct Matched {
    both: Vec<(Measured, Measured)>,
    only_base: Vec<String>,
    only_new: Vec<String>,
    remarks: Vec<String>,
}

impl Matched {
    fn new(base: Vec<Measured>, new: Vec<Measured>, filter: Option<&str>) -> Self {
        let wanted = |one: &Measured| {
            filter.is_none_or(|filter| super::glob::fits(filter, &one.label) || one.label.contains(filter))
        };
        let key = |one: &Measured| (one.label.clone(), one.metric.clone(), one.benchmark_id.clone());
        let mut found =
            Self { both: Vec::new(), only_base: Vec::new(), only_new: Vec::new(), remarks: Vec::new() };
        let mut rest: BTreeMap<_, Vec<Measured>> = BTreeMap::new();
        for one in base.into_iter().filter(wanted) {
            rest.entry(key(&one)).or_default().push(one);
        }
        let mut judged: BTreeMap<_, Vec<Measured>> = BTreeMap::new();
        for one in new.into_iter().filter(wanted) {
            judged.entry(key(&one)).or_default().push(one);
        }
        let name = |one: &Measured| {
            if one.metric == "time" { one.label.clone() } else { format!("{} {}", one.label, one.metric) }
        };
        for (key, mut new) in judged {
            let Some(mut base) = rest.remove(&key) else {
                found.only_new.extend(new.first().map(name));
                continue;
            };
            let kinds: BTreeSet<(&str, &str)> =
                base.iter().chain(&new).map(|one| (one.unit.as_str(), one.better.as_str())).collect();
            if kinds.len() > 1 {
                let kinds: Vec<String> =
                    kinds.iter().map(|(unit, better)| format!("{unit}, {better} is better")).collect();
                found.remarks.push(format!(
                    "{} is not compared: it is measured as {}",
                    name(&new[0]),
                    kinds.join(" and as ")
                ));
                continue;
            }
            found.both.extend(base.pop().zip(new.pop()));
        }
        found.only_base = rest.values().filter_map(|base| base.first().map(name)).collect();
        found
    }
}

fn some(names: &[String]) -> String {
    match names {
        [] => "none that fits".to_owned(),
        [one] => one.clone(),
        [one, ..] => format!("{one} and {} more", names.len() - 1),
    }
}

/// Every benchmark's decision, worst first.
fn decided(
    both: &[(Measured, Measured)],
    sides: &Sides,
    histories: &noise::Histories,
    platform: &str,
    options: &Options,
) -> Vec<Compared> {
    let policy = &options.policy;
    let mut compared =
        on_all_cores(both, |(base, new)| undecided(base, new, sides, histories, platform, options));
    let with: Vec<usize> = (0..compared.len()).filter(|&i| compared[i].effect.is_some()).collect();
    let ps: Vec<f64> = with.iter().filter_map(|&i| compared[i].effect.map(|effect| effect.p)).collect();
    let adjusted = match policy.procedure {
        Procedure::BenjaminiHochberg => stats::benjamini_hochberg(&ps),
        Procedure::BenjaminiYekutieli => stats::benjamini_yekutieli(&ps),
    };
    for (&i, p) in with.iter().zip(adjusted) {
        compared[i].adjusted_p = Some(p);
    }
    for one in &mut compared {
        one.decision = decide(&Evidence {
            effect: one.effect.as_ref(),
            adjusted_p: one.adjusted_p.unwrap_or(1.0),
            false_discovery_rate: policy.false_discovery_rate,
            better: one.better,
            margins: one.margins,
            noise: one.noise,
            sessions: (one.base.sessions, one.new.sessions),
            level: policy.level,
        });
    }
    compared.sort_by(|a, b| {
        rank(a)
            .cmp(&rank(b))
            .then_with(|| b.decision.worse.unwrap_or(0.0).total_cmp(&a.decision.worse.unwrap_or(0.0)))
    });
    compared
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

/// The values of `work` of each item, in their order.
fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(items.len().max(1));
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    let mut own = Vec::new();
                    loop {
                        let i = next.fetch_add(1, Ordering::Relaxed);
                        let Some(item) = items.get(i) else { return own };
                        own.push((i, work(item)));
                    }
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    done.sort_unstable_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, value)| value).collect()
}

/// The effect of one benchmark, before it is known how many there are.
fn undecided(
    base: &Measured,
    new: &Measured,
    sides: &Sides,
    histories: &noise::Histories,
    platform: &str,
    options: &Options,
) -> Compared {
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
    Compared {
        benchmark_id: new.benchmark_id.clone(),
        benchmark: new.benchmark.clone(),
        parameters: new.parameters.clone(),
        label: new.label.clone(),
        metric: new.metric.clone(),
        unit: new.unit.clone(),
        better: new.better,
        base: centre(&first),
        new: centre(&second),
        effect: effect(&first, &second, sides.layout, resampling),
        adjusted_p: None,
        margins: policy.margins(&new.metric, new.better, &new.label, platform),
        noise: histories.noise(&new.benchmark_id, &new.metric),
        decision: Decision {
            outcome: Outcome::Inconclusive,
            severity: None,
            reason: super::Reason::NoRatio,
            worse: None,
            margin: 0.0,
            sessions_needed: None,
        },
        flags: flags.into_iter().cloned().collect(),
        centres: (medians(&first), medians(&second)),
    }
}

/// The series of sessions that count, with their pair or block.
fn counted<'a>(measured: &'a Measured, units: &BTreeMap<String, usize>) -> Vec<(&'a Observed, usize)> {
    measured.observed.iter().filter_map(|series| Some((series, *units.get(&series.session_id)?))).collect()
}

fn medians(side: &[(&Observed, usize)]) -> Vec<f64> {
    side.iter().filter_map(|(series, _)| stats::median(&series.values)).collect()
}

fn centre(side: &[(&Observed, usize)]) -> Centre {
    let logs: Vec<f64> = medians(side).into_iter().map(f64::ln).collect();
    Centre {
        value: stats::mean(&logs).map_or(f64::NAN, f64::exp),
        sessions: side.iter().map(|(series, _)| &series.session_id).collect::<BTreeSet<_>>().len(),
        samples: side.iter().map(|(series, _)| series.values.len()).sum(),
    }
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

/// A number from an id, the same for ever.
fn seed(benchmark_id: &str, metric: &str) -> u64 {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{benchmark_id}/{metric}").as_bytes()).as_u64_pair().0
}

/// The id of the question at this state of the lake.
fn id(lake: &Lake, base: &Selector, new: &Selector, options: &Options) -> String {
    let question = format!("{base} {new} {} {options:?}", lake.pin());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, question.as_bytes()).to_string()
}
