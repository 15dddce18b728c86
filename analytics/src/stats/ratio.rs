//! How many times the mean of one list is that of another.

use super::{
    Estimate, Interval,
    location::mean,
    spread::standard_error,
    student::{student, two_sided_quantile},
    welch::freedom,
};

/// `x̄_b / x̄_a` with Fieller's interval at `level`. With `c_a` and `c_b` the standard errors of the means
/// over `x̄_a`, `r` the ratio and `t` the quantile of Student's distribution, its ends are
/// `(r ∓ t·√(r²·c_a² + c_b² − t²·c_a²·c_b²)) / (1 − t²·c_a²)` (Fieller, *Some Problems in Interval
/// Estimation*, Journal of the Royal Statistical Society B 16, 1954), and the degrees of freedom
/// `(c_b² + r²·c_a²)² / (c_b⁴/(n_b − 1) + r⁴·c_a⁴/(n_a − 1))`, since the two sides need not vary alike
/// (Tamhane and Logan, *Finding the Maximum Safe Dose Level for Heteroscedastic Data*, Journal of
/// Biopharmaceutical Statistics 14, 2004).
///
/// `None` below two values on a side, where neither side varies, for a `level` outside (0, 1), and where the
/// interval of `x̄_a` holds zero (`t²·c_a² ≥ 1`): any ratio would be possible then. NaN where a value is
/// NaN or infinite.
///
/// ```
/// use benchlake_analytics::stats::ratio_of_means;
/// let ratio = ratio_of_means(&[9.8, 10.0, 10.2], &[10.8, 11.0, 11.2], 0.95).expect("three values each");
/// assert!((ratio.value - 1.1).abs() < 1e-12);
/// assert!(ratio.interval.low > 1.04 && ratio.interval.high < 1.16);
/// assert_eq!(ratio_of_means(&[-1.0, 0.0, 1.5], &[10.8, 11.0, 11.2], 0.95), None);
/// ```
#[must_use]
pub fn ratio_of_means(a: &[f64], b: &[f64], level: f64) -> Option<Estimate> {
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let (of_a, of_b) = (standard_error(a)?, standard_error(b)?);
    let (base, top) = (mean(a)?, mean(b)?);
    if (of_a + of_b).is_nan() || !(base + top).is_finite() {
        return Some(Estimate { value: f64::NAN, interval: Interval { low: f64::NAN, high: f64::NAN } });
    }
    let (value, of_a, of_b) = (top / base, (of_a / base).abs(), (of_b / base).abs());
    let student = student(freedom([value * of_a, of_b], [a, b]))?;
    let t = two_sided_quantile(&student, level);
    let rest = 1.0 - (t * of_a).powi(2);
    if rest.is_nan() || rest <= 0.0 {
        return None;
    }
    let half = t * ((value * of_a).powi(2) + of_b.powi(2) * rest).sqrt();
    Some(Estimate { value, interval: Interval { low: (value - half) / rest, high: (value + half) / rest } })
}
