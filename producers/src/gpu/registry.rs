//! The workloads by name.

use super::{
    attention,
    device::Device,
    elementwise,
    error::GpuError,
    fma, layer_norm, nccl,
    parameters::{Spec, Values},
    quantise, reduce,
    running::{Opened, Running},
    softmax, transpose,
};
use crate::{
    measure::Workload,
    session::{Refused, said},
};
use benchlake_schemas::Benchmark;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Workloads that are set up by one function.
type Open = fn(&str, &Arc<Device>, &Values, u64) -> Result<Opened, GpuError>;

const FAMILIES: &[(&[Spec], Open)] = &[
    (elementwise::SPECS, elementwise::open),
    (reduce::SPECS, reduce::open),
    (transpose::SPECS, transpose::open),
    (softmax::SPECS, softmax::open),
    (layer_norm::SPECS, layer_norm::open),
    (quantise::SPECS, quantise::open),
    (attention::SPECS, attention::open),
    (fma::SPECS, fma::open),
];

/// Every workload of GPUs.
pub fn specs() -> impl Iterator<Item = &'static Spec> + Clone {
    FAMILIES.iter().flat_map(|(specs, _)| specs.iter()).chain(nccl::SPECS)
}

/// The workload called `name`.
pub(crate) fn spec(name: &str) -> Option<&'static Spec> {
    specs().find(|spec| spec.name == name)
}

/// Sets `benchmark` up on the first device that this process sees: allocates, seeds its inputs, runs it once.
///
/// # Errors
/// [`Refused::Skipped`] where this machine lacks what it needs, [`Refused::Failed`] where it fails.
pub(crate) fn open(benchmark: &Benchmark, seed: u64) -> Result<Box<dyn Workload>, Refused> {
    let set_up = || -> Result<Box<dyn Workload>, Refused> {
        let spec = spec(&benchmark.name)
            .ok_or_else(|| Refused::Failed(format!("unknown workload {:?}", benchmark.name)))?;
        let (benchmark, values) =
            spec.plan(&benchmark.parameters).map_err(|error| Refused::Failed(error.to_string()))?;
        if nccl::SPECS.contains(spec) {
            return Ok(nccl::open(spec.name, benchmark.to_string(), &values, seed)?);
        }
        let device = Device::shared()?;
        let (_, family) = FAMILIES
            .iter()
            .find(|(specs, _)| specs.contains(spec))
            .ok_or_else(|| Refused::Failed(format!("unknown workload {:?}", benchmark.name)))?;
        let opened = family(spec.name, &device, &values, seed)?;
        Ok(Box::new(Running::new(device, benchmark.to_string(), &values, opened)?))
    };
    // A function that a library is too old to have panics where it is called first.
    catch_unwind(AssertUnwindSafe(set_up)).unwrap_or_else(|panic| {
        let text = said(panic.as_ref());
        Err(if text.contains("symbol") || text.contains("dynamically load") {
            Refused::Skipped(format!("a library of CUDA is too old or missing: {text}"))
        } else {
            Refused::Failed(text)
        })
    })
}
