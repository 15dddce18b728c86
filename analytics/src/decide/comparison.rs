//! Two selections, benchmark by benchmark.

use super::{
    Decision, Layout, Noise, Policy, PolicyError, Procedure, Refused, SideOf, asked, judge::Judge,
    matched::Matched, noise, sides::Sides,
};
use crate::{
    Lake, SqlError,
    selection::{
        BUDGET, Difference, Measured, Passes, SelectError, Selected, Selector, Session, Term, platform,
        select, select_base, titled,
    },
    stats::Effect,
};
use benchlake_schemas::{Better, Outcome, Severity, Table};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use uuid::Uuid;

/// What is compared how.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Options {
    /// The metric, or `all`.
    pub metric: Option<String>,
    /// Only benchmarks whose label matches this regular expression.
    pub filter: Option<String>,
    /// Facts of the environment that may differ, with `*` and `?`.
    pub across: Vec<String>,
    /// What counts.
    pub policy: Policy,
    /// Another seed of the bootstrap.
    pub seed: u64,
    /// The file that the policy was read from, to name it by.
    #[serde(skip)]
    pub policy_file: Option<String>,
    /// How many bytes of samples are held at once, other than [`BUDGET`]. The answer does not depend on it.
    #[serde(skip)]
    pub budget: Option<usize>,
}

impl Options {
    /// The metric that is asked for.
    #[must_use]
    pub fn metric(&self) -> &str {
        self.metric.as_deref().unwrap_or("time")
    }
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
    /// What was asked for, with the whole policy.
    pub options: Options,
    /// The sessions of the new side that count.
    #[serde(skip)]
    pub judged: Selected,
    /// Where the lake is, as it was given.
    #[serde(skip)]
    pub(crate) lake: String,
    /// Where and in which run each session that counts was measured.
    #[serde(skip)]
    pub(crate) places: Places,
}

/// Sessions by their ids, which what was compared shares.
pub(crate) type Places = BTreeMap<Arc<str>, Place>;

/// Where and in which run a session was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) run_id: String,
    pub(crate) node: String,
}

/// What a session measured of a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OfSession {
    pub(crate) session_id: Arc<str>,
    /// Its pair or block.
    pub(crate) unit: usize,
    /// The median of its samples.
    pub(crate) median: f64,
    pub(crate) samples: usize,
    pub(crate) flags: Box<[String]>,
}

/// The centre of a side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Centre {
    /// The geometric mean of the sessions' medians, or what all of them are; otherwise NaN where one is negative
    /// or none, 0 where one is 0.
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
    /// Its noise between runs.
    pub noise: Option<Noise>,
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// What was remarked of its samples, on either side.
    pub flags: Vec<String>,
    /// The sessions of both sides.
    #[serde(skip)]
    pub(crate) of_sessions: (Vec<OfSession>, Vec<OfSession>),
}

impl Compared {
    /// The benchmark's label; a metric other than the time is named after it.
    #[must_use]
    pub fn title(&self) -> String {
        titled(&self.label, &self.metric)
    }
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
    /// The baseline was moved to what is judged.
    #[error(
        "{base} is {new} itself: measure a run after it, or name another base; `benchlake baseline show NAME \
         --history` tells what it was before"
    )]
    Moved {
        /// The baseline's selector.
        base: String,
        /// The new side's.
        new: String,
    },
    /// A fact that no session has may not differ.
    #[error("--across {field}: no session of either side has this fact; {nearest}")]
    Across {
        /// What was given.
        field: String,
        /// What there is that is near.
        nearest: String,
    },
    /// The filter is no regular expression.
    #[error("--filter {filter:?} is not a regular expression: {problem}")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The policy contradicts itself.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// No benchmark was measured by both.
    #[error(
        "no benchmark was measured on both sides: {base} has {only_base}, {new} has {only_new}{}",
        also(remarks)
    )]
    NothingInCommon {
        /// The base's selector.
        base: String,
        /// The new side's.
        new: String,
        /// What the base has.
        only_base: String,
        /// What the new side has.
        only_new: String,
        /// What both have, but not alike.
        remarks: Vec<String>,
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
    let wanted = asked::filter(options)?;
    let second = select(lake, new).await?;
    let mut first = select_base(lake, base, &second).await?;
    keep_apart(&mut first, &second)?;
    asked::known_fields(&options.across, &first, &second)?;
    let sides = Sides::new(&first, &second, &options.across)?;
    let metric = options.metric();
    let histories = match sides.layout {
        // Arms of one run share what runs differ by.
        Layout::Pairs => noise::Histories::default(),
        Layout::Nodes | Layout::Groups => noise::histories(lake, &first, &second, metric).await?,
    };
    let side = |selected: &Selected, counted| SideOf::new(selected, counted);
    let (base_side, new_side) = (side(&first, &sides.first), side(&second, &sides.second));
    let places = places(&first, &second);
    let platform = new_side.platforms.first().cloned().unwrap_or_default();
    let judge = Judge { sides: &sides, histories: &histories, places: &places, platform: &platform, options };
    let wanted = |one: &Measured| wanted.as_ref().is_none_or(|wanted| wanted.is_match(&one.label));
    let budget = options.budget.unwrap_or(BUDGET);
    let mut passes = Passes::new(lake, [&first, &second], metric, &wanted).with_budget(budget);
    let (mut matched, mut compared) = (Matched::default(), Vec::new());
    while let Some([of_base, of_new]) = passes.next().await? {
        let pairs = matched.pairs(of_base, of_new);
        for (_, Measured { metric, better, label, .. }) in &pairs {
            options.policy.check_margins(
                metric,
                *better,
                label,
                &platform,
                options.policy_file.as_deref(),
            )?;
        }
        // What was judged stays, its samples go.
        compared.extend(judge.undecided(&pairs));
    }
    let [only_base, only_new, not_compared] = matched.told();
    if compared.is_empty() {
        return Err(CompareError::NothingInCommon {
            base: base.to_string(),
            new: new.to_string(),
            only_base: some(&only_base),
            only_new: some(&only_new),
            remarks: not_compared,
        });
    }
    let compared = judge.decided(compared);
    let mut remarks = [first.notes.clone(), second.notes.clone(), sides.remarks.clone()].concat();
    remarks.extend(not_compared);
    remarks.extend(unknown_noise(sides.layout, &compared));
    if new_side.platforms.len() > 1 {
        remarks.push(format!(
            "the margins are those of {platform}, one of {} platforms",
            new_side.platforms.len()
        ));
    }
    Ok(Comparison {
        id: id(lake, base, new, options),
        base: base_side,
        new: new_side,
        layout: sides.layout,
        level: options.policy.level,
        false_discovery_rate: options.policy.false_discovery_rate,
        procedure: options.policy.procedure,
        across: sides.allowed,
        differences: sides.told,
        remarks,
        compared,
        only_base,
        only_new,
        at: lake.pin().to_string(),
        options: options.clone(),
        judged: judged(second, &sides.second),
        lake: lake.uri().to_owned(),
        places,
    })
}

/// Of how many benchmarks it is not known how they move from run to run.
fn unknown_noise(layout: Layout, compared: &[Compared]) -> Option<String> {
    let unknown = compared.iter().filter(|one| one.noise.is_none()).count();
    (layout != Layout::Pairs && unknown > 0).then(|| {
        format!(
            "noise between runs is unknown for {unknown} of {}: fewer than 6 earlier runs; what differs from run to run looks like a change",
            compared.len()
        )
    })
}

impl Comparison {
    /// The outcome of each benchmark, with its severity.
    #[must_use]
    pub fn outcomes(&self) -> Vec<(Outcome, Option<Severity>)> {
        self.compared.iter().map(|one| (one.decision.outcome, one.decision.severity)).collect()
    }
}

/// Those of the new side's sessions that have a unit.
fn judged(mut new: Selected, units: &BTreeMap<String, usize>) -> Selected {
    new.sessions.retain(|session| units.contains_key(&session.session_id));
    new
}

fn places(first: &Selected, second: &Selected) -> Places {
    let place = |session: &Session| Place { run_id: session.run_id.clone(), node: session.node.clone() };
    let both = first.sessions.iter().chain(&second.sessions);
    both.map(|session| (session.session_id.as_str().into(), place(session))).collect()
}

/// Takes from the base what the new side selects too, and, of a baseline, what is of other platforms.
fn keep_apart(first: &mut Selected, second: &Selected) -> Result<(), CompareError> {
    let (base, new) = (first.selector.to_string(), second.selector.to_string());
    let judged: BTreeSet<&str> = second.sessions.iter().map(|session| session.session_id.as_str()).collect();
    let is_baseline = first.selector.terms.iter().any(|term| matches!(term, Term::Baseline(_)));
    first.sessions.retain(|session| !judged.contains(session.session_id.as_str()));
    if first.sessions.is_empty() {
        return Err(if is_baseline {
            CompareError::Moved { base, new }
        } else {
            CompareError::Same { base, new }
        });
    }
    if is_baseline {
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

fn some(names: &[String]) -> String {
    match names {
        [] => "none that fits".to_owned(),
        [one] => one.clone(),
        [one, ..] => format!("{one} and {} more", names.len() - 1),
    }
}

/// `; first remark, and 3 more`.
fn also(remarks: &[String]) -> String {
    match remarks {
        [] => String::new(),
        [one] => format!("; {one}"),
        [one, rest @ ..] => format!("; {one}, and {} more", rest.len()),
    }
}

/// The id of the question at this state of the lake.
fn id(lake: &Lake, base: &Selector, new: &Selector, options: &Options) -> String {
    let Options { metric, filter, across, policy, seed, policy_file: _, budget: _ } = options;
    // What was recorded of it does not make it another question.
    let asked = [Table::Sessions, Table::Series, Table::Baselines];
    let state: Vec<_> = asked.iter().filter_map(|table| Some((table, lake.versions().get(table)?))).collect();
    let question = format!("{base} {new} {state:?} {metric:?} {filter:?} {across:?} {policy:?} {seed}");
    Uuid::new_v5(&Uuid::NAMESPACE_OID, question.as_bytes()).to_string()
}
