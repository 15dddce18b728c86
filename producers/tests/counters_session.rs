//! Counters in a session: further series of the same benchmark, or the reason why there are none.

use benchlake_producers::{
    counters::CountingAllocator,
    emit::{Entry, drains},
    session::{Builtin, SessionSpec, run},
    suite::Suite,
};
use benchlake_schemas::{Event, Metric, Phase, Row, Series, Session, Status, decode_ipc, from_batch};
use std::{collections::BTreeSet, error::Error, path::Path, sync::atomic::AtomicBool};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::system();

type TestResult = Result<(), Box<dyn Error>>;

const SUITE: &str = r#"
name = "counted"
[policy]
warmup = "5ms"
warmup_max = "20ms"
min_time = "30ms"
[[benchmark]]
workload = "cpu.triad"
n = 1000
[[benchmark]]
workload = "cpu.alloc"
bytes = 64
"#;

/// Measures [`SUITE`] in a session of its own into `spool`.
fn session(spool: &Path, counters: bool) -> Result<(Vec<Session>, Vec<Series>), Box<dyn Error>> {
    let suite = Suite::parse(SUITE, "suite.toml")?;
    let spec = SessionSpec { counters, ..SessionSpec::new(&suite, "suite.toml", spool.to_owned(), 1) };
    let status = run(&spec, &Builtin::default(), &AtomicBool::new(false), &mut |_| {})?;
    assert_eq!(status, Status::Ok);
    Ok((rows(spool)?, rows(spool)?))
}

fn rows<R: Row + serde::de::DeserializeOwned>(spool: &Path) -> Result<Vec<R>, Box<dyn Error>> {
    let mut found = Vec::new();
    for drain in drains(spool, None)?.into_iter().filter(|drain| drain.table == R::TABLE) {
        let mut reader = drain.reader()?;
        while let Some(Entry::Record { envelope, .. }) = reader.next_entry()? {
            found.extend(from_batch::<R>(&decode_ipc(&envelope.payload)?)?);
        }
    }
    Ok(found)
}

/// Of every benchmark a session has each metric that the machine counts, beside its times, and of every
/// other one the reason, once; without counters it says that, and has the times alone.
#[test]
fn a_session_counts_or_says_why_not() -> TestResult {
    let folder = tempfile::tempdir()?;
    let (sessions, series) = session(&folder.path().join("with"), true)?;
    let start = sessions.iter().find(|session| session.event == Event::Start).ok_or("a start")?;
    for name in ["cpu.triad", "cpu.alloc"] {
        let of = |series: &&Series| series.benchmark == name && series.phase == Phase::Measure;
        let rows: Vec<&Series> = series.iter().filter(of).collect();
        let metrics: BTreeSet<&str> = rows.iter().map(|series| series.metric.as_str()).collect();
        assert_eq!(metrics.len(), rows.len(), "{name}: {metrics:?}");
        for metric in Metric::ALL.iter().filter(|metric| !metric.is_of_devices()) {
            let fact = start.environment.get(&format!("counters.{metric}"));
            let skipped = fact.is_some_and(|fact| fact.starts_with("skipped: "));
            assert!(metrics.contains(metric.as_str()) != skipped, "{name}: {metric}: {fact:?}");
        }
        let time = rows.iter().find(|series| series.metric == "time").ok_or("times")?;
        assert!(time.samples.len() >= 30 && time.timer.timer_resolution.is_some());
        for row in rows.iter().filter(|series| series.metric != "time") {
            assert_eq!(row.samples.is_empty(), row.error.is_some(), "{name}: {}", row.metric);
            assert!((3..=10).contains(&row.samples.len()), "{name}: {}", row.metric);
            assert_eq!((&row.benchmark_id, &row.work), (&time.benchmark_id, &time.work));
            let level = row.metric.ends_with("_memory");
            let expected = if level { 1 } else { time.iterations[0] };
            // Energy counts several timed samples as one.
            let times = if row.metric == "energy" { row.iterations[0] % expected } else { 0 };
            assert!(
                times == 0 && (row.metric == "energy" || row.iterations[0] == expected),
                "{}",
                row.metric
            );
        }
    }
    let allocations =
        series.iter().find(|series| series.benchmark == "cpu.alloc" && series.metric == "allocations");
    let allocations = allocations.ok_or("this program's allocator counts")?;
    for (blocks, iterations) in allocations.samples.iter().zip(&allocations.iterations) {
        assert!((blocks - *iterations as f64).abs() < 0.5, "{blocks} blocks of {iterations}");
    }

    let (sessions, series) = session(&folder.path().join("without"), false)?;
    assert!(series.iter().all(|series| series.metric == "time"));
    assert!(sessions.iter().all(|session| session.environment.get("counters").is_some_and(|on| on == "off")));
    Ok(())
}
