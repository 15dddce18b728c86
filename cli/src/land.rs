//! `benchlake land`: from Kafka or a spool into a lake.

use crate::{
    args::{Global, Land},
    failure::Failure,
    live::{self, Rate},
    maintain::Keeper,
    output, serve,
};
use benchlake_pipeline::{FlushPolicy, Health, KafkaSource, Lander, Metrics, Report, Source, SpoolSource};
use benchlake_producers::agent::{exit, interrupt_flag};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

/// The longest interval between commits: files must be committed long before a vacuum may take them.
const LONGEST: Duration = Duration::from_secs(600);

pub(crate) fn run(args: &Land, global: &Global) -> Result<u8, Failure> {
    let max_age = Duration::try_from_secs_f64(args.interval)
        .map_err(|_| Failure::usage(format!("--interval {} is not a number of seconds", args.interval)))?;
    if max_age > LONGEST {
        return Err(Failure::usage(format!(
            "--interval {} is more than {} s",
            args.interval,
            LONGEST.as_secs()
        )));
    }
    let policy = FlushPolicy::within(args.memory << 20, args.batch << 20, max_age);
    if args.kafka.show_config {
        return show_config(args, &policy);
    }
    few_arenas();
    let stop = interrupt_flag()?;
    let (metrics, health) = (Metrics::default(), Health::default());
    if let Some(address) = args.listen {
        let bound = serve::start(address, metrics.clone(), health.clone())?;
        output::remark(global, &format!("metrics and health on http://{bound}"));
    }
    let mut lander;
    let mut source: Box<dyn Source> = match (&args.brokers, &args.spool) {
        (Some(brokers), _) => {
            let kafka = args.kafka.cluster(brokers)?;
            kafka.ensure_topics(args.partitions)?;
            lander = Lander::open(&args.place.lake, policy)?.watched(metrics.clone(), health.clone());
            let group = args.group.clone().unwrap_or_else(|| format!("benchlake-{}", lander.lake_id()));
            Box::new(KafkaSource::new(&kafka, &group, lander.positions(), args.from, policy.max_fetched)?)
        }
        (None, Some(spool)) => {
            if !spool.is_dir() {
                return Err(Failure::usage(format!("spool {} is not a folder", spool.display())));
            }
            lander = Lander::open(&args.place.lake, policy)?.watched(metrics.clone(), health.clone());
            Box::new(SpoolSource::new(spool, None, lander.positions()))
        }
        (None, None) => return Err(Failure::usage("name a source: --brokers HOST:PORT or --spool DIR")),
    };
    let compaction = args.compaction.get()?;
    let keeper = args.maintain.map(|every| Keeper::start(args.place.lake.clone(), every.into(), compaction));
    let line = output::spinner(global);
    let (began, mut rate) = (Instant::now(), Rate::default());
    let result = lander.run(source.as_mut(), args.until_idle, &stop, &mut |report| {
        line.set_message(live::line(report, &metrics, &mut rate));
    });
    line.finish_and_clear();
    keeper.into_iter().for_each(Keeper::stop);
    let report = result?;
    output::remark(global, &format!("landed {}", text(&report, began)));
    Ok(if stop.load(Ordering::Relaxed) && args.until_idle { exit::INTERRUPTED } else { exit::OK })
}

/// Records are taken by one thread and given back by another, and glibc keeps an arena per thread: two
/// arenas hold a fifth less of what was given back, and landing is no slower.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "glibc's allocator is set up by a call")]
fn few_arenas() {
    // SAFETY: it sets a number, before this process has a second thread.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

#[cfg(not(target_env = "gnu"))]
fn few_arenas() {}

/// Nothing is connected to, and no lake is made.
fn show_config(args: &Land, policy: &FlushPolicy) -> Result<u8, Failure> {
    let mut options = vec![
        ("lake", args.place.lake.clone()),
        ("interval", args.interval.to_string()),
        ("batch", args.batch.to_string()),
        ("memory", args.memory.to_string()),
        ("until_idle", args.until_idle.to_string()),
    ];
    if let Some(spool) = &args.spool {
        options.push(("spool", spool.display().to_string()));
    }
    let Some(brokers) = &args.brokers else { return output::config(&options, None) };
    options.push(("partitions", args.partitions.to_string()));
    let group = args.group.as_deref().unwrap_or("(one per lake)");
    output::config(
        &options,
        Some(&KafkaSource::config(&args.kafka.cluster(brokers)?, group, policy.max_fetched)),
    )
}

fn text(report: &Report, began: Instant) -> String {
    let counts = report.counts;
    let seconds = began.elapsed().as_secs_f64();
    let rate = if seconds > 0.0 { counts.rows as f64 / seconds } else { 0.0 };
    let mut text = format!(
        "{} rows of {} records ({rate:.0} rows/s), {} commits",
        counts.rows, counts.records, report.commits
    );
    let counts = [
        (counts.duplicates, "rows sent again and dropped"),
        (counts.missing, "rows MISSING in a producer's sequence"),
        (counts.dead_letters, "dead letters (`benchlake query dead_letters`)"),
        (report.fenced, "batches left to another lander"),
    ];
    output::add_counts(&mut text, &counts);
    text
}
