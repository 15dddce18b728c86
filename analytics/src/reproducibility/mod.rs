//! Whether measurements repeat: how far the sessions of each benchmark lie apart, where that comes from, who does
//! not fit, and what the next run needs.
//!
//! [`reproducibility`] is a pure function of what [`selection`](crate::selection) read: the sessions, what they
//! measured, and what that [cost](costs).

mod answer;
mod conclusions;
mod cost;
mod explain;
mod laboratories;
mod markdown;
mod off;
mod page;
mod plan;
mod plot;
mod shares;
mod spread;
mod standing;
mod subject;
mod surroundings;
mod table;
mod tally;
mod words;

pub use answer::answer;
pub use cost::{Costs, Sampled, costs};
pub use explain::explain;
pub use laboratories::{Critical, Kind, Laboratories, Laboratory, Status};
pub use markdown::markdown;
pub use off::Off;
pub use page::page;
pub use plan::{Cheapest, NextRun, Plan};
pub use shares::Shares;
pub use spread::{Deciding, Reproducible, Spread};
pub use standing::Standing;
pub use subject::NotJudged;
pub use surroundings::Differing;
pub use table::table;

use crate::{
    cores::on_all_cores,
    selection::{Measured, Selected},
    stats::{mean, median},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use subject::Subject;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The largest coefficient of variation that counts as reproducible.
    pub limit: f64,
    /// The level of intervals, between 0 and 1.
    pub level: f64,
    /// Half the width of the interval that the next run is wished to have, relative to its centre.
    pub precision: f64,
    /// What the sessions took; without it no time is told.
    pub costs: Costs,
}

impl Default for Options {
    /// A limit of 5 %, a level of 95 %, a precision of 1 %, no costs.
    fn default() -> Self {
        Self { limit: 0.05, level: 0.95, precision: 0.01, costs: Costs::default() }
    }
}

/// Whether the selected sessions reproduce each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reproducibility {
    /// Which sessions.
    pub selector: String,
    /// How many.
    pub sessions: usize,
    /// Their nodes.
    pub nodes: Vec<String>,
    /// Their runs.
    pub runs: usize,
    /// The limit of the coefficient of variation.
    pub limit: f64,
    /// The level of intervals.
    pub level: f64,
    /// The wished precision of the next run.
    pub precision: f64,
    /// The benchmarks, worst first.
    pub benchmarks: Vec<Assessment>,
    /// What could not be judged.
    pub not_judged: Vec<NotJudged>,
    /// Nodes and sessions that are off in some benchmark.
    pub off: Vec<Standing>,
    /// What the next run needs; `None` where no benchmark tells.
    pub next_run: Option<NextRun>,
    /// What a reader has to know of the selection.
    pub remarks: Vec<String>,
}

/// One benchmark, arm and metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assessment {
    /// The benchmark's id.
    pub benchmark_id: String,
    /// The benchmark, as it is shown.
    pub label: String,
    /// Its side, where there are several.
    pub arm: Option<String>,
    /// The metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// How many sessions measured it.
    pub sessions: usize,
    /// On how many nodes.
    pub nodes: usize,
    /// How many samples they have in all.
    pub samples: usize,
    /// The mean of the sessions' medians.
    pub centre: f64,
    /// How far the sessions' medians lie apart; `None` of one session.
    pub spread: Option<Spread>,
    /// Whether that is within the limit.
    pub reproducible: Reproducible,
    /// How many sessions would decide, where it is undecided.
    pub deciding: Option<Deciding>,
    /// What the variance of a sample is made of.
    pub shares: Option<Shares>,
    /// What the variance of a session's median is made of: where the spread comes from.
    pub session_shares: Option<Shares>,
    /// The figures of ISO 5725.
    pub precision: Option<Laboratories>,
    /// Who does not fit.
    pub off: Vec<Off>,
    /// What the next run needs.
    pub plan: Option<Plan>,
    /// What was remarked of the series, and in how many sessions.
    pub flags: BTreeMap<String, usize>,
    /// The sessions, in the order of time.
    pub centres: Vec<Centre>,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Centre {
    /// Its id.
    pub session_id: String,
    /// Its node.
    pub node: String,
    /// The median of its samples.
    pub centre: f64,
    /// How many there are.
    pub samples: usize,
}

impl Assessment {
    /// The benchmark with its arm and, where it is not the time, its metric.
    #[must_use]
    pub fn title(&self) -> String {
        words::title(&self.label, self.arm.as_deref(), &self.metric)
    }
}

/// How far the sessions of each benchmark lie apart, and everything that follows: pure and deterministic.
///
/// A benchmark without two sessions is undecided. What has mixed units or directions, samples that are no finite
/// numbers, or centres that are not positive is not judged, and says why. Sessions that are all equal have
/// no spread and are reproducible.
#[must_use]
pub fn reproducibility(selected: &Selected, measured: &[Measured], options: &Options) -> Reproducibility {
    let mut assessed = Assessed::default();
    assessed.add(selected, measured, options);
    assessed.whole(selected, options)
}

/// The same of benchmarks that come in parts, in any order and each one whole: the samples of a part are not needed when
/// it has been added.
#[derive(Debug, Default)]
pub struct Assessed {
    benchmarks: Vec<Assessment>,
    not_judged: Vec<NotJudged>,
}

impl Assessed {
    /// Assesses some benchmarks.
    pub fn add(&mut self, selected: &Selected, measured: &[Measured], options: &Options) {
        let (subjects, not_judged) = subject::subjects(selected, measured);
        let besides = options.costs.besides();
        self.benchmarks.extend(on_all_cores(&subjects, |subject| assess(subject, options, &besides)));
        self.not_judged.extend(not_judged);
    }

    /// What follows from all of them.
    #[must_use]
    pub fn whole(self, selected: &Selected, options: &Options) -> Reproducibility {
        let Self { mut benchmarks, mut not_judged } = self;
        benchmarks.sort_by(|a, b| {
            let cv = |it: &Assessment| it.spread.map_or(0.0, |spread| spread.cv);
            a.reproducible
                .cmp(&b.reproducible)
                .then_with(|| cv(b).total_cmp(&cv(a)))
                .then_with(|| (&a.label, &a.metric, &a.arm).cmp(&(&b.label, &b.metric, &b.arm)))
        });
        not_judged.sort_by(|a, b| (&a.label, &a.metric).cmp(&(&b.label, &b.metric)));
        let nodes: BTreeSet<&str> = selected.sessions.iter().map(|session| session.node.as_str()).collect();
        let titles: Vec<String> = benchmarks.iter().map(Assessment::title).collect();
        let plans = titles.iter().map(String::as_str).zip(benchmarks.iter().map(|it| it.plan.as_ref()));
        Reproducibility {
            selector: selected.selector.to_string(),
            sessions: selected.sessions.len(),
            runs: selected.runs().len(),
            limit: options.limit,
            level: options.level,
            precision: options.precision,
            off: standing::standings(selected, &benchmarks, options.level),
            next_run: plan::next_run(plans, nodes.len()),
            remarks: remarks(selected),
            nodes: nodes.into_iter().map(str::to_owned).collect(),
            benchmarks,
            not_judged,
        }
    }
}

fn assess(subject: &Subject<'_>, options: &Options, besides: &BTreeMap<&str, f64>) -> Assessment {
    let by_node = subject.centres_by_node();
    let spread = spread::spread(&by_node, options.level);
    let reproducible =
        spread.map_or(Reproducible::Undecided, |spread| Reproducible::of(&spread, options.limit));
    let undecided = reproducible == Reproducible::Undecided;
    let of_medians = shares::variances(subject, median);
    let precision = laboratories::laboratories(subject);
    let measured = subject.measured;
    Assessment {
        benchmark_id: measured.benchmark_id.clone(),
        label: measured.label.clone(),
        arm: subject.arm.clone(),
        metric: measured.metric.clone(),
        unit: measured.unit.clone(),
        sessions: subject.sessions.len(),
        nodes: by_node.len(),
        samples: subject.sessions.iter().map(|session| session.values.len()).sum(),
        centre: mean(&subject.centres()).unwrap_or(f64::NAN),
        spread,
        reproducible,
        deciding: undecided.then(|| spread::deciding(&by_node, options.limit, options.level)).flatten(),
        shares: shares::variances(subject, mean).and_then(|variances| variances.of_sample()),
        session_shares: of_medians.as_ref().and_then(shares::Variances::of_session),
        off: precision.as_ref().map(|precision| off::off(subject, precision)).unwrap_or_default(),
        precision,
        plan: of_medians.as_ref().and_then(|variances| plan::plan(subject, variances, options, besides)),
        flags: flags(subject),
        centres: subject.sessions.iter().map(centre).collect(),
    }
}

fn centre(measurement: &subject::Measurement<'_>) -> Centre {
    Centre {
        session_id: measurement.session.session_id.clone(),
        node: measurement.session.node.clone(),
        centre: measurement.centre,
        samples: measurement.values.len(),
    }
}

fn flags(subject: &Subject<'_>) -> BTreeMap<String, usize> {
    let mut flags: BTreeMap<String, usize> = BTreeMap::new();
    for flag in subject.sessions.iter().flat_map(|session| &session.flags) {
        *flags.entry((*flag).to_owned()).or_default() += 1;
    }
    flags
}

/// What the selection mixes.
fn remarks(selected: &Selected) -> Vec<String> {
    let mut remarks = Vec::new();
    let commits: BTreeSet<_> =
        selected.sessions.iter().map(|session| (session.commit.as_deref(), session.dirty)).collect();
    if commits.len() > 1 {
        remarks.push(format!(
            "the sessions are of {} commits: what those changed counts as spread; commit:SHA selects those of one",
            commits.len()
        ));
    }
    let models: BTreeSet<_> =
        selected.sessions.iter().filter_map(|session| session.environment.get("cpu.model")).collect();
    if models.len() > 1 {
        remarks.push(format!(
            "the nodes have {} processor models, whose difference counts as spread; env:cpu.model=GLOB selects those of \
             one",
            models.len()
        ));
    }
    remarks
}
