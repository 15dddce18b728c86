//! What a lander shows of itself to Prometheus.
//!
//! The table in `docs/operating.md` tells what each metric means; a test holds the two together.

use benchlake_schemas::{Reason, Table};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::{Registry, Unit},
};
use std::{
    collections::BTreeSet,
    fmt, fs,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

/// A gauge of seconds.
pub type Seconds = Gauge<f64, AtomicU64>;
/// One histogram per table.
pub type TableHistogram = Family<TableLabel, Histogram, fn() -> Histogram>;

/// Which table of the lake a figure is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TableLabel {
    table: &'static str,
}

/// Which partition of a topic a figure is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct PartitionLabel {
    topic: String,
    partition: i32,
}

/// Why records became dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabel {
    reason: &'static str,
}

/// The figures of one lander; a clone is another handle to the same figures.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Records read.
    pub records: Counter,
    /// Rows taken into batches.
    pub rows: Counter,
    /// Payload read, in bytes.
    pub bytes: Counter,
    /// Rows dropped because they were landed before.
    pub duplicates: Counter,
    /// Rows that never arrived: holes in a producer's sequence.
    pub missing: Counter,
    /// Records that became dead letters.
    pub dead_letters: Family<ReasonLabel, Counter>,
    /// Commits made.
    pub commits: Family<TableLabel, Counter>,
    /// Batches dropped because another lander had moved their positions.
    pub fenced: Family<TableLabel, Counter>,
    /// Commits tried again because the lake did not take them at once.
    pub commit_retries: Family<TableLabel, Counter>,
    /// Time of a commit from its first file to its acknowledgement, in seconds.
    pub commit_seconds: TableHistogram,
    /// Parquet files committed, in bytes.
    pub file_bytes: Family<TableLabel, Counter>,
    /// When the last commit was made, in seconds since 1970.
    pub last_commit: Family<TableLabel, Seconds>,
    /// How long the oldest pending record has waited, in seconds; 0 when nothing is pending.
    pub batch_age: Family<TableLabel, Seconds>,
    /// Records of a partition that are not in the lake yet; written by [`Metrics::lags`].
    pub lag_offsets: Family<PartitionLabel, Gauge>,
    /// Age of the oldest record that was read and is not in the lake yet, in seconds; written by
    /// [`Metrics::lags`].
    pub lag_seconds: Family<PartitionLabel, Seconds>,
    /// Payload that was read and is not durable, in bytes.
    pub held_bytes: Gauge,
    /// What may be held, in bytes; 0 until the lake is open.
    pub budget_bytes: Gauge,
    /// Memory of the whole process, in bytes; read by [`Metrics::sample_process`].
    pub resident_bytes: Gauge,
    /// 1 while reading waits for memory or for the lake.
    pub paused: Gauge,
    /// What the spool holds that is not landed, in bytes.
    pub spool_bytes: Gauge,
    /// Partitions that have a lag: a family cannot be asked for its labels.
    lagging: Arc<Mutex<BTreeSet<PartitionLabel>>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            records: Counter::default(),
            rows: Counter::default(),
            bytes: Counter::default(),
            duplicates: Counter::default(),
            missing: Counter::default(),
            dead_letters: Family::default(),
            commits: Family::default(),
            fenced: Family::default(),
            commit_retries: Family::default(),
            // 10 ms to 82 s.
            commit_seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.01, 2.0, 14))
            }),
            file_bytes: Family::default(),
            last_commit: Family::default(),
            batch_age: Family::default(),
            lag_offsets: Family::default(),
            lag_seconds: Family::default(),
            held_bytes: Gauge::default(),
            budget_bytes: Gauge::default(),
            resident_bytes: Gauge::default(),
            paused: Gauge::default(),
            spool_bytes: Gauge::default(),
            lagging: Arc::default(),
        }
    }
}

impl Metrics {
    /// The label of a table.
    #[must_use]
    pub const fn table(table: Table) -> TableLabel {
        TableLabel { table: table.as_str() }
    }

    /// The label of a partition.
    #[must_use]
    pub fn partition(topic: &str, partition: i32) -> PartitionLabel {
        PartitionLabel { topic: topic.to_owned(), partition }
    }

    /// The label of a reason.
    #[must_use]
    pub const fn reason(reason: Reason) -> ReasonLabel {
        ReasonLabel { reason: reason.as_str() }
    }

    /// Notes how far a partition lags: records that are not in the lake yet, and seconds.
    pub fn lags(&self, topic: &str, partition: i32, offsets: i64, seconds: f64) {
        let label = Self::partition(topic, partition);
        // Held to the end: what is forgotten in this moment must not come back.
        let mut lagging = self.lagging.lock().unwrap_or_else(PoisonError::into_inner);
        self.lag_offsets.get_or_create(&label).set(offsets);
        self.lag_seconds.get_or_create(&label).set(seconds);
        lagging.insert(label);
    }

    /// Forgets the lag of a partition that another lander has now.
    pub fn forget(&self, topic: &str, partition: i32) {
        let label = Self::partition(topic, partition);
        let mut lagging = self.lagging.lock().unwrap_or_else(PoisonError::into_inner);
        self.lag_offsets.remove(&label);
        self.lag_seconds.remove(&label);
        lagging.remove(&label);
    }

    /// The lag over all partitions of [`Metrics::lags`]: the sum of their offsets, and the most
    /// seconds of any.
    #[must_use]
    pub fn lag(&self) -> (i64, f64) {
        let lagging = self.lagging.lock().unwrap_or_else(PoisonError::into_inner);
        lagging.iter().fold((0, 0.0), |(offsets, seconds), label| {
            let more = self.lag_offsets.get(label).map_or(0, |gauge| gauge.get());
            let age = self.lag_seconds.get(label).map_or(0.0, |gauge| gauge.get());
            (offsets + more, age.max(seconds))
        })
    }

    /// Reads how much memory the process has now; without Linux's `/proc` the figure stays 0.
    pub fn sample_process(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        if let Some(Ok(kibibytes)) = resident.map(|text| text.trim().trim_end_matches(" kB").parse::<i64>()) {
            self.resident_bytes.set(kibibytes << 10);
        }
    }

    /// What a scrape gets: the exposition in the OpenMetrics text format, version 1.0.0.
    ///
    /// # Errors
    /// None in practice: writing to a string does not fail.
    pub fn exposition(&self) -> Result<String, fmt::Error> {
        self.sample_process();
        let mut exposition = String::new();
        text::encode(&mut exposition, &self.registry())?;
        Ok(exposition)
    }

    /// The figures under their public names; the format adds `_total` to counters and `_info`.
    #[must_use]
    pub fn registry(&self) -> Registry {
        let m = self.clone();
        let mut all = Registry::with_prefix("benchlake");
        all.register("build", "The version that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        all.register("records", "Records read", m.records);
        all.register("rows", "Rows taken into batches", m.rows);
        all.register_with_unit("payload", "Payload read", Unit::Bytes, m.bytes);
        all.register("duplicate_rows", "Rows dropped because they were landed before", m.duplicates);
        all.register("missing_rows", "Rows missing in a producer's sequence", m.missing);
        all.register("dead_letters", "Records that could not be landed", m.dead_letters);
        all.register("commits", "Commits made", m.commits);
        all.register("fenced_batches", "Batches left to another lander", m.fenced);
        all.register("commit_retries", "Commits tried again", m.commit_retries);
        all.register_with_unit("commit", "Time of a commit", Unit::Seconds, m.commit_seconds);
        all.register_with_unit("file", "Parquet files committed", Unit::Bytes, m.file_bytes);
        let help = "When the last commit was made, since 1970";
        all.register_with_unit("last_commit_timestamp", help, Unit::Seconds, m.last_commit);
        all.register_with_unit("batch_age", "Wait of the oldest pending record", Unit::Seconds, m.batch_age);
        all.register("lag_offsets", "Records of a partition that are not in the lake yet", m.lag_offsets);
        all.register_with_unit(
            "lag",
            "Age of the oldest record read and not in the lake",
            Unit::Seconds,
            m.lag_seconds,
        );
        all.register_with_unit(
            "held",
            "Payload that was read and is not in the lake",
            Unit::Bytes,
            m.held_bytes,
        );
        all.register_with_unit("budget", "What may be held", Unit::Bytes, m.budget_bytes);
        all.register_with_unit("resident", "Memory of the process", Unit::Bytes, m.resident_bytes);
        all.register("paused", "1 while reading waits for memory or the lake", m.paused);
        all.register_with_unit("spool", "Spooled and not landed", Unit::Bytes, m.spool_bytes);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Figures with each family in use, so that each has a line.
    fn in_use() -> Metrics {
        let metrics = Metrics::default();
        let table = Metrics::table(Table::Series);
        metrics.rows.inc_by(12);
        metrics.dead_letters.get_or_create(&Metrics::reason(Reason::Checksum)).inc();
        for family in [&metrics.commits, &metrics.fenced, &metrics.commit_retries, &metrics.file_bytes] {
            family.get_or_create(&table).inc();
        }
        metrics.commit_seconds.get_or_create(&table).observe(0.5);
        metrics.last_commit.get_or_create(&table).set(1.75e9);
        metrics.batch_age.get_or_create(&table).set(2.5);
        metrics.lags("benchlake.series.v1", 3, 40, 1.5);
        metrics
    }

    /// The exposition has the figures under their public names, with labels and units.
    #[test]
    fn the_exposition_has_the_figures() {
        let text = in_use().exposition().expect("a string takes it");
        let version = env!("CARGO_PKG_VERSION");
        for line in [
            &format!("benchlake_build_info{{version=\"{version}\"}} 1"),
            "benchlake_rows_total 12",
            "benchlake_records_total 0",
            "benchlake_dead_letters_total{reason=\"checksum\"} 1",
            "benchlake_commit_seconds_bucket{le=\"0.32\",table=\"series\"} 0",
            "benchlake_commit_seconds_bucket{le=\"0.64\",table=\"series\"} 1",
            "benchlake_commit_seconds_count{table=\"series\"} 1",
            "benchlake_last_commit_timestamp_seconds{table=\"series\"} 1750000000.0",
            "benchlake_lag_offsets{topic=\"benchlake.series.v1\",partition=\"3\"} 40",
            "# UNIT benchlake_held_bytes bytes",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        let resident = text.lines().find_map(|line| line.strip_prefix("benchlake_resident_bytes "));
        assert!(
            resident.is_some_and(|bytes| bytes.parse::<u64>().is_ok_and(|bytes| bytes > 1 << 20)),
            "{text}"
        );
    }

    /// What `docs/operating.md` says of the lander's metrics is what there is: names and types.
    #[test]
    fn the_documentation_has_every_metric() {
        let text = in_use().exposition().expect("a string takes it");
        let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let exposed: BTreeMap<String, &str> = kinds
            .map(|(name, kind)| match kind {
                "counter" => (format!("{name}_total"), kind),
                "info" => (format!("{name}_info"), kind),
                _ => (name.to_owned(), kind),
            })
            .collect();
        let guide = include_str!("../../docs/operating.md");
        let section = guide.split("\n### ").find(|section| section.starts_with("Of the lander"));
        let cells =
            section.expect("the section").lines().filter_map(|line| line.strip_prefix("| `benchlake_"));
        let told: BTreeMap<String, &str> = cells
            .map(|line| {
                let mut cells = line.split(" | ");
                let name = cells.next().expect("a name").split(['`', '{']).next().expect("a name");
                (format!("benchlake_{name}"), cells.next().expect("a type"))
            })
            .collect();
        assert_eq!(told, exposed);
    }

    /// The lag of all partitions is the sum of offsets and the worst of seconds; a partition that
    /// was given away counts no more.
    #[test]
    fn lag_adds_up() {
        let metrics = in_use();
        metrics.lags("benchlake.series.v1", 0, 2, 9.0);
        assert_eq!(metrics.lag(), (42, 9.0));
        metrics.forget("benchlake.series.v1", 0);
        assert_eq!(metrics.lag(), (40, 1.5));
        let text = metrics.exposition().expect("a string takes it");
        assert!(!text.contains("partition=\"0\""), "{text}");
    }
}
