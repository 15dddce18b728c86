//! What a benchmark can do to its process fails alone: it is recorded, the suite goes on. The program is
//! its own hostile workload: launched as a session it measures the functions below.

#![expect(clippy::print_stdout, reason = "a test that is its own program says what passed")]

mod spooled;

use benchlake_producers::{
    harness::Harness,
    session::{
        SessionEvent, SessionSpec,
        supervise::{ARGUMENTS, Told, supervise},
    },
    suite::Suite,
};
use benchlake_schemas::{Event, Series, Session, Status, StopReason};
use spooled::rows;
use std::{
    collections::BTreeMap, env, hint::black_box, path::Path, process::ExitCode, sync::atomic::AtomicBool,
    time::Duration,
};

const SUITE: &str = r#"
name = "hostile"
[program]
path = "hostile"
harness = true
[policy]
warmup = "1ms"
warmup_max = "5ms"
min_time = "1ms"
min_samples = 5
max_time = "200ms"
timeout = "2s"
"#;

/// What a session of this program measures.
fn workloads() -> Harness {
    let mut harness = Harness::new("hostile");
    harness.function("calm_before", |b| b.iter(|| black_box(2_u64).pow(10)));
    harness.function("panics", |b| b.iter(|| assert_eq!(black_box(1), 2, "as planned")));
    harness.function("hangs", |b| {
        b.iter(|| {
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        })
    });
    harness.function("exits", |b| b.iter(|| std::process::exit(black_box(0))));
    harness.function("aborts", |b| b.iter(|| std::process::abort()));
    harness.function("exhausts", |b| {
        let mut kept: Vec<Vec<u8>> = Vec::new();
        b.iter(move || kept.push(vec![1; 512 << 20]))
    });
    harness.function("lies", |b| b.iter(|| black_box(1)).check("its result", |one| *one == 2));
    harness.function("calm_after", |b| b.iter(|| black_box(3_u64).pow(10)));
    harness
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words == ARGUMENTS {
        return workloads().main();
    }
    every_benchmark_fails_alone();
    println!("1 passed, 0 failed");
    ExitCode::SUCCESS
}

/// A benchmark that panics, hangs, exits, aborts, exhausts its memory or lies is recorded with its
/// reason; those before and after it are measured; every session has its end.
fn every_benchmark_fails_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = folder.path().join("spool");
    let suite = Suite::parse(SUITE, "hostile.toml").expect("a suite");
    let spec = SessionSpec {
        memory_limit: Some(1 << 30),
        counters: false,
        ..SessionSpec::new(&suite, "hostile.toml", spool.clone(), 1)
    };
    let mut outcomes = BTreeMap::new();
    let program = env::current_exe().expect("this program");
    let status = supervise(&program, spec, &AtomicBool::new(false), &mut |told| match told {
        Told::Event(SessionEvent::Measured { benchmark, samples, .. }) => {
            outcomes.insert(benchmark.name, Err(samples));
        }
        Told::Event(SessionEvent::Failed { benchmark, reason, error }) => {
            outcomes.insert(benchmark.name, Ok((reason, error)));
        }
        _ => {}
    });
    assert_eq!(status.expect("it was launched"), Status::Failed);
    let failed = |name: &str, reason: StopReason, says: &str| {
        let Some(Ok((found, error))) = outcomes.get(name) else { panic!("{name}: {outcomes:?}") };
        assert!(*found == reason && error.contains(says), "{name}: {found} {error}");
    };
    failed("panics", StopReason::Panicked, "as planned");
    failed("hangs", StopReason::TimedOut, "2s");
    // Nothing of what the benchmarks before it said.
    failed("exits", StopReason::Crashed, "its process ended (exit status: 0)");
    let Some(Ok((_, exits))) = outcomes.get("exits") else { panic!("{outcomes:?}") };
    assert!(!exits.contains("RUST_BACKTRACE"), "{exits}");
    failed("aborts", StopReason::Crashed, "signal: 6");
    failed("exhausts", StopReason::Crashed, "--memory-limit");
    failed("lies", StopReason::WrongResult, "its result");
    for calm in ["calm_before", "calm_after"] {
        assert!(matches!(outcomes[calm], Err(samples) if samples >= 5), "{outcomes:?}");
    }
    recorded(&spool);
}

/// The spool says the same.
fn recorded(spool: &Path) {
    let series: Vec<Series> = rows(spool);
    let without: BTreeMap<String, Option<StopReason>> = series
        .iter()
        .filter(|series| series.samples.is_empty())
        .map(|series| (series.benchmark.clone(), series.stop_reason))
        .collect();
    assert_eq!(without.len(), 6, "{without:?}");
    assert!(series.iter().filter(|series| series.samples.is_empty()).all(|series| series.error.is_some()));
    let sessions: Vec<Session> = rows(spool);
    let of = |event: Event| sessions.iter().filter(|row| row.event == event).collect::<Vec<_>>();
    let (starts, ends) = (of(Event::Start), of(Event::End));
    // Four processes died, and each time another one went on where something was left.
    assert!((4..=5).contains(&starts.len()) && starts.len() == ends.len(), "{sessions:?}");
    assert!(ends.iter().filter(|end| end.status == Status::Failed).count() >= 4, "{sessions:?}");
    for start in starts {
        let end = ends.iter().find(|end| end.session_id == start.session_id).expect("its end");
        assert_eq!((end.started_at, &end.environment["counters"]), (start.started_at, &"off".to_owned()));
    }
}
