//! Where the benchmarks of a session come from.

use crate::{
    catalog,
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
    /// [`Refused`], why that is not possible here.
    fn open(&self, benchmark: &Benchmark, seed: u64) -> Result<Box<dyn Workload>, Refused>;

    /// How many ranks measure `benchmark` together: the first ones of the session.
    fn ranks(&self, _benchmark: &Benchmark) -> usize {
        1
    }
}

/// Why a benchmark cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// This machine lacks what it needs: hardware, a driver, a library. Says which, and what to do.
    Skipped(String),
    /// It failed. Says how.
    Failed(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Skipped(why) | Self::Failed(why)) = self;
        f.write_str(why)
    }
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
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

    fn open(&self, benchmark: &Benchmark, seed: u64) -> Result<Box<dyn Workload>, Refused> {
        if program::is_named(benchmark) {
            return Ok(program::open(benchmark, self.program.as_deref())?);
        }
        catalog::open(benchmark, seed)
    }

    fn ranks(&self, benchmark: &Benchmark) -> usize {
        catalog::ranks(benchmark)
    }
}
