//! Tests after ISO 5725-2 of the one that is furthest off: the laboratory with the largest spread, and
//! the value furthest from the mean.

use super::{
    location::{count, mean},
    precision::{Spreads, spread},
    quantiles::{fisher_tail, student_above},
    random_effects::centred,
    spread::standard_deviation,
};

/// The result of [`cochran`]'s test.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Cochran {
    /// The largest variance over the sum of all.
    pub c: f64,
    /// What `c` stays below at the level that was asked for, where all spread alike.
    pub critical: f64,
    /// How probable a `c` as large is at most where all spread alike.
    pub p: f64,
}

/// Cochran's test of the largest variance of the p `groups`: `C = max sᵢ² / Σ sᵢ²`. With
/// `F = (p − 1) C / (1 − C)`, of n − 1 and (p − 1)(n − 1) degrees of freedom, the p-value is
/// `min(1, p · P(> F))` and the critical value `1 / (1 + (p − 1) / F(1 − α/p))`: exact where C > 1/2, where
/// only one group can have it, and a little too cautious elsewhere (Cochran, *The Distribution of the
/// Largest of a Set of Estimated Variances*, Annals of Eugenics 11, 1941; ISO 5725-2:1994, 7.3.3). Groups of
/// different size count as if each had the mean degrees of freedom; those of fewer than two values are left out.
///
/// NaN where no group has any spread, and for a NaN or an infinite value. `None` below two groups with two
/// values, or for a `level` outside (0, 1).
///
/// ```
/// use benchlake_analytics::stats::cochran;
/// let found = cochran(&[[1.0, 1.1], [2.0, 2.1], [3.0, 5.0]], 0.95).expect("three groups");
/// assert!((found.c - 4.0 / 4.02).abs() < 1e-12 && found.c > found.critical && found.p < 0.05);
/// ```
#[must_use]
pub fn cochran<G: AsRef<[f64]>>(groups: &[G], level: f64) -> Option<Cochran> {
    let repeated: Vec<&[f64]> = groups.iter().map(AsRef::as_ref).filter(|group| group.len() > 1).collect();
    let (spread, spreads) = spread(&repeated);
    let Spreads { laboratories, freedom } = spreads;
    if laboratories < 2.0 || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let variances: Vec<f64> = spread.iter().map(|sd| sd * sd).collect();
    let largest = variances.iter().copied().max_by(f64::total_cmp)?;
    let rest = rest(&variances, largest);
    let others = laboratories - 1.0;
    Some(Cochran {
        c: largest / (largest + rest),
        critical: spreads.share_above((1.0 - level) / laboratories),
        p: at_most_one(laboratories * fisher_tail(others * largest / rest, freedom, others * freedom)),
    })
}

/// The sum of all but one of the largest.
fn rest(variances: &[f64], largest: f64) -> f64 {
    let at = variances.iter().position(|variance| variance.total_cmp(&largest).is_eq());
    variances.iter().enumerate().filter(|(i, _)| Some(*i) != at).map(|(_, variance)| variance).sum()
}

/// The result of [`grubbs`]' test.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Grubbs {
    /// How many standard deviations the highest value lies above the mean.
    pub g_high: f64,
    /// How many the lowest lies below it.
    pub g_low: f64,
    /// What both stay below at the level that was asked for, where no value is off.
    pub critical: f64,
    /// How probable it is at most that the larger of both is as large where no value is off.
    pub p: f64,
}

/// Grubbs' test of the value furthest from the mean, on either side: `G = max |x − x̄| / s`. With
/// `t² = n(n − 2) G² / ((n − 1)² − n G²)`, of n − 2 degrees of freedom, the p-value is
/// `min(1, n · P(|T| > t))` and the critical value `(n − 1) / √n · √(t² / (n − 2 + t²))` of t at
/// `1 − α/(2n)` (Grubbs, *Sample Criteria for Testing Outlying Observations*, The Annals of Mathematical
/// Statistics 21, 1950; ISO 5725-2:1994, 7.3.4).
///
/// NaN where all values are equal, and for a NaN or an infinite value. `None` below three values or for a
/// `level` outside (0, 1).
///
/// ```
/// use benchlake_analytics::stats::grubbs;
/// let found = grubbs(&[10.0, 10.2, 9.9, 10.1, 13.0], 0.95).expect("five values");
/// assert!(found.g_high > found.critical && found.g_low < found.critical && found.p < 0.01);
/// ```
#[must_use]
pub fn grubbs(values: &[f64], level: f64) -> Option<Grubbs> {
    if values.len() < 3 || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let centred = centred(std::iter::once(values)).pop()?;
    let (n, centre, deviation) = (count(values), mean(&centred)?, standard_deviation(values)?);
    let [lowest, highest] = ends(&centred)?;
    let (above, below) = (centred[highest] - centre, centre - centred[lowest]);
    let t = student_above((1.0 - level) / (2.0 * n), n - 2.0)?;
    let f = from_others(values, if above >= below { highest } else { lowest })?;
    Some(Grubbs {
        g_high: above / deviation,
        g_low: below / deviation,
        critical: (n - 1.0) / n.sqrt() * (t * t / (n - 2.0 + t * t)).sqrt(),
        // An infinite value would be infinitely far from the others.
        p: if deviation.is_nan() { f64::NAN } else { at_most_one(n * fisher_tail(f, 1.0, n - 2.0)) },
    })
}

/// Where the lowest and the highest of the values are.
fn ends(values: &[f64]) -> Option<[usize; 2]> {
    let order = |a: &usize, b: &usize| values[*a].total_cmp(&values[*b]);
    Some([(0..values.len()).min_by(order)?, (0..values.len()).max_by(order)?])
}

/// The t² of Grubbs' test, as the square of the t that compares the value at `at` with all others: the
/// form of [`grubbs`] would lose all digits where those are near one another.
fn from_others(values: &[f64], at: usize) -> Option<f64> {
    let others = [&values[..at], &values[at + 1..]].concat();
    let centred = centred([&others[..], &values[at..=at]].into_iter());
    let [others, value] = centred.as_slice() else { return None };
    let distance = value.first()? - mean(others)?;
    let n = count(values);
    Some((distance / standard_deviation(others)?).powi(2) * (n - 1.0) / n)
}

/// A bound of a probability, which may be above 1. NaN stays.
fn at_most_one(bound: f64) -> f64 {
    if bound > 1.0 { 1.0 } else { bound }
}
