//! Questions to the lake's tables from outside their workers: where a table stands, and commits that
//! are no source's rows (dead letters, a person's decision). Tables are opened when first asked.

use crate::lake_table::{LakeError, LakeTable, Outcome, Progress};
use arrow::array::RecordBatch;
use benchlake_schemas::{ProducerId, Table};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::runtime::Runtime;

/// Tells where the tables of one lake stand. Clones share what they have read.
#[derive(Clone)]
pub struct Positions {
    runtime: Arc<Runtime>,
    lake: String,
    opened: Arc<Mutex<HashMap<Table, LakeTable>>>,
}

impl Positions {
    pub(crate) fn new(runtime: Arc<Runtime>, lake: String) -> Self {
        Self { runtime, lake, opened: Arc::default() }
    }

    /// Where the newest version of `table` stands for `app_id`.
    ///
    /// # Errors
    /// [`LakeError`] if the lake cannot be read.
    pub fn newest(&self, table: Table, app_id: &str) -> Result<Option<i64>, LakeError> {
        self.with(table, |runtime, lake| runtime.block_on(lake.position(app_id)))
    }

    /// The last row of `producer` that `table` had when [`newest`](Self::newest) was last asked of it.
    /// Should it have got more since, the commit is fenced.
    pub(crate) fn last_row(&self, table: Table, producer: ProducerId) -> Result<Option<i64>, LakeError> {
        self.with(table, |_, lake| Ok(lake.producer_position(producer)))
    }

    pub(crate) fn land(
        &self,
        table: Table,
        batches: &[RecordBatch],
        progress: &[Progress],
    ) -> Result<Outcome, LakeError> {
        self.with(table, |runtime, lake| runtime.block_on(lake.land(batches, progress)))
    }

    fn with<T>(
        &self,
        table: Table,
        ask: impl FnOnce(&Runtime, &mut LakeTable) -> Result<T, LakeError>,
    ) -> Result<T, LakeError> {
        // A table that an earlier question left behind is read again like any other.
        let mut opened: MutexGuard<'_, _> = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let lake = match opened.entry(table) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(absent) => {
                absent.insert(self.runtime.block_on(LakeTable::open_or_create(&self.lake, table))?)
            }
        };
        ask(&self.runtime, lake)
    }
}
