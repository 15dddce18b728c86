//! Whether two means differ, and whether they do not.

use super::{
    Estimate, Interval,
    location::{count, mean},
    spread::variance,
};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Welch's test of two means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    /// The difference of the means over its standard error; positive where the second is larger.
    pub t: f64,
    /// Its degrees of freedom, by Welch and Satterthwaite.
    pub df: f64,
    /// How probable so large a |t| is where the means are equal.
    pub p: f64,
    /// The mean of the second less that of the first, with its interval.
    pub difference: Estimate,
}

/// Two one-sided tests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equivalence {
    /// The larger of the two: below α, the means are equivalent at level 1 − 2α.
    pub p: f64,
    /// Of the test that the difference is above the lower limit.
    pub lower_p: f64,
    /// Of the test that the difference is below the upper limit.
    pub upper_p: f64,
}

/// The difference of two means.
struct Difference {
    value: f64,
    error: f64,
    df: f64,
}

/// Welch's t test that `a` and `b` have one mean, two-sided, whatever their variances (Welch, *The
/// Generalization of Student's Problem when Several Different Population Variances are Involved*,
/// Biometrika 34, 1947): `t = (b̄ − ā) / √(s²_a/n_a + s²_b/n_b)`. `None` below two values in either, or for
/// a `level` outside (0, 1). Without any variance t is 0 and p is 1 where the means are equal; else t is
/// infinite and p is 0.
///
/// ```
/// use benchlake_analytics::stats::welch;
/// let test = welch(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0], 0.95).expect("three values each");
/// assert!((test.p - 0.28786).abs() < 1e-5 && test.df == 4.0);
/// ```
#[must_use]
pub fn welch(a: &[f64], b: &[f64], level: f64) -> Option<Welch> {
    let Difference { value, error, df } = difference(a, b)?;
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let t = over(value, error);
    let half = quantile(f64::midpoint(1.0, level), df) * error;
    let interval = Interval { low: value - half, high: value + half };
    Some(Welch { t, df, p: two_sided(t, df), difference: Estimate { value, interval } })
}

/// Two one-sided Welch tests that `b̄ − ā` lies between `low` and `high` (Schuirmann, *A Comparison of the
/// Two One-Sided Tests Procedure and the Power Approach*, Journal of Pharmacokinetics and Biopharmaceutics
/// 15, 1987). `None` below two values in either.
///
/// ```
/// use benchlake_analytics::stats::tost;
/// let (a, b) = ([1.0, 1.1, 0.9, 1.0], [1.0, 1.05, 0.95, 1.0]);
/// assert!(tost(&a, &b, -0.2, 0.2).is_some_and(|test| test.p < 0.01));
/// assert!(tost(&a, &b, -0.01, 0.01).is_some_and(|test| test.p > 0.3));
/// ```
#[must_use]
pub fn tost(a: &[f64], b: &[f64], low: f64, high: f64) -> Option<Equivalence> {
    let Difference { value, error, df } = difference(a, b)?;
    let lower_p = tail(over(value - low, error), df);
    let upper_p = tail(over(high - value, error), df);
    let p = if lower_p.is_nan() || upper_p.is_nan() { f64::NAN } else { lower_p.max(upper_p) };
    Some(Equivalence { p, lower_p, upper_p })
}

/// The ratio of two means, `b̄ / ā`, with Fieller's interval at `level` (Fieller, *Some Problems in Interval
/// Estimation*, Journal of the Royal Statistical Society B 16, 1954), its t of Satterthwaite's degrees of
/// freedom at the ratio. `None` below two values in either, for a `level` outside (0, 1), or where ā does not
/// differ from 0 at that level: then the interval has no ends.
///
/// ```
/// use benchlake_analytics::stats::ratio_of_means;
/// let ratio = ratio_of_means(&[9.0, 10.0, 11.0], &[18.0, 20.0, 22.0], 0.95).expect("means above zero");
/// assert!(ratio.value == 2.0 && ratio.interval.low < 1.7 && 2.4 < ratio.interval.high);
/// ```
#[must_use]
pub fn ratio_of_means(a: &[f64], b: &[f64], level: f64) -> Option<Estimate> {
    let (base, new) = (mean(a)?, mean(b)?);
    let (of_base, of_new) = (variance(a)? / count(a), variance(b)? / count(b));
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let value = new / base;
    let scaled = value * value * of_base;
    let df = satterthwaite(scaled, count(a), of_new, count(b));
    let t = quantile(f64::midpoint(1.0, level), df);
    let g = t * t * of_base / (base * base);
    if g >= 1.0 || base.abs() <= 0.0 {
        return None;
    }
    let half = t / base.abs() * (of_new + scaled - g * of_new).sqrt();
    let interval = Interval { low: (value - half) / (1.0 - g), high: (value + half) / (1.0 - g) };
    Some(Estimate { value, interval })
}

fn difference(a: &[f64], b: &[f64]) -> Option<Difference> {
    let (of_a, of_b) = (variance(a)? / count(a), variance(b)? / count(b));
    let value = mean(b)? - mean(a)?;
    Some(Difference { value, error: (of_a + of_b).sqrt(), df: satterthwaite(of_a, count(a), of_b, count(b)) })
}

/// The degrees of freedom of the sum of two variances of means; those of equal variances where there are none.
fn satterthwaite(of_a: f64, n_a: f64, of_b: f64, n_b: f64) -> f64 {
    let sum = of_a + of_b;
    if sum <= 0.0 {
        return n_a + n_b - 2.0;
    }
    // Shares, as squares of tiny variances would vanish.
    let (a, b) = (of_a / sum, of_b / sum);
    1.0 / (a * a / (n_a - 1.0) + b * b / (n_b - 1.0))
}

/// `value / error`; 0 where both are.
fn over(value: f64, error: f64) -> f64 {
    if error <= 0.0 && value.abs() <= 0.0 { 0.0 } else { value / error }
}

fn quantile(p: f64, df: f64) -> f64 {
    StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |student| student.inverse_cdf(p))
}

/// How probable a t above this one is.
fn tail(t: f64, df: f64) -> f64 {
    if t.is_nan() {
        return f64::NAN;
    }
    StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |student| student.sf(t))
}

/// How probable a |t| above this one is.
fn two_sided(t: f64, df: f64) -> f64 {
    2.0 * tail(t.abs(), df)
}
