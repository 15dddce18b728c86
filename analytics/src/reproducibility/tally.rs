//! Over all benchmarks: who was held against others, how far from them it was, and how often off.

use super::{
    Assessment,
    laboratories::{ALPHA, Kind, Status, deviation},
};
use crate::stats::{grubbs, mean, median, real};
use statrs::distribution::{Binomial, DiscreteCDF};
use std::collections::{BTreeMap, BTreeSet};

/// No more than so many are looked for.
const MOST: usize = 20;

/// What is known of one node or session.
#[derive(Debug, Default)]
pub(super) struct Tally<'a> {
    /// Among whom it is held against others: the node of a session.
    block: &'a str,
    /// How far it is from the others, relative to them: of each benchmark.
    pub(super) deviations: Vec<f64>,
    /// In how many benchmarks chance lets a test confirm that it is off.
    expected: f64,
    pub(super) outlier: usize,
    pub(super) straggler: usize,
    /// In how many a test confirmed it.
    pub(super) confirmed: usize,
    /// Of those in which it is off by its spread alone, how many times as wide it is.
    pub(super) spreads: Vec<f64>,
}

impl Tally<'_> {
    /// In how many benchmarks it was held against others.
    pub(super) fn of(&self) -> usize {
        self.deviations.len()
    }

    /// How far it is from the others, at the median.
    pub(super) fn deviation(&self) -> f64 {
        median(&self.deviations).unwrap_or(0.0)
    }
}

/// Who was held against others, and how that came out; the sessions `without` count for no node.
pub(super) fn tallies<'a>(
    kind: Kind,
    assessments: &'a [Assessment],
    without: &BTreeSet<String>,
) -> BTreeMap<&'a str, Tally<'a>> {
    let mut tallies: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    for assessment in assessments {
        let Some(precision) = &assessment.precision else { continue };
        let compared = match kind {
            Kind::Node if precision.are != Kind::Node => continue,
            Kind::Node => nodes(assessment, without),
            Kind::Session => sessions(assessment),
        };
        // The tests of Cochran and Grubbs count for all laboratories together, that of the sessions for all sessions.
        let tests = if precision.are == kind { 2.0 } else { 1.0 };
        let expected = tests * ALPHA / real(compared.len());
        for (name, block, deviation) in compared {
            let tally = tallies.entry(name).or_default();
            tally.block = block;
            tally.deviations.push(deviation);
            tally.expected += expected;
        }
        for off in assessment.off.iter().filter(|off| off.kind == kind) {
            let tally = tallies.entry(&off.name).or_default();
            match off.status {
                Status::Outlier => tally.outlier += 1,
                _ => tally.straggler += 1,
            }
            tally.confirmed += usize::from(off.confirmed);
            tally.spreads.extend(off.spread);
        }
    }
    tallies
}

/// What is compared: name, block, deviation.
type Compared<'a> = (&'a str, &'a str, f64);

/// The deviations of nodes that are laboratories from the others, in one block.
fn nodes<'a>(assessment: &'a Assessment, without: &BTreeSet<String>) -> Vec<Compared<'a>> {
    let nodes = by_node(assessment, &|session| !without.contains(session));
    let laboratories = assessment.precision.iter().flat_map(|precision| &precision.laboratories);
    let (names, means): (Vec<&str>, Vec<f64>) = laboratories
        .filter_map(|it| Some((it.name.as_str(), mean(&values(nodes.get(it.name.as_str())?))?)))
        .unzip();
    names.into_iter().enumerate().map(|(i, name)| (name, "", deviation(&means, i))).collect()
}

/// The deviations of sessions from the others of their node, which is their block; where nodes have one session
/// each, from all others, in one block.
fn sessions(assessment: &Assessment) -> Vec<Compared<'_>> {
    let mut blocks = by_node(assessment, &|_| true);
    if blocks.values().all(|sessions| sessions.len() == 1) {
        let all = blocks.into_values().flatten().collect();
        blocks = BTreeMap::from([("", all)]);
    }
    blocks.retain(|_, sessions| sessions.len() > 1);
    let mut compared = Vec::new();
    for (block, sessions) in blocks {
        let centres = values(&sessions);
        compared
            .extend(sessions.iter().enumerate().map(|(i, (name, _))| (*name, block, deviation(&centres, i))));
    }
    compared
}

/// Sessions with their centres.
type Centres<'a> = Vec<(&'a str, f64)>;

fn values(centres: &Centres<'_>) -> Vec<f64> {
    centres.iter().map(|(_, centre)| *centre).collect()
}

/// The sessions of each node that `counts`.
fn by_node<'a>(assessment: &'a Assessment, counts: &dyn Fn(&str) -> bool) -> BTreeMap<&'a str, Centres<'a>> {
    let mut nodes: BTreeMap<&str, Centres<'_>> = BTreeMap::new();
    for centre in assessment.centres.iter().filter(|centre| counts(&centre.session_id)) {
        nodes.entry(&centre.node).or_default().push((&centre.session_id, centre.centre));
    }
    nodes
}

/// The p-values of those that are far from the others of their block over all benchmarks, by the medians of their
/// deviations: Grubbs' test again and again without the farthest, for at most a fifth of them, and off are all up to the
/// last that is below `alpha`, so that two of them do not hide each other (Rosner, *Percentage Points for a
/// Generalized ESD Many-Outlier Procedure*, Technometrics 25, 1983).
pub(super) fn far<'a>(tallies: &BTreeMap<&'a str, Tally<'a>>, alpha: f64) -> BTreeMap<&'a str, f64> {
    let mut left: Vec<Compared<'_>> = tallies
        .iter()
        .filter(|(_, it)| it.of() > 0)
        .map(|(&name, it)| (name, it.block, it.deviation()))
        .collect();
    let mut removed: Vec<(&str, f64)> = Vec::new();
    for _ in 0..(left.len() / 5).clamp(1, MOST) {
        let residuals = residuals(&left);
        let Some(test) = grubbs(&residuals, 1.0 - alpha) else { break };
        let away = |place: &usize| residuals[*place].abs();
        let Some(farthest) = (0..left.len()).max_by(|a, b| away(a).total_cmp(&away(b))) else { break };
        removed.push((left.remove(farthest).0, test.p));
    }
    let Some(last) = removed.iter().rposition(|(_, p)| *p <= alpha) else { return BTreeMap::new() };
    removed[..=last].iter().map(|&(name, p)| (name, p.min(removed[last].1))).collect()
}

/// How far each is from the mean of its block.
fn residuals(compared: &[Compared<'_>]) -> Vec<f64> {
    let mut blocks: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    compared.iter().for_each(|(_, block, value)| blocks.entry(block).or_default().push(*value));
    let means: BTreeMap<&str, f64> =
        blocks.into_iter().filter_map(|(block, values)| Some((block, mean(&values)?))).collect();
    compared.iter().map(|(_, block, value)| value - means.get(block).copied().unwrap_or(0.0)).collect()
}

/// The probability that tests confirm one of them so often, times the number of them (Bonferroni): by the
/// binomial distribution, the chance in one benchmark that of the tests, or how often the others are off where that
/// is more.
pub(super) fn often(tally: &Tally<'_>, all: &BTreeMap<&str, Tally<'_>>) -> f64 {
    let (confirmed, of) =
        all.values().fold((0, 0), |(confirmed, of), it| (confirmed + it.confirmed, of + it.of()));
    let others = ratio(confirmed - tally.confirmed, of - tally.of());
    let chance = ratio(1, tally.of()) * tally.expected;
    (at_least(tally.confirmed, tally.of(), chance.max(others).min(1.0)) * real(all.len())).min(1.0)
}

/// The probability of at least `k` successes in `n` trials.
fn at_least(k: usize, n: usize, chance: f64) -> f64 {
    match (k, Binomial::new(chance, n as u64)) {
        (0, _) | (_, Err(_)) => 1.0,
        (k, Ok(binomial)) => binomial.sf(k as u64 - 1),
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { real(part) / real(whole) }
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

    /// Those that are far from the others are found, also two that hide each other; among equals none is.
    #[test]
    fn the_far_are_found() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
        let found = |of_a: f64, of_b: f64| {
            let place =
                |i: usize| [of_a, of_b, 0.003, -0.001, 0.001, 0.0, 0.002, -0.003, 0.0, 0.001, -0.002][i];
            let tally = |i| Tally { deviations: vec![place(i)], ..Tally::default() };
            let tallies = names.iter().enumerate().map(|(i, &name)| (name, tally(i))).collect();
            far(&tallies, 0.025).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(found(0.2, 0.22), ["a", "b"]);
        assert_eq!(found(0.05, 0.0), ["a"]);
        assert_eq!(found(0.001, 0.0), Vec::<&str>::new());
    }
}
