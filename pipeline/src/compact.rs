//! Compaction: many small files become few large ones, their rows ordered by benchmark and time, so
//! that a query skips files by time and row groups by benchmark. With a cut-off, old series keep only
//! evenly spaced order statistics of their samples.

use crate::{
    data_file::{Written, size},
    lake_table::{LakeError, LakeTable},
    summarise::summarise,
    verify::files,
};
use benchlake_schemas::{Micros, Table};
use datafusion::{
    dataframe::DataFrame,
    error::DataFusionError,
    execution::{memory_pool::FairSpillPool, options::ParquetReadOptions, runtime_env::RuntimeEnvBuilder},
    physical_plan::SendableRecordBatchStream,
    prelude::{SessionConfig, SessionContext, col},
};
use deltalake::{
    kernel::{Action, Add, Remove},
    protocol::DeltaOperation,
};
use std::{
    collections::{HashMap, HashSet},
    num::NonZeroU64,
    sync::Arc,
};

/// Name of the tag that a file bears whose series are summarised.
pub(crate) const TIER: &str = "benchlake.tier";
const SUMMARISED: &str = "summarised";
/// How many bytes of files are read for one commit at most: what is lost when a rival is faster.
const BIN_BYTES: u64 = 512 << 20;

/// What compaction makes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// Size of a file; those of half of it or more are left as they are.
    pub target_bytes: u64,
    /// Fewest small files worth a rewrite.
    pub min_files: usize,
    /// Memory for sorting; beyond it rows go to temporary files.
    pub memory: usize,
    /// Series that started before this keep `keep` of their samples.
    pub summarise_before: Option<Micros>,
    /// Samples that a summarised series keeps at most.
    pub keep: usize,
}

impl Default for Compaction {
    fn default() -> Self {
        Self { target_bytes: 128 << 20, min_files: 4, memory: 128 << 20, summarise_before: None, keep: 101 }
    }
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Files that were replaced, and their size.
    pub removed: (usize, u64),
    /// Files that took their place, and their size.
    pub added: (usize, u64),
    /// Commits made.
    pub commits: u64,
}

/// Files that are rewritten together.
struct Bin {
    files: Vec<Add>,
    summarise: bool,
}

impl LakeTable {
    /// Rewrites small files, a bounded part at a time, each in a commit of its own. Beside landers
    /// and readers: rows stay the same rows, and the old files stay until a vacuum.
    ///
    /// # Errors
    /// [`LakeError`]; what was committed before stays so.
    pub async fn optimize(&mut self, compaction: &Compaction) -> Result<Compacted, LakeError> {
        let mut done = Compacted::default();
        let files = files(&self.load().await?).map_err(|error| self.failed(&error))?;
        for bin in bins(self.table(), files, compaction) {
            self.refresh().await?;
            let written = self.rewrite(&bin, compaction).await?;
            if self.replace(&bin.files, &written, compaction).await? {
                let total = |files: &[Add]| (files.len(), files.iter().map(size).sum::<u64>());
                let (removed, added) = (total(&bin.files), total(&written.files));
                done.removed = (done.removed.0 + removed.0, done.removed.1 + removed.1);
                done.added = (done.added.0 + added.0, done.added.1 + added.1);
                done.commits += 1;
            } else {
                tracing::info!(table = %self.table(), "another compaction was faster, or this one too slow; its files stay");
            }
        }
        Ok(done)
    }

    async fn rewrite(&self, bin: &Bin, compaction: &Compaction) -> Result<Written, LakeError> {
        let failed = |error: DataFusionError| self.failed(&error);
        let mut rows = self.read_sorted(&bin.files, compaction).await.map_err(failed)?;
        let mut writer = self.writer().rolling(NonZeroU64::new(compaction.target_bytes));
        while let Some(batch) = futures_util::StreamExt::next(&mut rows).await {
            let mut batch = batch.map_err(failed)?;
            if bin.summarise {
                batch = summarise(&batch, compaction.keep).map_err(|error| self.failed(&error))?;
            }
            writer.write(&batch).await.map_err(|error| self.failed(&error))?;
        }
        let mut written = writer.close().await.map_err(|error| self.failed(&error))?;
        self.step("optimize.written")?;
        self.make_durable(&mut written)?;
        for file in &mut written.files {
            file.data_change = false;
            if bin.summarise || bin.files.iter().all(is_summarised) {
                let tags = file.tags.get_or_insert_with(HashMap::new);
                tags.insert(TIER.to_owned(), Some(SUMMARISED.to_owned()));
            }
        }
        self.step("optimize.synced")?;
        Ok(written)
    }

    async fn read_sorted(
        &self,
        files: &[Add],
        compaction: &Compaction,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let pool = Arc::new(FairSpillPool::new(compaction.memory));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc()?;
        let config = SessionConfig::new()
            .with_target_partitions(1)
            .with_batch_size(256)
            .set_bool("datafusion.execution.parquet.schema_force_view_types", false);
        let context = SessionContext::new_with_config_rt(config, runtime);
        let root = self.log().root_url().clone();
        context.register_object_store(&root, self.log().root_object_store(None));
        let root = root.as_str().trim_end_matches('/').to_owned();
        let paths: Vec<_> = files.iter().map(|file| format!("{root}/{}", file.path)).collect();
        let schema = self.schema();
        let rows = context.read_parquet(paths, ParquetReadOptions::default().schema(&schema)).await?;
        order(self.table(), rows)?.execute_stream().await
    }

    /// Commits `written` in the place of `files`; `false` if a rival has replaced one of them.
    async fn replace(
        &mut self,
        files: &[Add],
        written: &Written,
        compaction: &Compaction,
    ) -> Result<bool, LakeError> {
        let target_size = i64::try_from(compaction.target_bytes).unwrap_or(i64::MAX);
        for attempt in 0..ATTEMPTS {
            self.refresh().await?;
            // Landers only add files; only another compaction takes any away.
            let removed = self.take_removed().filter(|_| attempt > 0);
            let is_gone: Box<dyn Fn(&Add) -> bool> = match removed {
                Some(removed) => Box::new(move |file| removed.contains(&file.path)),
                None => {
                    let there = self.load().await?;
                    let there = crate::verify::files(&there).map_err(|error| self.failed(&error))?;
                    let there: HashSet<_> = there.into_iter().map(|file| file.path).collect();
                    Box::new(move |file| !there.contains(&file.path))
                }
            };
            // A vacuum may have taken what was written too long ago.
            if files.iter().any(is_gone) || written.is_old() {
                return Ok(false);
            }
            let removed = files.iter().map(|file| Action::Remove(removal(file)));
            let actions = removed.chain(written.files.iter().cloned().map(Action::Add)).collect();
            let operation = DeltaOperation::Optimize { predicate: None, target_size };
            if self.put(actions, operation, Vec::new()).await? {
                self.step("optimize.committed")?;
                self.sync_commits()?;
                return Ok(true);
            }
        }
        Err(self.failed(&"landers commit faster than files can be replaced; try again later"))
    }
}

/// How often a commit that others came before is tried.
const ATTEMPTS: u32 = 100;

fn removal(file: &Add) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change: false,
        deletion_timestamp: Some(benchlake_schemas::now() / 1000),
        extended_file_metadata: Some(true),
        partition_values: Some(file.partition_values.clone()),
        size: Some(file.size),
        tags: file.tags.clone(),
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
    }
}

/// Rows in the order in which they are asked for.
fn order(table: Table, rows: DataFrame) -> Result<DataFrame, DataFusionError> {
    let columns: &[&str] = match table {
        Table::Series => &["benchmark", "benchmark_id", "started_at"],
        Table::Sessions => &["started_at"],
        Table::DeadLetters => &["received_at"],
        Table::Verdicts | Table::Baselines => return Ok(rows),
    };
    rows.sort(columns.iter().map(|column| col(*column).sort(true, false)).collect())
}

fn is_summarised(file: &Add) -> bool {
    let tier = file.tags.as_ref().and_then(|tags| tags.get(TIER)?.as_deref());
    tier == Some(SUMMARISED)
}

/// When the newest series of a file started, if its statistics say so.
fn newest(file: &Add) -> Option<Micros> {
    let stats = file.get_stats().ok().flatten()?;
    let newest = stats.max_values.get("started_at")?.as_value()?.as_str()?.to_owned();
    let instant = chrono::DateTime::parse_from_rfc3339(&newest).ok()?;
    // Statistics are cut to milliseconds.
    Some(instant.timestamp_micros() + 1000)
}

/// Chooses what to rewrite: series old enough to be summarised, then small files of one tier, oldest
/// first, so that a file covers a stretch of time.
fn bins(table: Table, mut files: Vec<Add>, compaction: &Compaction) -> Vec<Bin> {
    files.sort_by_key(|file| (file.modification_time, file.path.clone()));
    let due = |file: &Add| {
        let cut_off = compaction.summarise_before.filter(|_| table == Table::Series);
        !is_summarised(file)
            && cut_off.is_some_and(|cut_off| newest(file).is_some_and(|newest| newest < cut_off))
    };
    let (old, rest): (Vec<_>, Vec<_>) = files.into_iter().partition(due);
    let small = |file: &Add| size(file) < compaction.target_bytes / 2;
    let (summarised, raw): (Vec<_>, Vec<_>) = rest.into_iter().filter(small).partition(is_summarised);
    let worth = |bin: &Vec<Add>| bin.len() >= compaction.min_files.max(2);
    let summarise = cut(old).into_iter().map(|files| Bin { files, summarise: true });
    let compact = [cut(raw), cut(summarised)].into_iter().flatten().filter(worth);
    summarise.chain(compact.map(|files| Bin { files, summarise: false })).collect()
}

/// Cuts a row of files into parts of bounded size.
fn cut(files: Vec<Add>) -> Vec<Vec<Add>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for file in files {
        if bytes > 0 && bytes + size(&file) > BIN_BYTES {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += size(&file);
        part.push(file);
    }
    parts.extend((!part.is_empty()).then_some(part));
    parts
}
