//! Where the benchmarks of a session come from.

use crate::{
    cpu,
    environment::Topology,
    measure::Workload,
    program,
    suite::{Planned, Suite, SuiteError},
};
use benchlake_schemas::Benchmark;
use std::path::PathBuf;

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
#[derive(Debug, Clone, Default)]
pub struct Builtin {
    /// The program that the workload `program` runs; `None` where none is measured.
    pub program: Option<PathBuf>,
}

impl Workloads for Builtin {
    fn plan(&self, suite: &Suite) -> Result<Vec<Planned>, SuiteError> {
        suite.expand(&Topology::read())
    }

    fn open(&self, benchmark: &Benchmark, seed: u64) -> Result<Box<dyn Workload>, String> {
        if program::is_named(benchmark) {
            return program::open(benchmark, self.program.as_deref());
        }
        cpu::open(benchmark, seed).map_err(|error| error.to_string())
    }
}
