//! What both sides measured, and what one alone did.

use crate::selection::{Measured, titled};
use std::collections::{BTreeMap, BTreeSet};

/// What cannot be compared, in the order of labels.
#[derive(Debug, Default)]
pub(super) struct Matched {
    only_base: BTreeMap<Key, String>,
    only_new: BTreeMap<Key, String>,
    /// Why what both measured is not compared.
    remarks: BTreeMap<Key, String>,
}

/// Label, metric and id.
type Key = (String, String, String);

impl Matched {
    /// What both sides measured alike, of some benchmarks.
    pub(super) fn pairs(&mut self, base: Vec<Measured>, new: Vec<Measured>) -> Vec<(Measured, Measured)> {
        let mut pairs = Vec::new();
        let (mut base, new) = (by_key(base), by_key(new));
        for (key, mut new) in new {
            let Some(mut base) = base.remove(&key) else {
                self.only_new.extend(named(key, &new));
                continue;
            };
            match mixed(&base, &new) {
                Some(remark) => drop(self.remarks.insert(key, remark)),
                None => pairs.extend(base.pop().zip(new.pop())),
            }
        }
        self.only_base.extend(base.into_iter().filter_map(|(key, base)| named(key, &base)));
        pairs
    }

    /// What the base alone has, what the new side alone has, and why the rest is not compared.
    pub(super) fn told(self) -> [Vec<String>; 3] {
        [self.only_base, self.only_new, self.remarks].map(|found| found.into_values().collect())
    }
}

fn by_key(side: Vec<Measured>) -> BTreeMap<Key, Vec<Measured>> {
    let mut found: BTreeMap<Key, Vec<Measured>> = BTreeMap::new();
    for one in side {
        let key = (one.label.clone(), one.metric.clone(), one.benchmark_id.clone());
        found.entry(key).or_default().push(one);
    }
    found
}

fn named(key: Key, found: &[Measured]) -> Option<(Key, String)> {
    Some((key, name(found.first()?)))
}

fn name(one: &Measured) -> String {
    titled(&one.label, &one.metric)
}

/// Why they are not compared, where units or directions differ.
fn mixed(base: &[Measured], new: &[Measured]) -> Option<String> {
    let kinds: BTreeSet<(&str, &str)> =
        base.iter().chain(new).map(|one| (one.unit.as_str(), one.better.as_str())).collect();
    let told: Vec<String> =
        kinds.iter().map(|(unit, better)| format!("{unit}, {better} is better")).collect();
    (told.len() > 1)
        .then(|| format!("{} is not compared: it is measured as {}", name(&new[0]), told.join(" and as ")))
}
