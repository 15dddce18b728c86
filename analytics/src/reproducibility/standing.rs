//! How each node and session stands over all benchmarks: who stands out, and why that may be.

use super::{
    Assessment,
    laboratories::Kind,
    surroundings::{Differing, differing},
    tally::{far, often, tallies},
};
use crate::{
    selection::{Selected, Session},
    stats::median,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// A node or session that is off in some benchmark, or over all of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// What it is.
    pub kind: Kind,
    /// The node's name or the session's id.
    pub name: String,
    /// The node.
    pub node: String,
    /// Whether it stands out: chance does not explain how far, or how often, it is off.
    pub named: bool,
    /// How far it is from the others at the median over all benchmarks, sessions that stand out left
    /// aside; a session, from those of its node.
    pub deviation: f64,
    /// In how many benchmarks it is an outlier.
    pub outlier: usize,
    /// In how many it is a straggler.
    pub straggler: usize,
    /// Of how many in which it was held against others.
    pub of: usize,
    /// How many times as wide it spreads as all do, at the median, where that is the usual way that it is off.
    pub spread: Option<f64>,
    /// The p-value that it is so far off over all benchmarks (Grubbs); `None` where the test does not name it.
    pub p_far: Option<f64>,
    /// The p-value that it is off so often (binomial, for all candidates together).
    pub p_often: f64,
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

/// Everyone who stands out over all benchmarks or is off in some: those that are named first, then the most often off.
///
/// Named is who is far from the others over all benchmarks (Grubbs' test of the medians of its deviations), or whom
/// Cochran's or Grubbs' test confirms in more benchmarks than chance explains: both ways and all nodes, or all
/// sessions, together at `level`.
pub(super) fn standings(selected: &Selected, assessments: &[Assessment], level: f64) -> Vec<Standing> {
    let alpha = (1.0 - level) / 2.0;
    let mut found = of_kind(Kind::Session, selected, assessments, &BTreeSet::new(), alpha);
    let named = found.iter().filter(|session| session.named).map(|session| session.name.clone()).collect();
    let mut nodes = of_kind(Kind::Node, selected, assessments, &named, alpha);
    for node in nodes.iter_mut().filter(|node| node.p_far.is_none() && node.spread.is_some()) {
        // One session that stands out makes the spread of its node wide: that is told once.
        node.named &= !found.iter().any(|session| session.named && session.node == node.name);
    }
    found.extend(nodes);
    found.sort_by(|a, b| {
        let key = |it: &Standing| (!it.named, std::cmp::Reverse((it.off(), it.outlier)));
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
    found
}

fn of_kind(
    kind: Kind,
    selected: &Selected,
    assessments: &[Assessment],
    without: &BTreeSet<String>,
    alpha: f64,
) -> Vec<Standing> {
    let tallies = tallies(kind, assessments, without);
    let far = far(&tallies, alpha);
    let mut found = Vec::new();
    for (&name, tally) in &tallies {
        let (p_far, p_often) = (far.get(name).copied(), often(tally, &tallies));
        if p_far.is_none() && tally.outlier + tally.straggler == 0 {
            continue;
        }
        let named = p_far.is_some() || p_often <= alpha;
        let is_here = |session: &&Session| match kind {
            Kind::Node => session.node == name,
            Kind::Session => session.session_id == name,
        };
        let (here, elsewhere): (Vec<&Session>, Vec<&Session>) = selected.sessions.iter().partition(is_here);
        // Sessions may be thousands; only what is told of them is looked at.
        let told = named || kind == Kind::Node;
        found.push(Standing {
            kind,
            name: name.to_owned(),
            node: here.first().map_or_else(String::new, |session| session.node.clone()),
            named,
            deviation: tally.deviation(),
            outlier: tally.outlier,
            straggler: tally.straggler,
            of: tally.of(),
            spread: median(&tally.spreads)
                .filter(|_| tally.spreads.len() * 2 > tally.outlier + tally.straggler),
            p_far,
            p_often,
            differing: if told { differing(&here, &elsewhere) } else { Vec::new() },
        });
    }
    found
}
