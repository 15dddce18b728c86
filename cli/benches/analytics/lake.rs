//! Lakes to ask: written by the pipeline, so that the files are those of any lake.

use crate::{Outcome, SEED};
use benchlake_pipeline::{LakeTable, Progress, Span};
use benchlake_schemas::{
    Benchmark, Event, ProducerId, RunId, Series, Session, SessionId, Status, Table, now, sample_series,
    sample_session, to_numbered_batch,
};
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use rand_distr::StandardNormal;
use serde::Serialize;
use std::path::Path;

/// Rows of a commit, so of a file.
const ROWS: usize = 25_000;

/// The series of one benchmark in one session: 100 µs to 10 ms a sample in whole nanoseconds, as clocks
/// give them; 1 % of noise between sessions and 1 % within, and a tail.
fn times(benchmark: usize, session: usize, samples: usize, ratio: f64) -> Vec<f64> {
    let of = |session: u64| {
        Xoshiro256PlusPlus::seed_from_u64(SEED ^ ((benchmark as u64) << 32) ^ session.wrapping_mul(2))
    };
    let typical = 1e5 * 100_f64.powf(of(u64::MAX).random::<f64>());
    let mut rng = of(session as u64);
    let noise = |rng: &mut Xoshiro256PlusPlus| (0.01 * rng.sample::<f64, _>(StandardNormal)).exp();
    let centre = typical * ratio * noise(&mut rng);
    let mut sample = || {
        let tail = if rng.random::<f64>() < 0.01 { 1.0 + rng.random::<f64>() } else { 1.0 };
        (centre * noise(&mut rng) * tail).round() * 1e-9
    };
    (0..samples).map(|_| sample()).collect()
}

/// What a lake holds.
pub(crate) struct Plan {
    /// Benchmarks, each measured in every session.
    pub(crate) benchmarks: usize,
    /// Runs; run r measures commit `rrrrrrr`.
    pub(crate) runs: usize,
    /// Sessions of a run.
    pub(crate) sessions: usize,
    /// Samples of a series.
    pub(crate) samples: usize,
}

impl Plan {
    /// The times of a benchmark in a session of a run: every tenth benchmark is 5 % slower in later runs.
    pub(crate) fn times(&self, benchmark: usize, run: usize, session: usize) -> Vec<f64> {
        let ratio = if run > 0 && benchmark.is_multiple_of(10) { 1.05 } else { 1.0 };
        times(benchmark, run * self.sessions + session, self.samples, ratio)
    }
}

/// Writes the lake of `plan` into the folder `lake`.
pub(crate) async fn write(lake: &Path, plan: &Plan) -> Outcome<()> {
    let lake = lake.to_str().ok_or("the folder's name is no text")?;
    let producer = ProducerId::new();
    let sessions: Vec<_> = (0..plan.runs).flat_map(|run| sessions_of(run, plan)).collect();
    let mut table = LakeTable::open_or_create(lake, Table::Sessions).await?;
    land(&mut table, producer, 1, &sessions).await?;

    let mut table = LakeTable::open_or_create(lake, Table::Series).await?;
    let count = sessions.len() * plan.benchmarks;
    for first in (0..count).step_by(ROWS) {
        let rows = first..(first + ROWS).min(count);
        let rows: Vec<Series> = rows.map(|row| series(&sessions, row, plan)).collect();
        land(&mut table, producer, first as i64 + 1, &rows).await?;
    }
    Ok(())
}

/// Lands rows that are numbered from `first` on.
async fn land<R: Serialize>(
    table: &mut LakeTable,
    producer: ProducerId,
    first: i64,
    rows: &[R],
) -> Outcome<()> {
    let batch = to_numbered_batch(table.table(), producer, first, rows)?;
    let start = (first > 1).then_some(first - 1);
    let span = Span { start, end: first + rows.len() as i64 - 1 };
    let app_id = format!("benchlake/producer/{producer}");
    let landed = table.land(&[batch], &[Progress { app_id, span, expires: false }]).await?;
    match landed {
        benchlake_pipeline::Outcome::Landed { .. } => Ok(()),
        benchlake_pipeline::Outcome::Fenced => Err("somebody else writes this lake".into()),
    }
}

/// The ends of a run's sessions, one after the other.
fn sessions_of(run: usize, plan: &Plan) -> Vec<Session> {
    let run_id = RunId::new();
    let of = |session: usize| {
        let started_at = now() + (run * plan.sessions + session) as i64 * 60_000_000;
        Session {
            event: Event::End,
            started_at,
            ended_at: Some(started_at + 50_000_000),
            position: session as i64,
            commit: Some(run.to_string().repeat(7)),
            status: Status::Ok,
            ..sample_session(run_id, SessionId::new())
        }
    };
    (0..plan.sessions).map(of).collect()
}

/// Row `row` of the table: sessions one after the other, as they come.
fn series(sessions: &[Session], row: usize, plan: &Plan) -> Series {
    let (number, benchmark) = (row / plan.benchmarks, row % plan.benchmarks);
    let name = Benchmark::new("cpu.gemm").with("n", 64 + benchmark).with("dtype", "f32");
    let samples = plan.times(benchmark, number / plan.sessions, number % plan.sessions);
    Series {
        run_id: sessions[number].run_id,
        session_id: sessions[number].session_id,
        started_at: sessions[number].started_at,
        ..sample_series(name, &samples)
    }
}
