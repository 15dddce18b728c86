//! What keeps a table quick and small, apart from landing and compaction: checkpoints of its log, and
//! the removal of files that no version names; and what there is to know of it.

use crate::{
    data_file::size,
    lake_table::{LakeError, LakeTable},
    verify::files,
};
use benchlake_schemas::{Micros, Table};
use deltalake::{
    operations::vacuum::VacuumMode,
    protocol::{
        DeltaOperation,
        checkpoints::{cleanup_metadata, create_checkpoint},
    },
};
use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use std::time::Duration;

/// A lander commits a file at most this long after it began to write it.
pub(crate) const COMMIT_WITHIN: Duration = Duration::from_secs(3600);
/// The least age at which a file that no version names may go: no lander will commit it any more,
/// even if its clock and the store's differ by an hour.
pub const VACUUM_AGE: Duration = Duration::from_secs(2 * 3600);
/// How often a vacuum that landers came before begins anew.
const ATTEMPTS: u32 = 20;

/// What there is to know of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Which.
    pub table: Table,
    /// Its newest version.
    pub version: u64,
    /// The data files of that version.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// Their rows, as far as their statistics say.
    pub rows: u64,
    /// Positions of partitions and producers.
    pub positions: usize,
    /// Columns.
    pub columns: usize,
}

/// One commit of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// When, in microseconds UTC.
    pub at: Option<Micros>,
    /// Its version.
    pub version: Option<u64>,
    /// What it did, such as `WRITE` or `OPTIMIZE`.
    pub operation: String,
}

impl LakeTable {
    /// Writes a checkpoint of the newest version and returns that version.
    ///
    /// # Errors
    /// [`LakeError`]; nothing is lost then.
    pub async fn checkpoint(&mut self) -> Result<u64, LakeError> {
        self.refresh().await?;
        self.step("maintain.checkpoint")?;
        let delta = self.load().await?;
        create_checkpoint(&delta, None).await.map_err(|error| self.failed(&error))?;
        self.step("maintain.checkpointed")?;
        Ok(delta.version().unwrap_or_default())
    }

    /// Deletes data files that the newest version does not name and that are older than `age`:
    /// what compaction replaced, and what landers that died had written but not committed. Returns
    /// their paths; with `dry_run` nothing is deleted. Entries of the log that a checkpoint has made
    /// superfluous go after the table's `logRetentionDuration`, 30 days.
    ///
    /// With an `age` of at least [`VACUUM_AGE`] it never touches a file that a lander is to commit:
    /// the vacuum takes a version's number before it deletes, so a lander that commits later has
    /// looked at the table since, and then it gives up files that it began more than an hour ago
    /// (docs/adr/0016).
    ///
    /// # Errors
    /// [`LakeError`] if the store cannot be listed or refuses.
    pub async fn vacuum(&mut self, age: Duration, dry_run: bool) -> Result<Vec<String>, LakeError> {
        let retention = chrono::Duration::from_std(age).map_err(|error| self.failed(&error))?;
        self.step("maintain.vacuum")?;
        for _ in 0..ATTEMPTS {
            self.refresh().await?;
            let delta = self.load().await?;
            if delta.version() != Some(self.version()) {
                continue;
            }
            let vacuum = delta.clone().vacuum().with_mode(VacuumMode::Full).with_dry_run(true);
            let vacuum = vacuum.with_retention_period(retention).with_enforce_retention_duration(false);
            let (_, found) = vacuum.await.map_err(|error| self.failed(&error))?;
            if !dry_run {
                cleanup_metadata(&delta, None).await.map_err(|error| self.failed(&error))?;
            }
            if dry_run || found.files_deleted.is_empty() {
                return Ok(found.files_deleted);
            }
            let operation = DeltaOperation::VacuumStart {
                retention_check_enabled: age >= VACUUM_AGE,
                specified_retention_millis: Some(retention.num_milliseconds()),
                default_retention_millis: retention.num_milliseconds(),
            };
            if !self.put(Vec::new(), operation, Vec::new()).await? {
                continue;
            }
            self.sync_commits()?;
            for file in &found.files_deleted {
                match delta.object_store().delete(&deltalake::Path::from(file.as_str())).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(self.failed(&error)),
                }
            }
            self.step("maintain.vacuumed")?;
            return Ok(found.files_deleted);
        }
        Err(self.failed(&"landers commit faster than files can be listed; try again later"))
    }

    /// What there is to know of the newest version.
    ///
    /// # Errors
    /// [`LakeError`] if the log cannot be read.
    pub async fn info(&mut self) -> Result<TableInfo, LakeError> {
        self.refresh().await?;
        let files = files(&self.load().await?).map_err(|error| self.failed(&error))?;
        let rows = files.iter().filter_map(|file| file.get_stats().ok().flatten());
        Ok(TableInfo {
            table: self.table(),
            version: self.version(),
            files: files.len(),
            bytes: files.iter().map(size).sum(),
            rows: rows.map(|stats| u64::try_from(stats.num_records).unwrap_or(0)).sum(),
            positions: self.positions(),
            columns: self.schema().fields().len(),
        })
    }

    /// The newest `limit` commits, newest first.
    ///
    /// # Errors
    /// [`LakeError`] if the log cannot be read.
    pub async fn history(&mut self, limit: usize) -> Result<Vec<Commit>, LakeError> {
        let delta = self.load().await?;
        let commits: Vec<_> =
            delta.history(Some(limit)).try_collect().await.map_err(|error| self.failed(&error))?;
        let newest = delta.version().unwrap_or_default();
        let commits = commits.into_iter().zip(0..).map(|(info, back)| Commit {
            at: info.timestamp.map(|millis| millis * 1000),
            version: newest.checked_sub(back),
            operation: info.operation.unwrap_or_default(),
        });
        Ok(commits.collect())
    }
}
