//! Which of two samples tends to be larger, by ranks.

use super::{Estimate, Interval, location::has_nan};
use statrs::distribution::{ContinuousCDF, Normal};

/// Up to so many pairs the exact distribution of U is used.
const EXACT_PAIRS: usize = 2_500;

/// The test of Mann and Whitney.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// In how many pairs the value of the second sample is larger; ties count half.
    pub u: f64,
    /// How probable a U as far from its mean is where both are of one distribution.
    pub p: f64,
    /// Whether p is of the exact distribution: without ties, up to 2,500 pairs.
    pub exact: bool,
}

/// The test of Mann and Whitney, two-sided (*On a Test of Whether one of Two Random Variables is
/// Stochastically Larger than the Other*, Annals of Mathematical Statistics 18, 1947). Exact without
/// ties and up to 2,500 pairs, else the normal approximation with corrections for ties and continuity. `None`
/// where a sample is empty. O(n log n).
///
/// ```
/// use benchlake_analytics::stats::mann_whitney;
/// let test = mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).expect("values");
/// assert!(test.u == 9.0 && (test.p - 0.1).abs() < 1e-12 && test.exact);
/// ```
#[must_use]
pub fn mann_whitney(a: &[f64], b: &[f64]) -> Option<MannWhitney> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if has_nan(a) || has_nan(b) {
        return Some(MannWhitney { u: f64::NAN, p: f64::NAN, exact: false });
    }
    let ranks = Ranks::new(a, b);
    let (n, m) = (real(a.len()), real(b.len()));
    let u = ranks.above;
    let farther = u.max(n * m - u);
    if ranks.ties <= 0.0 && a.len() * b.len() <= EXACT_PAIRS {
        let p = (2.0 * upper_tail(a.len(), b.len(), farther)).min(1.0);
        return Some(MannWhitney { u, p, exact: true });
    }
    let all = n + m;
    let spread = (n * m / 12.0 * (all + 1.0 - ranks.ties / (all * (all - 1.0)))).sqrt();
    // Where all values are tied nothing differs.
    let p =
        if spread > 0.0 { 2.0 * Normal::standard().sf((farther - n * m / 2.0 - 0.5) / spread) } else { 1.0 };
    Some(MannWhitney { u, p: p.min(1.0), exact: false })
}

/// Cliff's δ: how much more often a value of `b` is larger than one of `a` than smaller, from −1 to 1
/// (Cliff, *Dominance Statistics*, Psychological Bulletin 114, 1993). `None` where a sample is empty.
///
/// ```
/// use benchlake_analytics::stats::cliffs_delta;
/// assert_eq!(cliffs_delta(&[1.0, 2.0], &[2.0, 3.0]), Some(0.75));
/// ```
#[must_use]
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Option<f64> {
    let pairs = real(a.len()) * real(b.len());
    Some(2.0 * mann_whitney(a, b)?.u / pairs - 1.0)
}

/// The shift of Hodges and Lehmann: the median of all differences `b − a`, with the interval of the shifts
/// that the test of Mann and Whitney does not reject at `level` (*Estimates of Location Based on Rank Tests*,
/// Annals of Mathematical Statistics 34, 1963; Bauer, *Constructing Confidence Sets Using Rank Statistics*, Journal of
/// the American Statistical Association 67, 1972): distribution-free, at least of that level where U is exact (up
/// to 2,500 pairs), of about that level beyond. Its ends are infinite where there are too few values. `None` where a
/// sample is empty or for a `level` outside (0, 1). NaN where a value is not finite. No difference is stored.
///
/// ```
/// use benchlake_analytics::stats::hodges_lehmann;
/// let shift = hodges_lehmann(&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 5.0, 7.0], 0.9).expect("values");
/// assert_eq!((shift.value, shift.interval.low, shift.interval.high), (2.0, 0.0, 5.0));
/// ```
#[must_use]
pub fn hodges_lehmann(a: &[f64], b: &[f64], level: f64) -> Option<Estimate> {
    if a.is_empty() || b.is_empty() || !(level > 0.0 && level < 1.0) {
        return None;
    }
    if !a.iter().chain(b).all(|value| value.is_finite()) {
        let interval = Interval { low: f64::NAN, high: f64::NAN };
        return Some(Estimate { value: f64::NAN, interval });
    }
    let differences = Differences::new(a, b);
    let pairs = a.len() * b.len();
    let middle = [(pairs + 1) / 2, pairs / 2 + 1].map(|rank| differences.ranked(rank));
    let interval = match lowest_rank(a.len(), b.len(), level) {
        0 => Interval { low: f64::NEG_INFINITY, high: f64::INFINITY },
        rank => Interval { low: differences.ranked(rank), high: differences.ranked(pairs + 1 - rank) },
    };
    Some(Estimate { value: f64::midpoint(middle[0], middle[1]), interval })
}

/// The largest rank k at which P(U < k) is at most (1 − level) / 2; 0 where there is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank among the pairs")]
fn lowest_rank(n: usize, m: usize, level: f64) -> usize {
    let tail = (1.0 - level) / 2.0;
    if n * m <= EXACT_PAIRS {
        let mut below = 0.0;
        for (k, probability) in distribution(n, m).into_iter().enumerate() {
            below += probability;
            if below > tail {
                return k;
            }
        }
        return 0;
    }
    let (n, m) = (real(n), real(m));
    let spread = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (n * m / 2.0 + 0.5 + Normal::standard().inverse_cdf(tail) * spread).floor().max(0.0) as usize
}

/// U of the second sample, and what ties take from its variance.
struct Ranks {
    above: f64,
    /// Σ(t³ − t) over the groups of t equal values.
    ties: f64,
}

impl Ranks {
    fn new(a: &[f64], b: &[f64]) -> Self {
        let mut all: Vec<(f64, bool)> =
            a.iter().map(|&x| (x, false)).chain(b.iter().map(|&x| (x, true))).collect();
        // Both zeros are one value.
        all.iter_mut().for_each(|(value, _)| *value += 0.0);
        all.sort_unstable_by(|(x, _), (y, _)| x.total_cmp(y));
        let (mut above, mut ties, mut lower) = (0.0, 0.0, 0.0);
        for group in all.chunk_by(|(x, _), (y, _)| x.total_cmp(y).is_eq()) {
            let of_b = real(group.iter().filter(|(_, is_b)| *is_b).count());
            let size = real(group.len());
            above += of_b * (lower + (size - of_b) / 2.0);
            lower += size - of_b;
            ties += size * (size * size - 1.0);
        }
        Self { above, ties }
    }
}

/// P(U = 0), P(U = 1), … of samples of n and m: the share of the choices of n ranks with that sum.
fn distribution(n: usize, m: usize) -> Vec<f64> {
    let (n, m) = (n.min(m), n.max(m));
    // counts[j][u]: how many choices of j among the ranks so far have u ranks below them left out.
    let mut counts = vec![vec![0.0; n * m + 1]; n + 1];
    counts[0][0] = 1.0;
    for rank in 1..=n + m {
        for j in (1..=n.min(rank)).rev() {
            let left_out = rank - j;
            if left_out > m {
                continue;
            }
            let (fewer, these) = counts.split_at_mut(j);
            for u in left_out..=n * m {
                these[0][u] += fewer[j - 1][u - left_out];
            }
        }
    }
    let total: f64 = counts[n].iter().sum();
    counts[n].iter().map(|count| count / total).collect()
}

/// P(U ≥ u).
fn upper_tail(n: usize, m: usize, u: f64) -> f64 {
    // Symmetric: the small terms first.
    let pairs = real(n * m);
    distribution(n, m).iter().enumerate().take_while(|(k, _)| real(*k) <= pairs - u).map(|(_, p)| p).sum()
}

/// All differences of two samples, of which none is stored.
struct Differences {
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Differences {
    fn new(a: &[f64], b: &[f64]) -> Self {
        let sorted = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted
        };
        Self { a: sorted(a), b: sorted(b) }
    }

    /// The difference of this rank, from 1: by halving the doubles that it may be.
    fn ranked(&self, rank: usize) -> f64 {
        let (mut low, mut high) = (order(f64::MIN) - 1, order(f64::INFINITY));
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if self.up_to(double(middle)) >= rank { high = middle } else { low = middle }
        }
        double(high)
    }

    /// How many differences are at most `limit`.
    fn up_to(&self, limit: f64) -> usize {
        let (mut found, mut end) = (0, 0);
        for a in &self.a {
            while self.b.get(end).is_some_and(|b| b - a <= limit) {
                end += 1;
            }
            found += end;
        }
        found
    }
}

/// A double's place in the order of all.
const fn order(value: f64) -> i128 {
    let bits = value.to_bits() as i64;
    (if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits }) as i128
}

/// The double at a place.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places of doubles are of 64 bits"
)]
const fn double(place: i128) -> f64 {
    let place = place as i64;
    f64::from_bits((if place < 0 { i64::MIN.wrapping_sub(place) } else { place }) as u64)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of values are far below 2^53")]
fn real(n: usize) -> f64 {
    n as f64
}
