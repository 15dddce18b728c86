//! From parameters as people write them to canonical ones, for the workloads of devices. Sizes are plain
//! numbers, so that a suite means the same on every node.

use crate::cpu::{Parameter, WorkloadError, hint};
use benchlake_schemas::Benchmark;
use std::collections::BTreeMap;

/// How often and how warm: different benchmarks.
pub(crate) const MODE: Parameter = Parameter::word(
    "mode",
    "batch: many iterations back to back; hot: one, caches as they are; cold: one, after the level-2 cache was \
     overwritten; graph: many, as one CUDA graph",
    &["batch", "hot", "cold", "graph"],
);

/// A workload that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Its name, such as `gpu.triad`.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
}

/// The values of a planned benchmark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Values {
    words: BTreeMap<&'static str, &'static str>,
    numbers: BTreeMap<&'static str, u64>,
}

impl Values {
    /// The word of the parameter `name`; empty where the workload has none.
    pub(crate) fn word(&self, name: &str) -> &'static str {
        self.words.get(name).copied().unwrap_or_default()
    }

    /// The number of the parameter `name`; 0 where the workload has none.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.numbers.get(name).copied().unwrap_or_default()
    }

    /// The same as a length in memory.
    pub(crate) fn size(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap_or(usize::MAX)
    }
}

impl Spec {
    /// The canonical benchmark of the parameters `given`, and its values: defaults filled in, units resolved.
    ///
    /// # Errors
    /// [`WorkloadError`] for what is unknown, missing or not understood.
    pub(crate) fn plan(
        &self,
        given: &BTreeMap<String, String>,
    ) -> Result<(Benchmark, Values), WorkloadError> {
        let known = || self.parameters.iter().map(|parameter| parameter.name);
        if let Some(parameter) = given.keys().find(|key| known().all(|name| name != key.as_str())) {
            let (workload, hint) = (self.name, hint(parameter, known()));
            return Err(WorkloadError::UnknownParameter { workload, parameter: parameter.clone(), hint });
        }
        let mut benchmark = Benchmark::new(self.name);
        let mut values = Values::default();
        for parameter in self.parameters {
            let Parameter { name, meaning, default, words, silent } = *parameter;
            // The m and k of a matrix product are its n unless given.
            let given_n = || given.get("n").filter(|_| matches!(name, "m" | "k"));
            let text = given.get(name).or_else(given_n).map(String::as_str).or(default);
            let text = text.ok_or(WorkloadError::MissingParameter {
                workload: self.name,
                parameter: name,
                meaning,
            })?;
            if words.is_empty() {
                let number = number(name, text)?;
                values.numbers.insert(name, number);
                benchmark = benchmark.with(name, number);
                continue;
            }
            let known = words.iter().copied().find(|word| *word == text);
            let word = known.ok_or_else(|| WorkloadError::UnknownValue {
                parameter: name,
                value: text.to_owned(),
                allowed: words,
            })?;
            values.words.insert(name, word);
            if !(silent && default == Some(word)) {
                benchmark = benchmark.with(name, word);
            }
        }
        Ok((benchmark, values))
    }
}

/// A positive whole number; of `bytes`, with a unit too.
fn number(parameter: &'static str, text: &str) -> Result<u64, WorkloadError> {
    let refuse = |problem: &str| WorkloadError::BadValue {
        parameter,
        value: text.to_owned(),
        problem: problem.to_owned(),
    };
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let factor = match unit.trim() {
        "" => Some(1),
        "KiB" if parameter == "bytes" => Some(1 << 10),
        "MiB" if parameter == "bytes" => Some(1 << 20),
        "GiB" if parameter == "bytes" => Some(1 << 30),
        _ => None,
    };
    let (Some(factor), false) = (factor, digits.is_empty()) else {
        let with = if parameter == "bytes" { ", with KiB, MiB or GiB where wished" } else { "" };
        return Err(refuse(&format!("is not a size: a positive whole number{with}")));
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)) {
        Some(0) => Err(refuse("is empty: at least 1")),
        Some(number) if i64::try_from(number).is_ok() => Ok(number),
        _ => Err(refuse("is larger than any memory: at most 2^63 - 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        name: "gpu.test",
        summary: "",
        parameters: &[Parameter::number("bytes", "bytes"), Parameter::number("n", "elements"), MODE],
    };

    fn plan(given: &[(&str, &str)]) -> Result<(Benchmark, Values), WorkloadError> {
        SPEC.plan(&given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    /// Defaults are filled in and units resolved, so that one benchmark has one id.
    #[test]
    fn plans_are_canonical() {
        let (benchmark, values) = plan(&[("bytes", "4MiB"), ("n", "7")]).expect("a plan");
        assert_eq!(benchmark.to_string(), "gpu.test{bytes=4194304,mode=batch,n=7}");
        assert_eq!((values.number("bytes"), values.size("n"), values.word("mode")), (4 << 20, 7, "batch"));
    }

    /// A matrix is square unless its other sides are given.
    #[test]
    fn other_sides_are_n() {
        const SIDES: &[Parameter] =
            &[Parameter::number("m", ""), Parameter::number("n", ""), Parameter::number("k", "")];
        let spec = Spec { parameters: SIDES, ..SPEC };
        let given = |pairs: &[(&str, &str)]| {
            let given = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            spec.plan(&given).map(|(benchmark, _)| benchmark.to_string())
        };
        assert_eq!(given(&[("n", "64")]).as_deref(), Ok("gpu.test{k=64,m=64,n=64}"));
        assert_eq!(given(&[("n", "64"), ("k", "8")]).as_deref(), Ok("gpu.test{k=8,m=64,n=64}"));
        assert!(given(&[("m", "64")]).expect_err("no n").to_string().contains("needs the parameter"));
    }

    /// Each mistake is named with the way out.
    #[test]
    fn mistakes_are_named() {
        let text = |given: &[(&str, &str)]| plan(given).expect_err("a mistake").to_string();
        assert_eq!(text(&[("m", "1")]), "unknown parameter \"m\" of gpu.test; did you mean \"n\"?");
        assert_eq!(text(&[("n", "1")]), "gpu.test needs the parameter `bytes`: bytes");
        assert!(text(&[("bytes", "1"), ("n", "4KiB")]).contains("is not a size"));
        assert!(text(&[("bytes", "0"), ("n", "4")]).contains("is empty"));
        assert!(
            text(&[("bytes", "1"), ("n", "1"), ("mode", "warm")])
                .starts_with("unknown mode \"warm\"; one of batch")
        );
    }
}
