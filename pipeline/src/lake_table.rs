//! One Delta table of the lake: made if absent, read for positions, and committed to with rows and
//! positions in one commit.
//!
//! A commit is version `V + 1`, written only if no such version is there, by a lander that has seen
//! every position fit in version `V`. So it is there with the positions it fits or not at all. The
//! library's own commit loop is not used: it compares application ids in later commits, never their
//! versions, and would commit a replay (docs/adr/0016). Whatever happens, the positions are read
//! again and decide: at the end, landed; at the start, tried again; else fenced.

use crate::{
    data_file::{FileWriter, Written},
    durable::Disk,
    log::TableState,
    position::{Span, Standing},
    source::producer_app_id,
    store,
};
use arrow::{
    array::RecordBatch,
    datatypes::{Field, Schema, SchemaRef},
};
use benchlake_producers::fault;
use benchlake_schemas::{ProducerId, Table, now};
use deltalake::{
    DeltaTable, DeltaTableBuilder, DeltaTableError, TableProperty,
    kernel::{
        Action, StructType, Transaction,
        engine::arrow_conversion::TryIntoKernel,
        transaction::{CommitData, TransactionError},
    },
    logstore::{CommitOrBytes, LogStoreRef},
    protocol::{DeltaOperation, SaveMode, checkpoints::create_checkpoint},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// Commits between two checkpoints of the log.
const CHECKPOINT_EVERY: u64 = 50;
/// A producer's position is forgotten this long after its last row: longer than spools live.
const PRODUCER_RETENTION: &str = "interval 365 days";
/// Name of the tag under which the log keeps the CRC-32C of a data file, as eight hexadecimal digits.
pub(crate) const CHECKSUM: &str = "benchlake.crc32c";
/// How often a commit that may still fit is tried.
const ATTEMPTS: u32 = 12;
/// How long.
const PATIENCE: Duration = Duration::from_secs(60);
/// What was seen of a log longer ago than this is read anew from its newest checkpoint: commits that
/// a lander slept through may have been cleaned up, and their numbers must not look free.
const STALE: Duration = Duration::from_secs(600);

/// What went wrong with a table of the lake.
#[derive(Debug, thiserror::Error)]
#[error("lake {uri}: {problem}")]
pub struct LakeError {
    /// The table's place.
    pub uri: String,
    /// What went wrong, and what to do.
    pub problem: String,
}

impl LakeError {
    pub(crate) fn new(uri: &str, error: &impl ToString) -> Self {
        let text = error.to_string();
        // What the store says for people, without the words of the layers between.
        Self { uri: uri.to_owned(), problem: one_line(store::line_in(&text).unwrap_or(&text)) }
    }

    /// Whether the same may succeed later: the store is overloaded, down or out of reach.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        store::is_transient(self)
    }
}

/// A position of the table that a commit moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The application id under which the table keeps it.
    pub app_id: String,
    /// From where to where.
    pub span: Span,
    /// Whether it may be forgotten when nothing moved it for long.
    pub expires: bool,
}

/// How landing a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The rows are durable, in this version or, if a rival landed the same ones, an earlier one.
    Landed {
        /// The table's version that was read or written.
        version: u64,
    },
    /// Another lander moved these positions; nothing was written.
    Fenced,
}

/// One Delta table of the lake.
pub struct LakeTable {
    table: Table,
    uri: String,
    log: LogStoreRef,
    disk: Disk,
    state: TableState,
    /// When `state` was last known to be the newest.
    seen: SystemTime,
    /// Every commit up to this version is on the disk.
    durable: Option<u64>,
    /// Commits that had to be tried again, since the table was opened.
    retries: u64,
}

impl LakeTable {
    /// Opens `table` of the lake at `lake` (a folder or a URL), or creates it with the schema of
    /// this build.
    ///
    /// # Errors
    /// [`LakeError`] if the place cannot be used.
    pub async fn open_or_create(lake: &str, table: Table) -> Result<Self, LakeError> {
        let uri = format!("{}/{table}", lake.trim_end_matches('/'));
        let failed = |error: DeltaTableError| LakeError::new(&uri, &error);
        check_place(lake).map_err(|problem| LakeError::new(&uri, &problem))?;
        let url = deltalake::ensure_table_uri(&uri).map_err(failed)?;
        let delta = DeltaTableBuilder::from_url(url).and_then(DeltaTableBuilder::build);
        let delta = delta.map_err(failed)?;
        let exists = delta.verify_deltatable_existence().await.map_err(failed)?;
        let created = if exists { Ok(()) } else { create(delta.clone(), table).await };
        let (log, disk) = (delta.log_store(), Disk::of(&delta));
        // A table that cannot be created may be there all the same: a rival made it in that moment.
        let state = TableState::load(&log).await;
        let state = state.map_err(|error| failed(created.err().unwrap_or(error)))?;
        let seen = SystemTime::now();
        let mut table = Self { table, uri, log, disk, state, seen, durable: None, retries: 0 };
        if !exists {
            table.sync_commits()?;
        }
        Ok(table)
    }

    /// The table this is.
    #[must_use]
    pub const fn table(&self) -> Table {
        self.table
    }

    /// The table's place as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.log.root_url().to_string()
    }

    /// The version that was last seen.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.state.version
    }

    /// How many positions of partitions and producers the table keeps.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.state.positions()
    }

    /// The table's columns in the version that was last seen.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.state.schema.clone()
    }

    pub(crate) const fn log(&self) -> &LogStoreRef {
        &self.log
    }

    /// The files that went with the last [`refresh`](Self::refresh), if it tells them.
    pub(crate) const fn take_removed(&mut self) -> Option<HashSet<String>> {
        self.state.removed.take()
    }

    /// The table with all its files, as the library sees it, in its newest version.
    pub(crate) async fn load(&self) -> Result<DeltaTable, LakeError> {
        let mut delta = DeltaTable::new(self.log.clone());
        delta.load().await.map_err(|error| self.failed(&error))?;
        Ok(delta)
    }

    /// Where the table stands for `app_id`, in its newest version.
    ///
    /// # Errors
    /// [`LakeError`] if the log cannot be read.
    pub async fn position(&mut self, app_id: &str) -> Result<Option<i64>, LakeError> {
        self.refresh().await?;
        Ok(self.known(app_id))
    }

    /// Where the version that was last seen stands for `app_id`.
    #[must_use]
    pub fn known(&self, app_id: &str) -> Option<i64> {
        self.state.position(app_id)
    }

    /// The last row of `producer` in the version that was last seen.
    #[must_use]
    pub fn producer_position(&self, producer: ProducerId) -> Option<i64> {
        self.known(&producer_app_id(producer))
    }

    /// Whether the table stands beyond `offset` of this partition of any topic of that name.
    pub(crate) fn is_beyond(&self, topic: &str, partition: i64, offset: i64) -> bool {
        let (spool, kafka) = (format!("benchlake/{topic}"), format!("/{topic}#"));
        let number = format!("/{partition}");
        let is_its = |id: &str| id == spool || (id.contains(&kafka) && id.ends_with(&number));
        self.state.iter().any(|(id, position)| is_its(id) && position > offset)
    }

    /// Goes on to the newest version.
    ///
    /// # Errors
    /// [`LakeError`] if the log cannot be read.
    pub async fn refresh(&mut self) -> Result<(), LakeError> {
        let now = SystemTime::now();
        let read = if self.is_stale() {
            TableState::load(&self.log).await.map(|state| self.state = state)
        } else {
            self.state.advance(&self.log).await
        };
        read.map_err(|error| self.failed(&error))?;
        self.seen = now;
        Ok(())
    }

    /// The wall clock also counts the time that a machine slept.
    fn is_stale(&self) -> bool {
        self.seen.elapsed().map_or(true, |age| age > STALE)
    }

    /// Makes `batches` and the moves of `progress` durable in one commit, or nothing of it.
    ///
    /// # Errors
    /// [`LakeError`] if neither could be decided; the positions in the table say what happened, and
    /// the same rows may be landed again.
    pub async fn land(
        &mut self,
        batches: &[RecordBatch],
        progress: &[Progress],
    ) -> Result<Outcome, LakeError> {
        self.refresh().await?;
        if let Some(outcome) = self.decided(progress)? {
            return Ok(outcome);
        }
        let mut writer = self.writer();
        for batch in batches {
            writer.write(batch).await.map_err(|error| self.failed(&error))?;
        }
        let written = writer.close().await.map_err(|error| self.failed(&error))?;
        let outcome = self.commit(written, progress).await?;
        if let Outcome::Landed { version } = outcome {
            self.checkpoint_when_due(version).await;
        }
        Ok(outcome)
    }

    /// Encodes rows for a later [`commit`](Self::commit).
    pub(crate) fn writer(&self) -> FileWriter {
        let TableState { snapshot, schema, .. } = &self.state;
        let store = self.log.object_store(None);
        FileWriter::new(self.table, self.uri.clone(), store, snapshot.clone(), schema.clone())
    }

    /// Makes the rows of files and the moves of `progress` durable in one commit, or nothing of it.
    pub(crate) async fn commit(
        &mut self,
        mut written: Written,
        progress: &[Progress],
    ) -> Result<Outcome, LakeError> {
        self.step("land.written")?;
        self.make_durable(&mut written)?;
        let (mut last_error, began) = (None, Instant::now());
        // Below, a store's client tries each request again for a while too.
        for attempt in (0..ATTEMPTS).take_while(|_| began.elapsed() < PATIENCE) {
            if attempt > 0 {
                self.retries += 1;
                tokio::time::sleep(Duration::from_millis(50 << attempt.min(6))).await;
            }
            match self.attempt(&written, progress, attempt > 0).await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                Err(error) => {
                    tracing::info!(%error, attempt, "commit not done; reading the positions again");
                    last_error = Some(error);
                }
            }
        }
        Err(last_error.unwrap_or_else(|| {
            self.failed(&format!("no commit in {ATTEMPTS} attempts: other writers were faster each time"))
        }))
    }

    /// Puts files on the disk, and their checksums beside their names.
    pub(crate) fn make_durable(&self, written: &mut Written) -> Result<(), LakeError> {
        let paths = written.files.iter().map(|file| file.path.as_str());
        self.disk.sync(paths, "").map_err(|error| self.unsynced(&error))?;
        for file in &mut written.files {
            let crc = self.disk.checksum(&file.path);
            let crc = crc.map_err(|error| self.failed(&format!("{}: {error}", file.path)))?;
            file.tags = crc.map(|crc| HashMap::from([(CHECKSUM.to_owned(), Some(crc))]));
        }
        Ok(())
    }

    /// Whether the version that was last seen has all of `progress`, or can never have it.
    fn decided(&mut self, progress: &[Progress]) -> Result<Option<Outcome>, LakeError> {
        let spans = progress.iter().map(|step| (step.span, self.known(&step.app_id)));
        Ok(match Standing::of(spans) {
            Standing::Landed => {
                self.sync_commits()?;
                Some(Outcome::Landed { version: self.version() })
            }
            Standing::Fenced => Some(Outcome::Fenced),
            Standing::Fits => None,
        })
    }

    /// One try: `None` if it may fit another time.
    async fn attempt(
        &mut self,
        written: &Written,
        progress: &[Progress],
        again: bool,
    ) -> Result<Option<Outcome>, LakeError> {
        // What was seen some time ago can tell that a commit fits, for then its number decides. It
        // cannot tell who is ahead, this lander or the table.
        if again || self.is_stale() || self.decided(progress)?.is_some() {
            self.refresh().await?;
            if let Some(outcome) = self.decided(progress)? {
                return Ok(Some(outcome));
            }
        }
        if self.add_columns(&written.new_columns).await? {
            // The table moved on: the positions have to be seen again.
            return Ok(None);
        }
        if written.is_old() {
            tracing::warn!(table = %self.table, "files that were begun long ago are given up; their rows are read again");
            return Ok(Some(Outcome::Fenced));
        }
        self.step("land.synced")?;
        let last_updated = now() / 1000;
        let moves = progress.iter().map(|step| {
            let last_updated = step.expires.then_some(last_updated);
            Transaction::new_with_last_update(&step.app_id, step.span.end, last_updated)
        });
        let files = written.files.iter().cloned().map(Action::Add).collect();
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        // Also after an error the commit may be there: the positions will tell.
        if !self.put(files, operation, moves.collect()).await? {
            return Ok(None);
        }
        if self.is_stale() {
            // It took so long that the number may have been used and cleaned up before: look.
            return Ok(None);
        }
        self.step("land.committed")?;
        self.seen = SystemTime::now();
        self.sync_commits()?;
        self.step("land.durable")?;
        Ok(Some(Outcome::Landed { version: self.version() }))
    }

    /// Writes the version after the one that was last seen, and goes on to it; `false` if somebody
    /// else did.
    pub(crate) async fn put(
        &mut self,
        actions: Vec<Action>,
        operation: DeltaOperation,
        moves: Vec<Transaction>,
    ) -> Result<bool, LakeError> {
        let writer = HashMap::from([("clientVersion".to_owned(), ENGINE.into())]);
        let commit = CommitData::new(actions, operation, writer, moves);
        let bytes = commit.get_bytes().map(CommitOrBytes::LogBytes).map_err(|error| self.failed(&error))?;
        let put = self.log.write_commit_entry(self.version() + 1, bytes, uuid::Uuid::new_v4());
        match put.await {
            Ok(()) => {
                self.state
                    .follow(commit.app_transactions.into_iter().map(|moved| (moved.app_id, moved.version)));
                Ok(true)
            }
            Err(TransactionError::VersionAlreadyExists(_)) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Adds the columns that a newer minor version brought, all nullable; says whether there were any.
    async fn add_columns(&mut self, columns: &[Arc<Field>]) -> Result<bool, LakeError> {
        let known = self.schema();
        for (field, there) in
            columns.iter().filter_map(|field| Some((field, known.field_with_name(field.name()).ok()?)))
        {
            if !there.data_type().equals_datatype(field.data_type()) {
                return Err(self.failed(&format!(
                    "rows have column {} as {}, but another lander added it as {}: started again, this one makes \
                     dead letters of them",
                    field.name(),
                    field.data_type(),
                    there.data_type()
                )));
            }
        }
        let new = columns.iter().filter(|field| known.index_of(field.name()).is_err()).cloned();
        let new: Vec<_> = new.collect();
        if new.is_empty() {
            return Ok(false);
        }
        let names: Vec<_> = new.iter().map(|field| field.name().clone()).collect();
        let fields: StructType =
            Schema::new(new).as_ref().try_into_kernel().map_err(|error| self.failed(&error))?;
        let delta = self.load().await?;
        let changed = delta.add_columns().with_fields(fields.fields().cloned().collect::<Vec<_>>()).await;
        changed.map_err(|error| self.failed(&error))?;
        tracing::info!(table = %self.table, ?names, "columns of a newer schema version were added");
        Ok(true)
    }

    /// A checkpoint only makes the log quicker to read; that it failed loses nothing.
    pub(crate) async fn checkpoint_when_due(&self, version: u64) {
        if let Some(checkpoint) = self.due_checkpoint(version) {
            checkpoint.write().await;
        }
    }

    /// The checkpoint that is due after `version` was committed.
    pub(crate) fn due_checkpoint(&self, version: u64) -> Option<Checkpoint> {
        let due = version > 0 && version.is_multiple_of(CHECKPOINT_EVERY);
        due.then(|| Checkpoint { table: self.table, log: self.log.clone() })
    }

    /// Makes every commit up to the version at hand durable, whoever wrote it: what is acknowledged
    /// stands on all of them.
    pub(crate) fn sync_commits(&mut self) -> Result<(), LakeError> {
        let newest = self.version();
        // At first also those that a lander which died may have left behind a rival's.
        let first = newest.saturating_sub(2 * CHECKPOINT_EVERY);
        let oldest = self.durable.map_or(first, |durable| durable + 1);
        let commits: Vec<_> = (oldest..=newest).map(|version| format!("{version:020}.json")).collect();
        let synced = self.disk.sync(commits.iter().map(String::as_str), "_delta_log");
        synced.map_err(|error| self.unsynced(&error))?;
        if self.durable.is_none() {
            // The names of the log, of the table, and of the folders that the lake lies in.
            self.disk.sync_ancestors().map_err(|error| self.unsynced(&error))?;
        }
        self.durable = Some(newest);
        Ok(())
    }

    /// How often commits had to be tried again since the table was opened.
    pub(crate) const fn retries(&self) -> u64 {
        self.retries
    }

    pub(crate) fn step(&self, name: &'static str) -> Result<(), LakeError> {
        fault::step(name).map_err(|error| self.failed(&error))
    }

    fn unsynced(&self, error: &std::io::Error) -> LakeError {
        self.failed(&format!("fsync: {error}"))
    }

    pub(crate) fn failed(&self, error: &impl ToString) -> LakeError {
        LakeError::new(&self.uri, error)
    }
}

/// Who wrote a commit, as its `commitInfo` says.
const ENGINE: &str = concat!("benchlake.", env!("CARGO_PKG_VERSION"));

/// A checkpoint to be written, apart from the table so that landing goes on meanwhile.
pub(crate) struct Checkpoint {
    table: Table,
    log: LogStoreRef,
}

impl Checkpoint {
    /// Writes it; that it failed loses nothing.
    pub(crate) async fn write(self) {
        let made = async {
            fault::step("land.checkpoint").map_err(|error| error.to_string())?;
            let mut delta = DeltaTable::new(self.log);
            delta.load().await.map_err(|error| one_line(&error.to_string()))?;
            create_checkpoint(&delta, None).await.map_err(|error| one_line(&error.to_string()))?;
            fault::step("land.checkpointed").map_err(|error| error.to_string())
        };
        if let Err(error) = made.await {
            tracing::warn!(error, table = %self.table, "no checkpoint; the next one will be tried later");
        }
    }
}

async fn create(delta: DeltaTable, table: Table) -> Result<(), DeltaTableError> {
    let fields: StructType = table.schema().as_ref().try_into_kernel()?;
    delta
        .create()
        .with_table_name(table.as_str())
        .with_columns(fields.fields().cloned())
        .with_configuration_property(TableProperty::SetTransactionRetentionDuration, Some(PRODUCER_RETENTION))
        .await
        .map(drop)
}

/// A path that is a file, or lies below one, is a mistake to be named before anything is made.
fn check_place(lake: &str) -> Result<(), String> {
    let path = lake.strip_prefix("file://").unwrap_or(lake);
    if path.contains("://") {
        return Ok(());
    }
    let mut place = Some(std::path::Path::new(path));
    while let Some(part) = place {
        if part.is_file() {
            return Err(format!("{} is a file; name a folder with --lake", part.display()));
        }
        place = part.parent().filter(|parent| !parent.as_os_str().is_empty());
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintain::COMMIT_WITHIN;
    use benchlake_schemas::{Benchmark, ProducerId, sample_series, to_numbered_batch};

    /// Files that a vacuum may have taken are not committed, however much their positions fit; nor
    /// are they after the vacuum has taken the number that the commit was meant to have.
    #[tokio::test]
    async fn old_files_are_given_up() {
        let dir = tempfile::tempdir().expect("a folder");
        let lake = dir.path().to_string_lossy().into_owned();
        let mut table = LakeTable::open_or_create(&lake, Table::Series).await.expect("a table");
        let rows = [sample_series(Benchmark::new("w"), &[1.0])];
        let batch = to_numbered_batch(Table::Series, ProducerId::new(), 1, &rows).expect("a batch");
        let mut writer = table.writer();
        writer.write(&batch).await.expect("it is written");
        let mut written = writer.close().await.expect("a file");
        let young = written.clone();
        written.began = SystemTime::now().checked_sub(COMMIT_WITHIN + Duration::from_secs(1));
        let progress = [Progress { app_id: "p".into(), span: Span { start: None, end: 1 }, expires: false }];
        let old = table.attempt(&written, &progress, false).await.expect("an outcome");
        assert_eq!(old, Some(Outcome::Fenced));
        let mut vacuum = LakeTable::open_or_create(&lake, Table::Series).await.expect("a table");
        assert!(
            vacuum.put(Vec::new(), DeltaOperation::FileSystemCheck {}, Vec::new()).await.expect("a number")
        );
        assert_eq!(table.attempt(&young, &progress, false).await.expect("it can be tried again"), None);
        let outcome = table.attempt(&young, &progress, true).await.expect("it fits");
        assert_eq!(outcome, Some(Outcome::Landed { version: 2 }));
        assert_eq!(vacuum.position("p").await.expect("a position"), Some(1));
    }
}
