//! Precision as ISO 5725 has it: how far apart two results lie that were found under the same and under
//! different conditions, and which laboratory does not fit the others.

use super::{
    shares::batches,
    subject::{Subject, all_equal},
};
use crate::stats::{Precision, cochran, grubbs, iso5725, mean, median, random_effects};
use serde::Serialize;

/// What the laboratories of the standard are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nodes; the results of a node are its sessions' medians.
    Node,
    /// Sessions; the results of a session are the medians of ⌊√n⌋ consecutive samples each, as samples
    /// that follow each other are not independent.
    Session,
}

impl Kind {
    /// The word on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Session => "session",
        }
    }
}

/// How well a laboratory fits the others, in the words of ISO 5725.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Within the critical values at 5 %.
    Consistent,
    /// Beyond one at 5 %.
    Straggler,
    /// Beyond one at 1 %.
    Outlier,
}

/// Critical values of a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Critical {
    /// At 5 %.
    pub straggler: f64,
    /// At 1 %.
    pub outlier: f64,
}

impl Critical {
    fn status(self, value: f64) -> Status {
        match value {
            value if value > self.outlier => Status::Outlier,
            value if value > self.straggler => Status::Straggler,
            _ => Status::Consistent,
        }
    }

    /// The critical value that `status` is beyond, and its level.
    pub(super) const fn beyond(self, status: Status) -> (f64, &'static str) {
        match status {
            Status::Outlier => (self.outlier, "1 %"),
            _ => (self.straggler, "5 %"),
        }
    }
}

/// The precision of a benchmark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Laboratories {
    /// What the laboratories are.
    pub are: Kind,
    /// The mean over them, in the unit.
    pub mean: f64,
    /// Of results of one laboratory, in the unit.
    pub repeatability_sd: f64,
    /// Of results of different laboratories.
    pub reproducibility_sd: f64,
    /// What two results of one laboratory differ by at most, in 95 % of the cases.
    pub repeatability_limit: f64,
    /// The same of two laboratories.
    pub reproducibility_limit: f64,
    /// The p-value that laboratories do not differ beyond what their results explain.
    pub p_between: f64,
    /// Critical values of Mandel's h.
    pub h_critical: Critical,
    /// Critical values of Mandel's k.
    pub k_critical: Critical,
    /// The p-value of Cochran's test of the largest spread; `None` where there is none.
    pub cochran_p: Option<f64>,
    /// The p-value of Grubbs' test of the laboratory that is farthest off; `None` below three.
    pub grubbs_p: Option<f64>,
    /// The laboratories.
    pub laboratories: Vec<Laboratory>,
    /// Nodes with a single session: they have no spread of their own.
    pub left_out: Vec<String>,
}

/// One laboratory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Laboratory {
    /// The node's name or the session's id.
    pub name: String,
    /// The node.
    pub node: String,
    /// How many results it has.
    pub results: usize,
    /// Their mean, in the unit.
    pub mean: f64,
    /// How far it is from the mean of the others, relative to that.
    pub deviation: f64,
    /// Mandel's h: how far its mean is off, in standard deviations of the means.
    pub h: f64,
    /// Mandel's k: its spread, relative to that within all.
    pub k: f64,
    /// By h, where the laboratories differ at all.
    pub by_h: Status,
    /// By k.
    pub by_k: Status,
    /// Whether it is also the one that Cochran's or Grubbs' test names, which count for all of them together.
    pub confirmed: bool,
}

impl Laboratory {
    /// The worse of both.
    #[must_use]
    pub fn status(&self) -> Status {
        self.by_h.max(self.by_k)
    }
}

/// The results of a laboratory, before they are judged.
struct Results {
    name: String,
    node: String,
    values: Vec<f64>,
}

/// Below this p-value laboratories differ, and a test names one of them.
pub(super) const ALPHA: f64 = 0.05;

/// The precision of `subject` after ISO 5725-2: nodes are the laboratories where at least two have at least
/// two sessions, else sessions are. `None` where there are no two laboratories, or no spread at all.
///
/// The laboratory whose h is beyond its critical value is off only where the laboratories differ beyond what
/// their own spread explains (F test of the one-way analysis of variance at 5 %): h alone finds somebody in 5 %
/// of the cases, also where nothing is to be found.
pub(super) fn laboratories(subject: &Subject<'_>) -> Option<Laboratories> {
    let (nodes, left_out) = nodes(subject);
    let (are, results, left_out) = if nodes.len() >= 2 {
        (Kind::Node, nodes, left_out)
    } else {
        (Kind::Session, sessions(subject), Vec::new())
    };
    let groups: Vec<&[f64]> = results.iter().map(|result| result.values.as_slice()).collect();
    if all_equal(&groups.concat()) {
        return None;
    }
    let found = iso5725(&groups)?;
    let means: Vec<f64> = groups.iter().filter_map(|group| mean(group)).collect();
    let tests = Tests {
        p_between: random_effects(&groups, 0.95)?.p,
        grubbs: grubbs(&means, 1.0 - ALPHA).map(|test| test.p),
        cochran: cochran(&groups, 1.0 - ALPHA).map(|test| test.p),
    };
    let (h_critical, k_critical) = criticals(&found);
    Some(Laboratories {
        are,
        mean: found.mean,
        repeatability_sd: found.repeatability_sd,
        reproducibility_sd: found.reproducibility_sd,
        repeatability_limit: found.repeatability_limit,
        reproducibility_limit: found.reproducibility_limit,
        p_between: tests.p_between,
        h_critical,
        k_critical,
        cochran_p: tests.cochran,
        grubbs_p: tests.grubbs,
        laboratories: judged(&results, &means, &found, &tests),
        left_out,
    })
}

/// What counts for all laboratories together: p-values.
struct Tests {
    p_between: f64,
    grubbs: Option<f64>,
    cochran: Option<f64>,
}

/// Each of the laboratories with its statistics.
fn judged(results: &[Results], means: &[f64], found: &Precision, tests: &Tests) -> Vec<Laboratory> {
    let away: Vec<f64> = found.h.iter().map(|h| h.abs()).collect();
    let farthest = largest(&away).filter(|_| below(tests.grubbs));
    let widest = largest(&found.k).filter(|_| below(tests.cochran));
    let (h_critical, k_critical) = criticals(found);
    let differ = tests.p_between < ALPHA;
    let laboratory = |(i, result): (usize, &Results)| Laboratory {
        name: result.name.clone(),
        node: result.node.clone(),
        results: result.values.len(),
        mean: means[i],
        deviation: deviation(means, i),
        h: found.h[i],
        k: found.k[i],
        by_h: if differ { h_critical.status(away[i]) } else { Status::Consistent },
        by_k: k_critical.status(found.k[i]),
        confirmed: (differ && farthest == Some(i)) || widest == Some(i),
    };
    results.iter().enumerate().map(laboratory).collect()
}

fn below(p: Option<f64>) -> bool {
    p.is_some_and(|p| p < ALPHA)
}

fn criticals(found: &Precision) -> (Critical, Critical) {
    (
        Critical { straggler: found.h_critical_95, outlier: found.h_critical_99 },
        Critical { straggler: found.k_critical_95, outlier: found.k_critical_99 },
    )
}

/// Nodes with at least two sessions, and the names of the others.
fn nodes(subject: &Subject<'_>) -> (Vec<Results>, Vec<String>) {
    let (several, single): (Vec<_>, Vec<_>) =
        subject.nodes().into_iter().partition(|node| node.places.len() >= 2);
    let results = several.iter().map(|node| Results {
        name: node.name.to_owned(),
        node: node.name.to_owned(),
        values: node.places.iter().map(|&place| subject.sessions[place].centre).collect(),
    });
    (results.collect(), single.iter().map(|node| node.name.to_owned()).collect())
}

/// Sessions with at least two batches of samples.
fn sessions(subject: &Subject<'_>) -> Vec<Results> {
    let results = subject.sessions.iter().map(|measurement| Results {
        name: measurement.session.session_id.clone(),
        node: measurement.session.node.clone(),
        values: batches(&measurement.values).iter().filter_map(|batch| median(batch)).collect(),
    });
    results.filter(|results| results.values.len() >= 2).collect()
}

/// How far value `i` is from the mean of the others, relative to that.
pub(super) fn deviation(values: &[f64], i: usize) -> f64 {
    let others: Vec<f64> =
        values.iter().enumerate().filter(|(other, _)| *other != i).map(|(_, &value)| value).collect();
    mean(&others).map_or(0.0, |others| values[i] / others - 1.0)
}

fn largest(values: &[f64]) -> Option<usize> {
    let finite = values.iter().enumerate().filter(|(_, value)| value.is_finite());
    finite.max_by(|a, b| a.1.total_cmp(b.1)).map(|(i, _)| i)
}
