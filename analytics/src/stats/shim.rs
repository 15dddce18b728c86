//! SHIM until decide-two is merged: same names and shapes.
#![expect(missing_docs, clippy::cast_precision_loss, reason = "a shim")]
use super::{Interval, mean, standard_deviation};
use statrs::distribution::{ContinuousCDF, FisherSnedecor, StudentsT};

#[derive(Debug, Clone, PartialEq)]
pub struct VarianceComponents {
    pub between: f64,
    pub within: f64,
    pub icc: f64,
    pub icc_interval: Interval,
    pub f: f64,
    pub p: f64,
    pub df_between: f64,
    pub df_within: f64,
    pub between_raw: f64,
}
pub fn random_effects<G: AsRef<[f64]>>(groups: &[G], _level: f64) -> Option<VarianceComponents> {
    let a = groups.len() as f64;
    let n: f64 = groups.iter().map(|g| g.as_ref().len() as f64).sum();
    if a < 2.0 || n <= a {
        return None;
    }
    let all: Vec<f64> = groups.iter().flat_map(|g| g.as_ref().iter().copied()).collect();
    let m = mean(&all)?;
    let (mut ssa, mut sse, mut sq) = (0.0, 0.0, 0.0);
    for g in groups {
        let g = g.as_ref();
        let gm = mean(g)?;
        let k = g.len() as f64;
        ssa += k * (gm - m).powi(2);
        sq += k * k;
        sse += g.iter().map(|x| (x - gm).powi(2)).sum::<f64>();
    }
    let n0 = (n - sq / n) / (a - 1.0);
    let (msa, mse) = (ssa / (a - 1.0), sse / (n - a));
    let raw = (msa - mse) / n0;
    let f = msa / mse;
    let p = if mse > 0.0 {
        FisherSnedecor::new(a - 1.0, n - a).ok()?.sf(f)
    } else if msa > 0.0 {
        0.0
    } else {
        f64::NAN
    };
    let between = raw.max(0.0);
    Some(VarianceComponents {
        between,
        within: mse,
        icc: between / (between + mse),
        icc_interval: Interval { low: 0.0, high: 1.0 },
        f,
        p,
        df_between: a - 1.0,
        df_within: n - a,
        between_raw: raw,
    })
}
#[derive(Debug, Clone, PartialEq)]
pub struct Precision {
    pub mean: f64,
    pub repeatability_sd: f64,
    pub between_sd: f64,
    pub reproducibility_sd: f64,
    pub repeatability_limit: f64,
    pub reproducibility_limit: f64,
    pub h: Vec<f64>,
    pub k: Vec<f64>,
    pub h_critical_95: f64,
    pub h_critical_99: f64,
    pub k_critical_95: f64,
    pub k_critical_99: f64,
}
pub fn iso5725<G: AsRef<[f64]>>(groups: &[G]) -> Option<Precision> {
    let e = random_effects(groups, 0.95)?;
    let p = groups.len() as f64;
    let n = groups.iter().map(|g| g.as_ref().len() as f64).sum::<f64>() / p;
    let means: Vec<f64> = groups.iter().filter_map(|g| mean(g.as_ref())).collect();
    let all: Vec<f64> = groups.iter().flat_map(|g| g.as_ref().iter().copied()).collect();
    let (mm, ms) = (mean(&means)?, standard_deviation(&means)?);
    let sr = e.within.sqrt();
    let big = (e.within + e.between).sqrt();
    let h_crit = |alpha: f64| {
        if p < 3.0 {
            return f64::NAN;
        }
        let t = StudentsT::new(0.0, 1.0, p - 2.0).map_or(f64::NAN, |d| d.inverse_cdf(1.0 - alpha / 2.0));
        (p - 1.0) * t / (p * (t * t + p - 2.0)).sqrt()
    };
    let k_crit = |alpha: f64| {
        let f = FisherSnedecor::new(n - 1.0, (p - 1.0) * (n - 1.0))
            .map_or(f64::NAN, |d| d.inverse_cdf(1.0 - alpha));
        (p / (1.0 + (p - 1.0) / f)).sqrt()
    };
    Some(Precision {
        mean: mean(&all)?,
        repeatability_sd: sr,
        between_sd: e.between.sqrt(),
        reproducibility_sd: big,
        repeatability_limit: 1.959964 * 2f64.sqrt() * sr,
        reproducibility_limit: 1.959964 * 2f64.sqrt() * big,
        h: means.iter().map(|x| (x - mm) / ms).collect(),
        k: groups.iter().map(|g| standard_deviation(g.as_ref()).unwrap_or(f64::NAN) / sr).collect(),
        h_critical_95: h_crit(0.05),
        h_critical_99: h_crit(0.01),
        k_critical_95: k_crit(0.05),
        k_critical_99: k_crit(0.01),
    })
}
#[derive(Debug, Clone, PartialEq)]
pub struct Cochran {
    pub c: f64,
    pub critical: f64,
    pub p: f64,
}
pub fn cochran<G: AsRef<[f64]>>(groups: &[G], level: f64) -> Option<Cochran> {
    let v: Vec<f64> =
        groups.iter().map(|g| standard_deviation(g.as_ref()).map(|s| s * s)).collect::<Option<_>>()?;
    let p = v.len() as f64;
    let n = groups.iter().map(|g| g.as_ref().len() as f64).sum::<f64>() / p;
    let c = v.iter().copied().fold(0.0, f64::max) / v.iter().sum::<f64>();
    let f = c * (p - 1.0) / (1.0 - c);
    let d = FisherSnedecor::new(n - 1.0, (p - 1.0) * (n - 1.0)).ok()?;
    let crit = d.inverse_cdf(1.0 - (1.0 - level) / p);
    Some(Cochran {
        c,
        critical: 1.0 / (1.0 + (p - 1.0) / crit),
        p: if f.is_finite() { (d.sf(f) * p).min(1.0) } else { f64::NAN },
    })
}
#[derive(Debug, Clone, PartialEq)]
pub struct Grubbs {
    pub g_high: f64,
    pub g_low: f64,
    pub critical: f64,
    pub p: f64,
}
pub fn grubbs(values: &[f64], _level: f64) -> Option<Grubbs> {
    if values.len() < 3 {
        return None;
    }
    let n = values.len() as f64;
    let (m, s) = (mean(values)?, standard_deviation(values)?);
    let hi = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let lo = values.iter().copied().fold(f64::INFINITY, f64::min);
    let (g_high, g_low) = ((hi - m) / s, (m - lo) / s);
    let g = g_high.max(g_low);
    let t = (n * (n - 2.0) * g * g / ((n - 1.0).powi(2) - n * g * g)).sqrt();
    let d = StudentsT::new(0.0, 1.0, n - 2.0).ok()?;
    Some(Grubbs {
        g_high,
        g_low,
        critical: f64::NAN,
        p: if t.is_finite() {
            (2.0 * n * d.sf(t)).min(1.0)
        } else if g.is_finite() {
            0.0
        } else {
            f64::NAN
        },
    })
}
pub fn optimal_repetitions(costs: &[f64], variances: &[f64]) -> Vec<u64> {
    costs
        .windows(2)
        .zip(variances.windows(2))
        .map(|(c, v)| (c[1] / c[0] * v[0] / v[1]).sqrt().ceil() as u64)
        .collect()
}
pub fn sessions_for_precision(sd: f64, half_width: f64, level: f64) -> Option<u64> {
    (2..2_000_000u64).find(|&n| {
        StudentsT::new(0.0, 1.0, (n - 1) as f64)
            .is_ok_and(|d| d.inverse_cdf(f64::midpoint(1.0, level)) * sd / (n as f64).sqrt() <= half_width)
    })
}
