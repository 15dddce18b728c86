//! Names of benchmarks that fit a column and still tell them apart.

use super::words::one_line;
use crate::decide::Compared;
use std::collections::{BTreeMap, BTreeSet};

/// What tells the benchmarks of a comparison apart.
pub(super) struct Names<'a> {
    /// The parameters of each workload that are not the same in all of its benchmarks.
    telling: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

#[derive(Default)]
struct Parameter<'a> {
    values: BTreeSet<&'a str>,
    benchmarks: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn new(compared: &'a [Compared]) -> Self {
        // Of each workload its benchmarks, and of each parameter its values and the benchmarks that have it.
        let mut workloads: BTreeMap<&str, (BTreeSet<&str>, BTreeMap<&str, Parameter<'_>>)> = BTreeMap::new();
        for one in compared {
            let (benchmarks, parameters) = workloads.entry(&one.benchmark).or_default();
            benchmarks.insert(&one.benchmark_id);
            for (key, value) in &one.parameters {
                let parameter = parameters.entry(key).or_default();
                parameter.values.insert(value);
                parameter.benchmarks.insert(&one.benchmark_id);
            }
        }
        let tells = |all: usize, parameter: &Parameter<'_>| {
            parameter.values.len() > 1 || parameter.benchmarks.len() < all
        };
        let telling = workloads.into_iter().map(|(name, (benchmarks, parameters))| {
            let telling = parameters.into_iter().filter(|(_, parameter)| tells(benchmarks.len(), parameter));
            (name, telling.map(|(key, _)| key).collect())
        });
        Self { telling: telling.collect() }
    }

    /// The name in at most `most` letters: whole where it fits, else without the parameters that are the same
    /// in all benchmarks of the workload, else without its middle.
    pub(super) fn of(&self, one: &Compared, most: usize) -> String {
        let whole = one_line(&one.title());
        if whole.chars().count() <= most {
            return whole;
        }
        let telling = self.telling.get(one.benchmark.as_str());
        let tells = |key: &str| telling.is_some_and(|telling| telling.contains(key));
        let kept = one.parameters.iter().filter(|(key, _)| tells(key));
        let kept: Vec<String> = kept.map(|(key, value)| format!("{key}={value}")).collect();
        let rest = if kept.len() < one.parameters.len() { "…" } else { "" };
        let label = one_line(&format!("{}{{{}{rest}}}", one.benchmark, kept.join(",")));
        let metric = if one.metric == "time" { String::new() } else { format!(" {}", one_line(&one.metric)) };
        let room = most.saturating_sub(metric.chars().count()).max(most / 2);
        shortened(&(shortened(&label, room) + &metric), most)
    }
}

/// `text` in at most `most` letters: what is left out is in its middle.
fn shortened(text: &str, most: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= most {
        return text.to_owned();
    }
    let (head, tail) = (most.saturating_sub(1) / 2, most / 2);
    letters[..head].iter().chain(&['…']).chain(&letters[letters.len() - tail..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is too long loses its middle, by letters.
    #[test]
    fn shortening() {
        assert_eq!(shortened("cpu.gemm{n=512}", 15), "cpu.gemm{n=512}");
        assert_eq!(shortened("cpu.gemm{n=512}", 10), "cpu.…=512}");
        assert_eq!(shortened("äöüßÄÖÜ", 4), "ä…ÖÜ");
    }
}
