//! A lake with something of everything: two commits measured on one node, in six sessions each; the second
//! one again on other hardware; two arms in turns; one commit in a single session.

use crate::fixture::{DAY, commit, run};
use benchlake_schemas::{
    Benchmark, Better, Event, Flag, RunId, Series, Session, SessionId, Status, Table, Unit, sample_series,
    sample_session,
};
use std::{collections::BTreeMap, path::Path};

const MINUTE: i64 = 60_000_000;
/// How far the sessions of a side lie from its centre, as multiples of its noise: their mean is 0.
const LUCK: [[f64; 6]; 2] = [[-1.1, 0.3, 0.9, -0.4, 1.2, -0.9], [0.8, -1.2, 0.1, 1.1, -0.7, -0.1]];

/// A run of the lake.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) n: u32,
    pub(crate) commit: &'static str,
    pub(crate) sessions: u32,
    pub(crate) processor: &'static str,
    pub(crate) arms: bool,
    /// Whether it is the new side.
    pub(crate) new: bool,
}

pub(crate) const BASE: Measured =
    Measured { n: 1, commit: "aaaa1111", sessions: 6, processor: "a processor", arms: false, new: false };
pub(crate) const NEW: Measured = Measured { n: 2, commit: "bbbb2222", new: true, ..BASE };
const ELSEWHERE: Measured = Measured { n: 3, commit: "bbbb3333", processor: "another processor", ..NEW };
const ARMS: Measured = Measured { n: 4, commit: "cccc4444", sessions: 12, arms: true, ..NEW };
const ONCE: Measured = Measured { n: 5, commit: "dddd5555", sessions: 1, ..NEW };

fn session(run: u32, s: u32) -> SessionId {
    format!("019aa000-0000-7000-9000-{run:06}{s:06}").parse().unwrap()
}

/// Writes the lake into the folder `lake`.
pub(crate) async fn write(lake: &Path) {
    land_all(lake).await;
    land_more(lake).await;
}

/// The two commits alone.
pub(crate) async fn land_all(lake: &Path) {
    for measured in [BASE, NEW] {
        land(lake, measured, &|run, s| series(measured, run, s)).await;
    }
}

/// The rest.
pub(crate) async fn land_more(lake: &Path) {
    for measured in [ELSEWHERE, ARMS, ONCE] {
        land(lake, measured, &|run, s| series(measured, run, s)).await;
    }
}

/// Eight runs of the base's code, two sessions each, that lie apart by more than their sessions do; then a new one.
/// Series are written in chunks of so many samples.
pub(crate) async fn write_history(lake: &Path, chunk: usize) {
    const SHIFTS: [f64; 8] = [1.0, 1.02, 0.99, 1.03, 0.98, 1.01, 1.04, 1.0];
    for (n, shift) in (10..).zip(SHIFTS) {
        let measured = Measured { n, sessions: 2, ..BASE };
        let shifted = |run, s| {
            let mut rows = series(measured, run, s);
            for sample in rows.iter_mut().flat_map(|row| &mut row.samples) {
                *sample *= shift;
            }
            rows.into_iter().flat_map(|row| row.chunked(chunk)).collect()
        };
        land(lake, measured, &shifted).await;
    }
    let measured = Measured { n: 20, ..NEW };
    land(lake, measured, &|run, s| series(measured, run, s)).await;
}

/// The two commits, of benchmarks with names that are markup: one that is slower, one that is not.
pub(crate) async fn write_evil(lake: &Path) {
    for measured in [BASE, NEW] {
        let named = |run, s| {
            let mut rows = series(measured, run, s);
            rows.retain(|row| row.benchmark == "cpu.critical" || row.benchmark == "cpu.same");
            for row in &mut rows {
                let evil =
                    if row.benchmark == "cpu.same" { "it's \"`_*é" } else { "<script>&amp;|\u{1b}[31m\n" };
                let benchmark = Benchmark::new(evil).with("x|y", "<b>");
                (row.benchmark_id, row.benchmark, row.parameters) =
                    (benchmark.id(), benchmark.name, benchmark.parameters);
            }
            rows
        };
        land(lake, measured, &named).await;
    }
}

/// The two commits, of one benchmark that is slower and of `copies` that are not.
pub(crate) async fn write_copies(lake: &Path, copies: i64) {
    for measured in [BASE, NEW] {
        let copied = |run, s| {
            let mut rows = series(measured, run, s);
            rows.retain(|row| row.benchmark == "cpu.critical" || row.benchmark == "cpu.same");
            let same = rows.pop().unwrap();
            let copy = |n| {
                let benchmark = Benchmark::new("cpu.same").with("n", n);
                let (benchmark_id, parameters) = (benchmark.id(), benchmark.parameters);
                Series { benchmark_id, parameters, ..same.clone() }
            };
            rows.extend((0..copies).map(copy));
            rows
        };
        land(lake, measured, &copied).await;
    }
}

/// Lands a run with its series.
pub(crate) async fn land(lake: &Path, measured: Measured, series: &dyn Fn(RunId, u32) -> Vec<Series>) {
    let time = DAY + i64::from(measured.n) * 60 * MINUTE;
    let all = 1..=measured.sessions;
    let sessions: Vec<Session> = all.clone().flat_map(|s| ended(measured, s)).collect();
    let rows: Vec<Series> = all.flat_map(|s| series(run(measured.n), s)).collect();
    commit(lake, Table::Sessions, &sessions, time + 30 * MINUTE).await;
    commit(lake, Table::Series, &rows, time + 31 * MINUTE).await;
}

fn ended(measured: Measured, s: u32) -> [Session; 2] {
    let started_at = DAY + i64::from(measured.n) * 60 * MINUTE + i64::from(s) * MINUTE;
    let environment = [
        ("cpu.model", measured.processor),
        ("cpu.threads", "8"),
        ("benchlake.target", "x86_64-unknown-linux-gnu"),
        ("kernel", "6.1"),
        ("load.1m", if measured.new { "0.1" } else { "0.2" }),
    ];
    let arm = if s % 2 == 1 { "old" } else { "young" };
    let end = Session {
        started_at,
        ended_at: Some(started_at + MINUTE / 2),
        position: i64::from(s) - 1,
        commit: Some(measured.commit.into()),
        arm: measured.arms.then(|| arm.to_owned()),
        environment: environment.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        tags: BTreeMap::new(),
        ..sample_session(run(measured.n), session(measured.n, s))
    };
    [Session { event: Event::Start, ended_at: None, status: Status::Running, ..end.clone() }, end]
}

/// What a benchmark of the lake does.
struct Planted {
    benchmark: Benchmark,
    metric: &'static str,
    unit: Unit,
    better: Better,
    centres: [f64; 2],
    /// Of sessions, relative.
    noise: f64,
}

fn planted() -> Vec<Planted> {
    let time = |name: &str, base: f64, ratio: f64, noise: f64| Planted {
        benchmark: Benchmark::new(name).with("dtype", "f32").with("n", 512),
        metric: "time",
        unit: Unit::Second,
        better: Better::Lower,
        centres: [base, base * ratio],
        noise,
    };
    let count = |name: &str, base: f64, new: f64| Planted {
        metric: "allocations",
        unit: Unit::Count,
        centres: [base, new],
        ..time(name, 1.0, 1.0, 0.0)
    };
    vec![
        time("cpu.critical", 1e-3, 1.25, 0.01),
        time("cpu.warning", 2e-6, 1.06, 0.005),
        time("cpu.slower", 3e-2, 1.02, 0.002),
        time("cpu.quicker", 1.5, 0.92, 0.005),
        time("cpu.same", 4e-4, 1.001, 0.002),
        time("cpu.noisy", 5e-4, 1.01, 0.06),
        time("cpu.exact", 7e-9, 1.0, 0.0),
        Planted {
            metric: "rate",
            unit: Unit::Hertz,
            better: Better::Higher,
            ..time("net.ping", 2e5, 0.9, 0.01)
        },
        count("cpu.none", 0.0, 0.0),
        count("cpu.some", 0.0, 3.0),
        count("cpu.freed", 3.0, 0.0),
    ]
}

/// Five samples about their median.
fn samples(median: f64) -> [f64; 5] {
    [0.9995, 1.002, 1.0, 0.999, 1.0001].map(|factor| median * factor)
}

fn series(measured: Measured, run_id: RunId, s: u32) -> Vec<Series> {
    // In the run of two arms every other session is of the new side.
    let is_new = if measured.arms { s.is_multiple_of(2) } else { measured.new };
    let (side, place) = (usize::from(is_new), if measured.arms { (s - 1) / 2 } else { s - 1 });
    let luck = LUCK[side][place as usize % 6];
    // What disturbs a round disturbs both of its sessions.
    let shared = if measured.arms { 1.0 + 0.1 * f64::from(place) } else { 1.0 };
    let of = |benchmark: &Benchmark, samples: &[f64]| Series {
        run_id,
        session_id: session(measured.n, s),
        started_at: DAY + i64::from(measured.n) * 60 * MINUTE + i64::from(s) * MINUTE,
        ..sample_series(benchmark.clone(), samples)
    };
    let mut rows: Vec<Series> = planted()
        .iter()
        .map(|it| Series {
            metric: it.metric.into(),
            unit: it.unit,
            better: it.better,
            ..of(&it.benchmark, &samples(it.centres[side] * shared * (1.0 + it.noise * luck)))
        })
        .collect();
    if measured.new && s == 2 {
        rows[0].flags = vec![Flag::Noisy];
    }
    rows.extend(bad(is_new, luck).iter().map(|(name, samples)| of(&Benchmark::new(*name), samples)));
    let only = Benchmark::new(if is_new { "only.new" } else { "only.base" });
    rows.push(of(&only, &[1.0]));
    let unit = if is_new { Unit::Byte } else { Unit::Second };
    rows.push(Series { unit, ..of(&Benchmark::new("mixed.unit"), &[1.0]) });
    let better = if is_new { Better::Higher } else { Better::Lower };
    rows.push(Series { better, ..of(&Benchmark::new("mixed.better"), &[1.0]) });
    rows
}

/// Samples that are no numbers: one that is not, in one session; infinities, but few; a zero, but few.
fn bad(is_new: bool, luck: f64) -> Vec<(&'static str, Vec<f64>)> {
    let centre = 1e-3 * (1.0 + 0.002 * luck);
    let nan = if is_new && luck > 1.0 { f64::NAN } else { centre };
    vec![
        ("bad.nan", vec![centre, nan, centre]),
        ("bad.infinite", vec![centre, f64::INFINITY, centre, centre, f64::NEG_INFINITY]),
        ("bad.zero", vec![centre, 0.0, centre]),
    ]
}
