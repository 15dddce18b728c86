//! From parameters as people write them to canonical ones: every parameter present, sizes as plain
//! numbers. The benchmark's id is computed from the canonical form.

use super::{
    error::{WorkloadError, hint},
    size::{self, Footprint},
    sweep::Sweep,
};
use crate::environment::Topology;
use benchlake_schemas::Benchmark;
use std::collections::BTreeMap;

/// The element types of the numeric workloads.
pub(crate) const DTYPES: &[&str] = &["f32", "f64"];

/// One parameter of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it means, with an example.
    pub meaning: &'static str,
    /// Its value where none is given; `None` where one must be given.
    pub default: Option<&'static str>,
    /// The words it may be; empty where it is a number.
    pub words: &'static [&'static str],
    /// Whether its default goes without saying: it is then no canonical parameter, so that benchmarks
    /// have the ids that they had before there was such a parameter.
    pub silent: bool,
}

impl Parameter {
    /// A size or a number that must be given.
    pub(crate) const fn number(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, default: None, words: &[], silent: false }
    }

    /// One of `words`, the first unless another is given.
    #[cfg(feature = "gpu")]
    pub(crate) const fn word(
        name: &'static str,
        meaning: &'static str,
        words: &'static [&'static str],
    ) -> Self {
        Self { name, meaning, default: Some(words[0]), words, silent: false }
    }

    /// One of `words`, the first unless another is given, which goes without saying.
    const fn silent(name: &'static str, meaning: &'static str, words: &'static [&'static str]) -> Self {
        Self { name, meaning, default: Some(words[0]), words, silent: true }
    }
}

pub(crate) const DTYPE: Parameter = Parameter {
    name: "dtype",
    meaning: "element type, f32 or f64",
    default: Some("f64"),
    words: DTYPES,
    silent: false,
};
pub(crate) const THREADS: Parameter = Parameter {
    name: "threads",
    meaning: "threads, such as 1, or \"all\"",
    default: Some("1"),
    words: &[],
    silent: false,
};
pub(crate) const ELEMENTS: Parameter =
    Parameter::number("n", "elements of one array, such as 65536, or \"L1\", \"L2\", \"L3\", \"memory\"");
pub(crate) const BYTES: Parameter =
    Parameter::number("bytes", "bytes, such as 65536 or \"4MiB\", or \"L1\", \"L2\", \"L3\", \"memory\"");
pub(crate) const STORE: Parameter =
    Parameter::silent("store", "stores, regular, or nt: streaming past the caches", &["regular", "nt"]);
pub(crate) const CACHE: Parameter = Parameter::silent(
    "cache",
    "caches before a sample, hot, or cold: emptied, and a sample is one iteration",
    &["hot", "cold"],
);

/// A workload as the registry knows it.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The name, such as `cpu.triad`.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// Its memory, as a function of its size.
    pub(crate) footprint: Footprint,
}

/// The values of a planned benchmark, parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Values {
    pub(crate) f64: bool,
    pub(crate) threads: usize,
    /// `m`, `n`, `k` of a GEMM; else the size thrice.
    pub(crate) size: [usize; 3],
    /// Whether stores go past the caches.
    pub(crate) streaming: bool,
    /// Whether caches are emptied before each sample.
    pub(crate) cold: bool,
}

impl Spec {
    /// Bytes of one element: 1 where there is no dtype.
    fn element_bytes(&self, dtype: Option<&str>) -> u64 {
        match dtype {
            Some("f32") => 4,
            Some(_) => 8,
            None => 1,
        }
    }

    /// Fills in defaults, resolves symbols by `topology`, and checks that it is possible there.
    pub(crate) fn plan(
        &self,
        given: &BTreeMap<String, String>,
        topology: &Topology,
    ) -> Result<(Benchmark, Values), WorkloadError> {
        let known = || self.parameters.iter().map(|parameter| parameter.name);
        if let Some(parameter) = given.keys().find(|key| known().all(|name| name != key.as_str())) {
            let hint = hint(parameter, known());
            return Err(WorkloadError::UnknownParameter {
                workload: self.name,
                parameter: parameter.clone(),
                hint,
            });
        }
        let has = |name| known().any(|known| known == name);
        let text = |parameter: &Parameter| -> Option<String> {
            given.get(parameter.name).cloned().or(parameter.default.map(str::to_owned))
        };
        let mut benchmark = Benchmark::new(self.name);
        let mut words = BTreeMap::new();
        for parameter in self.parameters.iter().filter(|parameter| !parameter.words.is_empty()) {
            let value = word(parameter, text(parameter).unwrap_or_default())?;
            if !(parameter.silent && parameter.default == Some(value)) {
                benchmark = benchmark.with(parameter.name, value);
            }
            words.insert(parameter.name, value);
        }
        let threads =
            if has("threads") { threads(&text(&THREADS).unwrap_or_default(), topology)? } else { 1 };
        let element = self.element_bytes(words.get("dtype").copied());
        let mut resolved = BTreeMap::new();
        for parameter in self.parameters.iter().filter(|p| p.words.is_empty() && p.name != "threads") {
            // A GEMM's m and k are its n unless given.
            let value = text(parameter).or_else(|| given.get("n").cloned()).ok_or(
                WorkloadError::MissingParameter {
                    workload: self.name,
                    parameter: parameter.name,
                    meaning: parameter.meaning,
                },
            )?;
            let name = if given.contains_key(parameter.name) { parameter.name } else { "n" };
            let size = size::resolve(name, &value, self.footprint, element, threads, topology)?;
            resolved.insert(parameter.name, size);
            benchmark = benchmark.with(parameter.name, size);
        }
        let at = |name| resolved.get(name).or(resolved.get("bytes")).copied().unwrap_or(0);
        let [m, n, k] = if resolved.contains_key("m") { [at("m"), at("n"), at("k")] } else { [at("n"); 3] };
        let values = Values {
            f64: element == 8,
            threads,
            size: [m, n, k].map(|size| usize::try_from(size).unwrap_or(0)),
            streaming: words.get("store") == Some(&"nt"),
            cold: words.get("cache") == Some(&"cold"),
        };
        self.fits(given, [m, n, k], element, &values, topology)?;
        if has("threads") {
            benchmark = benchmark.with("threads", threads);
        }
        Ok((benchmark, values))
    }

    /// Checks the buffers against the memory available and the least share of a thread.
    fn fits(
        &self,
        given: &BTreeMap<String, String>,
        size: [u64; 3],
        element: u64,
        values: &Values,
        topology: &Topology,
    ) -> Result<(), WorkloadError> {
        let threads = values.threads;
        let parameter = if given.contains_key("bytes") { "bytes" } else { "n" };
        let value = given.get(parameter).cloned().unwrap_or_else(|| size[1].to_string());
        let needed = self.footprint.bytes(size, element, threads).unwrap_or(u64::MAX);
        let available = topology.memory_available;
        if needed > available || usize::try_from(needed).is_err() {
            return Err(WorkloadError::TooLarge { parameter, value, needed, available });
        }
        if let Some(problem) = self.footprint.refuses(size[1], threads) {
            return Err(WorkloadError::BadValue { parameter, value, problem });
        }
        let sweep = if values.cold { Sweep::bytes(topology) } else { 0 };
        if needed.saturating_add(sweep) > available {
            return Err(WorkloadError::TooLarge {
                parameter: CACHE.name,
                value: "cold".into(),
                needed: needed.saturating_add(sweep),
                available,
            });
        }
        Ok(())
    }
}

/// `value`, where it is one of the words of `parameter`.
fn word(parameter: &Parameter, value: String) -> Result<&'static str, WorkloadError> {
    let Parameter { name, words, .. } = *parameter;
    let known = words.iter().copied().find(|word| *word == value);
    known.ok_or(WorkloadError::UnknownValue { parameter: name, value, allowed: words })
}

/// `2` or `all`; never more than the processors, as waiting threads spin.
fn threads(text: &str, topology: &Topology) -> Result<usize, WorkloadError> {
    let refuse =
        |problem: String| WorkloadError::BadValue { parameter: "threads", value: text.to_owned(), problem };
    if text == "all" {
        return Ok(topology.cpus);
    }
    match text.parse::<usize>() {
        Ok(0) => Err(refuse("is none: at least 1".into())),
        Ok(count) if count > topology.cpus => {
            Err(refuse(format!("is more than the {} processors that this process may use", topology.cpus)))
        }
        Ok(count) => Ok(count),
        Err(_) => Err(refuse("is not a number of threads: such as 1, or \"all\"".into())),
    }
}
