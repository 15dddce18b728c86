//! The test of Kolmogorov and Smirnov: do two lists come from one distribution?

use super::{
    location::{count, has_nan},
    runs::{Run, runs},
};
use std::f64::consts::PI;

/// What the test of Kolmogorov and Smirnov says of two lists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KolmogorovSmirnov {
    /// The largest distance between the two empirical distribution functions, from 0 to 1.
    pub d: f64,
    /// How probable a `d` at least as large is where both lists come from one distribution.
    pub p: f64,
    /// Whether `p` is exact, rather than that of the limiting distribution.
    pub exact: bool,
}

/// Up to so many pairs `p` is exact; a path is counted through each.
const MOST_PAIRS: u64 = 1_000_000;

/// The two-sided test of Kolmogorov and Smirnov (Smirnov, *Table for Estimating the Goodness of Fit of
/// Empirical Distributions*, Annals of Mathematical Statistics 19, 1948).
///
/// Up to 1,000,000 pairs (1,000 + 1,000 values) `p` is exact, by counting paths (Hodges, *The Significance
/// Probability of the Smirnov Two-Sample Test*, Arkiv för Matematik 3, 1958; as
/// `scipy.stats.ks_2samp(method="exact")`). Beyond it is `2·Σ (−1)^(k−1)·exp(−2k²λ²)`,
/// `λ = d·√(n·m/(n + m))` (as `scipy.special.kolmogorov`). With ties it is at most too large.
///
/// `None` where a list is empty; NaN where a value is NaN. Infinite values have their rank.
///
/// ```
/// use benchlake_analytics::stats::kolmogorov_smirnov;
/// let test = kolmogorov_smirnov(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).expect("values");
/// assert!(test.exact && test.d == 1.0 && (test.p - 0.1).abs() < 1e-15);
/// ```
#[must_use]
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> Option<KolmogorovSmirnov> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if has_nan(a) || has_nan(b) {
        return Some(KolmogorovSmirnov { d: f64::NAN, p: f64::NAN, exact: false });
    }
    let (n, m) = (a.len() as u64, b.len() as u64);
    let distance = distance(n, m, &runs(a, b));
    #[expect(clippy::cast_precision_loss, reason = "rounded once")]
    let d = distance as f64 / (count(a) * count(b));
    let exact = n.saturating_mul(m) <= MOST_PAIRS;
    let p = if exact {
        outside(n, m, distance)
    } else {
        limiting(d * (count(a) / (count(a) + count(b)) * count(b)).sqrt())
    };
    Some(KolmogorovSmirnov { d, p, exact })
}

/// The largest `|i·m − j·n|`: the distance of the distribution functions times n·m.
fn distance(n: u64, m: u64, runs: &[Run]) -> u64 {
    let (mut i, mut j, mut largest) = (0, 0, 0);
    for run in runs {
        i += run.a;
        j += run.b;
        largest = largest.max((i * m).abs_diff(j * n));
    }
    largest
}

/// How probable it is that a path from (0, 0) to (n, m), all being as probable, comes through a point
/// with `|i·m − j·n| ≥ distance`. It is a sum of positive terms, so that a small one keeps its digits.
#[expect(clippy::cast_precision_loss, reason = "numbers of values, at most a million")]
fn outside(n: u64, m: u64, distance: u64) -> f64 {
    let (n, m) = (n.max(m), n.min(m));
    // Of the paths to (i, j), the share that was outside; for one i after the other.
    let mut share = vec![0.0; usize::try_from(m).unwrap_or(usize::MAX) + 1];
    for i in 0..=n {
        let mut before = 0.0;
        for (j, share) in (0..=m).zip(&mut share) {
            // The last step came from (i − 1, j) with probability i / (i + j).
            let steps = (i + j).max(1) as f64;
            before = if (i * m).abs_diff(j * n) >= distance {
                1.0
            } else {
                (i as f64 * *share + j as f64 * before) / steps
            };
            *share = before;
        }
    }
    // Means of ones may be rounded up.
    share.last().map_or(f64::NAN, |share| share.min(1.0))
}

/// The upper tail of Kolmogorov's distribution.
fn limiting(x: f64) -> f64 {
    let terms = 1..=20;
    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        // The other series converges fast for small x alone.
        let term = |k: i32| (-(f64::from(2 * k - 1) * PI / x).powi(2) / 8.0).exp();
        return 1.0 - (2.0 * PI).sqrt() / x * terms.map(term).sum::<f64>();
    }
    let term = |k: i32| (-2.0 * (f64::from(k) * x).powi(2)).exp() * if k % 2 == 0 { -1.0 } else { 1.0 };
    2.0 * terms.map(term).sum::<f64>()
}
