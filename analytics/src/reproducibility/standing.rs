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
    /// The probability of being off so often if it were as the others are, times the number of candidates.
    pub p: f64,
    /// Whether that is more than chance explains.
    pub named: bool,
    /// The median of its deviations where it is off.
    pub deviation: f64,
    /// How its environment differs from that of the others; of a session only where it is named.
    pub differing: Vec<Differing>,
}

impl Standing {
    /// In how many benchmarks it is off.
    #[must_use]
    pub const fn off(&self) -> usize {
        self.outlier + self.straggler
    }
}

/// At which levels somebody is an outlier, and off at all.
const LEVELS: [f64; 2] = [0.01, 0.05];

/// What is known of one node or session.
#[derive(Debug, Default)]
struct Tally {
    /// In how many benchmarks it was held against others.
    of: usize,
    /// In how many of them chance makes it an outlier, and off at all.
    expected: [f64; 2],
    outlier: usize,
    straggler: usize,
    deviations: Vec<f64>,
    confirmed: bool,
}

impl Tally {
    const fn off(&self) -> usize {
        self.outlier + self.straggler
    }

    /// Adds a benchmark, in which chance has a share in each of the levels.
    fn expect(&mut self, chance: impl Fn(f64) -> f64) {
        self.of += 1;
        for (expected, level) in self.expected.iter_mut().zip(LEVELS) {
            *expected += chance(level);
        }
    }
}

/// Everyone who is off in some benchmark: those that are named first, then the most often off.
///
/// Named is who is an outlier, or off at all, in more benchmarks than chance explains: by the binomial
/// distribution, times both ways and the number of candidates (Bonferroni), at `level`; the chance in one benchmark is
/// that of the tests, or how often the others are off where that is more. Of a single benchmark, the outlier
/// whom Cochran's or Grubbs' test names.
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
    let sum = |of: fn(&Tally) -> usize| tallies.values().map(of).sum::<usize>();
    let (outliers, off, trials) = (sum(|it| it.outlier), sum(Tally::off), sum(|it| it.of));
    let standing = |(&name, tally): (&&str, &Tally)| {
        let p = [(tally.outlier, outliers), (tally.off(), off)].into_iter().zip(tally.expected).map(
            |((own, all), expected)| {
                let others = ratio(all - own, trials - tally.of);
                at_least(own, tally.of, (expected / count(tally.of)).max(others).min(1.0))
            },
        );
        let p = (p.fold(1.0, f64::min) * 2.0 * count(tallies.len())).min(1.0);
        let named = if tally.of == 1 { tally.confirmed } else { p <= 1.0 - level };
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
            // Sessions may be thousands; only what is told of them is looked at.
            differing: if named || kind == Kind::Node { differing(&here, &elsewhere) } else { Vec::new() },
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
                // Beyond h or beyond k.
                tally.expect(|alpha| 1.0 - (1.0 - alpha).powi(2));
            }
        } else if kind == Kind::Session {
            for centre in &assessment.centres {
                let tally = tallies.entry(&centre.session_id).or_default();
                // Grubbs' test counts for all sessions together.
                tally.expect(|alpha| alpha / count(assessment.centres.len()));
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
