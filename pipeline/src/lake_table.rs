//! One Delta table of the lake: made if absent, read for positions, and committed to with rows and
//! positions in one commit.
//!
//! The library's own conflict resolution compares application ids, never their versions, and its
//! retries would commit a replay. So a commit is tried only on the very snapshot in which every
//! position was seen to fit, with the library's retries off; whatever happens, the positions are
//! read again and decide: at the end, landed; at the start, tried again; else fenced.

use crate::{
    position::{Span, Standing},
    source::producer_app_id,
};
use arrow::{
    array::{RecordBatch, new_null_array},
    compute::{CastOptions, cast_with_options},
    datatypes::{Schema, SchemaRef},
};
use benchlake_producers::fault;
use benchlake_schemas::{ProducerId, Table, now};
use deltalake::{
    DeltaTable, DeltaTableBuilder, DeltaTableError, TableProperty,
    kernel::{
        Action, Add, StructType, Transaction,
        engine::arrow_conversion::{TryIntoArrow, TryIntoKernel},
        transaction::{CommitBuilder, CommitProperties},
    },
    protocol::{DeltaOperation, SaveMode, checkpoints::create_checkpoint},
    writer::{DeltaWriter, RecordBatchWriter},
};
use parquet::{
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// Commits between two checkpoints of the log.
const CHECKPOINT_EVERY: u64 = 50;
/// A producer's position is forgotten this long after its last row: longer than spools live.
const PRODUCER_RETENTION: &str = "interval 365 days";
/// Name of the tag under which the log keeps the CRC-32C of a data file, as eight hexadecimal digits.
pub(crate) const CHECKSUM: &str = "benchlake.crc32c";
/// How often a commit that may still fit is tried.
const ATTEMPTS: u32 = 12;

/// What went wrong with a table of the lake.
#[derive(Debug, thiserror::Error)]
#[error("lake {uri}: {problem}")]
pub struct LakeError {
    /// The table's place.
    pub uri: String,
    /// What went wrong, and what to do.
    pub problem: String,
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
    delta: DeltaTable,
    /// Every commit up to this version is on the disk.
    durable: Option<u64>,
}

impl LakeTable {
    /// Opens `table` of the lake at `lake` (a folder or a URL), or creates it with the schema of
    /// this build.
    ///
    /// # Errors
    /// [`LakeError`] if the place cannot be used.
    pub async fn open_or_create(lake: &str, table: Table) -> Result<Self, LakeError> {
        let uri = format!("{}/{table}", lake.trim_end_matches('/'));
        let failed = |problem: String| LakeError { uri: uri.clone(), problem };
        check_place(lake).map_err(failed)?;
        let url = deltalake::ensure_table_uri(&uri).map_err(|error| failed(brief(&error)))?;
        let delta = DeltaTableBuilder::from_url(url).and_then(DeltaTableBuilder::build);
        let mut delta = delta.map_err(|error| failed(brief(&error)))?;
        let exists = delta.verify_deltatable_existence().await.map_err(|error| failed(brief(&error)))?;
        let created = if exists { Ok(()) } else { create(delta.clone(), table).await };
        // A table that cannot be created may be there all the same: a rival made it in that moment.
        let loaded = delta.load().await;
        loaded.map_err(|error| failed(brief(&created.err().unwrap_or(error))))?;
        let mut table = Self { table, uri, delta, durable: None };
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
        self.delta.table_url().to_string()
    }

    pub(crate) const fn delta(&self) -> &DeltaTable {
        &self.delta
    }

    /// The data files of the snapshot at hand.
    #[expect(deprecated, reason = "the only public way to a file's tags")]
    pub(crate) fn files(&self) -> Result<Vec<Add>, LakeError> {
        let snapshot = self.delta.snapshot().map_err(|error| self.failed(&error))?;
        Ok(snapshot.log_data().iter().map(|file| file.add_action()).collect())
    }

    /// Where the table stands for `app_id`, in its newest version.
    ///
    /// # Errors
    /// [`LakeError`] if the log cannot be read.
    pub async fn position(&mut self, app_id: &str) -> Result<Option<i64>, LakeError> {
        self.refresh().await?;
        self.position_here(app_id).await
    }

    /// The last row that the table knows of `producer`, in the snapshot at hand.
    ///
    /// # Errors
    /// [`LakeError`] if the log cannot be read.
    pub async fn producer_position(&self, producer: ProducerId) -> Result<Option<i64>, LakeError> {
        self.position_here(&producer_app_id(producer)).await
    }

    /// Where the snapshot at hand stands for `app_id`.
    pub(crate) async fn position_here(&self, app_id: &str) -> Result<Option<i64>, LakeError> {
        let snapshot = self.delta.snapshot().map_err(|error| self.failed(&error))?;
        let log_store = self.delta.log_store();
        snapshot.transaction_version(log_store.as_ref(), app_id).await.map_err(|error| self.failed(&error))
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
        let mut adds = None;
        let mut last_error = None;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(50 << attempt.min(6))).await;
            }
            match self.attempt(batches, progress, &mut adds).await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                Err(error) => {
                    tracing::info!(%error, attempt, "commit not done; reading the positions again");
                    last_error = Some(error);
                }
            }
        }
        let problem = last_error
            .map_or_else(|| "other writers were faster each time".to_owned(), |error| error.problem);
        Err(LakeError {
            uri: self.uri.clone(),
            problem: format!("no commit in {ATTEMPTS} attempts: {problem}"),
        })
    }

    /// One try: `None` if it may fit another time.
    async fn attempt(
        &mut self,
        batches: &[RecordBatch],
        progress: &[Progress],
        adds: &mut Option<Vec<Add>>,
    ) -> Result<Option<Outcome>, LakeError> {
        self.refresh().await?;
        let mut spans = Vec::with_capacity(progress.len());
        for step in progress {
            spans.push((step.span, self.position_here(&step.app_id).await?));
        }
        match Standing::of(spans) {
            Standing::Landed => {
                self.sync_commits()?;
                return Ok(Some(Outcome::Landed { version: self.version() }));
            }
            Standing::Fenced => return Ok(Some(Outcome::Fenced)),
            Standing::Fits => {}
        }
        if self.add_columns(batches).await? {
            // The table moved on: the positions have to be seen again.
            return Ok(None);
        }
        if adds.is_none() {
            *adds = Some(self.write(batches).await?);
        }
        self.step("land.synced")?;
        let actions = adds.iter().flatten().cloned().map(Action::Add).collect();
        let last_updated = now() / 1000;
        let transactions = progress.iter().map(|step| {
            let last_updated = step.expires.then_some(last_updated);
            Transaction::new_with_last_update(&step.app_id, step.span.end, last_updated)
        });
        let properties = CommitProperties::default()
            .with_application_transactions(transactions.collect())
            .with_max_retries(0)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false));
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let snapshot = self.delta.snapshot().map_err(|error| self.failed(&error))?;
        let committed = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(snapshot), self.delta.log_store(), operation)
            .await;
        // Also after an error the commit may be there: the positions will tell.
        let committed = committed.map_err(|error| self.failed(&error))?;
        let version = committed.version();
        self.step("land.committed")?;
        self.delta.state = Some(committed.snapshot());
        self.sync_commits()?;
        self.step("land.durable")?;
        self.checkpoint_when_due(version).await;
        Ok(Some(Outcome::Landed { version }))
    }

    /// Writes `batches` as Parquet files that no version names yet.
    async fn write(&mut self, batches: &[RecordBatch]) -> Result<Vec<Add>, LakeError> {
        let level = ZstdLevel::try_new(1).map_err(|error| self.failed(&error))?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let mut writer = RecordBatchWriter::for_table(&self.delta)
            .map_err(|error| self.failed(&error))?
            .with_writer_properties(properties);
        let schema = self.arrow_schema()?;
        for batch in batches {
            let batch = align(batch, &schema).map_err(|error| self.failed(&error))?;
            writer.write(batch).await.map_err(|error| self.failed(&error))?;
        }
        let mut adds = writer.flush().await.map_err(|error| self.failed(&error))?;
        self.step("land.written")?;
        self.sync(adds.iter().map(|add| add.path.as_str()), "")?;
        for add in &mut adds {
            add.tags = self.checksum(&add.path)?.map(|crc| HashMap::from([(CHECKSUM.to_owned(), Some(crc))]));
        }
        Ok(adds)
    }

    /// Adds the columns that a newer minor version brought, all nullable; says whether there were any.
    async fn add_columns(&mut self, batches: &[RecordBatch]) -> Result<bool, LakeError> {
        let known = self.arrow_schema()?;
        let mut new: Vec<Arc<arrow::datatypes::Field>> = Vec::new();
        for batch in batches {
            for field in batch.schema().fields() {
                if known.index_of(field.name()).is_err() && new.iter().all(|have| have.name() != field.name())
                {
                    new.push(field.clone());
                }
            }
        }
        if new.is_empty() {
            return Ok(false);
        }
        let names: Vec<_> = new.iter().map(|field| field.name().clone()).collect();
        let fields: StructType =
            Schema::new(new).as_ref().try_into_kernel().map_err(|error| self.failed(&error))?;
        let changed =
            self.delta.clone().add_columns().with_fields(fields.fields().cloned().collect::<Vec<_>>()).await;
        self.delta = changed.map_err(|error| self.failed(&error))?;
        tracing::info!(table = %self.table, ?names, "columns of a newer schema version were added");
        Ok(true)
    }

    fn arrow_schema(&self) -> Result<SchemaRef, LakeError> {
        let snapshot = self.delta.snapshot().map_err(|error| self.failed(&error))?;
        let schema: Schema =
            snapshot.schema().as_ref().try_into_arrow().map_err(|error| self.failed(&error))?;
        Ok(Arc::new(schema))
    }

    /// A checkpoint only makes the log quicker to read; that it failed loses nothing.
    async fn checkpoint_when_due(&self, version: u64) {
        if version == 0 || !version.is_multiple_of(CHECKPOINT_EVERY) {
            return;
        }
        let made = async {
            self.step("land.checkpoint")?;
            create_checkpoint(&self.delta, None).await.map_err(|error| self.failed(&error))?;
            self.step("land.checkpointed")
        };
        if let Err(error) = made.await {
            tracing::warn!(%error, table = %self.table, "no checkpoint; the next one will be tried later");
        }
    }

    pub(crate) async fn refresh(&mut self) -> Result<(), LakeError> {
        let updated = self.delta.update_state().await;
        updated.map_err(|error| self.failed(&error))
    }

    pub(crate) fn version(&self) -> u64 {
        self.delta.version().unwrap_or_default()
    }

    /// Makes every commit up to the snapshot at hand durable, whoever wrote it: what is acknowledged
    /// stands on all of them.
    fn sync_commits(&mut self) -> Result<(), LakeError> {
        let newest = self.version();
        // At first also those that a lander which died may have left behind a rival's.
        let first = newest.saturating_sub(2 * CHECKPOINT_EVERY);
        let oldest = self.durable.map_or(first, |durable| durable + 1);
        let commits: Vec<_> = (oldest..=newest).map(|version| format!("{version:020}.json")).collect();
        self.sync(commits.iter().map(String::as_str), "_delta_log")?;
        if self.durable.is_none() {
            // The names of the log, of the table, and of the folders that the lake lies in.
            let Ok(root) = self.delta.table_url().to_file_path() else { return Ok(()) };
            for folder in root.ancestors() {
                match File::open(folder).and_then(|folder| folder.sync_all()) {
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
                    synced => synced
                        .map_err(|error| self.failed(&format!("fsync {}: {error}", folder.display())))?,
                }
            }
        }
        self.durable = Some(newest);
        Ok(())
    }

    /// Makes files and their names durable on a local disk; object stores do so themselves.
    fn sync<'a>(&self, files: impl IntoIterator<Item = &'a str>, folder: &str) -> Result<(), LakeError> {
        let Ok(root) = self.delta.table_url().to_file_path() else { return Ok(()) };
        let folder = root.join(folder);
        let sync = |path: PathBuf| match File::open(path) {
            // A commit that a checkpoint made superfluous may be gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            file => file?.sync_all(),
        };
        let synced: io::Result<()> = files
            .into_iter()
            .try_for_each(|file| sync(folder.join(file)))
            .and_then(|()| sync(folder.clone()));
        synced.map_err(|error| LakeError { uri: self.uri.clone(), problem: format!("fsync: {error}") })
    }

    /// CRC-32C of a file on a local disk, for `lake verify`; object stores keep checksums themselves.
    fn checksum(&self, path: &str) -> Result<Option<String>, LakeError> {
        let Ok(root) = self.delta.table_url().to_file_path() else { return Ok(None) };
        let bytes = fs::read(root.join(path)).map_err(|error| self.failed(&format!("{path}: {error}")))?;
        Ok(Some(format!("{:08x}", crc32c::crc32c(&bytes))))
    }

    pub(crate) fn step(&self, name: &'static str) -> Result<(), LakeError> {
        fault::step(name).map_err(|error| self.failed(&error))
    }

    pub(crate) fn failed(&self, error: &impl ToString) -> LakeError {
        LakeError { uri: self.uri.clone(), problem: one_line(&error.to_string()) }
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

/// Brings a batch to the table's columns, by name; absent ones become nulls.
fn align(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, arrow::error::ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
        Some(column) => cast_with_options(column, field.data_type(), &strict),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    });
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)
}

fn brief(error: &DeltaTableError) -> String {
    one_line(&error.to_string())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Tables of one lake, opened or created together.
pub(crate) async fn open_all(lake: &str) -> Result<HashMap<Table, LakeTable>, LakeError> {
    let mut tables = HashMap::new();
    for table in Table::ALL {
        tables.insert(*table, LakeTable::open_or_create(lake, *table).await?);
    }
    Ok(tables)
}
