//! One-way analysis of variance with random effects: what varies between groups, and what in them.

use super::{
    Interval,
    location::{count, mean},
    quantiles::{fisher_above, fisher_tail},
    spread::variance,
};

/// The variance of groups, split by [`random_effects`].
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct VarianceComponents {
    /// The variance of the groups' true means: `between_raw`, or 0 where that is negative.
    pub between: f64,
    /// The variance of values in one group: the mean square within.
    pub within: f64,
    /// The intraclass correlation ICC(1), `between_raw / (between_raw + within)`: how much of the
    /// variance is between groups. Negative where groups differ less than their values let expect; NaN
    /// where all values are equal.
    pub icc: f64,
    /// The interval of the intraclass correlation; exact for normal values and groups of equal size.
    pub icc_interval: Interval,
    /// The ratio of the mean squares between and within.
    pub f: f64,
    /// How probable an `f` as large is where groups do not differ.
    pub p: f64,
    /// Degrees of freedom between groups: their number less one.
    pub df_between: f64,
    /// Degrees of freedom within: values less groups.
    pub df_within: f64,
    /// The estimate of the variance of the groups' true means, which may be negative.
    pub between_raw: f64,
}

/// Splits the variance of `groups`, of which the i-th has nᵢ values, N of them in the a groups
/// together, by the method of moments:
///
/// - `within = MSW = ΣΣ (x − x̄ᵢ)² / (N − a)`
/// - `between_raw = (MSB − MSW) / n₀`, `MSB = Σ nᵢ (x̄ᵢ − x̄)² / (a − 1)`, `n₀ = (N − Σ nᵢ² / N) / (a − 1)`
/// - `F = MSB / MSW`, of a − 1 and N − a degrees of freedom (`scipy.stats.f_oneway`)
/// - the interval of the ICC at `level`: `(Fₗ − 1) / (Fₗ + n₀ − 1)`, `Fₗ = F / F(1 − α/2; a − 1, N − a)`,
///   to the same of `Fᵤ = F · F(1 − α/2; N − a, a − 1)`
///
/// (Searle, Casella and McCulloch, *Variance Components*, 1992, chapter 3; the ICC as ICC(1,1) of Shrout and
/// Fleiss, *Intraclass Correlations*, Psychological Bulletin 86, 1979, and ICC(1) of McGraw and Wong,
/// Psychological Methods 1, 1996; of groups of different size, n₀ stands for their size.)
///
/// A NaN or an infinite value makes every figure but the degrees of freedom NaN. Where the values of
/// each group are equal, but not those of all, F is infinite and the ICC 1. `None` below two groups,
/// for an empty group, where no group has two values, or for a `level` outside (0, 1).
///
/// ```
/// use benchlake_analytics::stats::random_effects;
/// let nodes = [[10.0, 11.0, 12.0], [20.0, 21.0, 22.0]];
/// let found = random_effects(&nodes, 0.95).expect("two nodes");
/// assert_eq!((found.within, found.f, found.df_between, found.df_within), (1.0, 150.0, 1.0, 4.0));
/// assert!((found.icc - 149.0 / 152.0).abs() < 1e-15);
/// ```
#[must_use]
pub fn random_effects<G: AsRef<[f64]>>(groups: &[G], level: f64) -> Option<VarianceComponents> {
    let squares = MeanSquares::new(groups)?;
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let MeanSquares { between: above, within, size, df_between, df_within } = squares;
    let between_raw = (above - within) / size;
    let f = above / within;
    Some(VarianceComponents {
        // Not `max`, which would make a NaN 0.
        between: if between_raw < 0.0 { 0.0 } else { between_raw },
        within,
        icc: squares.correlation(1.0),
        icc_interval: squares.correlation_interval(level),
        f,
        p: fisher_tail(f, df_between, df_within),
        df_between,
        df_within,
        between_raw,
    })
}

/// The mean squares of an analysis of variance.
pub(super) struct MeanSquares {
    pub(super) between: f64,
    pub(super) within: f64,
    /// The size of groups: n₀ where it differs.
    pub(super) size: f64,
    pub(super) df_between: f64,
    pub(super) df_within: f64,
}

impl MeanSquares {
    pub(super) fn new<G: AsRef<[f64]>>(groups: &[G]) -> Option<Self> {
        let within: f64 = groups.iter().map(|group| squares(group.as_ref())).sum();
        let groups = centred(groups.iter().map(AsRef::as_ref));
        let means = groups.iter().map(|group| mean(group)).collect::<Option<Vec<_>>>()?;
        let sizes: Vec<f64> = groups.iter().map(|group| count(group)).collect();
        let total: f64 = sizes.iter().sum();
        let (df_between, df_within) = (count(&sizes) - 1.0, total - count(&sizes));
        if df_between < 1.0 || df_within < 1.0 {
            return None;
        }
        let centre = mean(&groups.concat())?;
        let between: f64 = means.iter().zip(&sizes).map(|(mean, size)| size * (mean - centre).powi(2)).sum();
        let size = (total - sizes.iter().map(|size| size * size).sum::<f64>() / total) / df_between;
        let (between, within) = (between / df_between, within / df_within);
        Some(Self { between, within, size, df_between, df_within })
    }

    /// The intraclass correlation if F were F / `by`.
    fn correlation(&self, by: f64) -> f64 {
        let within = by * self.within;
        (self.between - within) / (self.between + (self.size - 1.0) * within)
    }

    fn correlation_interval(&self, level: f64) -> Interval {
        let tail = f64::midpoint(1.0, -level);
        let (between, within) = (self.df_between, self.df_within);
        Interval {
            low: self.correlation(fisher_above(tail, between, within)),
            high: self.correlation(1.0 / fisher_above(tail, within, between)),
        }
    }
}

/// The groups less one of their values, so that differences of means far from zero keep their digits.
pub(super) fn centred<'a>(groups: impl Iterator<Item = &'a [f64]> + Clone) -> Vec<Vec<f64>> {
    let pivot = groups.clone().flatten().next().copied().unwrap_or(0.0);
    groups.map(|group| group.iter().map(|value| value - pivot).collect()).collect()
}

/// `Σ (x − x̄)²`.
pub(super) fn squares(values: &[f64]) -> f64 {
    variance(values).map_or(0.0, |variance| variance * (count(values) - 1.0))
}
