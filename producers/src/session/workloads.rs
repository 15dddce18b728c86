//! Where the benchmarks of a session come from.

use crate::{
    cpu,
    environment::Topology,
    measure::Workload,
    suite::{Planned, Suite, SuiteError},
};
use benchlake_schemas::Benchmark;

/// Where the benchmarks of a session come from: the workloads of this build, or the functions that a
/// program has registered.
pub trait Workloads {
    /// The benchmarks of `suite` on this machine, in the order in which they are written.
    ///
    /// # Errors
    /// [`SuiteError`] if the suite does not fit this machine.
    fn plan(&self, suite: &Suite) -> Result<Vec<Planned>, SuiteError>;

    /// Sets `benchmark` up: allocates, seeds its inputs, starts its threads.
    ///
    /// # Errors
    /// Why that is not possible here, in words.
    fn open(&self, benchmark: &Benchmark, seed: u64) -> Result<Box<dyn Workload>, String>;
}

/// The workloads of this build.
#[derive(Debug, Clone, Copy, Default)]
pub struct Builtin;

impl Workloads for Builtin {
    fn plan(&self, suite: &Suite) -> Result<Vec<Planned>, SuiteError> {
        suite.expand(&Topology::read())
    }

    fn open(&self, benchmark: &Benchmark, seed: u64) -> Result<Box<dyn Workload>, String> {
        cpu::open(benchmark, seed).map_err(|error| error.to_string())
    }
}
