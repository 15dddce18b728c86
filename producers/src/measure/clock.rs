//! The monotonic clock, with its own resolution and overhead measured.

use benchlake_schemas::Timer;
use std::{hint::black_box, time::Instant};

/// How many readings the calibration makes: about 50 µs.
const READINGS: usize = 2_000;

/// A calibrated monotonic clock that counts nanoseconds from its origin.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    resolution_ns: u64,
    overhead_ns: f64,
}

impl Clock {
    /// Reads the clock a few thousand times to learn its smallest step and the time of a reading.
    #[must_use]
    pub fn calibrate() -> Self {
        let origin = Instant::now();
        let mut readings = [0_u64; READINGS];
        // The first round only warms caches and the vDSO page.
        for _ in 0..2 {
            for reading in &mut readings {
                *reading = nanoseconds_since(black_box(origin));
            }
        }
        let (resolution_ns, overhead_ns) = steps(&readings);
        Self { origin, resolution_ns, overhead_ns }
    }

    /// Nanoseconds since this clock was calibrated.
    #[inline]
    #[must_use]
    pub fn now(&self) -> u64 {
        nanoseconds_since(self.origin)
    }

    /// The smallest step that the clock was seen to make, in nanoseconds; at least 1.
    #[must_use]
    pub fn resolution_ns(&self) -> u64 {
        self.resolution_ns
    }

    /// The clock as it is stored beside samples, in seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a clock's step is far below 2^53 ns")]
    pub fn timer(&self) -> Timer {
        Timer {
            timer_resolution: Some(self.resolution_ns as f64 * 1e-9),
            timer_overhead: Some(self.overhead_ns * 1e-9),
        }
    }
}

#[inline]
fn nanoseconds_since(origin: Instant) -> u64 {
    // 2^64 ns are 584 years.
    u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The smallest non-zero step and the median time per reading of successive readings, in
/// nanoseconds. Where the clock is coarser than a reading takes, the mean over the whole range
/// stands for the median, which would be 0.
#[expect(clippy::cast_precision_loss, reason = "differences of readings within a millisecond")]
fn steps(readings: &[u64; READINGS]) -> (u64, f64) {
    let mut differences = [0_u64; READINGS - 1];
    for (difference, pair) in differences.iter_mut().zip(readings.windows(2)) {
        *difference = pair[1].saturating_sub(pair[0]);
    }
    differences.sort_unstable();
    let resolution = differences.iter().copied().find(|&step| step > 0).unwrap_or(1);
    let median = differences[differences.len() / 2];
    let overhead = if median > 0 {
        median as f64
    } else {
        (readings[READINGS - 1] - readings[0]) as f64 / differences.len() as f64
    };
    (resolution, overhead)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fine clock's overhead is the median step; a coarse clock's is the mean.
    #[test]
    fn steps_of_fine_and_coarse_clocks() {
        let fine: [u64; READINGS] = std::array::from_fn(|i| 20 * i as u64 + u64::from(i % 2 == 1));
        assert_eq!(steps(&fine).0, 19);
        assert!((steps(&fine).1 - 20.0).abs() <= 1.0);
        let coarse: [u64; READINGS] = std::array::from_fn(|i| i as u64 / 100 * 1_000);
        assert_eq!(steps(&coarse).0, 1_000);
        assert!((steps(&coarse).1 - 10.0).abs() < 1.0);
    }

    /// The clock never runs backwards and its calibration is plausible.
    #[test]
    fn clock_is_monotonic() {
        let clock = Clock::calibrate();
        let first = clock.now();
        assert!(clock.now() >= first);
        let timer = clock.timer();
        assert!(timer.timer_resolution.is_some_and(|s| s > 0.0 && s < 1e-2));
        assert!(timer.timer_overhead.is_some_and(|s| s > 0.0 && s < 1e-3));
    }
}
