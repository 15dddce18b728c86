//! What can be measured.

use super::Samples;
use crate::{ranks::Group, session::Refused};
use benchlake_schemas::{Check, Flag, Metric, Timer, Work};

/// One benchmark, set up and ready: its constructor did the allocating, seeding and first touching.
pub trait Workload {
    /// What all ranks that measure together do at once, after each was set up and before anything else: they
    /// connect.
    ///
    /// # Errors
    /// [`Refused`], why that is not possible here.
    fn join(&mut self, _group: &Group) -> Result<(), Refused> {
        Ok(())
    }

    /// Executes the body `iterations` times, through `black_box`, so that nothing is optimised
    /// away. Neither allocates nor calls the system, unless that is what the workload measures.
    fn run(&mut self, iterations: u64);

    /// What comes before each sample of `iterations`, outside the timing: inputs, emptied caches.
    fn prepare(&mut self, _iterations: u64) {}

    /// What comes after each sample, outside the timing: results dropped, state put back.
    fn settle(&mut self) {}

    /// Iterations of every sample where they cannot be chosen, as for what can be done only once
    /// between two preparations.
    fn fixed_iterations(&self) -> Option<u64> {
        None
    }

    /// Runs the body and compares its result with a reference in higher precision.
    ///
    /// # Errors
    /// [`WrongResult`] when the error found exceeds the tolerance: a wrong result has no time.
    fn check(&mut self) -> Result<Check, WrongResult>;

    /// Work of one iteration, by a versioned formula.
    fn work(&self) -> Work;

    /// The clock of [`device_time`](Self::device_time), where a device times itself.
    fn timer(&self) -> Option<Timer> {
        None
    }

    /// What the device's own clock says of the last run, in seconds: it is the sample then, and the host's time
    /// is kept beside it. Asked once after each run, outside the timing.
    fn device_time(&mut self) -> Option<f64> {
        None
    }

    /// What comes after the warm-up, before the samples that count.
    fn warmed_up(&mut self) {}

    /// The device that it runs on, where that is not the processor.
    fn device(&self) -> Option<String> {
        None
    }

    /// What else there is to tell of the samples; asked once, after the last of them.
    fn beside(&mut self) -> Beside {
        Beside::default()
    }
}

/// What a workload tells beside its times.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// Remarks on the samples.
    pub flags: Vec<Flag>,
    /// What was read around the samples, such as a device's temperature.
    pub series: Vec<(Metric, Samples)>,
}

/// What a workload unwinds with (`std::panic::resume_unwind`) when a run fails without being a bug, as
/// [`Workload::run`] has no room for an error between two clock readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFailed(pub String);

/// The result of a workload is wrong, so that its time means nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "{workload}: wrong result: relative error {error:.3e} against {reference} exceeds {tolerance:.3e}; \
     it is not timed: check the machine's memory and compiler, and report it if it repeats"
)]
pub struct WrongResult {
    /// The benchmark, as on screen.
    pub workload: String,
    /// What the result was compared with.
    pub reference: String,
    /// The largest relative error found; NaN where the result was not a number.
    pub error: f64,
    /// The largest relative error allowed.
    pub tolerance: f64,
}

impl WrongResult {
    /// The check's row where `error` is within `tolerance`, this error where it is not (or is NaN).
    ///
    /// # Errors
    /// [`WrongResult`], as above.
    pub fn judge(workload: &str, reference: &str, error: f64, tolerance: f64) -> Result<Check, Self> {
        if error <= tolerance {
            Ok(Check {
                check: Some(reference.to_owned()),
                check_error: Some(error),
                check_tolerance: Some(tolerance),
            })
        } else {
            Err(Self { workload: workload.to_owned(), reference: reference.to_owned(), error, tolerance })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A result that is not a number is wrong, whatever the tolerance.
    #[test]
    fn nan_is_wrong() {
        assert!(WrongResult::judge("w", "r", f64::NAN, f64::INFINITY).is_err());
        assert!(WrongResult::judge("w", "r", 1e-8, 1e-7).is_ok());
        assert!(WrongResult::judge("w", "r", 1e-6, 1e-7).is_err());
    }
}
