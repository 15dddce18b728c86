//! Counters: what a workload cost besides time, as further metrics of the same benchmark.
//!
//! They are counted after the timed samples, in passes of their own, with the same iterations: nothing
//! here can disturb a time. What cannot be counted is never guessed: a machine's lacks are facts of the
//! session ([`Counters::facts`]), a benchmark's are series without samples. Units, groups, formulas and
//! permissions are in `docs/counters.md`.
//!
//! ```
//! use benchlake_producers::{counters::Counters, cpu, environment::Topology, measure::{Clock, Policy, measure}};
//! use std::{collections::BTreeMap, sync::atomic::AtomicBool, time::Duration};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut counters = Counters::open();
//! let given = BTreeMap::from([("n".to_owned(), "1024".to_owned())]);
//! let mut workload = cpu::open(&cpu::plan("cpu.triad", &given, &Topology::read())?, 1)?;
//! let quick = Policy { min_time: Duration::from_millis(2), warmup: Duration::ZERO, ..Policy::default() };
//! let (clock, interrupted) = (Clock::calibrate(), AtomicBool::new(false));
//! let times = measure(workload.as_mut(), &quick, &clock, &interrupted).measure;
//! let time = Duration::from_secs(10);
//! for counted in counters.pass(workload.as_mut(), &times, time, &clock, &interrupted) {
//!     assert!(counted.error.is_some() || counted.samples.samples.len() >= 3);
//! }
//! # Ok(())
//! # }
//! ```

mod allocations;
mod events;
mod memory;
mod pass;
mod perf;
mod processor;
mod rapl;
mod refusal;
mod usage;

pub use allocations::{Allocated, CountingAllocator, counting};

use crate::measure::{Clock, Samples, Workload};
use allocations::Allocations;
use benchlake_schemas::{Flag, Metric, StopReason};
use memory::Memory;
use pass::{Passes, Timed};
use rapl::{Energy, Rapl};
use std::{collections::BTreeMap, path::Path, sync::atomic::AtomicBool, time::Duration};
use usage::Usage;

/// The values of one sample, a value a metric, or why they are not known.
type Read = Result<Vec<f64>, String>;

/// What was counted of one metric of one benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// What.
    pub metric: Metric,
    /// The samples: totals over their iterations; a level stands beside 1.
    pub samples: Samples,
    /// Why counting ended.
    pub stop: StopReason,
    /// Remarks on the samples.
    pub flags: Vec<Flag>,
    /// Why there are no samples, and what to set.
    pub error: Option<String>,
}

impl Counted {
    fn of(metric: Metric, samples: Samples, stop: StopReason, flags: Vec<Flag>) -> Self {
        Self { metric, samples, stop, flags, error: None }
    }

    /// Each of `metrics`, skipped for the reason `why`.
    fn skipped(metrics: &[Metric], why: &str) -> Vec<Self> {
        let samples = || Samples { started_at: benchlake_schemas::now(), ..Samples::default() };
        let skipped = |metric: &Metric| Self {
            metric: *metric,
            samples: samples(),
            stop: StopReason::Skipped,
            flags: Vec::new(),
            error: Some(why.to_owned()),
        };
        metrics.iter().map(skipped).collect()
    }
}

/// The counters of this machine that this process may use.
#[derive(Debug)]
pub struct Counters {
    sets: Vec<perf::Set>,
    energy: Option<Rapl>,
    memory: bool,
    allocations: bool,
    facts: BTreeMap<String, String>,
}

impl Counters {
    /// Tries what there is, within some milliseconds.
    #[must_use]
    pub fn open() -> Self {
        let perf::Probed { sets, mut skipped, multiplexed } = perf::probe(Path::new("/"));
        let mut have = |metrics: &[Metric], found: Result<(), String>| match found {
            Ok(()) => true,
            Err(why) => {
                skipped.extend(metrics.iter().map(|metric| (*metric, why.clone())));
                false
            }
        };
        let mut energy = None;
        let found = Rapl::open(Path::new("/")).map(|rapl| energy = Some(rapl));
        have(&[Metric::Energy], found);
        let memory = have(&[Metric::PeakMemory, Metric::MeanMemory], Memory::probe());
        let allocations = have(&[Metric::Allocations, Metric::AllocatedBytes], Allocations::probe());
        let skipped = skipped.into_iter().map(|(metric, why)| (metric, format!("skipped: {why}")));
        let turns = multiplexed.into_iter().map(|metric| {
            let why = "multiplexed: other programs use the processor's counters too; `sysctl \
                       kernel.nmi_watchdog=0` frees one of them";
            (metric, why.to_owned())
        });
        let facts = skipped.chain(turns).map(|(metric, why)| (format!("counters.{metric}"), why)).collect();
        Self { sets, energy, memory, allocations, facts }
    }

    /// What a session's environment says of them: `counters.METRIC`, for each metric that cannot be
    /// counted, or not all the time, with the reason and what to set.
    #[must_use]
    pub fn facts(&self) -> &BTreeMap<String, String> {
        &self.facts
    }

    /// What a session's environment says where nobody wants any.
    #[must_use]
    pub fn off() -> BTreeMap<String, String> {
        BTreeMap::from([("counters".into(), "off".into())])
    }

    /// Counts `workload` as it was timed in `timed`, each source in a pass of its own, within `time`. A
    /// metric that this machine does not have is left out: [`Counters::facts`] says why.
    pub fn pass(
        &mut self,
        workload: &mut dyn Workload,
        timed: &Samples,
        time: Duration,
        clock: &Clock,
        interrupted: &AtomicBool,
    ) -> Vec<Counted> {
        let Some(timed) = Timed::of(timed) else { return Vec::new() };
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let deadline_ns = clock.now().saturating_add(time);
        let mut passes = Passes { workload, timed, clock, deadline_ns, interrupted, broken: None };
        let mut counted = passes.run(&mut Usage::default());
        for set in &self.sets {
            counted.extend(set.pass(&mut passes));
        }
        if let Some(rapl) = &mut self.energy {
            counted.extend(passes.run(&mut Energy::new(rapl)));
        }
        if self.allocations {
            counted.extend(passes.run(&mut Allocations::default()));
        }
        if self.memory {
            counted.extend(match Memory::new(timed.sample) {
                Ok(mut memory) => passes.run(&mut memory),
                Err(why) => Counted::skipped(&[Metric::PeakMemory, Metric::MeanMemory], &why),
            });
        }
        counted
    }
}

impl perf::Set {
    /// Counts these events, on the threads that the workload has now.
    fn pass(&self, passes: &mut Passes<'_>) -> Vec<Counted> {
        match self.open() {
            Ok(mut counting) => passes.run(&mut counting),
            Err(error) => {
                let why =
                    format!("its threads cannot be counted: {error}; `ulimit -n` may be too small for them");
                Counted::skipped(&self.metrics(), &why)
            }
        }
    }
}
