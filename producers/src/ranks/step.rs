//! Sampling in step: what rank 0's sampler decides, all ranks do.

use super::{Group, RankError};
use crate::measure::{Clock, Measurement, Policy, Step, Workload, WrongResult, follow, measure};
use benchlake_schemas::{Check, Timer, Work};
use std::{panic::resume_unwind, sync::atomic::AtomicBool};

/// Samples `workload` on every rank of `group`: the same iterations, each sample begun behind a barrier, as many
/// samples of either phase on each. `interrupted` counts at rank 0.
///
/// # Errors
/// [`RankError`] if a rank is lost. At rank 0 it may also come as a panic's payload.
pub(crate) fn sample(
    workload: &mut dyn Workload,
    policy: &Policy,
    clock: &Clock,
    interrupted: &AtomicBool,
    group: &Group,
) -> Result<Measurement, RankError> {
    if group.size() == 1 {
        return Ok(measure(workload, policy, clock, interrupted));
    }
    let mut together = Together { workload, group };
    if !group.leads() {
        return follow(&mut together, policy, clock, || group.broadcast(|| Step::Sample(0)));
    }
    let measurement = measure(&mut together, policy, clock, interrupted);
    let (warmup_stop, stop) = (measurement.warmup_stop, measurement.stop);
    group.broadcast(|| Step::End { warmup_stop, stop })?;
    Ok(measurement)
}

/// There is no room for an error between two samples.
fn lost(error: RankError) -> ! {
    resume_unwind(Box::new(error))
}

/// A workload whose samples begin on all ranks at once.
struct Together<'a> {
    workload: &'a mut dyn Workload,
    group: &'a Group,
}

impl Together<'_> {
    fn make_ready(&mut self, iterations: u64) -> Result<(), RankError> {
        // The others have heard of it already: it is why they are here.
        if self.group.leads() {
            self.group.broadcast(|| Step::Sample(iterations))?;
        }
        self.workload.prepare(iterations);
        self.group.barrier()
    }
}

impl Workload for Together<'_> {
    fn run(&mut self, iterations: u64) {
        self.workload.run(iterations);
    }

    fn prepare(&mut self, iterations: u64) {
        self.make_ready(iterations).unwrap_or_else(|error| lost(error));
    }

    fn settle(&mut self) {
        self.workload.settle();
    }

    fn warmed_up(&mut self) {
        if self.group.leads() {
            self.group.broadcast(|| Step::WarmedUp).map_or_else(|error| lost(error), drop);
        }
        self.workload.warmed_up();
    }

    fn fixed_iterations(&self) -> Option<u64> {
        self.workload.fixed_iterations()
    }

    fn check(&mut self) -> Result<Check, WrongResult> {
        self.workload.check()
    }

    fn work(&self) -> Work {
        self.workload.work()
    }

    fn timer(&self) -> Option<Timer> {
        self.workload.timer()
    }

    fn device_time(&mut self) -> Option<f64> {
        self.workload.device_time()
    }

    fn device(&self) -> Option<String> {
        self.workload.device()
    }
}
