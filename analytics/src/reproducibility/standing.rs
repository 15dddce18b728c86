//! How each node and session stands over all benchmarks: who is off, how often, and why that may be.

use super::{
    Assessment,
    laboratories::{Kind, Status},
    surroundings::{Differing, differing},
};
use crate::{
    selection::{Selected, Session},
    stats::median,
};
use serde::Serialize;
use statrs::distribution::{Binomial, DiscreteCDF};
use std::collections::BTreeMap;

/// A node or session that is off in some benchmark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// What it is.
    pub kind: Kind,
    /// The node's name or the session's id.
    pub name: String,
    /// The node.
    pub node: String,
    /// In how many benchmarks it is an outlier.
    pub outlier: usize,
    /// In how many it is a straggler.
    pub straggler: usize,
    /// Of how many in which it was held against others.
    pub of: usize,
    /// The probability of so many outliers if it were as the others are, times the number of nodes or sessions.
    pub p: f64,
    /// Whether that is more than chance explains.
    pub named: bool,
    /// The median of its deviations where it is off.
    pub deviation: f64,
    /// How its environment differs from that of the others.
    pub differing: Vec<Differing>,
}

impl Standing {
    /// In how many benchmarks it is off.
    #[must_use]
    pub const fn off(&self) -> usize {
        self.outlier + self.straggler
    }
}

/// How often chance makes an outlier of a laboratory: beyond h or beyond k, each at 1 %.
const CHANCE: f64 = 1.0 - 0.99 * 0.99;
/// How often it makes one of any session where nodes are the laboratories: Grubbs' test counts for all of them.
const CHANCE_OF_ANY: f64 = 0.01;

/// What is known of one node or session.
#[derive(Debug, Default)]
struct Tally {
    /// In how many benchmarks it was held against others.
    of: usize,
    /// In how many of them chance makes an outlier of it.
    expected: f64,
    outlier: usize,
    straggler: usize,
    deviations: Vec<f64>,
    confirmed: bool,
}

/// Everyone who is off in some benchmark: those that are named first, then the most often off.
///
/// Named is who is an outlier in more benchmarks than chance explains: by the binomial distribution, times the
/// number of candidates (Bonferroni), at `level`; the chance in one benchmark is that of the tests, or how often
/// the others are outliers where that is more. Of a single benchmark, whom Cochran's or Grubbs' test names.
pub(super) fn standings(selected: &Selected, assessments: &[Assessment], level: f64) -> Vec<Standing> {
    let mut found: Vec<Standing> = [Kind::Node, Kind::Session]
        .into_iter()
        .flat_map(|kind| of_kind(kind, selected, assessments, level))
        .collect();
    found.sort_by(|a, b| {
        let key = |it: &Standing| (!it.named, std::cmp::Reverse((it.off(), it.outlier)));
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
    found
}

fn of_kind(kind: Kind, selected: &Selected, assessments: &[Assessment], level: f64) -> Vec<Standing> {
    let tallies = tallies(kind, assessments);
    let outliers: usize = tallies.values().map(|tally| tally.outlier).sum();
    let trials: usize = tallies.values().map(|tally| tally.of).sum();
    let standing = |(&name, tally): (&&str, &Tally)| {
        let others = ratio(outliers - tally.outlier, trials - tally.of);
        let chance = (tally.expected / count(tally.of)).max(others).min(1.0);
        let p = (at_least(tally.outlier, tally.of, chance) * count(tallies.len())).min(1.0);
        let named = if tally.of == 1 { tally.confirmed } else { tally.outlier > 0 && p <= 1.0 - level };
        let is_here = |session: &&Session| match kind {
            Kind::Node => session.node == name,
            Kind::Session => session.session_id == name,
        };
        let (here, elsewhere): (Vec<&Session>, Vec<&Session>) = selected.sessions.iter().partition(is_here);
        Standing {
            kind,
            name: name.to_owned(),
            node: here.first().map_or_else(String::new, |session| session.node.clone()),
            outlier: tally.outlier,
            straggler: tally.straggler,
            of: tally.of,
            p,
            named,
            deviation: median(&tally.deviations).unwrap_or(0.0),
            differing: differing(&here, &elsewhere),
        }
    };
    tallies.iter().filter(|(_, tally)| !tally.deviations.is_empty()).map(standing).collect()
}

/// Who was held against others, in how many benchmarks, and how that came out.
fn tallies(kind: Kind, assessments: &[Assessment]) -> BTreeMap<&str, Tally> {
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for assessment in assessments {
        let Some(precision) = &assessment.precision else { continue };
        if precision.are == kind {
            for laboratory in &precision.laboratories {
                let tally = tallies.entry(&laboratory.name).or_default();
                tally.of += 1;
                tally.expected += CHANCE;
            }
        } else if kind == Kind::Session {
            for centre in &assessment.centres {
                let tally = tallies.entry(&centre.session_id).or_default();
                tally.of += 1;
                tally.expected += CHANCE_OF_ANY / count(assessment.centres.len());
            }
        }
        for off in assessment.off.iter().filter(|off| off.kind == kind) {
            let tally = tallies.entry(&off.name).or_default();
            match off.status {
                Status::Outlier => tally.outlier += 1,
                _ => tally.straggler += 1,
            }
            tally.deviations.push(off.deviation);
            tally.confirmed |= off.confirmed && off.status == Status::Outlier;
        }
    }
    tallies
}

/// The probability of at least `k` successes in `n` trials.
fn at_least(k: usize, n: usize, chance: f64) -> f64 {
    match (k, Binomial::new(chance, n as u64)) {
        (0, _) | (_, Err(_)) => 1.0,
        (k, Ok(binomial)) => binomial.sf(k as u64 - 1),
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { count(part) / count(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of benchmarks and sessions are far below 2^53")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tail of the binomial distribution, as in a table.
    #[test]
    fn tails() {
        assert!((at_least(2, 4, 0.5) - 11.0 / 16.0).abs() < 1e-12);
        assert!((at_least(4, 4, 0.5) - 1.0 / 16.0).abs() < 1e-12);
        assert!((at_least(0, 4, 0.5) - 1.0).abs() < 1e-12);
        assert!((at_least(1, 2, 0.0)).abs() < 1e-12);
    }
}
