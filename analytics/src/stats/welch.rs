//! Welch's test: do two means differ, where the two sides need not vary alike?

use super::{
    Estimate, Interval,
    location::{count, mean, sum_by},
    spread::standard_error,
    student::{student, two_sided_quantile, upper_tail},
};
use statrs::distribution::StudentsT;

/// What Welch's test says of two lists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    /// The difference of the means over its standard error; positive where the second mean is larger.
    pub t: f64,
    /// The degrees of freedom of `t`, by Welch and Satterthwaite; seldom a whole number.
    pub df: f64,
    /// How probable a `t` at least as far from zero is where the true means are equal.
    pub p: f64,
    /// The mean of the second list less that of the first, with its interval.
    pub difference: Estimate,
}

/// Welch's test of `a` against `b`, two-sided, with the interval of `x̄_b − x̄_a` at `level`:
/// `t = (x̄_b − x̄_a) / se`, `se² = s_a²/n_a + s_b²/n_b`,
/// `df = se⁴ / ((s_a²/n_a)²/(n_a − 1) + (s_b²/n_b)²/(n_b − 1))` (Welch, *The Generalization of
/// "Student's" Problem when Several Different Population Variances are Involved*, Biometrika 34, 1947;
/// as `scipy.stats.ttest_ind(b, a, equal_var=False)`).
///
/// `None` below two values on a side, where neither side varies, or for a `level` outside (0, 1). NaN
/// throughout where a value is NaN or infinite. The values must be independent: means of sessions, not
/// iterations.
///
/// ```
/// use benchlake_analytics::stats::welch;
/// let test = welch(&[9.0, 10.0, 11.0], &[12.0, 13.0, 14.0], 0.95).expect("three values on each side");
/// assert_eq!(test.difference.value, 3.0);
/// assert!((test.t - 3.0 * 1.5_f64.sqrt()).abs() < 1e-12 && test.p < 0.05);
/// assert!(test.difference.interval.low > 0.0);
/// ```
#[must_use]
pub fn welch(a: &[f64], b: &[f64], level: f64) -> Option<Welch> {
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let found = Difference::new(a, b)?;
    let Some(student) = found.student() else {
        let interval = Interval { low: f64::NAN, high: f64::NAN };
        let difference = Estimate { value: f64::NAN, interval };
        return Some(Welch { t: f64::NAN, df: f64::NAN, p: f64::NAN, difference });
    };
    let t = found.value / found.error;
    let half = two_sided_quantile(&student, level) * found.error;
    let interval = Interval { low: found.value - half, high: found.value + half };
    let difference = Estimate { value: found.value, interval };
    Some(Welch { t, df: found.df, p: 2.0 * upper_tail(&student, t.abs()), difference })
}

/// A difference of means, its standard error and the degrees of freedom of that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Difference {
    pub(super) value: f64,
    pub(super) error: f64,
    pub(super) df: f64,
}

impl Difference {
    /// `None` below two values on a side or where neither varies.
    pub(super) fn new(a: &[f64], b: &[f64]) -> Option<Self> {
        let (of_a, of_b) = (standard_error(a)?, standard_error(b)?);
        let error = of_a.hypot(of_b);
        if error <= 0.0 {
            return None;
        }
        let df = freedom([of_a, of_b], [a, b]);
        Some(Self { value: difference_of_means(a, b)?, error, df })
    }

    /// The distribution of a difference over its error; `None` where that is NaN.
    pub(super) fn student(&self) -> Option<StudentsT> {
        if self.value.is_nan() { None } else { student(self.df) }
    }
}

/// The degrees of freedom, by Welch and Satterthwaite, of the sum of two means with these standard errors;
/// NaN where both are zero.
pub(super) fn freedom(errors: [f64; 2], values: [&[f64]; 2]) -> f64 {
    let all = errors[0].hypot(errors[1]);
    // By shares, since the fourth power of an error may leave the range of doubles.
    let part = |i: usize| (errors[i] / all).powi(4) / (count(values[i]) - 1.0);
    1.0 / (part(0) + part(1))
}

/// `x̄_b − x̄_a`, about a value that both are near: the difference of two rounded means would lose the
/// digits that they share. `None` where a side is empty.
pub(super) fn difference_of_means(a: &[f64], b: &[f64]) -> Option<f64> {
    let (of_a, of_b) = (mean(a)?, mean(b)?);
    let about = |values: &[f64]| sum_by(values, |value| value - of_a) / count(values);
    let difference = about(b) - about(a);
    // What is far apart may leave the range of doubles on the way.
    Some(if difference.is_finite() { difference } else { of_b - of_a })
}
