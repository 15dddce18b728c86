//! Whether a sequence still drifts: the end of warm-up.

/// Parts that the sequence is cut into; few enough for the fixed array, enough for the test.
const BLOCKS: usize = 16;
/// The normal quantile of a two-sided test at 5 %.
const CRITICAL: f64 = 1.96;
/// A drift below 1 % between the halves is none, however significant: a series of many samples
/// would otherwise never be called steady.
const RELEVANT: f64 = 0.01;

/// Whether `samples`, in order of time, have a trend: a Mann–Kendall test at 5 % over the means of
/// 16 successive blocks that is significant and a change of more than 1 % between the halves.
///
/// Below 16 samples there is nothing to tell and the answer is yes: not known to be steady.
///
/// ```
/// use benchlake_producers::measure::has_trend;
/// assert!(has_trend(&[5.0, 4.0]));
/// assert!(!has_trend(&[1.0; 16]));
/// ```
#[must_use]
pub fn has_trend(samples: &[f64]) -> bool {
    let Some(blocks) = block_means(samples) else { return true };
    let (before, after) = blocks.split_at(BLOCKS / 2);
    let (before, after) = (before.iter().sum::<f64>(), after.iter().sum::<f64>());
    let change = (after - before).abs() / before.abs().min(after.abs());
    change > RELEVANT && mann_kendall_z(&blocks).abs() > CRITICAL
}

/// Means of [`BLOCKS`] successive parts of about equal length; None where some would be empty.
#[expect(clippy::cast_precision_loss, reason = "numbers of samples are far below 2^53")]
fn block_means(samples: &[f64]) -> Option<[f64; BLOCKS]> {
    if samples.len() < BLOCKS {
        return None;
    }
    Some(std::array::from_fn(|i| {
        let block = &samples[i * samples.len() / BLOCKS..(i + 1) * samples.len() / BLOCKS];
        block.iter().sum::<f64>() / block.len() as f64
    }))
}

/// The Mann–Kendall statistic S, continuity-corrected and divided by its standard deviation
/// √(n (n − 1) (2 n + 5) / 18) under no trend and no ties (Mann 1945, Kendall 1975).
fn mann_kendall_z(values: &[f64; BLOCKS]) -> f64 {
    let mut s = 0_i32;
    for (i, earlier) in values.iter().enumerate() {
        for later in &values[i + 1..] {
            s += i32::from(later > earlier) - i32::from(later < earlier);
        }
    }
    let n = 16.0_f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    f64::from(s - s.signum()) / deviation
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reference: S = 120 for 16 rising values, so z = 119 / 22.2111 (pymannkendall's formula).
    #[test]
    fn rising_values_have_the_known_statistic() {
        let rising: [f64; BLOCKS] = std::array::from_fn(|i| i as f64);
        assert!((mann_kendall_z(&rising) - 119.0 / 493.333_333_f64.sqrt()).abs() < 1e-6);
    }

    /// A warm-up that decays by half is a trend; the same decay of 0.1 % is not worth waiting for.
    #[test]
    fn only_relevant_decay_is_a_trend() {
        let decay =
            |size: f64| -> Vec<f64> { (0..200).map(|i| 1.0 + size * (-f64::from(i) / 50.0).exp()).collect() };
        assert!(has_trend(&decay(1.0)));
        assert!(!has_trend(&decay(0.001)));
    }

    proptest! {
        /// Reversing time never changes the answer.
        #[test]
        fn direction_does_not_matter(mut samples in prop::collection::vec(0.5_f64..2.0, 16..16 * 8)) {
            samples.truncate(samples.len() / BLOCKS * BLOCKS);
            let forward = has_trend(&samples);
            samples.reverse();
            prop_assert_eq!(forward, has_trend(&samples));
        }

        /// Scaling all times never changes the answer.
        #[test]
        fn scale_does_not_matter(samples in prop::collection::vec(0.5_f64..2.0, 16..100)) {
            let scaled: Vec<f64> = samples.iter().map(|x| x * 1024.0).collect();
            prop_assert_eq!(has_trend(&samples), has_trend(&scaled));
        }
    }
}
