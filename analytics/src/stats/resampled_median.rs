//! The median of a sample that is drawn again with replacement, without drawing the sample.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

/// Entries of a table: quantiles at (i + ½) / ENTRIES.
const ENTRIES: usize = 1 << BITS;
const BITS: u32 = 11;
/// Samples up to this size have a table of their own; larger ones that of a size within 1.6 %.
const EXACT: usize = 128;

/// Sorted values of which medians of resamples are drawn.
///
/// The median of m values drawn with replacement is an order statistic of m uniform numbers looked up
/// among the sorted values (Efron, *Bootstrap Methods: Another Look at the Jackknife*, Annals of
/// Statistics 7, 1979, section 3): the r-th of m uniform numbers is Beta(r, m − r + 1), and the next
/// one lies above it as the least of the m − r others. So two numbers are drawn instead of m.
pub(super) struct ResampledMedian {
    sorted: Vec<f64>,
    ranks: Arc<Ranks>,
}

impl ResampledMedian {
    /// Of `values`, none of which is NaN; at least one.
    pub(super) fn new(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let ranks = Ranks::of(values.len());
        Self { sorted: values, ranks }
    }

    /// The median of the values themselves.
    pub(super) fn median(&self) -> f64 {
        let half = self.sorted.len() / 2;
        let upper = self.sorted[half];
        if self.sorted.len().is_multiple_of(2) { f64::midpoint(self.sorted[half - 1], upper) } else { upper }
    }

    /// The median of a resample, decided by the lowest 22 bits of `random`.
    #[inline]
    pub(super) fn draw(&self, random: u64) -> f64 {
        let (first, second) = (random as usize % ENTRIES, (random >> BITS) as usize % ENTRIES);
        let lower = f64::from(self.ranks.lower[first]);
        let below = self.at(lower);
        if self.ranks.gap.is_empty() {
            return below;
        }
        f64::midpoint(below, self.at(lower + (1.0 - lower) * f64::from(self.ranks.gap[second])))
    }

    /// The value at `u` of the empirical distribution, 0 ≤ u ≤ 1.
    #[inline]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place among the values"
    )]
    fn at(&self, u: f64) -> f64 {
        let place = (u * self.sorted.len() as f64) as usize;
        self.sorted[place.min(self.sorted.len() - 1)]
    }
}

/// How many bits of a random number [`ResampledMedian::draw`] uses.
pub(super) const DRAWN_BITS: u32 = 2 * BITS;

/// Quantiles of the middle order statistics of m uniform numbers.
struct Ranks {
    /// Of the middle one, or of the lower of the two in the middle.
    lower: Vec<f32>,
    /// How far above it the upper one lies, relative to what is left up to 1; empty for an odd m.
    gap: Vec<f32>,
}

static TABLES: LazyLock<Mutex<HashMap<usize, Arc<Ranks>>>> = LazyLock::new(Mutex::default);

impl Ranks {
    fn of(m: usize) -> Arc<Self> {
        let m = representative(m);
        let mut tables = TABLES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(tables.entry(m).or_insert_with(|| Arc::new(Self::new(m))))
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "sizes of samples; ranks need no more than 24 bits"
    )]
    fn new(m: usize) -> Self {
        let rank = m.div_ceil(2);
        let rest = (m - rank) as f64;
        let lower = beta_quantiles(rank as f64, rest + 1.0);
        let gap = if m.is_multiple_of(2) {
            (0..ENTRIES).map(|i| (1.0 - (1.0 - probability(i)).powf(1.0 / rest)) as f32).collect()
        } else {
            Vec::new()
        };
        Self { lower, gap }
    }
}

/// A size with the same parity, within 1.6 %, that stands for `m`.
fn representative(m: usize) -> usize {
    let coarse = m.checked_ilog2().unwrap_or(0).saturating_sub(EXACT.ilog2() - 1);
    // The last bit stays: whether one or two values are in the middle.
    (m >> coarse << coarse) | (m & 1)
}

#[expect(clippy::cast_precision_loss, reason = "2048 entries")]
fn probability(i: usize) -> f64 {
    (i as f64 + 0.5) / ENTRIES as f64
}

/// The quantiles of Beta(a, b) at every [`probability`]: its density summed over a fine grid.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a grid of 8192 places; ranks need no more than 24 bits"
)]
fn beta_quantiles(a: f64, b: f64) -> Vec<f32> {
    const GRID: usize = 8192;
    let mean = a / (a + b);
    let reach = 9.0 * (mean * (1.0 - mean) / (a + b + 1.0)).sqrt();
    let (from, to) = ((mean - reach).max(0.0), (mean + reach).min(1.0));
    let step = (to - from) / GRID as f64;
    let log = |x: f64| (a - 1.0) * x.ln() + (b - 1.0) * (1.0 - x).ln();
    let peak = log(mean);
    let density: Vec<f64> = (0..GRID).map(|i| (log(from + (i as f64 + 0.5) * step) - peak).exp()).collect();
    let total: f64 = density.iter().sum();
    let (mut cell, mut below) = (0, 0.0);
    let quantile = |i: usize| {
        let wanted = probability(i) * total;
        while cell + 1 < GRID && below + density[cell] < wanted {
            below += density[cell];
            cell += 1;
        }
        (from + (cell as f64 + (wanted - below) / density[cell]) * step) as f32
    };
    (0..ENTRIES).map(quantile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

    /// Medians drawn by ranks are distributed as medians of samples that were really drawn: their means
    /// and spreads agree, and no quantile is off by more than 20,000 draws explain.
    #[test]
    fn as_if_samples_were_drawn() {
        for m in [1, 2, 3, 10, 31, 50, 301, 1000] {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(m as u64);
            let values: Vec<f64> = (0..m).map(|_| rng.random::<f64>().powi(3)).collect();
            let by_rank = ResampledMedian::new(values.clone());
            let mut ranked: Vec<f64> = (0..20_000).map(|_| by_rank.draw(rng.random())).collect();
            let drawn = |rng: &mut Xoshiro256PlusPlus| {
                let sample = (0..m).map(|_| values[rng.random_range(0..m)]).collect();
                ResampledMedian::new(sample).median()
            };
            let mut drawn: Vec<f64> = (0..20_000).map(|_| drawn(&mut rng)).collect();
            ranked.sort_unstable_by(f64::total_cmp);
            drawn.sort_unstable_by(f64::total_cmp);
            // Kolmogorov and Smirnov's distance; 1.95·√(2/n) is exceeded once in a thousand.
            let below = |all: &[f64], x: f64| all.partition_point(|&y| y <= x) as f64 / 20_000.0;
            let distance =
                values.iter().map(|&x| (below(&ranked, x) - below(&drawn, x)).abs()).fold(0.0, f64::max);
            assert!(distance < 1.95 * 0.01, "{m}: {distance}");
        }
    }

    /// A size is stood for by one of its parity, at most 1.6 % smaller.
    #[test]
    fn representatives() {
        for m in 1..100_000 {
            let found = representative(m);
            assert!(
                found % 2 == m % 2 && found <= m && (m - found) as f64 <= 0.016 * m as f64,
                "{m}: {found}"
            );
        }
    }
}
