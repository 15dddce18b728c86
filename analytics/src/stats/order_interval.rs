//! Intervals of quantiles that presume no distribution.

use super::{Interval, location::has_nan, ordered::select};
use statrs::distribution::{Binomial, DiscreteCDF};
use std::cell::Cell;

/// An interval between two order statistics, and the level that it reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderInterval {
    /// The interval.
    pub interval: Interval,
    /// How probable it is to hold the true quantile: at least the level that was asked for.
    pub level: f64,
}

/// The interval of the true quantile at `p` between two order statistics, `x₍ₗ₎` and `x₍ᵤ₎`, whatever the
/// distribution, for independent values. With `B` binomial of `n` and `p`, `l` is the highest with
/// `P(B < l) ≤ α/2` and `u` the lowest with `P(B ≥ u) ≤ α/2`, so that it covers with probability
/// `P(l ≤ B < u) ≥ level` (Conover, *Practical Nonparametric Statistics*, 3rd edition, 1999, section
/// 3.2; exact for a continuous distribution, more for one with ties).
///
/// `None` where n is too small for such an `l` or `u`, as for the quantile at 0.99 of 30 values; without
/// values; for a `p` or `level` outside (0, 1).
///
/// ```
/// use benchlake_analytics::stats::quantile_interval;
/// let values: Vec<f64> = (1..=30).map(f64::from).collect();
/// let median = quantile_interval(&values, 0.5, 0.95).expect("30 values");
/// assert_eq!((median.interval.low, median.interval.high), (10.0, 21.0));
/// assert!((median.level - 0.9572).abs() < 1e-4);
/// assert_eq!(quantile_interval(&values, 0.99, 0.95), None);
/// ```
#[must_use]
pub fn quantile_interval(values: &[f64], p: f64, level: f64) -> Option<OrderInterval> {
    quantile_interval_in_place(&mut values.to_vec(), p, level)
}

/// [`quantile_interval`], without a copy: the values are put in another order.
#[must_use]
pub fn quantile_interval_in_place(values: &mut [f64], p: f64, level: f64) -> Option<OrderInterval> {
    let ranks = ranks(values.len(), p, level)?;
    if has_nan(values) {
        let interval = Interval { low: f64::NAN, high: f64::NAN };
        return Some(OrderInterval { interval, level: f64::NAN });
    }
    let low = select(values, ranks.low);
    let high = select(&mut values[ranks.low..], ranks.high - ranks.low);
    Some(OrderInterval { interval: Interval { low, high }, level: ranks.level })
}

/// Two order statistics, counted from 0, and how probable it is that the quantile lies between them.
#[derive(Debug, Clone, Copy)]
struct Ranks {
    low: usize,
    high: usize,
    level: f64,
}

/// The ranks for `n` values. The last ones are remembered: lists that are summarised together mostly
/// have one length.
fn ranks(n: usize, p: f64, level: f64) -> Option<Ranks> {
    type Last = ((usize, u64, u64), Option<Ranks>);
    thread_local! {
        static LAST: Cell<Option<Last>> = const { Cell::new(None) };
    }
    let key = (n, p.to_bits(), level.to_bits());
    if let Some((_, ranks)) = LAST.get().filter(|(last, _)| *last == key) {
        return ranks;
    }
    let ranks = found_ranks(n, p, level);
    LAST.set(Some((key, ranks)));
    ranks
}

fn found_ranks(n: usize, p: f64, level: f64) -> Option<Ranks> {
    let inside = |value: f64| value > 0.0 && value < 1.0;
    if n == 0 || !inside(p) || !inside(level) {
        return None;
    }
    let tail = f64::midpoint(1.0, -level);
    let binomial = Binomial::new(p, n as u64).ok()?;
    let at_most = |k: usize| binomial.cdf(k as u64);
    // Counted from 0, the ranks are l − 1 and u − 1: P(B ≤ l − 1) ≤ tail and P(B > u − 1) ≤ tail.
    let low = first(n, |rank| at_most(rank) > tail).checked_sub(1)?;
    let high = first(n, |rank| binomial.sf(rank as u64) <= tail);
    (high < n).then(|| Ranks { low, high, level: at_most(high) - at_most(low) })
}

/// The first of 0..n for which `holds`, which stays true once it is; n if there is none.
fn first(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = usize::midpoint(low, high);
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}
