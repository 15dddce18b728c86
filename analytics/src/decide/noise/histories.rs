//! The runs before what is judged, out of the lake.

use super::{LEAST_RUNS, Noise, RunCentre};
use crate::{
    Lake, SqlError,
    selection::{Selected, Session, decoded, platform, text, texts},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How many runs before are looked at.
const RUNS: usize = 40;

/// The centres of runs, in the order of time, each by node.
type Runs = BTreeMap<usize, BTreeMap<String, RunCentre>>;

/// The runs before what is judged, by benchmark and metric.
#[derive(Debug, Default)]
pub(in crate::decide) struct Histories(BTreeMap<(String, String), Runs>);

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
    pub(in crate::decide) fn noise(&self, benchmark_id: &str, metric: &str) -> Option<Noise> {
        Noise::of(self.0.get(&(benchmark_id.to_owned(), metric.to_owned()))?.values())
    }
}

/// Up to 40 runs that began before `second`: on its platform, of the branch and arm of `first`, without
/// uncommitted changes.
pub(in crate::decide) async fn histories(
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
        runs.entry(place).or_default().insert(row.node, RunCentre { mean, own: row.own });
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

/// The query of the centres of `runs`. A session's is the mean of its chunks', weighted by their samples: for noise that is
/// near enough to the median of them all, which would hold every sample in memory. Of several ranks the worst counts.
fn centres(runs: &[String], metric: &str, base: &Session) -> String {
    let metric = if metric == "all" { "true".to_owned() } else { format!("metric = {}", text(metric)) };
    let runs = texts(runs.iter().map(String::as_str));
    format!(
        "SELECT run_id, node, benchmark_id, metric, list_avg(array_agg(centre)) AS mean, \
           list_var(array_agg(centre)) / count(*) AS own FROM ( \
           SELECT run_id, node, session_id, benchmark_id, metric, \
             CASE WHEN better = 'higher' THEN min(centre) ELSE max(centre) END AS centre FROM ( \
             SELECT run_id, node, session_id, rank, benchmark_id, metric, better, sum(n * ln(centre)) / sum(n) AS centre FROM ( \
               SELECT s.run_id, node, s.session_id, s.rank, benchmark_id, metric, better, cardinality(samples) AS n, \
                 list_median(per_iteration(samples, iterations)) AS centre \
               FROM series s \
               JOIN (SELECT session_id, node, arm FROM session_status WHERE {}) o ON o.session_id = s.session_id \
               WHERE s.run_id IN ({runs}) AND phase = 'measure' AND {metric}) \
             WHERE centre > 0 AND centre < CAST('Infinity' AS DOUBLE) \
             GROUP BY run_id, node, session_id, rank, benchmark_id, metric, better) \
           GROUP BY run_id, node, session_id, benchmark_id, metric, better) \
         GROUP BY run_id, node, benchmark_id, metric",
        of_arm(base)
    )
}
