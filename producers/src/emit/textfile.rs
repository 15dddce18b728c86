//! What a forwarder shows of itself: a file for node_exporter's textfile collector.
//!
//! The agent serves nothing on nodes that measure; node_exporter is there anyway.

use super::spool::{SpoolError, backlog, replace};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How often the file is written: below any usual scrape interval.
const EVERY: Duration = Duration::from_secs(5);

/// Why the file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TextfileError {
    /// The file system refused.
    #[error("{path}: {source}; name a file in node_exporter's --collector.textfile.directory with --textfile", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The spool that it tells of.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// The file and its figures.
#[derive(Debug)]
pub struct Textfile {
    path: PathBuf,
    spool: PathBuf,
    records: AtomicU64,
    /// In seconds since 1970; 0 before the first.
    last_success: AtomicU64,
}

impl Textfile {
    /// A file at `path` that tells of the spool in the folder `spool`.
    #[must_use]
    pub fn new(path: &Path, spool: &Path) -> Self {
        let (records, last_success) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { path: path.to_owned(), spool: spool.to_owned(), records, last_success }
    }

    /// Notes that a pass over the spool succeeded, and how many records it forwarded.
    pub fn forwarded(&self, records: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.last_success.store(now, Ordering::Relaxed);
    }

    /// Does `work` and keeps the file up to date until it ends, from a thread of its own: a pass may
    /// wait for its brokers for minutes.
    ///
    /// # Errors
    /// [`TextfileError`] if the file cannot be written at the start; later it is tried again.
    pub fn keep<T>(&self, work: impl FnOnce() -> T) -> Result<T, TextfileError> {
        self.write()?;
        let (working, ended) = channel::<()>();
        let outcome = thread::scope(|scope| {
            scope.spawn(move || {
                while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    self.write().unwrap_or_else(warn);
                }
            });
            let outcome = work();
            drop(working);
            outcome
        });
        self.write().unwrap_or_else(warn);
        Ok(outcome)
    }

    fn write(&self) -> Result<(), TextfileError> {
        let text = text(
            &self.spool.display().to_string(),
            backlog(&self.spool)?,
            self.records.load(Ordering::Relaxed),
            self.last_success.load(Ordering::Relaxed),
        );
        replace(&self.path, &text).map_err(|source| TextfileError::Io { path: self.path.clone(), source })
    }
}

fn warn(error: TextfileError) {
    tracing::warn!(%error, "node_exporter gets no figures");
}

/// Prometheus' text format. The label tells two forwarders on one node apart.
fn text(spool: &str, bytes: u64, records: u64, last_success: u64) -> String {
    let spool = spool.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, help: &str, value: u64| {
        text.push_str(&format!(
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{{spool=\"{spool}\"}} {value}\n"
        ));
    };
    tell("benchlake_spool_bytes", "gauge", "Spooled and not acknowledged", bytes);
    tell("benchlake_forwarded_records_total", "counter", "Records that Kafka acknowledged", records);
    if last_success > 0 {
        let help = "When the last pass over the spool succeeded, since 1970";
        tell("benchlake_forwarder_last_success_timestamp_seconds", "gauge", help, last_success);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::{Spool, SpoolOptions, drains};
    use benchlake_schemas::{Benchmark, Table, sample_series};

    /// The text is what node_exporter reads; a path cannot break out of its label, and a success
    /// that never was is not told.
    #[test]
    fn the_text_is_an_exposition() {
        assert_eq!(
            text("/a\"b\\c", 7, 0, 0),
            "# HELP benchlake_spool_bytes Spooled and not acknowledged\n\
             # TYPE benchlake_spool_bytes gauge\n\
             benchlake_spool_bytes{spool=\"/a\\\"b\\\\c\"} 7\n\
             # HELP benchlake_forwarded_records_total Records that Kafka acknowledged\n\
             # TYPE benchlake_forwarded_records_total counter\n\
             benchlake_forwarded_records_total{spool=\"/a\\\"b\\\\c\"} 0\n"
        );
        let last = "benchlake_forwarder_last_success_timestamp_seconds{spool=\"s\"} 1750000000\n";
        assert!(text("s", 0, 3, 1_750_000_000).ends_with(last));
    }

    /// The file is there before the work, and after it tells what is left; nothing else is left in
    /// its folder.
    #[test]
    fn the_file_follows_the_spool() -> Result<(), Box<dyn std::error::Error>> {
        let (root, folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let path = folder.path().join("benchlake.prom");
        let mut spool = Spool::open(root.path(), 1, SpoolOptions::default())?;
        spool.append(&[sample_series(Benchmark::new("w"), &[1.0])])?;
        let textfile = Textfile::new(&path, root.path());
        let bytes = || -> Result<u64, Box<dyn std::error::Error>> {
            let text = std::fs::read_to_string(&path)?;
            let line = text.lines().find(|line| line.starts_with("benchlake_spool_bytes"));
            Ok(line.and_then(|line| line.split_once("} ")).ok_or("the line")?.1.parse()?)
        };
        let before = textfile.keep(|| {
            let before = bytes()?;
            let drain = drains(root.path(), None)?.into_iter().find(|drain| drain.table == Table::Series);
            drain.ok_or("a log")?.acknowledged(before, 1)?;
            textfile.forwarded(1);
            Ok::<_, Box<dyn std::error::Error>>(before)
        })??;
        assert!(before > 100, "{before}");
        assert_eq!(bytes()?, 0);
        let text = std::fs::read_to_string(&path)?;
        assert!(text.contains("benchlake_forwarded_records_total{") && text.contains("} 1\n"), "{text}");
        assert!(text.contains("last_success_timestamp_seconds{"), "{text}");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    /// A place that cannot be written is told before anything is done, with the way out.
    #[test]
    fn a_bad_place_is_told_first() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let textfile = Textfile::new(&root.path().join("absent/a.prom"), root.path());
        let mut done = false;
        let error = textfile.keep(|| done = true).expect_err("no such folder").to_string();
        assert!(!done && error.contains("absent/a.prom") && error.contains("--textfile"), "{error}");
        Ok(())
    }

    /// `docs/operating.md` names what the file has, and nothing else.
    #[test]
    fn the_documentation_has_every_metric() {
        let guide = include_str!("../../../docs/operating.md");
        let section = guide.split("\n### ").find(|section| section.starts_with("Of a forwarder"));
        let lines = section.expect("the section").lines().filter(|line| line.starts_with("| `benchlake_"));
        let told: Vec<_> =
            lines.filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next()).collect();
        let text = text("s", 0, 0, 1);
        let written: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        assert_eq!(told, written);
    }
}
