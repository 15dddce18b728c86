//! What measuring costs: how long sessions take, and which part of that is samples.

use crate::{
    Lake, SqlError,
    selection::{Selected, decoded, text},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the selected sessions took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Costs {
    /// Seconds from a session's start to its end, by its id; crashed sessions have no end.
    pub sessions: BTreeMap<String, f64>,
    /// The samples of a session's benchmark, by the ids of both.
    pub sampled: BTreeMap<(String, String), Sampled>,
}

/// What sampling one benchmark in one session took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// How many samples.
    pub samples: u64,
    /// Their times, undivided, in seconds.
    pub seconds: f64,
}

impl Costs {
    /// What each session took besides sampling, for each of its benchmarks: start, inputs, warm-up.
    pub(super) fn besides(&self) -> BTreeMap<&str, f64> {
        let mut sampled: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for ((session, _), cost) in &self.sampled {
            let (benchmarks, seconds) = sampled.entry(session).or_default();
            *benchmarks += 1.0;
            *seconds += cost.seconds;
        }
        let besides = sampled.into_iter().filter_map(|(session, (benchmarks, seconds))| {
            Some((session, (self.sessions.get(session)? - seconds).max(0.0) / benchmarks))
        });
        besides.collect()
    }
}

#[derive(Deserialize)]
struct Session {
    session_id: String,
    seconds: f64,
}

#[derive(Deserialize)]
struct Row {
    session_id: String,
    benchmark_id: String,
    samples: i64,
    seconds: f64,
}

/// What the sessions of `selected` took, from their starts and ends and from the undivided times of their
/// samples.
///
/// # Errors
/// [`SqlError`].
pub async fn costs(lake: &Lake, selected: &Selected) -> Result<Costs, SqlError> {
    let of = |ids: &mut dyn Iterator<Item = &str>| ids.map(text).collect::<Vec<_>>().join(", ");
    let sessions = of(&mut selected.sessions.iter().map(|session| session.session_id.as_str()));
    let runs = of(&mut selected.runs().into_iter());
    let durations = format!(
        "SELECT session_id, CAST(arrow_cast(ended_at, 'Int64') - arrow_cast(started_at, 'Int64') AS DOUBLE) / 1e6 \
         AS seconds FROM session_status WHERE ended_at IS NOT NULL AND session_id IN ({sessions})"
    );
    let sampled = format!(
        "SELECT session_id, benchmark_id, sum(CAST(cardinality(samples) AS BIGINT)) AS samples, \
         sum(list_avg(samples) * cardinality(samples)) AS seconds FROM series \
         WHERE phase = 'measure' AND metric = 'time' AND cardinality(samples) > 0 \
         AND run_id IN ({runs}) AND session_id IN ({sessions}) GROUP BY session_id, benchmark_id"
    );
    let durations: Vec<Session> = decoded(lake, &durations).await?;
    let sampled: Vec<Row> = decoded(lake, &sampled).await?;
    Ok(Costs {
        sessions: durations.into_iter().map(|row| (row.session_id, row.seconds)).collect(),
        sampled: sampled
            .into_iter()
            .map(|row| {
                let samples = row.samples.unsigned_abs();
                ((row.session_id, row.benchmark_id), Sampled { samples, seconds: row.seconds })
            })
            .collect(),
    })
}
