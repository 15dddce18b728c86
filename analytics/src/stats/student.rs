//! Student's distribution, to the last digits.

use statrs::{
    distribution::{Continuous, ContinuousCDF, StudentsT},
    function::beta::beta_reg,
};

/// The distribution with `freedom` degrees of freedom; `None` unless they are finite and positive.
pub(super) fn student(freedom: f64) -> Option<StudentsT> {
    freedom.is_finite().then(|| StudentsT::new(0.0, 1.0, freedom).ok())?
}

/// The quantile of `student`, which is centred on zero, at (1 + `level`) / 2: that of two-sided intervals at
/// `level`, in (0, 1).
pub(super) fn two_sided_quantile(student: &StudentsT, level: f64) -> f64 {
    exceeded(student, f64::midpoint(1.0, -level))
}

/// The t that `student`, which is centred on zero, exceeds with probability `tail`, 0 < tail < 1/2.
///
/// statrs finds it by inverting a beta function, and of many degrees of freedom loses half of the digits; a
/// step of Newton's method or two restores them.
pub(super) fn exceeded(student: &StudentsT, tail: f64) -> f64 {
    let mut t = -student.inverse_cdf(tail);
    for _ in 0..3 {
        let step = (upper_tail(student, t) - tail) / student.pdf(t);
        if !step.is_finite() {
            break;
        }
        t += step;
    }
    t
}

/// `P(T > t)` to a relative 1e-9 for up to a million degrees of freedom, however small it is.
///
/// statrs takes it from `ν / (ν + t²)`, in which a small t² is lost; from `t² / (ν + t²)` it is not.
pub(super) fn upper_tail(student: &StudentsT, t: f64) -> f64 {
    if t.is_infinite() {
        return f64::from(u8::from(t < 0.0));
    }
    if t.is_nan() {
        return t;
    }
    if t.abs() > 1.0 {
        return student.sf(t);
    }
    let square = t * t;
    let inside = beta_reg(0.5, student.freedom() / 2.0, square / (student.freedom() + square));
    f64::midpoint(1.0, if t < 0.0 { inside } else { -inside })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tails and quantiles are SciPy's (`stats.t.sf`, `stats.t.isf`) where those of statrs are not: of
    /// small t and of many degrees of freedom.
    #[test]
    fn many_degrees_of_freedom() {
        let tails = [
            (1.5, 1e-06, 0.4999996592650187),
            (1.5, 0.001, 0.4996592651133599),
            (1.5, 0.7, 0.2882191204413434),
            (1.5, 1.0, 0.22556768363835517),
            (1.5, 5.0, 0.032687883810578106),
            (30.7, 1e-06, 0.4999996042926743),
            (30.7, 0.001, 0.49960429274239015),
            (30.7, 0.7, 0.2445991312268138),
            (30.7, 1.0, 0.16256388096020982),
            (30.7, 5.0, 1.0999784730555118e-05),
            (2000.0, 1e-06, 0.4999996011075843),
            (2000.0, 0.001, 0.49960110765078025),
            (2000.0, 0.7, 0.24200435847065604),
            (2000.0, 1.0, 0.15871573905037165),
            (2000.0, 5.0, 3.11644891777302e-07),
            (1000000.0, 1e-06, 0.4999996010578193),
            (1000000.0, 0.001, 0.4996010578858246),
            (1000000.0, 0.7, 0.24196373364327073),
            (1000000.0, 1.0, 0.15865537491678916),
            (1000000.0, 5.0, 2.8669989354453723e-07),
        ];
        let close = |found: f64, expected: f64| (found - expected).abs() <= 1e-9 * expected;
        for (freedom, t, tail) in tails {
            let student = super::student(freedom).expect("a distribution");
            let found = upper_tail(&student, t);
            assert!(close(found, tail), "{freedom}, {t}: {found} instead of {tail}");
            assert!(close(upper_tail(&student, -t), 1.0 - tail));
        }
        let quantiles = [
            (1.5, 0.01, 0.014675038872189974),
            (1.5, 0.5, 0.8725946625415716),
            (1.5, 0.95, 6.016663104427929),
            (1.5, 0.999, 82.84744670365757),
            (30.7, 0.01, 0.012635948503776513),
            (30.7, 0.5, 0.6825652605784726),
            (30.7, 0.95, 2.040321537812142),
            (30.7, 0.999, 3.6371138735177784),
            (2000.0, 0.01, 0.012535036535803483),
            (2000.0, 0.5, 0.6746124375310217),
            (2000.0, 0.95, 1.9611508260994377),
            (2000.0, 0.999, 3.295398136729739),
            (1000000.0, 0.01, 0.012533472641929257),
            (1000000.0, 0.5, 0.6744899955310875),
            (1000000.0, 0.95, 1.959966356814107),
            (1000000.0, 0.999, 3.290536461248691),
        ];
        for (freedom, level, expected) in quantiles {
            let student = super::student(freedom).expect("a distribution");
            let found = two_sided_quantile(&student, level);
            assert!(close(found, expected), "{freedom}, {level}: {found} instead of {expected}");
        }
    }

    /// Beyond all values there is nothing, and NaN is NaN.
    #[test]
    fn ends() {
        let student = super::student(5.0).expect("a distribution");
        let found = [f64::INFINITY, f64::NEG_INFINITY, 0.0].map(|t| upper_tail(&student, t).to_bits());
        assert_eq!(found, [0.0, 1.0, 0.5].map(f64::to_bits));
        assert!(upper_tail(&student, f64::NAN).is_nan());
        assert!(
            [0.0, -1.0, f64::NAN, f64::INFINITY].iter().all(|&freedom| super::student(freedom).is_none())
        );
    }
}
