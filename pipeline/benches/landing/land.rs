//! From Kafka into a committed lake.

use crate::{
    Outcome, PARTITIONS,
    data::{ROWS, SAMPLES},
    encode::Alone,
    rate,
};
use benchlake_pipeline::{FlushPolicy, KafkaSource, Lander, OffsetReset, Report};
use benchlake_producers::emit::{Kafka, Sender};
use benchlake_schemas::{Envelope, Record, RunId, Table};
use std::{
    path::Path,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

/// What landing cost.
pub(crate) struct Landed {
    pub(crate) bytes: u64,
    pub(crate) samples: u64,
    pub(crate) time: Duration,
    /// Processor time of this process, the Kafka client's threads with it.
    pub(crate) processor: Duration,
    pub(crate) commits: u64,
}

/// A lander and its source at the present end of the topics.
pub(crate) fn at_the_end(kafka: &Kafka, lake: &Path, policy: FlushPolicy) -> Outcome<(Lander, KafkaSource)> {
    let lake = lake.to_string_lossy();
    let mut lander = Lander::open(&lake, policy)?;
    let source = |lander: &Lander| {
        let group = format!("bench-{}", RunId::new());
        KafkaSource::new(kafka, &group, lander.positions(), Some(OffsetReset::Latest), policy.max_fetched)
    };
    // The first one makes the lake stand where the topics end.
    let mut first = source(&lander)?;
    lander.run(&mut first, true, &AtomicBool::new(false), &mut |_| {})?;
    let second = source(&lander)?;
    Ok((lander, second))
}

/// Sends `records` as a forwarder does.
pub(crate) fn send(kafka: &Kafka, records: &[Record]) -> Outcome<()> {
    let mut sender = Sender::connect(kafka, PARTITIONS)?;
    for record in records {
        sender.send(Table::Series, record.range.producer, &Envelope::seal(record))?;
    }
    sender.finish()?;
    Ok(())
}

/// Sends `records`, then times how long a lander takes from its first look at them to the last commit.
pub(crate) fn land(kafka: &Kafka, records: &[Record]) -> Outcome<Landed> {
    let folder = tempfile::tempdir()?;
    let (mut lander, mut source) = at_the_end(kafka, folder.path(), FlushPolicy::default())?;
    send(kafka, records)?;
    // What the broker has yet to write would be written by the lander's first fsync.
    std::process::Command::new("sync").status()?;
    let (mut first, mut last) = (None, Instant::now());
    let before = processor_time()?;
    let mut started = before;
    let (mut commits, mut all_read) = (0, None);
    let total: u64 = records.iter().map(|record| record.payload.len() as u64).sum();
    let mut seen = |report: &Report| {
        // The last look comes some time after the last commit.
        if report.commits > commits {
            (commits, last) = (report.commits, Instant::now());
        }
        if report.counts.bytes == total && all_read.is_none() {
            all_read = Some(Instant::now());
        }
        if report.counts.records > 0 && first.is_none() {
            first = Some((Instant::now(), report.counts.bytes));
            started = processor_time().unwrap_or(before);
        }
    };
    let report = lander.run(&mut source, true, &AtomicBool::new(false), &mut seen)?;
    let processor = processor_time()?.saturating_sub(started);
    let expected = (records.len() * ROWS) as u64;
    assert_eq!((report.counts.rows, report.counts.missing, report.counts.dead_letters), (expected, 0, 0));
    let waited = all_read.map_or(Duration::ZERO, |read| last.saturating_duration_since(read));
    println!("from the last record read to its commit {:>6.2} s", waited.as_secs_f64());
    let (first, skipped) = first.ok_or("nothing was read")?;
    let bytes = report.counts.bytes - skipped;
    Ok(Landed {
        bytes,
        samples: bytes / (report.counts.bytes / report.counts.rows) * SAMPLES as u64,
        time: last - first,
        processor,
        commits: report.commits,
    })
}

pub(crate) fn tell(alone: &Alone, landed: &Landed) {
    let (limit, got) = (alone.rate(), rate(landed.bytes, landed.time));
    println!("ArrowWriter alone, from memory        {limit:>8.1} MB/s of Arrow");
    println!("Kafka to committed Delta              {got:>8.1} MB/s of Arrow, {} commits", landed.commits);
    println!("ratio                                 {:>8.2} (limit 0.70)", got / limit);
    let core = rate(landed.bytes, landed.processor);
    println!("a core: processor time, all threads   {core:>8.1} MB/s of Arrow (limit 100)");
    println!();
}

/// User and system time of this process.
fn processor_time() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    // Linux counts hundredths of a second for user space on every architecture we build for.
    Ok(Duration::from_millis(ticks * 10))
}
