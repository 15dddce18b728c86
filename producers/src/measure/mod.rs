//! The sampling loop: clock, calibration, warm-up, stopping.
//!
//! Deliberately absent: I/O, async, logging and locks. Every buffer is allocated and touched before
//! the first sample ([`Sampler::new`]); from there to the end of [`Sampler::measure`] nothing is
//! allocated and no system call is made by this module (tested in `tests/measure_allocations.rs`
//! and `tests/measure_syscalls.rs`).
//!
//! ```
//! use benchlake_producers::measure::{Clock, Policy, Workload, WrongResult, measure};
//! use benchlake_schemas::{Check, Work};
//! use std::{hint::black_box, sync::atomic::AtomicBool, time::Duration};
//!
//! struct Count(u64);
//!
//! impl Workload for Count {
//!     fn run(&mut self, iterations: u64) {
//!         for _ in 0..iterations {
//!             self.0 = black_box(self.0.wrapping_mul(31) + 1);
//!         }
//!     }
//!     fn check(&mut self) -> Result<Check, WrongResult> {
//!         Ok(Check::default())
//!     }
//!     fn work(&self) -> Work {
//!         Work { items: Some(1), ..Work::default() }
//!     }
//! }
//!
//! let quick = Policy { min_time: Duration::from_millis(2), warmup: Duration::ZERO, ..Policy::default() };
//! let measurement = measure(&mut Count(1), &quick, &Clock::calibrate(), &AtomicBool::new(false));
//! assert!(measurement.measure.samples.len() >= quick.min_samples);
//! ```

mod calibration;
mod clock;
mod follow;
mod policy;
mod precision;
mod rule;
mod sampler;
mod trend;
mod workload;

pub use calibration::next_iterations;
pub use clock::Clock;
pub use follow::{Step, follow};
pub use policy::{Policy, PolicyError};
pub use precision::{RunningMean, student_t_975};
pub use rule::{StoppingRule, WarmupRule};
pub use sampler::{Measurement, Sampler, Samples, measure};
pub use trend::has_trend;
pub use workload::{Beside, RunFailed, Workload, WrongResult};
