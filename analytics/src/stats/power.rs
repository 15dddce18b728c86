//! What a comparison of two means can find.

use super::quantiles::student_above;
use statrs::function::erf::erfc;

/// Two sides that are compared by their means.
struct Design {
    /// The standard error of the difference of the means.
    error: f64,
    freedom: f64,
    /// What |t| must exceed.
    critical: f64,
}

impl Design {
    /// `None` below two values on a side, and for what is no standard deviation or no level.
    fn new(a: (f64, u64), b: (f64, u64), level: f64) -> Option<Self> {
        if !(level > 0.0 && level < 1.0) {
            return None;
        }
        let ([va, fa], [vb, fb]) = (side(a)?, side(b)?);
        let error = va.hypot(vb);
        // Welch and Satterthwaite; of two sides without spread, what equal sides would have.
        let share = |part: f64| if error > 0.0 { (part / error).powi(2) } else { 0.5 };
        let freedom = 1.0 / (share(va).powi(2) / fa + share(vb).powi(2) / fb);
        Some(Self { error, freedom, critical: student_above(f64::midpoint(1.0, -level), freedom)? })
    }
}

/// The standard error of the mean of a side, and its degrees of freedom.
fn side((sd, n): (f64, u64)) -> Option<[f64; 2]> {
    #[expect(clippy::cast_precision_loss, reason = "no power depends on the digits of such an n")]
    let count = n as f64;
    (n >= 2 && sd >= 0.0 && sd.is_finite()).then(|| [sd / count.sqrt(), count - 1.0])
}

/// How probably Welch's two-sided test at `level` (0.95: α = 0.05) finds that two means differ, whose
/// true difference is `effect`, with the standard deviation `sd_a` of `n_a` independent values on one
/// side and `sd_b` of `n_b` on the other: `P(|T| > t(1 − α/2; ν))`, T noncentral t of ν, Welch and
/// Satterthwaite's degrees of freedom, and `|effect| / √(sd_a²/n_a + sd_b²/n_b)` (Cohen, *Statistical
/// Power Analysis for the Behavioral Sciences*, 1988, chapter 2; with equal sides as `statsmodels`
/// `TTestIndPower`). The effect and the deviations are in one unit.
///
/// Without any spread it is 1, or α where there is no effect either. `None` below two values on a side,
/// for a deviation that is negative or not finite, a NaN effect, or a `level` outside (0, 1).
///
/// ```
/// use benchlake_analytics::stats::test_power;
/// // 2 % with ten and ten sessions and a session noise of 1 %.
/// let power = test_power(2.0, (1.0, 10), (1.0, 10), 0.95).expect("two sides");
/// assert!((power - 0.98).abs() < 0.01);
/// ```
#[must_use]
pub fn test_power(effect: f64, a: (f64, u64), b: (f64, u64), level: f64) -> Option<f64> {
    let design = Design::new(a, b, level)?;
    if effect.is_nan() {
        return None;
    }
    if effect.abs() <= 0.0 {
        return Some(1.0 - level);
    }
    Some(exceeds(effect.abs() / design.error, design.freedom, design.critical))
}

/// The smallest true difference of two means that Welch's two-sided test at `level` finds with
/// probability `power`, with the standard deviation and the number of independent values of each
/// side: the effect at which [`test_power`] is `power`. It is in the unit of the deviations; 0 where
/// `power` is no more than α.
///
/// `None` below two values on a side, for a deviation that is negative or not finite, or for a
/// `level` or `power` outside (0, 1).
///
/// ```
/// use benchlake_analytics::stats::minimum_detectable_effect;
/// let effect = minimum_detectable_effect((1.0, 10), (1.0, 10), 0.95, 0.9).expect("two sides");
/// assert!((effect - 1.53).abs() < 0.01);
/// ```
#[must_use]
pub fn minimum_detectable_effect(a: (f64, u64), b: (f64, u64), level: f64, power: f64) -> Option<f64> {
    let design = Design::new(a, b, level)?;
    if !(power > 0.0 && power < 1.0) {
        return None;
    }
    if power <= 1.0 - level {
        return Some(0.0);
    }
    let found = |shift: f64| exceeds(shift, design.freedom, design.critical) >= power;
    let (mut low, mut high) = (0.0, 1.0);
    while !found(high) {
        (low, high) = (high, 2.0 * high);
    }
    // Until no double lies between them.
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return Some(high * design.error);
        }
        if found(middle) { high = middle } else { low = middle }
    }
}

/// `P(|T| > critical)` of a noncentral t.
///
/// T is `(Z + shift) / S`, with S the root of a mean square of `freedom` normal values, so that
/// `P(|T| > c) = ∫ (Φ(shift − c·s) + Φ(−shift − c·s)) f(s) ds`. Over `u = ln s` the integrand and all
/// its derivatives vanish at both ends, where the trapezoidal rule converges exponentially (Trefethen
/// and Weideman, *The Exponentially Convergent Trapezoidal Rule*, SIAM Review 56, 2014); and `f` need
/// not be normalised, as its own sum is divided by.
fn exceeds(shift: f64, freedom: f64, critical: f64) -> f64 {
    /// Beyond it, `f` is less than the last digit of what it is at its highest.
    const NEGLIGIBLE: f64 = -42.0;
    // Both factors are as smooth as a normal density of this width: this step leaves e⁻⁷⁹ of an error.
    let step = 0.5 / critical.mul_add(critical, 2.0 * freedom).sqrt();
    let step = step.min(0.1);
    let log_density = |u: f64| freedom * (u - (2.0 * u).exp_m1() / 2.0);
    let (mut above, mut total) = (0.0, 0.0);
    for direction in [-1.0, 1.0] {
        // The point at 0 belongs to both: half to each.
        let mut weight = 0.5;
        let mut point = 0.0;
        loop {
            let u = direction * step * point;
            let log = log_density(u);
            if log < NEGLIGIBLE {
                break;
            }
            let density = weight * log.exp();
            let bound = critical * u.exp();
            total += density;
            above += density * (normal_below(shift - bound) + normal_below(-shift - bound));
            weight = 1.0;
            point += 1.0;
        }
    }
    above / total
}

/// Φ.
fn normal_below(z: f64) -> f64 {
    erfc(-z * std::f64::consts::FRAC_1_SQRT_2) / 2.0
}
