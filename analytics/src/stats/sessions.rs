//! How many sessions a question needs.

use super::{power::test_power, quantiles::student_above};

/// Above it, not every count is a double; nobody runs as many.
const MOST: u64 = 1 << 53;

/// How many independent values, means of sessions, each of two sides needs for a true difference
/// `effect` between them to be found with probability `power` by the two-sided test of two means at
/// `level` (0.95: α = 0.05), if the values of both have the standard deviation `sd`: the smallest n,
/// from 2, whose [`test_power`] reaches `power`. The effect and the deviation are in one unit.
///
/// `None` without an effect, for a deviation that is negative or not finite, for a `level` or `power`
/// outside (0, 1), and where 2⁵³ would not do.
///
/// ```
/// use benchlake_analytics::stats::sessions_needed;
/// // A difference of 2 % where sessions spread by 1 %, and one of 0.5 %.
/// assert_eq!(sessions_needed(0.02, 0.01, 0.95, 0.9), Some(7));
/// assert_eq!(sessions_needed(0.005, 0.01, 0.95, 0.9), Some(86));
/// ```
#[must_use]
pub fn sessions_needed(effect: f64, sd: f64, level: f64, power: f64) -> Option<u64> {
    if effect.is_nan() || effect.abs() <= 0.0 || !(power > 0.0 && power < 1.0) {
        return None;
    }
    smallest(|n| Some(test_power(effect, (sd, n), (sd, n), level)? >= power))
}

/// How many independent values, means of sessions, it takes for Student's interval of their mean at
/// `level` to reach no further than `half_width` to each side, if they have the standard deviation
/// `sd`: the smallest n, from 2, with `t(1 − α/2; n − 1) · sd / √n ≤ half_width`. Both are in one unit.
/// The interval of the values that are measured then is wider or narrower, as their own deviation is.
///
/// `None` for a width or deviation that is negative or NaN, for a width of zero with any spread, for a
/// `level` outside (0, 1), and where 2⁵³ would not do.
///
/// ```
/// use benchlake_analytics::stats::sessions_for_precision;
/// // The mean to 1 % where sessions spread by 2 %.
/// assert_eq!(sessions_for_precision(0.02, 0.01, 0.95), Some(18));
/// ```
#[must_use]
pub fn sessions_for_precision(sd: f64, half_width: f64, level: f64) -> Option<u64> {
    if !(level > 0.0 && level < 1.0 && sd >= 0.0 && half_width >= 0.0) {
        return None;
    }
    let tail = f64::midpoint(1.0, -level);
    smallest(|n| {
        #[expect(clippy::cast_precision_loss, reason = "at most MOST")]
        let n = n as f64;
        Some(student_above(tail, n - 1.0)? * sd <= half_width * n.sqrt())
    })
}

/// The smallest n, from 2 to [`MOST`], that is enough, where any above it is enough too.
fn smallest(enough: impl Fn(u64) -> Option<bool>) -> Option<u64> {
    let (mut low, mut high) = (1, 2);
    while !enough(high)? {
        (low, high) = (high, high.checked_mul(2).filter(|&next| next <= MOST)?);
    }
    while low + 1 < high {
        let middle = u64::midpoint(low, high);
        if enough(middle)? { high = middle } else { low = middle }
    }
    Some(high)
}
