//! The two sides of a comparison: which sessions are held against which, and whether they may be.

use super::glob::fits;
use crate::selection::{Difference, Differences, Selected, Session, decisive, differences};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// How sessions are held against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Arms that were measured in turns: sessions of one round are a pair.
    Pairs,
    /// Both sides were measured on the same nodes, or in the same environments: those are blocks.
    Nodes,
    /// Sessions of one side against those of the other, in one block.
    Groups,
}

impl Layout {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pairs => "pairs",
            Self::Nodes => "nodes",
            Self::Groups => "groups",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
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
    pub(super) fn new(selected: &Selected, units: &BTreeMap<String, usize>) -> Self {
        let sessions = counted(selected, units);
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
    /// Lays the two sides out: in pairs where they are arms of the same runs, else in blocks of one node and
    /// environment that both sides have.
    ///
    /// # Errors
    /// [`Refused`] where there is no pair and no such block: with what differs, save what fits a pattern of `across`.
    pub(super) fn new(first: &Selected, second: &Selected, across: &[String]) -> Result<Self, Refused> {
        let allowed = |key: &str| across.iter().any(|pattern| fits(pattern, key));
        let found = pairs(first, second, &allowed).or_else(|| blocks(first, second, &allowed));
        let Some(mut sides) = found else {
            return Err(Refused { differences: obstacles(first, second, &allowed) });
        };
        let (a, b) = (counted(first, &sides.first), counted(second, &sides.second));
        let found = differences(&a, &b);
        sides.told = found.told;
        sides.allowed = found.decisive;
        sides.allowed.extend(other_nodes(&a, &b));
        Ok(sides)
    }
}

fn counted<'a>(selected: &'a Selected, units: &BTreeMap<String, usize>) -> Vec<&'a Session> {
    selected.sessions.iter().filter(|session| units.contains_key(&session.session_id)).collect()
}

/// Where a session ran and on what, as far as that may not differ.
type Block<'a> = (Option<&'a str>, Vec<(&'a String, &'a String)>);

fn block<'a>(session: &'a Session, allowed: &impl Fn(&str) -> bool) -> Block<'a> {
    let node = (!allowed("node")).then_some(session.node.as_str());
    (node, decisive(&session.environment).filter(|(key, _)| !allowed(key)).collect())
}

/// Pairs, where both sides are arms of the same runs.
fn pairs(first: &Selected, second: &Selected, allowed: &impl Fn(&str) -> bool) -> Option<Sides> {
    let both = || first.sessions.iter().chain(&second.sessions);
    if both().any(|session| session.arm.is_none()) {
        return None;
    }
    let mut places: BTreeMap<_, (Vec<&Session>, Vec<&Session>)> = BTreeMap::new();
    let place = |session: &'_ Session| (session.run_id.clone(), session.node.clone(), session.round);
    for session in &first.sessions {
        places.entry(place(session)).or_default().0.push(session);
    }
    for session in &second.sessions {
        places.entry(place(session)).or_default().1.push(session);
    }
    let (mut a, mut b) = (BTreeMap::new(), BTreeMap::new());
    for (one, other) in places.into_values() {
        if let ([one], [other]) = (one.as_slice(), other.as_slice())
            && block(one, allowed) == block(other, allowed)
        {
            b.insert(other.session_id.clone(), a.len());
            a.insert(one.session_id.clone(), a.len());
        }
    }
    if a.len() < 2 {
        return None;
    }
    let alone = both().count() - a.len() - b.len();
    let remarks = left_out(alone, "without a counterpart in the same round");
    Some(Sides { layout: Layout::Pairs, first: a, second: b, told: Vec::new(), allowed: Vec::new(), remarks })
}

/// Each session's id and block.
fn placed<'a>(selected: &'a Selected, allowed: &impl Fn(&str) -> bool) -> Vec<(String, Block<'a>)> {
    selected.sessions.iter().map(|session| (session.session_id.clone(), block(session, allowed))).collect()
}

/// Blocks of one node and environment, those that both sides have.
fn blocks(first: &Selected, second: &Selected, allowed: &impl Fn(&str) -> bool) -> Option<Sides> {
    let (a, b) = (placed(first, allowed), placed(second, allowed));
    let known: BTreeSet<&Block<'_>> = a.iter().map(|(_, block)| block).collect();
    let common: BTreeSet<&Block<'_>> =
        b.iter().map(|(_, block)| block).filter(|block| known.contains(block)).collect();
    if common.is_empty() {
        return None;
    }
    let numbers: BTreeMap<&Block<'_>, usize> = common.into_iter().zip(0..).collect();
    let units = |side: &[(String, Block<'_>)]| -> BTreeMap<String, usize> {
        side.iter().filter_map(|(id, block)| Some((id.clone(), *numbers.get(block)?))).collect()
    };
    let layout = if numbers.len() > 1 { Layout::Nodes } else { Layout::Groups };
    let (of_a, of_b) = (units(&a), units(&b));
    let alone = a.len() + b.len() - of_a.len() - of_b.len();
    let remarks = left_out(alone, "on nodes or in environments that the other side does not have");
    Some(Sides { layout, first: of_a, second: of_b, told: Vec::new(), allowed: Vec::new(), remarks })
}

fn left_out(sessions: usize, why: &str) -> Vec<String> {
    match sessions {
        0 => Vec::new(),
        1 => vec![format!("1 session is left out: {why}")],
        _ => vec![format!("{sessions} sessions are left out: {why}")],
    }
}

/// What keeps two sides from having a block in common.
fn obstacles(first: &Selected, second: &Selected, allowed: &impl Fn(&str) -> bool) -> Vec<Difference> {
    let (a, b): (Vec<&Session>, Vec<&Session>) =
        (first.sessions.iter().collect(), second.sessions.iter().collect());
    let nodes = other_nodes(&a, &b).filter(|_| !allowed("node"));
    let not_allowed = |found: Differences| {
        found.decisive.into_iter().filter(|difference| !allowed(&difference.key)).collect::<Vec<_>>()
    };
    let mut found = not_allowed(differences(&a, &b));
    found.extend(nodes);
    if found.is_empty() {
        // Each fact has the same values on both sides, but not on the same node.
        let names: BTreeSet<&str> = a.iter().map(|session| session.node.as_str()).collect();
        let on = |side: &[&'_ Session], node: &str| -> Vec<Session> {
            side.iter().filter(|session| session.node == node).map(|session| (*session).clone()).collect()
        };
        for node in names {
            let (a, b) = (on(&a, node), on(&b, node));
            if !b.is_empty() {
                found.extend(not_allowed(differences(
                    &a.iter().collect::<Vec<_>>(),
                    &b.iter().collect::<Vec<_>>(),
                )));
            }
        }
        found.dedup_by(|a, b| a.key == b.key);
    }
    found
}

/// Nodes, where the sides have none in common: their own difference would be part of every ratio.
fn other_nodes(first: &[&Session], second: &[&Session]) -> Option<Difference> {
    let nodes = |side: &[&Session]| -> BTreeSet<Option<String>> {
        side.iter().map(|session| Some(session.node.clone())).collect()
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
