//! The two sides of a comparison: which sessions are held against which, and whether they may be.

use super::glob::fits;
use crate::selection::{Difference, Differences, Selected, Session, differences};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How sessions are held against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Arms that were measured in turns: sessions of one round are a pair.
    Pairs,
    /// Both sides were measured on the same nodes: nodes are blocks.
    Nodes,
    /// Sessions of one side against those of the other, in one block.
    Groups,
}

/// One side, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SideOf {
    /// The selector.
    pub selector: String,
    /// Its runs.
    pub runs: Vec<String>,
    /// Its nodes.
    pub nodes: Vec<String>,
    /// Its commits; with `+` where there were uncommitted changes.
    pub commits: Vec<String>,
    /// Its platforms.
    pub platforms: Vec<String>,
    /// How many sessions count.
    pub sessions: usize,
}

/// Sides whose environments differ in what decides.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not comparable: {}; if that is the question, allow it with {}",
    list(differences),
    advice(differences)
)]
pub struct Refused {
    /// What differs.
    pub differences: Vec<Difference>,
}

/// The two sides, laid out.
#[derive(Debug, Clone)]
pub(super) struct Sides {
    pub(super) layout: Layout,
    /// For each session that counts its unit: the pair, or the block.
    pub(super) first: BTreeMap<String, usize>,
    pub(super) second: BTreeMap<String, usize>,
    /// What differs although they are compared.
    pub(super) told: Vec<Difference>,
    /// Decisive differences that were allowed.
    pub(super) allowed: Vec<Difference>,
    /// What a reader has to know of the layout.
    pub(super) remarks: Vec<String>,
}

impl SideOf {
    pub(super) fn new(selected: &Selected, counted: &BTreeMap<String, usize>) -> Self {
        let sessions: Vec<&Session> =
            selected.sessions.iter().filter(|session| counted.contains_key(&session.session_id)).collect();
        let unique = |of: &dyn Fn(&Session) -> Option<String>| -> Vec<String> {
            let found: BTreeSet<String> = sessions.iter().filter_map(|session| of(session)).collect();
            found.into_iter().collect()
        };
        let commit = |session: &Session| {
            let commit: String = session.commit.as_ref()?.chars().take(12).collect();
            Some(if session.dirty == Some(true) { format!("{commit}+") } else { commit })
        };
        Self {
            selector: selected.selector.to_string(),
            runs: unique(&|session| Some(session.run_id.clone())),
            nodes: unique(&|session| Some(session.node.clone())),
            commits: unique(&commit),
            platforms: unique(&|session| Some(crate::selection::platform(&session.environment))),
            sessions: sessions.len(),
        }
    }
}

impl Sides {
    /// Lays the two sides out.
    ///
    /// # Errors
    /// [`Refused`] if they differ in what decides, save what fits a pattern of `across`.
    pub(super) fn new(first: &Selected, second: &Selected, across: &[String]) -> Result<Self, Refused> {
        let mut sides =
            pairs(first, second).or_else(|| blocks(first, second)).unwrap_or_else(|| groups(first, second));
        let mut found = sides.differences(first, second);
        if sides.layout == Layout::Groups {
            found.decisive.extend(other_nodes(first, second));
        }
        let is_allowed =
            |difference: &Difference| across.iter().any(|pattern| fits(pattern, &difference.key));
        let (allowed, decisive): (Vec<_>, Vec<_>) = found.decisive.into_iter().partition(is_allowed);
        if !decisive.is_empty() {
            return Err(Refused { differences: decisive });
        }
        sides.told = found.told;
        sides.allowed = allowed;
        Ok(sides)
    }

    /// How the environments of the sessions that count differ: block by block where nodes are blocks, as each
    /// node has its own.
    fn differences(&self, first: &Selected, second: &Selected) -> Differences {
        let of = |selected: &'_ Selected,
                  counted: &BTreeMap<String, usize>,
                  block: Option<usize>|
         -> Vec<Session> {
            let counts = |session: &&Session| {
                counted.get(&session.session_id).is_some_and(|unit| block.is_none_or(|block| block == *unit))
            };
            selected.sessions.iter().filter(counts).cloned().collect()
        };
        let blocks: Vec<Option<usize>> = match self.layout {
            Layout::Nodes => {
                self.first.values().copied().collect::<BTreeSet<_>>().into_iter().map(Some).collect()
            }
            _ => vec![None],
        };
        let mut all = Differences::default();
        for block in blocks {
            let (a, b) = (of(first, &self.first, block), of(second, &self.second, block));
            let (a, b): (Vec<&Session>, Vec<&Session>) = (a.iter().collect(), b.iter().collect());
            let found = differences(&a, &b);
            merge(&mut all.decisive, found.decisive);
            merge(&mut all.told, found.told);
        }
        all
    }
}

/// Adds differences to those of other blocks, by key.
fn merge(all: &mut Vec<Difference>, found: Vec<Difference>) {
    for difference in found {
        match all.iter_mut().find(|known| known.key == difference.key) {
            Some(known) => {
                known.first.extend(difference.first);
                known.second.extend(difference.second);
            }
            None => all.push(difference),
        }
    }
}

/// Pairs, where both sides are arms of the same runs.
fn pairs(first: &Selected, second: &Selected) -> Option<Sides> {
    let place = |session: &Session| (session.run_id.clone(), session.node.clone(), session.round);
    let has_arm = |selected: &Selected| selected.sessions.iter().all(|session| session.arm.is_some());
    if !(has_arm(first) && has_arm(second)) || first.runs() != second.runs() {
        return None;
    }
    let mut places: BTreeMap<_, (Vec<&Session>, Vec<&Session>)> = BTreeMap::new();
    for session in &first.sessions {
        places.entry(place(session)).or_default().0.push(session);
    }
    for session in &second.sessions {
        places.entry(place(session)).or_default().1.push(session);
    }
    let (mut a, mut b) = (BTreeMap::new(), BTreeMap::new());
    let matched = places.values().filter(|(a, b)| a.len() == 1 && b.len() == 1);
    for (pair, (one, other)) in matched.enumerate() {
        a.insert(one[0].session_id.clone(), pair);
        b.insert(other[0].session_id.clone(), pair);
    }
    if a.len() < 2 {
        return None;
    }
    let alone = first.sessions.len() + second.sessions.len() - a.len() - b.len();
    let remarks = left_out(alone, "had no counterpart in their round");
    Some(Sides { layout: Layout::Pairs, first: a, second: b, told: Vec::new(), allowed: Vec::new(), remarks })
}

/// Nodes as blocks, where both sides have some in common and there are several.
fn blocks(first: &Selected, second: &Selected) -> Option<Sides> {
    let nodes = |selected: &Selected| -> BTreeSet<String> {
        selected.sessions.iter().map(|session| session.node.clone()).collect()
    };
    let (a, b) = (nodes(first), nodes(second));
    let common: BTreeMap<String, usize> = a.intersection(&b).cloned().zip(0..).collect();
    if common.is_empty() || a.union(&b).count() == 1 {
        return None;
    }
    let units = |selected: &Selected| -> BTreeMap<String, usize> {
        let unit = |session: &Session| Some((session.session_id.clone(), *common.get(&session.node)?));
        selected.sessions.iter().filter_map(unit).collect()
    };
    let (a, b) = (units(first), units(second));
    let alone = first.sessions.len() + second.sessions.len() - a.len() - b.len();
    let remarks = left_out(alone, "ran on nodes that the other side does not have");
    Some(Sides { layout: Layout::Nodes, first: a, second: b, told: Vec::new(), allowed: Vec::new(), remarks })
}

/// All sessions of a side in one block.
fn groups(first: &Selected, second: &Selected) -> Sides {
    let units = |selected: &Selected| {
        selected.sessions.iter().map(|session| (session.session_id.clone(), 0)).collect()
    };
    Sides {
        layout: Layout::Groups,
        first: units(first),
        second: units(second),
        told: Vec::new(),
        allowed: Vec::new(),
        remarks: Vec::new(),
    }
}

fn left_out(sessions: usize, why: &str) -> Vec<String> {
    match sessions {
        0 => Vec::new(),
        1 => vec![
            format!("1 session is left out: it {why}").replace("it had", "it had").replace("their", "its"),
        ],
        _ => vec![format!("{sessions} sessions are left out: they {why}")],
    }
}

/// Nodes, where the sides have none in common: their own difference would be part of every ratio.
fn other_nodes(first: &Selected, second: &Selected) -> Option<Difference> {
    let nodes = |selected: &Selected| -> BTreeSet<Option<String>> {
        selected.sessions.iter().map(|session| Some(session.node.clone())).collect()
    };
    let (first, second) = (nodes(first), nodes(second));
    first.is_disjoint(&second).then(|| Difference { key: "node".to_owned(), first, second })
}

/// `cpu.model is A, now B; kernel is 6.1, now 6.2`.
fn list(differences: &[Difference]) -> String {
    const SHOWN: usize = 6;
    let mut parts: Vec<String> = differences
        .iter()
        .take(SHOWN)
        .map(|difference| {
            format!("{} is {}, now {}", difference.key, values(&difference.first), values(&difference.second))
        })
        .collect();
    if differences.len() > SHOWN {
        parts.push(format!("and {} more", differences.len() - SHOWN));
    }
    parts.join("; ")
}

pub(super) fn values(values: &BTreeSet<Option<String>>) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "not there".to_owned());
    let shown: Vec<String> = values.iter().take(3).map(text).collect();
    let shown = shown.join(" or ");
    if values.len() > 3 { format!("{shown} or {} others", values.len() - 3) } else { shown }
}

fn advice(differences: &[Difference]) -> String {
    let flags: Vec<String> =
        differences.iter().take(6).map(|difference| format!("--across {}", difference.key)).collect();
    if differences.len() > 6 {
        format!("{} … (patterns such as --across 'cpu.*' are allowed)", flags.join(" "))
    } else {
        flags.join(" ")
    }
}
