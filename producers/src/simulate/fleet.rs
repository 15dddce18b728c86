//! The rows that a plan stands for.

use super::{
    Plan, PlanError,
    catalog::{Entry, catalog},
    noise::{Factors, lognormal},
    stream::{digest, stream},
};
use crate::session::CHUNK;
use benchlake_schemas::{
    Benchmark, Check, Event, Metric, Micros, Phase, ProducerId, RunId, Series, Session, SessionId, Status,
    StopReason, Timer,
};
use rand::RngExt;
use std::{collections::BTreeMap, iter};

/// Part of every id: a change of what is generated must change it, or a lake would take new rows
/// for resends of old ones.
const GENERATOR: &str = "benchlake.simulate/1";
/// Iterations fill a sample of at least this many seconds, as calibration would have chosen.
const SAMPLE_TIME: f64 = 1e-3;
/// From the end of a sample to the start of the next, and a series' start to its first: nanoseconds.
const GAP: i64 = 100;

/// A simulated fleet.
#[derive(Debug, Clone)]
pub struct Fleet {
    plan: Plan,
    entries: Vec<Entry>,
    /// What the fleet is told from others by.
    key: [u8; 32],
}

/// What a node measured in one session.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeSession {
    /// The session's first row.
    pub start: Session,
    /// Its measurements.
    pub series: Vec<Series>,
    /// The session's last row.
    pub end: Session,
}

impl Fleet {
    /// The fleet of `plan`.
    ///
    /// # Errors
    /// [`PlanError`] if a regression fits nothing, or a session is too large or too late.
    pub fn new(plan: Plan) -> Result<Self, PlanError> {
        let entries = catalog(plan.series);
        let names: Vec<_> = entries
            .iter()
            .map(|entry| (entry.benchmark.name.as_str(), entry.benchmark.to_string()))
            .collect();
        plan.check(&names)?;
        let slope = slope(&plan);
        // Nodes and sessions are left out: more of them continue the fleet.
        let &Plan { nodes: _, sessions: _, series, samples, seed, start, every, noise, ref regressions } =
            &plan;
        let shape =
            format!("{:?}", (GENERATOR, series, samples, seed, start, every, noise, slope, regressions));
        let key = digest(shape.as_bytes(), [0; 3], "fleet");
        Ok(Self { plan, entries, key })
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The benchmarks, the quickest first.
    pub fn benchmarks(&self) -> impl Iterator<Item = &Benchmark> {
        self.entries.iter().map(|entry| &entry.benchmark)
    }

    /// The producer of `node`: the same each time.
    #[must_use]
    pub fn producer(&self, node: u32) -> ProducerId {
        ProducerId::from_parts(self.plan.start, self.random([node, 0, 0], "producer"))
    }

    /// How many rows of `series` a session has.
    #[must_use]
    pub fn rows_of_series(&self) -> i64 {
        let chunks = (self.plan.samples as usize).div_ceil(CHUNK);
        i64::from(self.plan.series) * i64::try_from(chunks).unwrap_or(i64::MAX)
    }

    /// What `node` measured in its session `round`, both counted from 0.
    #[must_use]
    pub fn session(&self, node: u32, round: u32) -> NodeSession {
        let start = self.start_row(node, round);
        let mut series = Vec::with_capacity(self.entries.len());
        let (mut now, speed) = (start.started_at, self.speed(node));
        for (index, entry) in (0..).zip(&self.entries) {
            let random = stream(self.plan.seed, [node, round, index], "series");
            let level = entry.base * speed * self.trend(&entry.benchmark, round);
            let row = self.series_row(&start, entry, now, level, Factors::new(self.plan.noise, random));
            now = row.started_at + duration(&row);
            series.extend(row.chunked(CHUNK));
        }
        let end = Session { event: Event::End, ended_at: Some(now), status: Status::Ok, ..start.clone() };
        NodeSession { start, series, end }
    }

    /// The node's own factor.
    fn speed(&self, node: u32) -> f64 {
        lognormal(self.plan.noise.node, &mut stream(self.plan.seed, [node, 0, 0], "node"))
    }

    /// What time has done to a benchmark: drift and steps.
    fn trend(&self, benchmark: &Benchmark, round: u32) -> f64 {
        let label = benchmark.to_string();
        let steps = self.plan.regressions.iter();
        let steps = steps.filter(|step| round >= step.session && step.is_of(&benchmark.name, &label));
        let steps: f64 = steps.map(|step| step.ratio).product();
        (slope(&self.plan) * f64::from(round)).exp() * steps
    }

    fn random(&self, which: [u32; 3], kind: &str) -> [u8; 10] {
        let mut random = [0; 10];
        random.copy_from_slice(&digest(&self.key, which, kind)[..10]);
        random
    }

    fn start_row(&self, node: u32, round: u32) -> Session {
        let plan = &self.plan;
        let run_at = plan.start + i64::from(round) * plan.every;
        // A launcher does not reach all nodes in the same instant.
        let late: f64 = stream(plan.seed, [node, round, 0], "start").random();
        let started_at = run_at + (late * plan.every as f64 / 100.0) as Micros;
        let changed = plan.regressions.iter().map(|step| step.session).min();
        let arm = changed.map(|session| if round < session { "baseline" } else { "candidate" });
        let commit = digest(&self.key, [round, 0, 0], "commit");
        Session {
            run_id: RunId::from_parts(run_at, self.random([round, 0, 0], "run")),
            session_id: SessionId::from_parts(started_at, self.random([node, round, 0], "session")),
            event: Event::Start,
            started_at,
            ended_at: None,
            node: format!("node-{node:05}"),
            rank: 0,
            world_size: 1,
            devices: Vec::new(),
            commit: Some(hex(&commit[..20])),
            branch: Some("main".into()),
            dirty: Some(false),
            arm: arm.map(str::to_owned),
            position: node.into(),
            seed: plan.seed.cast_signed(),
            suite: "simulated".into(),
            suite_hash: hex(&self.key),
            environment: environment(node),
            tags: text_map(&[("simulated", "true"), ("session", &round.to_string())]),
            status: Status::Running,
            message: None,
        }
    }

    fn series_row(
        &self,
        session: &Session,
        entry: &Entry,
        started_at: Micros,
        level: f64,
        factors: impl Iterator<Item = f64>,
    ) -> Series {
        let count = self.plan.samples as usize;
        let iterations = (SAMPLE_TIME / entry.base).ceil().max(1.0);
        let samples: Vec<f64> = factors.take(count).map(|factor| level * factor * iterations).collect();
        let ends = samples.iter().scan(GAP, |now, sample| {
            *now += nanoseconds(*sample) + GAP;
            Some(*now)
        });
        Series {
            run_id: session.run_id,
            session_id: session.session_id,
            rank: session.rank,
            benchmark_id: entry.benchmark.id(),
            benchmark: entry.benchmark.name.clone(),
            parameters: entry.benchmark.parameters.clone(),
            metric: Metric::Time.to_string(),
            unit: Metric::Time.unit(),
            better: Metric::Time.better(),
            phase: Phase::Measure,
            chunk: 0,
            started_at,
            offsets: iter::once(GAP).chain(ends).take(count).collect(),
            samples,
            iterations: vec![iterations as i64; count],
            work: entry.work.clone(),
            device: None,
            flags: Vec::new(),
            stop_reason: Some(StopReason::MaxSamples),
            timer: Timer { timer_resolution: Some(1e-9), timer_overhead: Some(2.5e-8) },
            // Nothing was computed, so nothing was checked.
            check: Check::default(),
            error: None,
            chunks: Some(1),
        }
    }
}

/// The drift of one session, as a logarithm.
fn slope(plan: &Plan) -> f64 {
    plan.noise.drift.ln() / f64::from(plan.sessions.saturating_sub(1).max(1))
}

fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

/// Microseconds until the last sample of `row` has ended.
fn duration(row: &Series) -> Micros {
    let last = row.offsets.last().zip(row.samples.last());
    last.map_or(0, |(offset, sample)| (offset + nanoseconds(*sample)) / 1_000 + 1)
}

fn environment(node: u32) -> BTreeMap<String, String> {
    text_map(&[
        ("benchlake.version", env!("CARGO_PKG_VERSION")),
        ("cpu.cores", "32"),
        ("cpu.governor", "performance"),
        ("cpu.model", "a simulated processor"),
        ("cpu.threads", "64"),
        ("kernel", "simulated"),
        ("memory.total", "274877906944"),
        ("node", &format!("node-{node:05}")),
        ("os", "simulated"),
    ])
}

fn text_map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
