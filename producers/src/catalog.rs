//! Every workload of this build, whatever it runs on.

#[cfg(feature = "gpu")]
use crate::gpu;
use crate::{
    cpu::{self, WorkloadError, hint},
    environment::Topology,
    measure::Workload,
    ranks::{RANKS, barrier},
    session::Refused,
};
use benchlake_schemas::Benchmark;
use std::collections::BTreeMap;

/// The names of all workloads.
fn names() -> impl Iterator<Item = &'static str> + Clone {
    let names = cpu::WORKLOADS.iter().map(|spec| spec.name).chain([barrier::NAME]);
    #[cfg(feature = "gpu")]
    let names = names.chain(gpu::specs().map(|spec| spec.name));
    names
}

/// Whether the workload `name` is one of them.
///
/// # Errors
/// [`WorkloadError::UnknownWorkload`], with the nearest name.
pub(crate) fn known(name: &str) -> Result<(), WorkloadError> {
    if names().any(|known| known == name) {
        return Ok(());
    }
    Err(WorkloadError::UnknownWorkload { name: name.to_owned(), hint: hint(name, names()) })
}

/// The canonical benchmark of the workload `name` with the parameters `given`.
///
/// # Errors
/// [`WorkloadError`] if the workload or a parameter is unknown, missing or impossible there.
pub(crate) fn plan(
    name: &str,
    given: &BTreeMap<String, String>,
    topology: &Topology,
) -> Result<Benchmark, WorkloadError> {
    known(name)?;
    if name == barrier::NAME {
        return barrier::plan(given);
    }
    #[cfg(feature = "gpu")]
    if let Some(spec) = gpu::spec(name) {
        return spec.plan(given).map(|(benchmark, _)| benchmark);
    }
    cpu::plan(name, given, topology)
}

/// Sets `benchmark` up.
///
/// # Errors
/// [`Refused`], why that is not possible here.
pub(crate) fn open(benchmark: &Benchmark, seed: u64) -> Result<Box<dyn Workload>, Refused> {
    known(&benchmark.name).map_err(|error| Refused::Failed(error.to_string()))?;
    if benchmark.name == barrier::NAME {
        return Ok(barrier::open(benchmark));
    }
    #[cfg(feature = "gpu")]
    if gpu::spec(&benchmark.name).is_some() {
        return gpu::open(benchmark, seed);
    }
    cpu::open(benchmark, seed).map_err(|error| Refused::Failed(error.to_string()))
}

/// How many ranks measure `benchmark` together.
pub(crate) fn ranks(benchmark: &Benchmark) -> usize {
    let ranks = known(&benchmark.name).ok().and_then(|()| benchmark.parameters.get(RANKS.name));
    ranks.and_then(|ranks| ranks.parse().ok()).unwrap_or(1)
}
