//! The test of Mann and Whitney (of Wilcoxon): does one list tend to larger values than another?

use super::{
    location::{count, has_nan},
    runs::{Pairs, Run, runs},
};
use statrs::distribution::{ContinuousCDF, Normal};

/// What the test of Mann and Whitney says of two lists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// In how many pairs the value of the second list is larger than that of the first; equal ones count
    /// half.
    pub u: f64,
    /// How probable a `u` at least as far from the middle is where both lists are drawn alike.
    pub p: f64,
    /// Whether `p` is exact, rather than that of a normal distribution.
    pub exact: bool,
}

/// Up to so many pairs `p` is exact: by then the normal distribution is near, and the numbers of
/// arrangements fit 128 bits.
pub(super) const MOST_PAIRS: u64 = 2_500;

/// The two-sided test of Mann and Whitney (*On a Test of Whether one of Two Random Variables is
/// Stochastically Larger than the Other*, Annals of Mathematical Statistics 18, 1947; as
/// `scipy.stats.mannwhitneyu(b, a)`).
///
/// Without ties and up to 2,500 pairs (50 + 50 values) `p` is exact: `2·P(U ≥ max(u, n·m − u))`, at most
/// 1 (SciPy's `method="exact"`). Else it is that of a normal distribution with continuity correction and
/// variance `n·m/12 · (N + 1 − Σ(t³ − t)/(N(N − 1)))`, N = n + m, over the numbers t of equal values
/// (SciPy's `method="asymptotic"`); 1 where all values are equal.
///
/// `None` where a list is empty; NaN where a value is NaN. Infinite values have their rank.
///
/// ```
/// use benchlake_analytics::stats::mann_whitney;
/// let test = mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).expect("values");
/// assert!(test.exact && test.u == 9.0 && (test.p - 0.1).abs() < 1e-15);
/// ```
#[must_use]
pub fn mann_whitney(a: &[f64], b: &[f64]) -> Option<MannWhitney> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if has_nan(a) || has_nan(b) {
        return Some(MannWhitney { u: f64::NAN, p: f64::NAN, exact: false });
    }
    let runs = runs(a, b);
    let pairs = Pairs::of(&runs);
    let (n, m) = (a.len() as u64, b.len() as u64);
    let exact = runs.len() == a.len() + b.len() && n.saturating_mul(m) <= MOST_PAIRS;
    let u = float(pairs.larger) + float(pairs.equal) / 2.0;
    let p = if exact {
        let tail = n * m - pairs.larger.max(n * m - pairs.larger);
        (2.0 * Arrangements::new(n, m).at_most(tail)).min(1.0)
    } else {
        normal_p((u - count(a) * count(b) / 2.0).abs(), variance(n, m, &runs))
    };
    Some(MannWhitney { u, p, exact })
}

/// The p of a `u` that lies `distance` from its mean.
fn normal_p(distance: f64, variance: f64) -> f64 {
    if variance <= 0.0 {
        return 1.0;
    }
    let z = (distance - 0.5) / variance.sqrt();
    (2.0 * Normal::standard().sf(z)).min(1.0)
}

/// The variance of U where lists are drawn alike, given which values are equal.
fn variance(n: u64, m: u64, runs: &[Run]) -> f64 {
    let all = float(n + m);
    let cubes = runs.iter().map(|run| float(run.a + run.b)).map(|equal| equal * (equal * equal - 1.0));
    let ties: f64 = cubes.sum();
    float(n) * float(m) / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of values and pairs, below 2⁵³ or rounded once")]
fn float(whole: u64) -> f64 {
    whole as f64
}

/// In how many arrangements of n + m different values U is at most 0, 1, 2, …, n·m.
pub(super) struct Arrangements {
    at_most: Vec<u128>,
}

impl Arrangements {
    /// The sums of the coefficients of the Gaussian binomial coefficient, `Π (1 − q^(m + i)) / (1 − q^i)`
    /// over i = 1 … n, in whole numbers: for at most [`MOST_PAIRS`] pairs.
    pub(super) fn new(n: u64, m: u64) -> Self {
        let (n, m) = (index(n.min(m)), index(n.max(m)));
        let mut of = vec![0_u128; n * m + 1];
        of[0] = 1;
        for i in 1..=n {
            // Modulo 2¹²⁸, in which the results fit though what is between may not.
            (m + i..of.len()).rev().for_each(|u| of[u] = of[u].wrapping_sub(of[u - m - i]));
            (i..of.len()).for_each(|u| of[u] = of[u].wrapping_add(of[u - i]));
        }
        (1..of.len()).for_each(|u| of[u] += of[u - 1]);
        Self { at_most: of }
    }

    /// `P(U ≤ u)` where lists are drawn alike.
    #[expect(clippy::cast_precision_loss, reason = "a quotient of whole numbers, each rounded once")]
    pub(super) fn at_most(&self, u: u64) -> f64 {
        let all = self.at_most.len() - 1;
        self.at_most[index(u).min(all)] as f64 / self.at_most[all] as f64
    }
}

fn index(whole: u64) -> usize {
    usize::try_from(whole).unwrap_or(usize::MAX)
}
