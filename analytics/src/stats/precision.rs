//! Precision of a measurement after ISO 5725-2: how far results of one laboratory lie apart, how far
//! those of different ones, and which laboratory is off. A laboratory is a node, or a session.

use super::{
    location::{count, mean},
    quantiles::{fisher_above, student_above},
    random_effects::{MeanSquares, centred},
    spread::standard_deviation,
};

/// How far two results of one kind lie apart in 95 of 100 cases, over their standard deviation:
/// `Φ⁻¹(0.975) · √2`, which the standard rounds to 2.8.
const LIMIT: f64 = 2.771_807_648_699_136;

/// Repeatability and reproducibility of a measurement, found by [`iso5725`].
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Precision {
    /// The mean of all values, m.
    pub mean: f64,
    /// The standard deviation of results of one laboratory, sᵣ.
    pub repeatability_sd: f64,
    /// The standard deviation of the laboratories' true means, s_L; 0 where its square is negative.
    pub between_sd: f64,
    /// The standard deviation of results of different laboratories, `s_R = √(s_L² + sᵣ²)`.
    pub reproducibility_sd: f64,
    /// What two results of one laboratory differ by at most in 95 of 100 cases: `2.77 sᵣ`.
    pub repeatability_limit: f64,
    /// What results of two laboratories differ by at most in 95 of 100 cases: `2.77 s_R`.
    pub reproducibility_limit: f64,
    /// Mandel's h of each laboratory: how many standard deviations its mean lies from the others. NaN
    /// where all means are equal.
    pub h: Vec<f64>,
    /// Mandel's k of each laboratory: how its standard deviation relates to `repeatability_sd`. NaN for a
    /// laboratory of one value, and where the values of each laboratory are equal.
    pub k: Vec<f64>,
    /// What |h| stays below in 95 of 100 laboratories that are not off; NaN for two laboratories, of which
    /// |h| is always √½.
    pub h_critical_95: f64,
    /// The same in 99 of 100.
    pub h_critical_99: f64,
    /// What k stays below in 95 of 100 laboratories that are not off; of different sizes, for the mean
    /// size. NaN where only one laboratory has two values.
    pub k_critical_95: f64,
    /// The same in 99 of 100.
    pub k_critical_99: f64,
}

/// Precision of the measurement that each of p `groups`, a laboratory each, made several times:
///
/// - `sᵣ² = MSW` and `s_L² = (MSB − MSW) / n₀`, the analysis of variance of
///   [`random_effects`](super::random_effects) (ISO 5725-2:1994, 7.4)
/// - `hᵢ = (x̄ᵢ − x̿) / √(Σ (x̄ᵢ − x̿)² / (p − 1))`, x̿ the mean of the laboratories' means, and
///   `kᵢ = sᵢ / sᵣ` (ISO 5725-2:1994, 7.3.1; Mandel, *A New Analysis of Interlaboratory Test Results*, 1985)
/// - critical values `h = (p − 1) t / √(p (t² + p − 2))`, t of p − 2 degrees of freedom at 1 − α/2, and
///   `k = √(p / (1 + (p − 1) / F))`, F of n − 1 and (p − 1)(n − 1) at 1 − α (ASTM E691; Wilrich, *Critical
///   values of Mandel's h and k*, AStA Advances in Statistical Analysis 97, 2013)
///
/// For laboratories of different size, sᵣ is pooled over their degrees of freedom, and the critical k is
/// that of p laboratories of which each has two values or more, and as many as their mean: one with fewer
/// exceeds it more often.
///
/// A NaN or an infinite value makes every figure NaN that it is in. `None` below two groups, for an
/// empty group, or where no group has two values.
///
/// ```
/// use benchlake_analytics::stats::iso5725;
/// // Three nodes, the last of which is slow.
/// let found = iso5725(&[[10.0, 10.2], [10.1, 10.3], [11.0, 11.2]]).expect("three nodes");
/// assert!((found.repeatability_sd - 0.02_f64.sqrt()).abs() < 1e-12);
/// assert!(found.h[2] > 1.14 && found.h_critical_95 < 1.16);
/// ```
#[must_use]
pub fn iso5725<G: AsRef<[f64]>>(groups: &[G]) -> Option<Precision> {
    let squares = MeanSquares::new(groups)?;
    let within = squares.within;
    let between = (squares.between - within) / squares.size;
    // Not `max`, which would make a NaN 0.
    let between = if between < 0.0 { 0.0 } else { between };
    let (repeatability, reproducibility) = (within.sqrt(), (within + between).sqrt());
    let (spread, laboratories) = spread(groups);
    Some(Precision {
        mean: mean(&groups.iter().flat_map(AsRef::as_ref).copied().collect::<Vec<_>>())?,
        repeatability_sd: repeatability,
        between_sd: between.sqrt(),
        reproducibility_sd: reproducibility,
        repeatability_limit: LIMIT * repeatability,
        reproducibility_limit: LIMIT * reproducibility,
        h: mandel_h(&centred(groups.iter().map(AsRef::as_ref)))?,
        k: spread.iter().map(|sd| sd / repeatability).collect(),
        h_critical_95: h_critical(count(&spread), 0.05),
        h_critical_99: h_critical(count(&spread), 0.01),
        k_critical_95: laboratories.k_critical(0.05),
        k_critical_99: laboratories.k_critical(0.01),
    })
}

fn mandel_h(groups: &[Vec<f64>]) -> Option<Vec<f64>> {
    let means = groups.iter().map(|group| mean(group)).collect::<Option<Vec<_>>>()?;
    let (centre, deviation) = (mean(&means)?, standard_deviation(&means)?);
    Some(means.iter().map(|mean| (mean - centre) / deviation).collect())
}

fn h_critical(laboratories: f64, alpha: f64) -> f64 {
    let freedom = laboratories - 2.0;
    let Some(t) = (freedom > 0.0).then(|| student_above(alpha / 2.0, freedom)).flatten() else {
        return f64::NAN;
    };
    (laboratories - 1.0) * t / (laboratories * (t * t + freedom)).sqrt()
}

/// The laboratories whose standard deviation is known, each as if it had the mean degrees of freedom.
pub(super) struct Spreads {
    pub(super) laboratories: f64,
    pub(super) freedom: f64,
}

impl Spreads {
    /// What the share of one laboratory in the sum of variances exceeds with probability `tail`; NaN
    /// where there is only one.
    pub(super) fn share_above(&self, tail: f64) -> f64 {
        let others = self.laboratories - 1.0;
        if others < 1.0 {
            return f64::NAN;
        }
        let f = fisher_above(tail, self.freedom, others * self.freedom);
        1.0 / (1.0 + others / f)
    }

    fn k_critical(&self, alpha: f64) -> f64 {
        (self.laboratories * self.share_above(alpha)).sqrt()
    }
}

/// The standard deviation of each group, NaN below two values, and how many are known.
pub(super) fn spread<G: AsRef<[f64]>>(groups: &[G]) -> (Vec<f64>, Spreads) {
    let groups = groups.iter().map(AsRef::as_ref);
    let repeated = groups.clone().filter(|group| group.len() > 1);
    let freedom: Vec<f64> = repeated.map(|group| count(group) - 1.0).collect();
    let spread = groups.map(|group| standard_deviation(group).unwrap_or(f64::NAN)).collect();
    (spread, Spreads { laboratories: count(&freedom), freedom: mean(&freedom).unwrap_or(f64::NAN) })
}
