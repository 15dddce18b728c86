//! What keeps a table quick and small, apart from landing: checkpoints of its log, and the removal
//! of files that no version names.

use crate::lake_table::{LakeError, LakeTable};
use deltalake::{operations::vacuum::VacuumMode, protocol::checkpoints::create_checkpoint};
use std::time::Duration;

impl LakeTable {
    /// Writes a checkpoint of the newest version and returns that version.
    ///
    /// # Errors
    /// [`LakeError`]; nothing is lost then.
    pub async fn checkpoint(&mut self) -> Result<u64, LakeError> {
        self.refresh().await?;
        self.step("maintain.checkpoint")?;
        create_checkpoint(&self.load().await?, None).await.map_err(|error| self.failed(&error))?;
        self.step("maintain.checkpointed")?;
        Ok(self.version())
    }

    /// Deletes data files that the newest version does not name and that are older than `age`:
    /// what compaction replaced, and what landers that died had written but not committed. Returns
    /// their paths; with `dry_run` nothing is deleted.
    ///
    /// `age` must be longer than any lander takes from writing a file to committing it, and than any
    /// reader holds on to a version.
    ///
    /// # Errors
    /// [`LakeError`] if the store cannot be listed or refuses.
    pub async fn vacuum(&mut self, age: Duration, dry_run: bool) -> Result<Vec<String>, LakeError> {
        self.refresh().await?;
        let age = chrono::Duration::from_std(age).map_err(|error| self.failed(&error))?;
        let vacuum = self.load().await?.vacuum().with_mode(VacuumMode::Full).with_dry_run(dry_run);
        let vacuum = vacuum.with_retention_period(age).with_enforce_retention_duration(false);
        self.step("maintain.vacuum")?;
        let (_, metrics) = vacuum.await.map_err(|error| self.failed(&error))?;
        self.step("maintain.vacuumed")?;
        self.refresh().await?;
        Ok(metrics.files_deleted)
    }
}
