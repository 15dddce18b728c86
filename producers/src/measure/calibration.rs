//! The choice of k, the iterations in one sample.

/// Clock steps that a sample must span, so that the clock's step is at most 0.1 % of it.
const STEPS_PER_SAMPLE: u64 = 1_000;

/// The shortest sample, in nanoseconds, that satisfies both the policy and the clock.
#[must_use]
pub(crate) fn shortest_sample_ns(sample_time_ns: u64, resolution_ns: u64) -> u64 {
    sample_time_ns.max(resolution_ns.saturating_mul(STEPS_PER_SAMPLE))
}

/// Whether a sample of `elapsed_ns` is too short for a clock of `resolution_ns`.
#[must_use]
pub(crate) fn is_coarse(elapsed_ns: u64, resolution_ns: u64) -> bool {
    elapsed_ns < resolution_ns.saturating_mul(STEPS_PER_SAMPLE)
}

/// The k to try after a sample of `iterations` took `elapsed_ns`: `None` when it already lasted
/// `target_ns`, else more, by the factor that is missing plus a tenth, between 2 × and 100 ×, as
/// the first samples are cold and mislead.
///
/// ```
/// use benchlake_producers::measure::next_iterations;
/// assert_eq!(next_iterations(1, 2_000_000, 1_000_000), None);
/// assert_eq!(next_iterations(10, 100_000, 1_000_000), Some(110));
/// ```
#[must_use]
pub fn next_iterations(iterations: u64, elapsed_ns: u64, target_ns: u64) -> Option<u64> {
    if elapsed_ns >= target_ns {
        return None;
    }
    let tenths = target_ns.saturating_mul(11) / elapsed_ns.max(1);
    let wanted = u128::from(iterations) * u128::from(tenths) / 10;
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    Some(wanted.clamp(iterations.saturating_mul(2), iterations.saturating_mul(100)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A sample spans a thousand steps of the clock even where the policy asks for less.
    #[test]
    fn coarse_clock_lengthens_samples() {
        assert_eq!(shortest_sample_ns(100_000, 1), 100_000);
        assert_eq!(shortest_sample_ns(100_000, 1_000_000), 1_000_000_000);
        assert!(is_coarse(999, 1) && !is_coarse(1_000, 1));
    }

    proptest! {
        /// For a body of constant time the choice ends within a few tries, at a sample that is long
        /// enough and not many times longer than asked for.
        #[test]
        fn calibration_ends(body_ns in 1_u64..10_000_000_000, target_ns in 1_000_u64..1_000_000_000) {
            let (mut k, mut tries) = (1_u64, 0);
            while let Some(next) = next_iterations(k, k * body_ns, target_ns) {
                prop_assert!(next > k);
                k = next;
                tries += 1;
            }
            prop_assert!(tries <= 7);
            prop_assert!(k * body_ns >= target_ns);
            prop_assert!(k == 1 || k * body_ns <= 3 * target_ns);
        }
    }
}
