//! How much a benchmark moves from run to run although nothing changed, by its own history.

use crate::{
    Lake, SqlError,
    selection::{Selected, Session, decoded, platform, text, texts},
    stats::{NORMAL_SCALE, mean, median, quantile, real},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The noise of a benchmark from its own history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Noise {
    /// What 95 % of the changes from one run to the next stay below, as a fraction.
    pub floor: f64,
    /// The standard deviation of the logarithm of a run's centre that its sessions do not show.
    pub between_runs: f64,
    /// Runs that both were found in.
    pub runs: usize,
}

/// Below so many runs a history says nothing of noise.
const LEAST_RUNS: usize = 6;
/// With so many changes, their largest ones are known well enough to count.
const MANY: usize = 20;
/// The 97.5 % quantile of a normal distribution.
const Z: f64 = 1.959_963_984_540_054;
/// How many runs before are looked at.
const RUNS: usize = 40;

impl Noise {
    /// The variance that noise between runs adds to the logarithm of a ratio of `first` runs to `second` runs.
    pub(super) fn variance(&self, first: usize, second: usize) -> f64 {
        let share = |runs: usize| self.between_runs * self.between_runs / real(runs.max(1));
        share(first) + share(second)
    }

    /// Its degrees of freedom: changes from run to run overlap, and their median counts, not their squares.
    pub(super) fn df(&self) -> f64 {
        (real(self.runs) - 1.0) / 2.0
    }
}

/// What a run measured on a node: the mean of the logarithms of its sessions' medians, and how much of its
/// variance the sessions show, where there are two or more.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Centre {
    mean: f64,
    own: Option<f64>,
}

/// The centres of runs, in the order of time, each by node.
type Runs = BTreeMap<usize, BTreeMap<String, Centre>>;

/// The noise in consecutive runs, each compared with the one before on the nodes that both have. The standard deviation
/// of the changes is 1.48 times the median of their absolute values, so that the few true changes of a history do not
/// count; with twenty or more it is at least what their 95 % quantile says, so that a second mode does. `None` below
/// six runs.
fn noise(runs: &Runs) -> Option<Noise> {
    let changes = changes(runs);
    if changes.len() + 1 < LEAST_RUNS {
        return None;
    }
    let sizes: Vec<f64> = changes.iter().map(|(change, _)| change.abs()).collect();
    let mut sd = NORMAL_SCALE * median(&sizes)?;
    if sizes.len() >= MANY {
        sd = sd.max(quantile(&sizes, 0.95)? / Z);
    }
    let own = mean(&changes.iter().map(|(_, own)| *own).collect::<Vec<_>>())?;
    // A change has the noise of two runs.
    let between_runs = ((sd * sd - own) / 2.0).max(0.0).sqrt();
    Some(Noise { floor: (Z * sd).exp_m1(), between_runs, runs: changes.len() + 1 })
}

/// The changes from run to run, and how much of the variance of each the run itself shows.
fn changes(runs: &Runs) -> Vec<(f64, f64)> {
    let ordered: Vec<_> = runs.values().collect();
    let change = |pair: &[&BTreeMap<String, Centre>]| {
        let both: Vec<(Centre, Centre)> =
            pair[0].iter().filter_map(|(node, before)| Some((*before, *pair[1].get(node)?))).collect();
        let differences: Vec<f64> = both.iter().map(|(before, after)| after.mean - before.mean).collect();
        let own = match both.as_slice() {
            [(before, after)] => before.own.unwrap_or(0.0) + after.own.unwrap_or(0.0),
            // Nodes that moved apart show it, sessions of theirs included.
            _ => crate::stats::standard_error(&differences).map_or(0.0, |error| error * error),
        };
        Some((mean(&differences)?, own))
    };
    ordered.windows(2).filter_map(change).collect()
}

/// The runs before what is judged, by benchmark and metric.
#[derive(Debug, Default)]
pub(super) struct Histories(BTreeMap<(String, String), Runs>);

#[derive(Deserialize)]
struct Run {
    run_id: String,
    environment: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Row {
    run_id: String,
    node: String,
    benchmark_id: String,
    metric: String,
    mean: Option<f64>,
    own: Option<f64>,
}

impl Histories {
    pub(super) fn noise(&self, benchmark_id: &str, metric: &str) -> Option<Noise> {
        noise(self.0.get(&(benchmark_id.to_owned(), metric.to_owned()))?)
    }
}

/// Up to 40 runs that began before `second`: on its platform, of the branch and arm of `first`, without
/// uncommitted changes.
pub(super) async fn histories(
    lake: &Lake,
    first: &Selected,
    second: &Selected,
    metric: &str,
) -> Result<Histories, SqlError> {
    let (Some(base), Some(judged)) = (first.sessions.first(), second.sessions.first()) else {
        return Ok(Histories::default());
    };
    let runs = runs_before(lake, base, judged, &second.runs()).await?;
    if runs.len() < LEAST_RUNS {
        return Ok(Histories::default());
    }
    let place: BTreeMap<&str, usize> = runs.iter().map(String::as_str).zip(0..).collect();
    let mut found = Histories::default();
    for row in decoded::<Row>(lake, &centres(&runs, metric, base)).await? {
        let (Some(mean), Some(&place)) = (row.mean, place.get(row.run_id.as_str())) else { continue };
        let runs = found.0.entry((row.benchmark_id, row.metric)).or_default();
        runs.entry(place).or_default().insert(row.node, Centre { mean, own: row.own });
    }
    Ok(found)
}

/// The arm of the base, as a condition.
fn of_arm(base: &Session) -> String {
    base.arm.as_ref().map_or("arm IS NULL".to_owned(), |arm| format!("arm = {}", text(arm)))
}

/// The ids of the runs, oldest first.
async fn runs_before(
    lake: &Lake,
    base: &Session,
    judged: &Session,
    of_judged: &[&str],
) -> Result<Vec<String>, SqlError> {
    let fact = |key: &str| {
        let value = judged.environment.get(key).map_or("NULL".to_owned(), |value| text(value));
        format!("environment[{}] IS NOT DISTINCT FROM {value}", text(key))
    };
    let branch = base
        .branch
        .as_ref()
        .map_or("branch IS NULL".to_owned(), |branch| format!("branch = {}", text(branch)));
    let judged_runs = texts(of_judged.iter().copied());
    let sql = format!(
        "SELECT run_id, first_value(environment ORDER BY session_id) AS environment FROM session_status \
         WHERE {} AND {branch} AND dirty IS NOT TRUE AND ({}) AND ({}) AND run_id NOT IN ({judged_runs}) \
         AND started_at < arrow_cast({}, 'Timestamp(Microsecond, Some(\"UTC\"))') \
         GROUP BY run_id ORDER BY min(started_at) DESC, run_id LIMIT {RUNS}",
        of_arm(base),
        fact("cpu.model"),
        fact("cpu.threads"),
        judged.started_at
    );
    let wanted = platform(&judged.environment);
    let runs =
        decoded::<Run>(lake, &sql).await?.into_iter().filter(|run| platform(&run.environment) == wanted);
    let mut runs: Vec<String> = runs.map(|run| run.run_id).collect();
    runs.reverse();
    Ok(runs)
}

/// The query of the centres of `runs`. Each chunk of a long series counts as a session would: for noise that is near enough.
fn centres(runs: &[String], metric: &str, base: &Session) -> String {
    let metric = if metric == "all" { "true".to_owned() } else { format!("metric = {}", text(metric)) };
    let runs = texts(runs.iter().map(String::as_str));
    format!(
        "SELECT run_id, node, benchmark_id, metric, list_avg(array_agg(centre)) AS mean, \
           list_var(array_agg(centre)) / count(*) AS own FROM ( \
           SELECT s.run_id, node, benchmark_id, metric, ln(list_median(per_iteration(samples, iterations))) AS centre \
           FROM series s \
           JOIN (SELECT session_id, node, arm FROM session_status WHERE {}) o ON o.session_id = s.session_id \
           WHERE s.run_id IN ({runs}) AND phase = 'measure' AND {metric} \
             AND list_median(per_iteration(samples, iterations)) > 0) \
         GROUP BY run_id, node, benchmark_id, metric",
        of_arm(base)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
    use rand_distr::{Distribution, Normal};

    fn history(centres: &[f64], own: Option<f64>) -> Runs {
        let run = |centre: &f64| BTreeMap::from([("n".to_owned(), Centre { mean: centre.ln(), own })]);
        (0..).zip(centres.iter().map(run)).collect()
    }

    fn quiet(runs: usize) -> Vec<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let gauss = Normal::new(0.0, 0.01).expect("a distribution");
        (0..runs).map(|_| f64::exp(gauss.sample(&mut rng))).collect()
    }

    /// Runs that vary by 1 % give 1 % between runs and a floor near 1.96 · √2 %; one true step does not move it;
    /// what the sessions show is taken off; few runs say nothing.
    #[test]
    fn a_step_is_no_noise() {
        let quiet = quiet(400);
        let stepped: Vec<f64> =
            quiet.iter().enumerate().map(|(i, x)| if i < 200 { *x } else { x * 1.5 }).collect();
        let of = |centres: &[f64]| noise(&history(centres, None)).expect("a history");
        assert!((of(&quiet).floor - 0.0277).abs() < 0.004, "{:?}", of(&quiet));
        assert!((of(&quiet).between_runs - 0.01).abs() < 0.0015, "{:?}", of(&quiet));
        assert!((of(&quiet).floor - of(&stepped).floor).abs() < 0.001);
        let shown = noise(&history(&quiet, Some(1e-4))).expect("a history");
        assert!(shown.between_runs < 0.006, "{shown:?}");
        assert_eq!(noise(&history(&quiet[..5], None)), None);
    }

    /// A second mode that a quarter of the runs have is noise.
    #[test]
    fn a_second_mode_is_noise() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let modes: Vec<f64> =
            quiet(40).iter().map(|x| if rng.random::<f64>() < 0.25 { x * 1.05 } else { *x }).collect();
        assert!(noise(&history(&modes, None)).expect("a history").floor > 0.04);
    }

    /// Nodes that differ, measured in turns, are no noise: runs are compared on the nodes that both have.
    #[test]
    fn other_nodes_are_no_noise() {
        let run = |i: usize, x: &f64| {
            let of = |node: &str, level: f64| (node.to_owned(), Centre { mean: (x * level).ln(), own: None });
            let other = if i.is_multiple_of(2) { of("slow", 1.5) } else { of("slower", 2.0) };
            (i, BTreeMap::from([of("both", 1.0), other]))
        };
        let runs: Runs = quiet(30).iter().enumerate().map(|(i, x)| run(i, x)).collect();
        let found = noise(&runs).expect("a history");
        assert!(found.floor < 0.05, "{found:?}");
        let apart: Runs = quiet(30)
            .iter()
            .enumerate()
            .map(|(i, x)| (i, run(i, x).1.into_iter().skip(1).collect()))
            .collect();
        assert_eq!(noise(&apart), None);
    }
}
