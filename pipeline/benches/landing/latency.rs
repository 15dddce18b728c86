//! From a record's send to the version in which a query finds it, at a tenth of full load.

use crate::{Outcome, PARTITIONS, data, land::at_the_end};
use benchlake_pipeline::{FlushPolicy, LakeTable, partitions};
use benchlake_producers::emit::{Kafka, Sender};
use benchlake_schemas::{Envelope, Table};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How often the lander commits.
const INTERVAL: Duration = Duration::from_secs(2);
/// About 12 MB/s of Arrow: a tenth of what one lander does.
const EVERY: Duration = Duration::from_millis(40);
const TIME: Duration = Duration::from_secs(40);

pub(crate) fn latency(kafka: &Kafka) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let policy = FlushPolicy { max_age: INTERVAL, ..FlushPolicy::default() };
    let (mut lander, mut source) = at_the_end(kafka, folder.path(), policy)?;
    let records = data::records((TIME.as_millis() / EVERY.as_millis()) as usize)?;
    let mut sender = Sender::connect(kafka, PARTITIONS)?;
    let stop = AtomicBool::new(false);
    // Sent and not found yet: producer and last row, and when it was sent.
    let sent: Mutex<BTreeMap<(String, i64), Instant>> = Mutex::default();
    let lake = folder.path().to_string_lossy().into_owned();
    let waits = std::thread::scope(|scope| {
        let landing = scope.spawn(|| lander.run(&mut source, false, &stop, &mut |_| {}).map(drop));
        let looking = scope.spawn(|| look(&lake, &sent, &stop));
        // The group is joined before the clock runs.
        std::thread::sleep(Duration::from_secs(5));
        let began = Instant::now();
        for (number, record) in records.iter().enumerate() {
            let due = EVERY * u32::try_from(number).unwrap_or(u32::MAX);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            let key = (record.range.producer.to_string(), record.range.last);
            if let Ok(mut sent) = sent.lock() {
                sent.insert(key, Instant::now());
            }
            let sealed = Envelope::seal(record);
            if let Err(error) = sender.send(Table::Series, record.range.producer, &sealed) {
                println!("sending failed: {error}");
            }
        }
        std::thread::sleep(INTERVAL * 2);
        stop.store(true, Ordering::Relaxed);
        if let Ok(Err(error)) = landing.join() {
            println!("landing failed: {error}");
        }
        looking.join().unwrap_or_default()
    });
    let mut waits = waits;
    waits.sort_unstable();
    let lost = records.len() - waits.len();
    let at = |share: f64| waits.get(((waits.len() as f64 * share) as usize).min(waits.len() - 1)).copied();
    println!(
        "latency: {} records of half a MiB, one every {EVERY:?}, interval {INTERVAL:?}; {lost} not seen; partitions {}",
        waits.len(),
        partitions(kafka, Table::Series)?.len()
    );
    for (name, share) in [("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)] {
        println!("{name:<37} {:>8.2} s", at(share).unwrap_or_default().as_secs_f64());
    }
    println!(
        "limit for p99                         {:>8.2} s",
        (INTERVAL + Duration::from_secs(1)).as_secs_f64()
    );
    println!();
    Ok(())
}

/// Watches the newest version as a reader would, and notes how long each record took to be there.
fn look(lake: &str, sent: &Mutex<BTreeMap<(String, i64), Instant>>, stop: &AtomicBool) -> Vec<Duration> {
    let mut waits = Vec::new();
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return waits };
    let Ok(mut table) = runtime.block_on(LakeTable::open_or_create(lake, Table::Series)) else {
        return waits;
    };
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(10));
        if runtime.block_on(table.refresh()).is_err() {
            continue;
        }
        let Ok(mut sent) = sent.lock() else { return waits };
        sent.retain(|(producer, last), when| {
            let there = producer.parse().ok().and_then(|producer| table.producer_position(producer));
            let found = there.is_some_and(|there| there >= *last);
            if found {
                waits.push(when.elapsed());
            }
            !found
        });
    }
    waits
}
