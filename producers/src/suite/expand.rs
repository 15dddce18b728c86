//! From axes to benchmarks: their cartesian product, each checked.

use super::{Axis, Entry, Suite, SuiteError};
use crate::{catalog, cpu::WorkloadError, environment::Topology, measure::Policy, program};
use benchlake_schemas::{Benchmark, BenchmarkId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most benchmarks of one suite; a slip in an axis should not start a week of measuring.
const MOST_BENCHMARKS: usize = 100_000;

/// One benchmark of a suite, ready to be opened and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The benchmark, canonical.
    pub benchmark: Benchmark,
    /// How to sample it.
    pub policy: Policy,
}

impl Suite {
    /// The benchmarks, in the order of the file, the last axis varying fastest; symbolic sizes
    /// resolved for `topology`. An `optional` entry leaves out what that machine has no cache or memory
    /// for, and what its axes make twice. Allocates none of their buffers.
    ///
    /// # Errors
    /// [`SuiteError`] for an unknown workload or parameter, a value that is unknown or impossible
    /// on that machine, or a benchmark that is there twice.
    pub fn expand(&self, topology: &Topology) -> Result<Vec<Planned>, SuiteError> {
        let mut planned = Vec::new();
        let mut seen: BTreeMap<BenchmarkId, usize> = BTreeMap::new();
        for entry in &self.entries {
            if entry.workload != program::NAME {
                catalog::known(&entry.workload).map_err(|error| self.error(entry, &error))?;
            }
            let sizes = entry.axes.iter().map(|axis| axis.values.len());
            let count = sizes.fold(1_usize, usize::saturating_mul);
            if count.saturating_add(planned.len()) > MOST_BENCHMARKS {
                let problem = format!("the axes make more than {MOST_BENCHMARKS} benchmarks: shorten one");
                return Err(SuiteError::at(&self.label, entry.line, problem));
            }
            for position in 0..count {
                let given = combination(&entry.axes, position);
                let Some(benchmark) = self.benchmark(entry, &given, topology)? else { continue };
                if let Some(line) = seen.insert(benchmark.id(), entry.line) {
                    // Where one thread is all of them, or two caches are of one size.
                    if entry.optional && line == entry.line {
                        continue;
                    }
                    let problem = format!("{benchmark} is already there (line {line}): remove one of them");
                    return Err(SuiteError::at(&self.label, entry.line, problem));
                }
                planned.push(Planned { benchmark, policy: entry.policy.clone() });
            }
        }
        Ok(planned)
    }

    /// The benchmark of `entry` with the parameters `given`; `None` where the entry is optional and this
    /// machine cannot measure it.
    fn benchmark(
        &self,
        entry: &Entry,
        given: &BTreeMap<String, String>,
        topology: &Topology,
    ) -> Result<Option<Benchmark>, SuiteError> {
        let planned = match (&self.program, entry.workload.as_str()) {
            (Some(program), program::NAME) => program::plan(&program.path, given),
            (None, program::NAME) => {
                let problem = "the workload \"program\" has no program: add [program] with path = \"target/release/mine\"";
                return Err(SuiteError::at(&self.label, entry.line, problem));
            }
            (_, name) => catalog::plan(name, given, topology),
        };
        match planned {
            Ok(benchmark) => Ok(Some(benchmark)),
            Err(error) if entry.optional && error.is_of_this_machine() => Ok(None),
            Err(error) => Err(self.error(entry, &error)),
        }
    }

    /// `error` at the line of the parameter that it is about.
    fn error(&self, entry: &Entry, error: &WorkloadError) -> SuiteError {
        let axis = error.parameter().and_then(|name| entry.axes.iter().find(|axis| axis.name == name));
        SuiteError::at(&self.label, axis.map_or(entry.line, |axis| axis.line), error.to_string())
    }
}

/// The combination number `position` of the axes' values, the last axis varying fastest.
fn combination(axes: &[Axis], mut position: usize) -> BTreeMap<String, String> {
    let mut given = BTreeMap::new();
    for axis in axes.iter().rev() {
        given.insert(axis.name.clone(), axis.values[position % axis.values.len()].clone());
        position /= axis.values.len();
    }
    given
}
