//! From parameters as people write them to canonical ones: every parameter present, sizes as plain
//! numbers. The benchmark's id is computed from the canonical form.

use super::{
    error::{WorkloadError, hint},
    size::{self, Footprint},
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
}

pub(crate) const DTYPE: Parameter =
    Parameter { name: "dtype", meaning: "element type, f32 or f64", default: Some("f64") };
pub(crate) const THREADS: Parameter =
    Parameter { name: "threads", meaning: "threads, such as 1, or \"all\"", default: Some("1") };
pub(crate) const ELEMENTS: Parameter = Parameter {
    name: "n",
    meaning: "elements of one array, such as 65536, or \"L1\", \"L2\", \"L3\", \"memory\"",
    default: None,
};
pub(crate) const BYTES: Parameter = Parameter {
    name: "bytes",
    meaning: "bytes, such as 65536 or \"4MiB\", or \"L1\", \"L2\", \"L3\", \"memory\"",
    default: None,
};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Values {
    pub(crate) f64: bool,
    pub(crate) threads: usize,
    /// `m`, `n`, `k` of a GEMM; else the size thrice.
    pub(crate) size: [usize; 3],
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
        let dtype = text(&DTYPE).filter(|_| has("dtype"));
        if let Some(value) = dtype.as_ref().filter(|value| !DTYPES.contains(&value.as_str())) {
            return Err(WorkloadError::UnknownValue {
                parameter: "dtype",
                value: value.clone(),
                allowed: DTYPES,
            });
        }
        let threads = threads(&text(&THREADS).unwrap_or_default(), topology)?;
        let element = self.element_bytes(dtype.as_deref());
        let mut benchmark = Benchmark::new(self.name);
        let mut resolved = BTreeMap::new();
        for parameter in self.parameters.iter().filter(|p| !["dtype", "threads"].contains(&p.name)) {
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
        self.fits(given, [m, n, k], element, threads, topology)?;
        if let Some(dtype) = &dtype {
            benchmark = benchmark.with("dtype", dtype);
        }
        let values = Values {
            f64: element == 8,
            threads,
            size: [m, n, k].map(|size| usize::try_from(size).unwrap_or(0)),
        };
        Ok((benchmark.with("threads", threads), values))
    }

    /// Checks the buffers against the memory available and the least share of a thread.
    fn fits(
        &self,
        given: &BTreeMap<String, String>,
        size: [u64; 3],
        element: u64,
        threads: usize,
        topology: &Topology,
    ) -> Result<(), WorkloadError> {
        let parameter = if given.contains_key("bytes") { "bytes" } else { "n" };
        let value = given.get(parameter).cloned().unwrap_or_else(|| size[1].to_string());
        let needed = self.footprint.bytes(size, element, threads).unwrap_or(u64::MAX);
        let available = topology.memory_available;
        if needed > available || usize::try_from(needed).is_err() {
            return Err(WorkloadError::TooLarge { parameter, value, needed, available });
        }
        let shared = if matches!(self.footprint, Footprint::PerThread) { u64::MAX } else { size[1] };
        if shared < threads as u64 {
            let problem = format!("is less than one for each of {threads} threads: choose a larger size");
            return Err(WorkloadError::BadValue { parameter, value, problem });
        }
        Ok(())
    }
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
