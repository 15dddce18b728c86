//! Environments beside each other: which facts differ, and which of those make times incomparable.

use super::Session;
use std::collections::{BTreeMap, BTreeSet};

/// Facts that change by themselves, from one minute to the next.
const VOLATILE: [&str; 5] = ["cpu.steal", "load.", "noise.", "thermal.", "memory.available"];
/// Facts of what is measured, and of how often: not of what it is measured on.
const SUBJECT: [&str; 6] =
    ["program.", "benchlake.commit", "benchlake.version", "run.", "node", "gpu.devices"];
/// Facts that are told apart, but keep nothing from being compared: which processors were chosen.
const TOLD: [&str; 3] = ["cpu.affinity", "cpu.usable", "numa.cpus"];
/// What makes a platform: benchmarks of two of them have nothing to do with each other.
const PLATFORM: [&str; 3] = ["cpu.model", "cpu.threads", "benchlake.target"];

/// A fact that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The fact, such as `cpu.model`.
    pub key: String,
    /// Its values among the sessions of the first side; `None` is a session without it.
    pub first: BTreeSet<Option<String>>,
    /// Its values among the sessions of the second side.
    pub second: BTreeSet<Option<String>>,
}

/// How the environments of two sides differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// Facts of machine, system or toolchain: their sides are not comparable, unless that is the question.
    pub decisive: Vec<Difference>,
    /// Other facts that differ.
    pub told: Vec<Difference>,
}

/// The facts that decide whether times are comparable: of machine, system and toolchain. What changes by
/// itself (load, temperature, noise), what is measured (program, commit) and what is told alone is left out.
pub(crate) fn decisive(environment: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, &String)> {
    environment.iter().filter(|(key, _)| is_compared(key) && !is_of(key, &TOLD))
}

fn is_compared(key: &str) -> bool {
    !is_of(key, &VOLATILE) && !is_of(key, &SUBJECT)
}

/// How the environments of two sides differ, by key. A fact differs where the sets of its values do.
///
/// What changes by itself (load, temperature, noise) and what is measured (program, commit) is left out.
#[must_use]
pub fn differences(first: &[&Session], second: &[&Session]) -> Differences {
    let mut found = Differences::default();
    let keys: BTreeSet<&String> =
        first.iter().chain(second).flat_map(|session| session.environment.keys()).collect();
    for key in keys.into_iter().filter(|key| is_compared(key)) {
        let values = |side: &[&Session]| -> BTreeSet<Option<String>> {
            side.iter().map(|session| session.environment.get(key).cloned()).collect()
        };
        let difference = Difference { key: key.clone(), first: values(first), second: values(second) };
        if difference.first == difference.second {
            continue;
        }
        if is_of(key, &TOLD) { found.told.push(difference) } else { found.decisive.push(difference) }
    }
    found
}

/// The platform that an environment is of, such as `AMD EPYC, 2 threads, x86_64-unknown-linux-gnu`; the
/// names of accelerators come after it.
#[must_use]
pub fn platform(environment: &BTreeMap<String, String>) -> String {
    let fact = |key: &str| environment.get(key).cloned().unwrap_or_else(|| "unknown".to_owned());
    let [model, threads, target] = PLATFORM.map(fact);
    let mut text = format!("{model}, {threads} threads, {target}");
    let is_name = |key: &str| key.starts_with("gpu.") && key.ends_with(".name");
    for (_, name) in environment.iter().filter(|(key, _)| is_name(key)) {
        text.push_str(", ");
        text.push_str(name);
    }
    text
}

/// Whether `key` is one of `names`, or begins with one that ends with a dot.
fn is_of(key: &str, names: &[&str]) -> bool {
    names.iter().any(|name| {
        key == *name || (key.starts_with(name) && (name.ends_with('.') || key[name.len()..].starts_with('.')))
    })
}
