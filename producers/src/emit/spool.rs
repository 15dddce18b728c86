//! The spool: the fsynced folder in which a producer keeps its records until they are known to be
//! landed or acknowledged.
//!
//! ```text
//! SPOOL/PRODUCER_ID/lock               held by the process that writes
//! SPOOL/PRODUCER_ID/drain.lock         held by the process that lands or forwards
//! SPOOL/PRODUCER_ID/TABLE/*.log        records, see `log.rs`
//! SPOOL/PRODUCER_ID/TABLE/drained      "POSITION SEQ FORWARDED": everything before POSITION, rows up to
//!                                      SEQ, is landed or acknowledged; rows up to FORWARDED by Kafka
//! SPOOL/PRODUCER_ID/TABLE/dropped      "FIRST LAST" per line: rows dropped because the spool was full
//! ```
//!
//! Two processes may spool into one folder at once: each takes a producer whose lock is free, or
//! becomes a new one.

use super::log::{self, Entry, LogReader, LogWriter};
use crate::fault;
use benchlake_schemas::{Envelope, ProducerId, Record, RecordError, Row, SeqRange, Table};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Rows are packed into records of about this size: a broker's default limit is 1 MiB.
const RECORD_BYTES: usize = 512 << 10;

/// What to do when the spool has reached its cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// Wait until records are landed or acknowledged, then fail.
    Block,
    /// Drop the new rows; their numbers are used up, so that the gap is seen in the lake.
    DropNewest,
}

/// How a spool is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolOptions {
    /// Largest size of one producer's logs, in bytes.
    pub max_bytes: u64,
    /// What to do when they reach it.
    pub when_full: WhenFull,
    /// How long [`WhenFull::Block`] waits before it fails.
    pub patience: Duration,
}

impl Default for SpoolOptions {
    fn default() -> Self {
        Self { max_bytes: 4 << 30, when_full: WhenFull::Block, patience: Duration::from_secs(60) }
    }
}

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system refused.
    #[error("spool {path}: {source}; name a writable folder with --spool", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The spool is at its cap and nothing drains it.
    #[error(
        "spool {path} is full ({max_bytes} bytes) and nothing drained it for {waited:?}: land or forward it \
         (`benchlake land --spool`, `benchlake-agent forward`), or raise --spool-max",
        path = path.display()
    )]
    Full {
        /// The producer's folder.
        path: PathBuf,
        /// The cap.
        max_bytes: u64,
        /// How long it waited.
        waited: Duration,
    },
    /// Another process writes as this producer.
    #[error("spool {path} is being written by another process: wait for it, or name another --spool", path = path.display())]
    Taken {
        /// The producer's folder.
        path: PathBuf,
    },
    /// A row does not fit its table.
    #[error(transparent)]
    Record(#[from] RecordError),
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SpoolError + '_ {
    move |source| SpoolError::Io { path: path.to_owned(), source }
}

/// The writing side of one producer's spool.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    producer: ProducerId,
    partition: u32,
    options: SpoolOptions,
    tables: BTreeMap<Table, (LogWriter, i64)>,
    _lock: File,
}

impl Spool {
    /// Opens a producer in `root` that no other process writes to, or makes a new one. A new
    /// producer's records go to partition `hash(producer) % partitions`.
    ///
    /// # Errors
    /// [`SpoolError::Io`] if the folder cannot be written.
    pub fn open(root: &Path, partitions: u32, options: SpoolOptions) -> Result<Self, SpoolError> {
        log::create_folders(root).map_err(at(root))?;
        for producer in producers(root)? {
            let folder = root.join(producer.to_string());
            if let Some(lock) = try_lock(&folder.join("lock"))? {
                return Self::resume(folder, producer, options, lock);
            }
        }
        loop {
            let producer = ProducerId::new();
            // Another process may have taken the new folder already: it is welcome to it.
            match Self::open_as(root, producer, partitions, options) {
                Err(SpoolError::Taken { .. }) => {}
                opened => return opened,
            }
        }
    }

    /// Opens `producer` in `root`, made if absent; the rest is as in [`Spool::open`].
    ///
    /// # Errors
    /// [`SpoolError::Io`] if the folder cannot be written, [`SpoolError::Taken`] if another process
    /// writes to it.
    pub fn open_as(
        root: &Path,
        producer: ProducerId,
        partitions: u32,
        options: SpoolOptions,
    ) -> Result<Self, SpoolError> {
        let folder = root.join(producer.to_string());
        log::create_folders(&folder).map_err(at(&folder))?;
        let Some(lock) = try_lock(&folder.join("lock"))? else {
            return Err(SpoolError::Taken { path: folder });
        };
        let note = folder.join("partition");
        if !note.exists() {
            replace(&note, &partition_of(producer, partitions).to_string()).map_err(at(&note))?;
            log::sync_folder(root).map_err(at(root))?;
        }
        Self::resume(folder, producer, options, lock)
    }

    fn resume(
        folder: PathBuf,
        producer: ProducerId,
        options: SpoolOptions,
        lock: File,
    ) -> Result<Self, SpoolError> {
        // Absent if the process died while it made the folder: nothing was spooled yet, so 0 is as good.
        let partition = fs::read_to_string(folder.join("partition")).ok().and_then(|text| text.parse().ok());
        let mut tables = BTreeMap::new();
        for table in Table::PRODUCED {
            let path = folder.join(table.as_str());
            let opened = open_table(&path).map_err(at(&path))?;
            tables.insert(table, opened);
        }
        Ok(Self { folder, producer, partition: partition.unwrap_or(0), options, tables, _lock: lock })
    }

    /// The id under which rows are numbered.
    #[must_use]
    pub const fn producer(&self) -> ProducerId {
        self.producer
    }

    /// Numbers `rows`, packs them into records of broker-friendly size and makes them durable, in
    /// order. Returns how many rows were kept (all, unless [`WhenFull::DropNewest`] dropped some).
    ///
    /// # Errors
    /// [`SpoolError`]; rows of records before the failing one are kept.
    pub fn append<R: Row>(&mut self, rows: &[R]) -> Result<usize, SpoolError> {
        let mut kept = 0;
        for rows in packed(rows) {
            kept += if self.append_record(rows)? { rows.len() } else { 0 };
        }
        Ok(kept)
    }

    /// The number that the next row of `table` gets.
    #[must_use]
    pub fn next_seq(&self, table: Table) -> i64 {
        self.tables.get(&table).map_or(1, |(_, next)| *next)
    }

    /// Bytes that were ever written to the producer's logs.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.tables.values().map(|(log, _)| log.end()).sum()
    }

    fn append_record<R: Row>(&mut self, rows: &[R]) -> Result<bool, SpoolError> {
        let room = self.wait_for_room()?;
        let path = self.folder.join(R::TABLE.as_str());
        let Some((log, next)) = self.tables.get_mut(&R::TABLE) else { return Ok(false) };
        let record = Record::encode(R::TABLE, self.producer, *next, rows)?;
        let SeqRange { first, last, .. } = record.range;
        if room {
            log.append(self.partition, &Envelope::seal(&record)).map_err(at(&path))?;
            tracing::info!(producer = %self.producer, table = %R::TABLE, first, last, "spooled");
        } else {
            note_dropped(&path, first, last).map_err(at(&path))?;
            tracing::warn!(path = %path.display(), first, last, "the spool is full: rows dropped, a gap in seq records it");
        }
        *next = last + 1;
        Ok(room)
    }

    /// Whether there is room; [`WhenFull::Block`] waits for it.
    fn wait_for_room(&self) -> Result<bool, SpoolError> {
        let SpoolOptions { max_bytes, when_full, patience } = self.options;
        let started = Instant::now();
        loop {
            let mut used = 0;
            for (table, (log, _)) in &self.tables {
                let folder = self.folder.join(table.as_str());
                used += log.end().saturating_sub(read_drained(&folder).map_err(at(&folder))?.position);
            }
            if used < max_bytes {
                return Ok(true);
            }
            if when_full == WhenFull::DropNewest {
                return Ok(false);
            }
            if started.elapsed() >= patience {
                return Err(SpoolError::Full { path: self.folder.clone(), max_bytes, waited: patience });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The reading side of one producer's log of one table: positions, and what is done with.
#[derive(Debug)]
pub struct Drain {
    /// The producer.
    pub producer: ProducerId,
    /// The table.
    pub table: Table,
    folder: PathBuf,
    _lock: std::sync::Arc<File>,
}

impl Drain {
    /// A reader of what is not drained yet.
    ///
    /// # Errors
    /// [`SpoolError::Io`] if the note of it cannot be read.
    pub fn reader(&self) -> Result<LogReader, SpoolError> {
        Ok(LogReader::new(&self.folder, self.note()?.position))
    }

    /// The last row that went to Kafka; 0 if none did.
    ///
    /// # Errors
    /// [`SpoolError::Io`] if the note of it cannot be read.
    pub fn forwarded(&self) -> Result<i64, SpoolError> {
        Ok(self.note()?.forwarded)
    }

    fn note(&self) -> Result<Note, SpoolError> {
        read_drained(&self.folder).map_err(at(&self.folder))
    }

    /// A reader from `position` on.
    #[must_use]
    pub fn reader_at(&self, position: u64) -> LogReader {
        LogReader::new(&self.folder, position)
    }

    /// The folder of the log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Notes that everything before `position`, up to row `seq`, is landed in a lake, and deletes
    /// segments that are not needed any more.
    ///
    /// # Errors
    /// [`SpoolError::Io`]; the note is then as before or as asked for.
    pub fn landed(&self, position: u64, seq: i64) -> Result<(), SpoolError> {
        let note = self.note()?;
        self.drained(Note { position, seq: seq.max(note.seq), ..note })
    }

    /// The same for what Kafka acknowledged.
    ///
    /// # Errors
    /// As [`Drain::landed`].
    pub fn acknowledged(&self, position: u64, seq: i64) -> Result<(), SpoolError> {
        let note = self.note()?;
        self.drained(Note { position, seq: seq.max(note.seq), forwarded: seq.max(note.forwarded) })
    }

    fn drained(&self, note: Note) -> Result<(), SpoolError> {
        let path = self.folder.join("drained");
        let Note { position, seq, forwarded } = note;
        replace(&path, &format!("{position} {seq} {forwarded}")).map_err(at(&path))?;
        fault::step("drain.noted").map_err(at(&path))?;
        log::delete_before(&self.folder, position).map_err(at(&self.folder))
    }
}

/// What of a log was drained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Note {
    position: u64,
    seq: i64,
    forwarded: i64,
}

/// The logs in `root` that no other process drains, locked until they are dropped. `only` names one
/// producer; else all are taken.
///
/// # Errors
/// [`SpoolError::Io`] if the folder cannot be read.
pub fn drains(root: &Path, only: Option<ProducerId>) -> Result<Vec<Drain>, SpoolError> {
    let mut found = Vec::new();
    for producer in producers(root)?.into_iter().filter(|&producer| only.is_none_or(|only| only == producer))
    {
        let folder = root.join(producer.to_string());
        let Some(lock) = try_lock(&folder.join("drain.lock"))? else {
            tracing::debug!(%producer, "another process drains this producer");
            continue;
        };
        let lock = std::sync::Arc::new(lock);
        found.extend(Table::PRODUCED.map(|table| Drain {
            producer,
            table,
            folder: folder.join(table.as_str()),
            _lock: lock.clone(),
        }));
    }
    Ok(found)
}

/// How much the spools in `root` hold that is neither landed nor acknowledged, in bytes. Takes no lock:
/// others may write and drain meanwhile.
///
/// # Errors
/// [`SpoolError::Io`] if a folder cannot be read.
pub fn backlog(root: &Path) -> Result<u64, SpoolError> {
    let mut bytes = 0;
    for producer in producers(root)? {
        for table in Table::PRODUCED {
            let folder = root.join(producer.to_string()).join(table.as_str());
            let drained = read_drained(&folder).map_err(at(&folder))?.position;
            bytes += log::end(&folder).map_err(at(&folder))?.saturating_sub(drained);
        }
    }
    Ok(bytes)
}

/// The partition that all records of `producer` go to.
pub(super) fn partition_of(producer: ProducerId, partitions: u32) -> u32 {
    crc32c::crc32c(producer.to_string().as_bytes()) % partitions.max(1)
}

/// Cuts `rows` into parts that fit a record of broker-friendly size, at least a row each.
pub(crate) fn packed<R: Row>(mut rows: &[R]) -> impl Iterator<Item = &[R]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rows.iter().take_while(|row| {
            bytes += row.wire_size();
            bytes <= RECORD_BYTES
        });
        let part;
        (part, rows) = rows.split_at(fitting.count().max(1).min(rows.len()));
        (!part.is_empty()).then_some(part)
    })
}

fn producers(root: &Path) -> Result<Vec<ProducerId>, SpoolError> {
    let entries = fs::read_dir(root).map_err(at(root))?;
    let mut ids: Vec<_> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    ids.sort_unstable();
    Ok(ids)
}

fn open_table(folder: &Path) -> io::Result<(LogWriter, i64)> {
    let note = read_drained(folder)?;
    let writer = LogWriter::open(folder, note.position)?;
    let mut last = note.seq.max(last_dropped(folder)?);
    let mut reader = LogReader::new(folder, note.position);
    while let Some(entry) = reader.next_entry()? {
        if let Entry::Record { envelope, .. } = entry {
            last = envelope.claimed_range().map_or(last, |range| last.max(range.last));
        }
    }
    Ok((writer, last + 1))
}

/// The text of a note; empty where there is none yet.
fn read_note(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

fn read_drained(folder: &Path) -> io::Result<Note> {
    let text = read_note(&folder.join("drained"))?;
    let mut words = text.split_whitespace();
    let mut number = || words.next().and_then(|word| word.parse::<i64>().ok()).unwrap_or(0);
    let position = u64::try_from(number()).unwrap_or(0);
    Ok(Note { position, seq: number(), forwarded: number() })
}

fn note_dropped(folder: &Path, first: i64, last: i64) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("dropped"))?;
    file.write_all(format!("{first} {last}\n").as_bytes())?;
    file.sync_all()
}

fn last_dropped(folder: &Path) -> io::Result<i64> {
    let text = read_note(&folder.join("dropped"))?;
    Ok(text.lines().filter_map(|line| line.split(' ').nth(1)?.parse().ok()).max().unwrap_or(0))
}

fn try_lock(path: &Path) -> Result<Option<File>, SpoolError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(at(path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(SpoolError::Io { path: path.to_owned(), source }),
    }
}

/// Replaces a small file, so that after a crash it has either its old or its new text.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), log::sync_folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use benchlake_schemas::{Benchmark, Series, sample_series};

    type TestResult = Result<(), Box<dyn std::error::Error>>;

    fn rows(count: usize, samples: usize) -> Vec<Series> {
        vec![sample_series(Benchmark::new("w"), &vec![1.0; samples]); count]
    }

    fn ranges(drain: &Drain) -> Vec<(i64, i64)> {
        let mut reader = drain.reader().expect("the note is readable");
        std::iter::from_fn(|| reader.next_entry().expect("the folder is readable"))
            .filter_map(|entry| match entry {
                Entry::Record { envelope, .. } => {
                    envelope.claimed_range().map(|range| (range.first, range.last))
                }
                Entry::Damaged { .. } => None,
            })
            .collect()
    }

    fn series_drain(root: &Path) -> Result<Drain, Box<dyn std::error::Error>> {
        let drain = drains(root, None)?.into_iter().find(|drain| drain.table == Table::Series);
        drain.ok_or_else(|| "another process drains the spool".into())
    }

    /// A restarted producer goes on with its numbers, also when everything before was landed.
    #[test]
    fn sequence_survives_restart_and_drain() -> TestResult {
        let root = tempfile::tempdir()?;
        let mut spool = Spool::open(root.path(), 4, SpoolOptions::default())?;
        let producer = spool.producer();
        spool.append(&rows(3, 2))?;
        drop(spool);
        {
            let drain = series_drain(root.path())?;
            assert_eq!(ranges(&drain), [(1, 3)]);
            let mut reader = drain.reader()?;
            while reader.next_entry()?.is_some() {}
            drain.landed(reader.position(), 3)?;
            assert_eq!(ranges(&drain), []);
        }
        let mut spool = Spool::open(root.path(), 4, SpoolOptions::default())?;
        assert_eq!(spool.producer(), producer);
        spool.append(&rows(2, 2))?;
        assert_eq!(ranges(&series_drain(root.path())?), [(4, 5)]);
        Ok(())
    }

    /// Large rows are spread over records that fit a broker's default limit.
    #[test]
    fn records_fit_a_broker() -> TestResult {
        let root = tempfile::tempdir()?;
        let mut spool = Spool::open(root.path(), 1, SpoolOptions::default())?;
        spool.append(&rows(10, 8_000))?;
        let ranges = ranges(&series_drain(root.path())?);
        assert_eq!(ranges, [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)]);
        Ok(())
    }

    /// Two processes that spool into one folder become two producers.
    #[test]
    fn two_writers_are_two_producers() -> TestResult {
        let root = tempfile::tempdir()?;
        let one = Spool::open(root.path(), 1, SpoolOptions::default())?;
        let two = Spool::open(root.path(), 1, SpoolOptions::default())?;
        assert_ne!(one.producer(), two.producer());
        Ok(())
    }

    /// A full spool that blocks fails in time and says what to do; one that drops leaves a gap that
    /// a restart remembers.
    #[test]
    fn a_full_spool_follows_its_policy() -> TestResult {
        let root = tempfile::tempdir()?;
        let options =
            SpoolOptions { max_bytes: 100, patience: Duration::from_millis(60), ..SpoolOptions::default() };
        let mut spool = Spool::open(root.path(), 1, options)?;
        assert_eq!(spool.append(&rows(1, 1))?, 1);
        let full = spool.append(&rows(1, 1)).expect_err("the cap is reached").to_string();
        assert!(full.contains("is full (100 bytes)") && full.contains("benchlake land --spool"), "{full}");
        drop(spool);
        let mut spool =
            Spool::open(root.path(), 1, SpoolOptions { when_full: WhenFull::DropNewest, ..options })?;
        assert_eq!(spool.append(&rows(2, 1))?, 0);
        drop(spool);
        let mut spool = Spool::open(root.path(), 1, SpoolOptions::default())?;
        spool.append(&rows(1, 1))?;
        assert_eq!(ranges(&series_drain(root.path())?), [(1, 1), (4, 4)]);
        Ok(())
    }
}
