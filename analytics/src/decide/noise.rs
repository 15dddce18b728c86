//! How much a benchmark moves from run to run although nothing changed.

use crate::{
    Lake, SqlError,
    selection::{Selected, decoded, platform, text},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The noise of a benchmark from its own history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Noise {
    /// What 95 % of the changes from one run to the next stay below, as a fraction.
    pub floor: f64,
    /// Runs that it was found in.
    pub runs: usize,
}

/// Below so many runs a history says nothing of noise.
const LEAST_RUNS: usize = 6;
/// Of a normal distribution: the standard deviation over the median of the absolute values.
const MAD_TO_SD: f64 = 1.482_602_218_505_602;
/// Its 97.5 % quantile.
const Z: f64 = 1.959_963_984_540_054;

/// The noise in the centres of consecutive runs: 1.96 robust standard deviations of the changes from one
/// to the next, by their median absolute value, so that the few true changes of a history do not count.
/// `None` below six runs.
pub(super) fn noise(centres: &[f64]) -> Option<Noise> {
    let logs: Vec<f64> = centres.iter().filter(|centre| **centre > 0.0).map(|centre| centre.ln()).collect();
    if logs.len() < LEAST_RUNS {
        return None;
    }
    let changes: Vec<f64> = logs.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let typical = crate::stats::median(&changes)?;
    Some(Noise { floor: (Z * MAD_TO_SD * typical).exp_m1(), runs: logs.len() })
}

/// The centres of the runs before what is judged, by benchmark and metric.
#[derive(Debug, Default)]
pub(super) struct Histories(BTreeMap<(String, String), Vec<f64>>);

/// How many runs before are looked at.
const RUNS: usize = 50;

#[derive(Deserialize)]
struct Run {
    run_id: String,
    environment: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Centre {
    benchmark_id: String,
    metric: String,
    centre: Option<f64>,
}

impl Histories {
    pub(super) fn noise(&self, benchmark_id: &str, metric: &str) -> Option<Noise> {
        noise(self.0.get(&(benchmark_id.to_owned(), metric.to_owned()))?)
    }
}

/// The centres of up to 50 runs on the platform of `second` that began before it; of the arm of `first`.
pub(super) async fn histories(
    lake: &Lake,
    first: &Selected,
    second: &Selected,
    metric: &str,
) -> Result<Histories, SqlError> {
    let (Some(oldest), Some(some)) =
        (second.sessions.iter().map(|session| session.started_at).min(), second.sessions.first())
    else {
        return Ok(Histories::default());
    };
    let wanted = platform(&some.environment);
    let arm = first.sessions.first().and_then(|session| session.arm.clone());
    let arm = arm.map_or("arm IS NULL".to_owned(), |arm| format!("arm = {}", text(&arm)));
    let runs = format!(
        "SELECT run_id, first_value(environment ORDER BY session_id) AS environment FROM session_status \
         WHERE {arm} AND started_at < arrow_cast({oldest}, 'Timestamp(Microsecond, Some(\"UTC\"))') \
         GROUP BY run_id ORDER BY min(started_at) DESC LIMIT {}",
        RUNS * 4
    );
    let runs: Vec<Run> = decoded(lake, &runs).await?;
    let judged = second.runs();
    let of_platform = runs
        .into_iter()
        .filter(|run| platform(&run.environment) == wanted && !judged.contains(&run.run_id.as_str()));
    let runs: Vec<String> = of_platform.take(RUNS).map(|run| text(&run.run_id)).collect();
    if runs.len() < LEAST_RUNS {
        return Ok(Histories::default());
    }
    let metric = if metric == "all" { "true".to_owned() } else { format!("metric = {}", text(metric)) };
    let sql = format!(
        "SELECT benchmark_id, metric, list_avg(array_agg(median)) AS centre FROM ( \
           SELECT m.run_id, benchmark_id, metric, list_median(\"values\") AS median FROM measured m \
           JOIN (SELECT session_id, arm FROM session_status) s ON s.session_id = m.session_id \
           WHERE m.run_id IN ({}) AND {metric} AND {arm}) \
         GROUP BY run_id, benchmark_id, metric ORDER BY run_id",
        runs.join(", ")
    );
    let mut found = Histories::default();
    for row in decoded::<Centre>(lake, &sql).await? {
        found.0.entry((row.benchmark_id, row.metric)).or_default().extend(row.centre);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes that are normal with a standard deviation of 1 % give a floor near 1.96 · √2 %; one true step
    /// does not move it; few runs say nothing.
    #[test]
    fn a_step_is_no_noise() {
        use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
        use rand_distr::{Distribution, Normal};
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let gauss = Normal::new(0.0, 0.01).expect("a distribution");
        let quiet: Vec<f64> = (0..400).map(|_| f64::exp(gauss.sample(&mut rng))).collect();
        let stepped: Vec<f64> =
            quiet.iter().enumerate().map(|(i, x)| if i < 200 { *x } else { x * 1.5 }).collect();
        let floor = |centres: &[f64]| noise(centres).expect("a history").floor;
        assert!((floor(&quiet) - 0.0277).abs() < 0.004, "{}", floor(&quiet));
        assert!((floor(&quiet) - floor(&stepped)).abs() < 0.001);
        assert_eq!(noise(&quiet[..5]), None);
        assert_eq!(noise(&[0.0; 9]), None);
    }
}
