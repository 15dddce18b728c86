//! Which node or session does not fit the others, of one benchmark.

use super::{
    laboratories::{Kind, Laboratories, Laboratory, Status},
    subject::Subject,
    words::{p, signed_percent, wider},
};
use crate::stats::{grubbs, mean};
use serde::Serialize;

/// A node or session that is off.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Off {
    /// What it is.
    pub kind: Kind,
    /// The node's name or the session's id.
    pub name: String,
    /// The node.
    pub node: String,
    /// How far from the others, relative to them; of a session, from those of its node.
    pub deviation: f64,
    /// How many times as wide it spreads as all do (Mandel's k), where that alone makes it off.
    pub spread: Option<f64>,
    /// Straggler or outlier.
    pub status: Status,
    /// Whether a test that counts for all nodes or sessions together names it.
    pub confirmed: bool,
    /// By which statistic, with its critical value.
    pub because: String,
}

impl Off {
    /// In which way it is off: `+5.1 %`, or `2.1 × as wide`.
    pub(super) fn way(&self) -> String {
        match self.spread {
            Some(spread) => wider(spread),
            None => signed_percent(self.deviation),
        }
    }
}

/// Below these p-values of Grubbs' test a session is a straggler, or an outlier.
const LEVELS: [(f64, Status); 2] = [(0.01, Status::Outlier), (0.05, Status::Straggler)];

/// The laboratories of `precision` beyond a critical value of Mandel's h or k, the farthest first; where
/// nodes are the laboratories, also the session that Grubbs' test finds among the deviations of sessions from the
/// means of their nodes.
pub(super) fn off(subject: &Subject<'_>, precision: &Laboratories) -> Vec<Off> {
    let mut found: Vec<Off> = precision
        .laboratories
        .iter()
        .filter(|laboratory| laboratory.status() > Status::Consistent)
        .map(|laboratory| of_laboratory(laboratory, precision))
        .collect();
    found.sort_by(|a, b| {
        b.status.cmp(&a.status).then_with(|| b.deviation.abs().total_cmp(&a.deviation.abs()))
    });
    if precision.are == Kind::Node {
        found.extend(session(subject));
    }
    found
}

fn of_laboratory(laboratory: &Laboratory, precision: &Laboratories) -> Off {
    let mut because = Vec::new();
    if laboratory.by_h > Status::Consistent {
        let (critical, level) = precision.h_critical.beyond(laboratory.by_h);
        because.push(format!("h = {:.2}, beyond ±{critical:.2} ({level})", laboratory.h));
    }
    if laboratory.by_k > Status::Consistent {
        let (critical, level) = precision.k_critical.beyond(laboratory.by_k);
        because.push(format!("k = {:.2}, beyond {critical:.2} ({level})", laboratory.k));
    }
    Off {
        kind: precision.are,
        name: laboratory.name.clone(),
        node: laboratory.node.clone(),
        deviation: laboratory.deviation,
        spread: (laboratory.by_h == Status::Consistent).then_some(laboratory.k),
        status: laboratory.status(),
        confirmed: laboratory.confirmed,
        because: because.join("; "),
    }
}

/// The session that is farthest from the mean of its node, if Grubbs' test finds it too far.
fn session(subject: &Subject<'_>) -> Option<Off> {
    let (mut places, mut residuals, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for node in subject.nodes().into_iter().filter(|node| node.places.len() >= 2) {
        let centres: Vec<f64> = node.places.iter().map(|&place| subject.sessions[place].centre).collect();
        for (i, &place) in node.places.iter().enumerate() {
            let others: Vec<f64> = centres
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != i)
                .map(|(_, &value)| value)
                .collect();
            places.push(place);
            residuals.push(centres[i] - mean(&centres)?);
            expected.push(mean(&others)?);
        }
    }
    let test = grubbs(&residuals, 0.95)?;
    let &(_, status) = LEVELS.iter().find(|(alpha, _)| test.p < *alpha)?;
    let farthest = (0..residuals.len()).max_by(|&a, &b| residuals[a].abs().total_cmp(&residuals[b].abs()))?;
    let measurement = &subject.sessions[places[farthest]];
    let g = test.g_high.max(test.g_low);
    Some(Off {
        kind: Kind::Session,
        name: measurement.session.session_id.clone(),
        node: measurement.session.node.clone(),
        deviation: measurement.centre / expected[farthest] - 1.0,
        spread: None,
        status,
        confirmed: true,
        because: format!("Grubbs' G = {g:.2} within nodes, p {}", p(test.p)),
    })
}
