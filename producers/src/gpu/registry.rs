//! The workloads by name.

use super::{
    alloc, attention, compile,
    device::Device,
    elementwise,
    error::GpuError,
    fft, fma, gemm, launch, layer_norm, memcpy, nccl,
    parameters::{Spec, Values},
    quantise, reduce,
    running::{Opened, Running, survived},
    softmax, spmv, transpose,
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
    (gemm::SPECS, gemm::open),
    (fft::SPECS, fft::open),
    (spmv::SPECS, spmv::open),
    (memcpy::SPECS, memcpy::open),
    (alloc::SPECS, alloc::open),
    (launch::SPECS, launch::open),
    (compile::SPECS, compile::open),
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
        let unknown = || Refused::Failed(format!("unknown workload {:?}", benchmark.name));
        let spec = spec(&benchmark.name).ok_or_else(unknown)?;
        let (benchmark, values) =
            spec.plan(&benchmark.parameters).map_err(|error| Refused::Failed(error.to_string()))?;
        let family = FAMILIES.iter().find(|(specs, _)| specs.contains(spec));
        let workload = match family {
            Some((_, family)) => of_one_device(*family, spec.name, benchmark.to_string(), &values, seed),
            None => nccl::open(spec.name, benchmark.to_string(), &values, seed),
        };
        Ok(survived(workload)?)
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

/// What `open` sets up, on the first device that this process sees.
fn of_one_device(
    open: Open,
    name: &str,
    label: String,
    values: &Values,
    seed: u64,
) -> Result<Box<dyn Workload>, GpuError> {
    let device = Device::shared()?;
    let opened = open(name, &device, values, seed)?;
    Ok(Box::new(Running::new(device, label, values, opened)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Parameter;
    use std::collections::BTreeMap;

    /// A small size in every number, and each word of each parameter with each of the others.
    fn small(parameters: &[Parameter]) -> Vec<BTreeMap<String, String>> {
        parameters.iter().fold(vec![BTreeMap::new()], |all, parameter| {
            let number = match parameter.name {
                "bytes" => "65536",
                "s" | "rows" | "columns" => "128",
                "d" => "64",
                _ => "32",
            };
            let values = if parameter.words.is_empty() { &[number] } else { parameter.words };
            let with = |given: &BTreeMap<String, String>, value: &str| {
                let mut given = given.clone();
                given.insert(parameter.name.to_owned(), value.to_owned());
                given
            };
            all.iter().flat_map(|given| values.iter().map(move |value| with(given, value))).collect()
        })
    }

    /// Every workload is right on the device of this machine and can be sampled, in all of its kinds and modes.
    #[test]
    fn workloads_are_right_here() {
        if let Err(error) = Device::shared() {
            eprintln!("skipped: {error}");
            return;
        }
        for spec in specs() {
            for given in small(spec.parameters) {
                let (benchmark, _) = spec.plan(&given).expect("known parameters");
                let mut workload = match open(&benchmark, 42) {
                    Ok(workload) => workload,
                    Err(Refused::Skipped(reason)) => {
                        eprintln!("skipped: {benchmark}: {reason}");
                        continue;
                    }
                    Err(Refused::Failed(problem)) => panic!("{benchmark}: {problem}"),
                };
                workload.check().expect("a right result");
                let iterations = workload.fixed_iterations().unwrap_or(3);
                for _ in 0..2 {
                    workload.prepare(iterations);
                    workload.run(iterations);
                    let is_timed = workload.device_time().is_none_or(|time| time > 0.0);
                    assert!(is_timed, "{benchmark}: no time");
                    workload.settle();
                }
            }
        }
    }
}
