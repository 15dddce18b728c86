//! Whether two samples are of one distribution.

use super::location::has_nan;

/// Up to so many pairs p is exact.
const EXACT_PAIRS: usize = 4_000_000;

/// The test of Kolmogorov and Smirnov.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KolmogorovSmirnov {
    /// The largest distance of the two empirical distribution functions.
    pub d: f64,
    /// How probable so large a distance is where both are of one distribution.
    pub p: f64,
    /// Whether p is exact: up to four million pairs.
    pub exact: bool,
}

/// The two-sample test of Kolmogorov and Smirnov, two-sided. Exact by counting the paths through the lattice of both
/// samples that leave the band (Hodges, *The Significance Probability of the Smirnov Two-Sample Test*, Arkiv för
/// Matematik 3, 1958; ties are taken for chance, so that p is then too large rather than too small); beyond four million pairs the
/// limit distribution (Smirnov, Annals of Mathematical Statistics 19, 1948). `None` where a sample is empty.
///
/// ```
/// use benchlake_analytics::stats::kolmogorov_smirnov;
/// let test = kolmogorov_smirnov(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).expect("values");
/// assert!(test.d == 1.0 && (test.p - 0.1).abs() < 1e-12 && test.exact);
/// ```
#[must_use]
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> Option<KolmogorovSmirnov> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if has_nan(a) || has_nan(b) {
        return Some(KolmogorovSmirnov { d: f64::NAN, p: f64::NAN, exact: false });
    }
    let (n, m) = (a.len(), b.len());
    let distance = distance(a, b);
    let d = real(distance) / (real(n) * real(m));
    let exact = n.saturating_mul(m) <= EXACT_PAIRS;
    let p = if exact {
        outside(n, m, distance)
    } else {
        limit((real(n) * real(m) / (real(n) + real(m))).sqrt() * d)
    };
    Some(KolmogorovSmirnov { d, p: p.clamp(0.0, 1.0), exact })
}

/// The largest distance, times n·m: a whole number.
fn distance(a: &[f64], b: &[f64]) -> usize {
    let sorted = |values: &[f64]| {
        // Both zeros are one value.
        let mut sorted: Vec<f64> = values.iter().map(|value| value + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    };
    let (a, b) = (sorted(a), sorted(b));
    let (mut i, mut j, mut largest) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let value = if x.total_cmp(y).is_le() { *x } else { *y };
        i += a[i..].iter().take_while(|x| x.total_cmp(&value).is_le()).count();
        j += b[j..].iter().take_while(|y| y.total_cmp(&value).is_le()).count();
        largest = largest.max((i * b.len()).abs_diff(j * a.len()));
    }
    largest
}

/// The share of the paths from (0, 0) to (n, m) that reach a distance of at least `limit` somewhere.
fn outside(n: usize, m: usize, limit: usize) -> f64 {
    if limit == 0 {
        return 1.0;
    }
    // reached[j] at (i, j): of the paths that end there, equally probable, the share that was outside. Only sums of
    // positive terms: small p stay exact.
    let mut reached = vec![0.0; m + 1];
    for i in 0..=n {
        for j in 0..=m {
            reached[j] = if (i * m).abs_diff(j * n) >= limit {
                1.0
            } else if i + j == 0 {
                0.0
            } else {
                let (from_i, from_j) = (reached[j], if j > 0 { reached[j - 1] } else { 0.0 });
                (real(i) * from_i + real(j) * from_j) / real(i + j)
            };
        }
    }
    reached[m]
}

/// P(K ≥ x) of Kolmogorov's distribution.
fn limit(x: f64) -> f64 {
    use std::f64::consts::PI;
    if x < 1.18 {
        // Jacobi's other series, which converges where the first one does not.
        let term = |k: i32| (-(f64::from(2 * k - 1) * PI / x).powi(2) / 8.0).exp();
        return 1.0 - (2.0 * PI).sqrt() / x * (1..=10).map(term).sum::<f64>();
    }
    let term = |k: i32| (-2.0 * f64::from(k * k) * x * x).exp() * if k % 2 == 1 { 2.0 } else { -2.0 };
    (1..=20).map(term).sum()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of values are far below 2^53")]
fn real(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both series of the limit agree where they meet, and with tabled values.
    #[test]
    fn limits() {
        assert!((limit(1.179_999_999) - limit(1.180_000_001)).abs() < 1e-8);
        assert!(
            (limit(1.358_099) - 0.05).abs() < 1e-6 && (limit(0.5) - 0.963_945_243_664_875_1).abs() < 1e-12
        );
    }
}
