//! Through a real Kafka: `cargo xtask up` starts one and `BENCHLAKE_TEST_BROKERS` names it.

use super::*;
use benchlake_pipeline::{KafkaSource, LakeTable, Progress, Span};
use benchlake_producers::emit::{Forwarder, Kafka, drains};
use benchlake_schemas::ProducerId;
use std::{
    fs,
    sync::Mutex,
    time::{Duration, Instant},
};

/// The tests share the topics; one at a time keeps what each says of offsets simple.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn kafka() -> Option<Kafka> {
    let brokers = std::env::var("BENCHLAKE_TEST_BROKERS").ok();
    if brokers.is_none() {
        eprintln!("skipped: no Kafka; start one with `cargo xtask up` and set BENCHLAKE_TEST_BROKERS");
    }
    brokers.map(Kafka::new)
}

fn forward(kafka: &Kafka, spool: &Path) -> TestResult {
    let partitions = kafka.ensure_topics(4)?;
    let mut forwarder = Forwarder::new(kafka.clone(), partitions, Duration::from_secs(30));
    for drain in drains(spool, None)? {
        forwarder.forward(&drain, &AtomicBool::new(false))?;
    }
    Ok(())
}

fn land_kafka(kafka: &Kafka, lake: &Path) -> Result<Report, LandError> {
    let mut lander = Lander::open(&lake.to_string_lossy(), FlushPolicy::default())?;
    let mut source =
        KafkaSource::new(kafka, &format!("test-{}", RunId::new()), lander.positions(), None, 32 << 20)?;
    lander.run(&mut source, true, &AtomicBool::new(false), &mut |_| {})
}

fn seqs(lake: &Path, producer: ProducerId) -> Result<Vec<i64>, Box<dyn Error>> {
    let rows = rows::<Keyed>(lake, Table::Series)?;
    let mut seqs: Vec<_> =
        rows.into_iter().filter(|row| row.producer_id == producer.to_string()).map(|row| row.seq).collect();
    seqs.sort_unstable();
    Ok(seqs)
}

/// Rows that were sent twice, and topics that are read again by a new lander, land once.
#[test]
fn resent_records_land_once() -> TestResult {
    let Some(kafka) = kafka() else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let (spool, lake) = (dir.path().join("spool"), dir.path().join("lake"));
    let mut writer = Spool::open(&spool, 4, SpoolOptions::default())?;
    let producer = writer.producer();
    for row in some_series(20) {
        writer.append(&[row])?;
    }
    forward(&kafka, &spool)?;
    // As if the acknowledgements had been lost: everything is sent again.
    fs::remove_file(spool.join(producer.to_string()).join("series/drained"))?;
    forward(&kafka, &spool)?;
    let report = land_kafka(&kafka, &lake)?;
    assert!(report.counts.duplicates >= 20, "{report:?}");
    assert_eq!(seqs(&lake, producer)?, (1..=20).collect::<Vec<_>>());
    let again = land_kafka(&kafka, &lake)?;
    assert_eq!((again.counts.records, again.commits), (0, 0));
    writer.append(&some_series(2))?;
    forward(&kafka, &spool)?;
    land_kafka(&kafka, &lake)?;
    assert_eq!(seqs(&lake, producer)?, (1..=22).collect::<Vec<_>>());
    Ok(())
}

/// Rows of a spool whose predecessors are still in Kafka are not landed past them: those would be
/// taken for known when they come.
#[test]
fn a_spool_does_not_overtake_kafka() -> TestResult {
    let Some(kafka) = kafka() else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let (spool, lake) = (dir.path().join("spool"), dir.path().join("lake"));
    let mut writer = Spool::open(&spool, 4, SpoolOptions::default())?;
    writer.append(&some_series(3))?;
    forward(&kafka, &spool)?;
    writer.append(&some_series(2))?;
    let refused = land_spool(&spool, &lake).expect_err("rows 1 to 3 are in Kafka").to_string();
    assert!(refused.contains("rows up to 3") && refused.contains("land from Kafka first"), "{refused}");
    land_kafka(&kafka, &lake)?;
    land_spool(&spool, &lake)?;
    assert_eq!(seqs(&lake, writer.producer())?, (1..=5).collect::<Vec<_>>());
    Ok(())
}

/// Two landers of one group that share and trade partitions land every row once.
#[test]
fn two_landers_share_a_group() -> TestResult {
    let Some(kafka) = kafka() else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let (spool, lake) = (dir.path().join("spool"), dir.path().join("lake"));
    let mut writers = Vec::new();
    for _ in 0..3 {
        writers.push(Spool::open(&spool, 4, SpoolOptions::default())?);
    }
    let stop = AtomicBool::new(false);
    let group = format!("test-{}", RunId::new());
    let policy = FlushPolicy { max_age: Duration::from_millis(200), ..FlushPolicy::default() };
    let land = |delay: u64| -> Result<Report, LandError> {
        std::thread::sleep(Duration::from_millis(delay));
        let mut lander = Lander::open(&lake.to_string_lossy(), policy)?;
        let mut source = KafkaSource::new(&kafka, &group, lander.positions(), None, 32 << 20)?;
        lander.run(&mut source, false, &stop, &mut |_| {})
    };
    kafka.ensure_topics(4)?;
    std::thread::scope(|scope| -> TestResult {
        let landers = [scope.spawn(|| land(0)), scope.spawn(|| land(1500))];
        for _ in 0..5 {
            for writer in &mut writers {
                writer.append(&some_series(3))?;
            }
            forward(&kafka, &spool)?;
            std::thread::sleep(Duration::from_millis(200));
        }
        let began = Instant::now();
        let arrived =
            || writers.iter().all(|writer| seqs(&lake, writer.producer()).is_ok_and(|seqs| seqs.len() >= 15));
        while !arrived() && began.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(300));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for lander in landers {
            lander.join().map_err(|_| "a lander panicked")??;
        }
        Ok(())
    })?;
    for writer in &writers {
        assert_eq!(seqs(&lake, writer.producer())?, (1..=15).collect::<Vec<_>>());
    }
    Ok(())
}

/// A lake that stands beyond what the broker has is told so; nothing is skipped.
#[test]
fn an_offset_out_of_range_stops_the_lander() -> TestResult {
    let Some(kafka) = kafka() else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let (spool, lake) = (dir.path().join("spool"), dir.path().join("lake"));
    spool_rows(&spool, &some_series(1))?;
    forward(&kafka, &spool)?;
    let mut lander = Lander::open(&lake.to_string_lossy(), FlushPolicy::default())?;
    let runtime = tokio::runtime::Runtime::new()?;
    for part in benchlake_pipeline::partitions(&kafka, Table::Series)? {
        let mut table =
            runtime.block_on(LakeTable::open_or_create(&lake.to_string_lossy(), Table::Series))?;
        let span = Span { start: None, end: 1 << 40 };
        let beyond = Progress { app_id: part.app_id, span, expires: false };
        runtime.block_on(table.land(&[], &[beyond]))?;
    }
    let group = format!("test-{}", RunId::new());
    let mut source = KafkaSource::new(&kafka, &group, lander.positions(), None, 32 << 20)?;
    let error = lander.run(&mut source, true, &AtomicBool::new(false), &mut |_| {});
    let error = error.expect_err("the offset is out of range").to_string();
    assert!(error.contains("the broker has only") && error.contains("nothing was skipped"), "{error}");
    assert!(series(&lake)?.is_empty());
    Ok(())
}
