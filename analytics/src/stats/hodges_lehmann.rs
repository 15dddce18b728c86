//! The shift of Hodges and Lehmann: by how much one list lies above another.

use super::{
    Estimate, Interval,
    location::has_nan,
    mann_whitney::{Arrangements, MOST_PAIRS},
};
use statrs::distribution::{ContinuousCDF, Normal};

/// The median of all differences `b_j − a_i` (Hodges and Lehmann, *Estimates of Location Based on Rank
/// Tests*, Annals of Mathematical Statistics 34, 1963), with the interval at `level` of the shifts that the
/// test of Mann and Whitney does not reject: from the k-th least difference to the k-th largest, with the
/// highest k for which `P(U < k) ≤ α/2` (Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*,
/// 2014, 4.3; as `wilcox.test(b, a, conf.int = TRUE)` of R).
///
/// Up to 2,500 pairs (50 + 50 values) the distribution of U is exact, beyond it is normal with continuity
/// correction. With ties the interval covers with more than `level`. Where n is too small for any k, as
/// with 3 + 3 values at 0.95, the interval is the whole line, from −∞ to ∞. (Where `P(U < k)` is α/2 to the
/// last digit, as with 3 + 3 values at 0.9, R takes the next wider interval.)
///
/// `None` where a list is empty or for a `level` outside (0, 1). NaN where a value is NaN or infinite.
/// Differences are found by bisection and never stored: O((n + m) log(n + m)) of time, O(n + m) of memory.
///
/// ```
/// use benchlake_analytics::stats::hodges_lehmann;
/// let shift = hodges_lehmann(&[1.0, 2.0, 3.0, 4.0], &[11.0, 12.0, 13.0, 14.5], 0.95).expect("values");
/// assert_eq!(shift.value, 10.0);
/// assert_eq!((shift.interval.low, shift.interval.high), (7.0, 13.5));
/// ```
#[must_use]
pub fn hodges_lehmann(a: &[f64], b: &[f64], level: f64) -> Option<Estimate> {
    if a.is_empty() || b.is_empty() || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let infinite = |values: &[f64]| values.iter().any(|value| value.is_infinite());
    if has_nan(a) || has_nan(b) || infinite(a) || infinite(b) {
        return Some(Estimate { value: f64::NAN, interval: Interval { low: f64::NAN, high: f64::NAN } });
    }
    let differences = Differences::new(a, b);
    let pairs = differences.pairs();
    let middle = [pairs.div_ceil(2), pairs / 2 + 1].map(|rank| differences.ranked(rank));
    let rank = rank(a.len() as u64, b.len() as u64, level);
    let whole = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };
    let interval = rank.map_or(whole, |rank| Interval {
        low: differences.ranked(rank),
        high: differences.ranked(pairs + 1 - rank),
    });
    Some(Estimate { value: f64::midpoint(middle[0], middle[1]), interval })
}

/// The highest k with `P(U < k) ≤ α/2` for lists of `n` and `m` values; `None` where there is none.
fn rank(n: u64, m: u64, level: f64) -> Option<u64> {
    let tail = f64::midpoint(1.0, -level);
    let pairs = n * m;
    if pairs > MOST_PAIRS {
        return normal_rank(n, m, tail);
    }
    let arrangements = Arrangements::new(n, m);
    // Where the tail is a multiple of the probabilities, rounding must not decide.
    let holds = |k: u64| arrangements.at_most(k - 1) <= tail * (1.0 + 1e-12);
    (1..=pairs.div_ceil(2)).take_while(|&k| holds(k)).last()
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank between 1 and the number of pairs"
)]
fn normal_rank(n: u64, m: u64, tail: f64) -> Option<u64> {
    let pairs = n as f64 * m as f64;
    let deviation = (pairs / 12.0 * (n as f64 + m as f64 + 1.0)).sqrt();
    let rank = (pairs / 2.0 + 0.5 + Normal::standard().inverse_cdf(tail) * deviation).floor();
    (rank >= 1.0).then(|| (rank as u64).min((n * m).div_ceil(2)))
}

/// The differences of two lists, none of them stored: with both lists sorted they rise along rows and
/// columns of a matrix.
struct Differences {
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Differences {
    fn new(a: &[f64], b: &[f64]) -> Self {
        let sorted = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        Self { a: sorted(a), b: sorted(b) }
    }

    fn pairs(&self) -> u64 {
        self.a.len() as u64 * self.b.len() as u64
    }

    /// How many differences are at most `limit`.
    fn at_most(&self, limit: f64) -> u64 {
        let mut columns = 0;
        let mut counted = 0;
        for a in &self.a {
            while columns < self.b.len() && self.b[columns] - a <= limit {
                columns += 1;
            }
            counted += columns as u64;
        }
        counted
    }

    /// The difference of this rank, counted from 1: the least double that so many do not exceed, by
    /// bisection over all doubles in their order.
    fn ranked(&self, rank: u64) -> f64 {
        let (mut low, mut high) = (order(f64::NEG_INFINITY), order(f64::INFINITY));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.at_most(double(middle)) >= rank { high = middle } else { low = middle + 1 }
        }
        // The least of two equal zeros is the negative one.
        double(low) + 0.0
    }
}

const SIGN: u64 = 1 << 63;

/// The place of a double among all doubles.
fn order(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The double at this place.
fn double(order: u64) -> f64 {
    f64::from_bits(if order & SIGN == 0 { !order } else { order ^ SIGN })
}
