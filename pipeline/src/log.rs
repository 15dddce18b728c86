//! What a lander has to know of a table at one version: its columns and every position. Read once
//! from the newest checkpoint and the commits after it, then kept up by reading each commit that
//! follows. Data files are never listed, so the cost depends on neither the age of a table nor its size.

use arrow::{
    array::{Array, AsArray},
    datatypes::{Int64Type, Schema, SchemaRef},
};
use deltalake::{
    DeltaTableError, ObjectStoreError, Path,
    kernel::{Snapshot, engine::arrow_conversion::TryIntoArrow},
    logstore::{LogStoreRef, ObjectStoreRef, commit_uri_from_version},
};
use object_store::ObjectStoreExt as _;
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};
use serde::Deserialize;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// The newest protocol of which this build knows everything that a writer must heed.
const WRITER_VERSION: i32 = 2;
/// How often a log that changes under the reader is read anew.
const ATTEMPTS: u32 = 5;

/// A table at one version, without its files.
pub(crate) struct TableState {
    pub(crate) version: u64,
    pub(crate) schema: SchemaRef,
    /// The version at which columns and properties were read; both are the same since.
    pub(crate) snapshot: Snapshot,
    positions: HashMap<String, i64>,
    /// Files that went with the last [`advance`](Self::advance); `None` if it had to read everything.
    pub(crate) removed: Option<HashSet<String>>,
}

/// What a commit may say that matters here; of one action a line.
#[derive(Deserialize)]
struct Line {
    txn: Option<Txn>,
    remove: Option<Gone>,
    #[serde(rename = "metaData")]
    metadata: Option<serde::de::IgnoredAny>,
    protocol: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: i64,
}

#[derive(Deserialize)]
struct Gone {
    path: String,
}

#[derive(Deserialize)]
struct LastCheckpoint {
    version: u64,
    parts: Option<u64>,
}

impl TableState {
    /// Reads the newest version.
    pub(crate) async fn load(log: &LogStoreRef) -> Result<Self, DeltaTableError> {
        for _ in 0..ATTEMPTS {
            // The checkpoint first: a version found after it is never older.
            let store = log.object_store(None);
            let (start, positions) = match newest_checkpoint(&store).await? {
                Some((version, files)) => (version + 1, read_positions(&store, files).await?),
                None => (0, HashMap::new()),
            };
            let snapshot = Snapshot::try_new(log.as_ref(), None).await?;
            check_protocol(&snapshot)?;
            let version = snapshot.version();
            let schema: Schema = snapshot.schema().as_ref().try_into_arrow()?;
            let mut state = Self { version, schema: Arc::new(schema), snapshot, positions, removed: None };
            if state.replay(log, start).await? {
                return Ok(state);
            }
        }
        Err(DeltaTableError::generic("its log is being cleaned up faster than it can be read"))
    }

    /// Reads the commits `start..=self.version`; `false` if one is gone, as a newer checkpoint took
    /// its place.
    async fn replay(&mut self, log: &LogStoreRef, start: u64) -> Result<bool, DeltaTableError> {
        let (mut reading, mut versions) = (tokio::task::JoinSet::new(), start..=self.version);
        let mut commits = Vec::new();
        // A few at a time: on an object store each is a request.
        loop {
            while reading.len() < 16
                && let Some(version) = versions.next()
            {
                let log = log.clone();
                reading.spawn(async move { (version, log.read_commit_entry(version).await) });
            }
            let Some(read) = reading.join_next().await else { break };
            let (version, bytes) = read.map_err(|error| DeltaTableError::generic(error.to_string()))?;
            let Some(bytes) = bytes? else { return Ok(false) };
            commits.push((version, lines(&bytes)?));
        }
        commits.sort_unstable_by_key(|(version, _)| *version);
        for (_, lines) in commits {
            self.take(lines);
        }
        Ok(true)
    }

    /// Goes on to the newest version.
    pub(crate) async fn advance(&mut self, log: &LogStoreRef) -> Result<(), DeltaTableError> {
        self.removed = Some(HashSet::new());
        while let Some(bytes) = log.read_commit_entry(self.version + 1).await? {
            let lines = lines(&bytes)?;
            if lines.iter().any(|line| line.metadata.is_some() || line.protocol.is_some()) {
                *self = Self::load(log).await?;
            } else {
                self.version += 1;
                self.take(lines);
            }
        }
        Ok(())
    }

    fn take(&mut self, lines: Vec<Line>) {
        for line in lines {
            self.positions.extend(line.txn.map(|Txn { app_id, version }| (app_id, version)));
            if let (Some(gone), Some(removed)) = (line.remove, &mut self.removed) {
                removed.insert(gone.path);
            }
        }
    }

    /// The version after this one was written by ourselves, with these positions.
    pub(crate) fn follow(&mut self, moved: impl Iterator<Item = (String, i64)>) {
        self.version += 1;
        self.positions.extend(moved);
    }

    pub(crate) fn position(&self, app_id: &str) -> Option<i64> {
        self.positions.get(app_id).copied()
    }

    /// Every position.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.positions.iter().map(|(id, position)| (id.as_str(), *position))
    }

    /// How many positions the table keeps.
    pub(crate) fn positions(&self) -> usize {
        self.positions.len()
    }
}

fn lines(bytes: &[u8]) -> Result<Vec<Line>, DeltaTableError> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let lines: Result<Vec<Line>, _> = lines.map(serde_json::from_slice).collect();
    lines.map_err(|error| DeltaTableError::generic(format!("a commit of its log is damaged: {error}")))
}

fn check_protocol(snapshot: &Snapshot) -> Result<(), DeltaTableError> {
    let found = snapshot.protocol().min_writer_version();
    if found > WRITER_VERSION {
        return Err(DeltaTableError::generic(format!(
            "it asks for Delta writer version {found}, this build knows up to {WRITER_VERSION}: another program \
             upgraded the table; land in a new lake, or use a newer benchlake"
        )));
    }
    Ok(())
}

/// Version and files of the newest checkpoint that is whole.
async fn newest_checkpoint(store: &ObjectStoreRef) -> Result<Option<(u64, Vec<Path>)>, DeltaTableError> {
    let folder = Path::from("_delta_log");
    match store.get(&folder.clone().join("_last_checkpoint")).await {
        Ok(hint) => {
            if let Ok(LastCheckpoint { version, parts }) = serde_json::from_slice(&hint.bytes().await?) {
                let stem = format!("{version:020}.checkpoint");
                let files: Vec<_> = match parts {
                    None => vec![folder.clone().join(format!("{stem}.parquet"))],
                    Some(parts) => (1..=parts)
                        .map(|part| folder.clone().join(format!("{stem}.{part:010}.{parts:010}.parquet")))
                        .collect(),
                };
                if let Some(first) = files.first()
                    && store.head(first).await.is_ok()
                {
                    return Ok(Some((version, files)));
                }
            }
        }
        Err(ObjectStoreError::NotFound { .. }) => {
            // The hint is written after its checkpoint, and the first commits go only after that.
            if store.head(&commit_uri_from_version(Some(0))).await.is_ok() {
                return Ok(None);
            }
        }
        Err(error) => return Err(error.into()),
    }
    let listed = store.list_with_delimiter(Some(&folder)).await?;
    let classic = listed.objects.into_iter().filter_map(|object| {
        let version = object.location.filename()?.strip_suffix(".checkpoint.parquet")?.parse().ok()?;
        Some((version, vec![object.location]))
    });
    Ok(classic.max_by_key(|(version, _)| *version))
}

/// The positions in a checkpoint: its column `txn`, the only one that is decoded.
async fn read_positions(
    store: &ObjectStoreRef,
    files: Vec<Path>,
) -> Result<HashMap<String, i64>, DeltaTableError> {
    let mut positions = HashMap::new();
    for file in files {
        let bytes = store.get(&file).await?.bytes().await?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["txn.appId", "txn.version"]);
        for batch in builder.with_projection(mask).build()? {
            let batch = batch?;
            let Some(txn) = batch.column_by_name("txn").and_then(|column| column.as_struct_opt()) else {
                continue;
            };
            let (Some(ids), Some(versions)) = (
                txn.column_by_name("appId").and_then(|ids| ids.as_string_opt::<i32>()),
                txn.column_by_name("version").and_then(|versions| versions.as_primitive_opt::<Int64Type>()),
            ) else {
                return Err(DeltaTableError::generic(format!(
                    "{file} is no checkpoint that this build reads"
                )));
            };
            let rows = (0..txn.len()).filter(|row| txn.is_valid(*row) && ids.is_valid(*row));
            positions.extend(rows.map(|row| (ids.value(row).to_owned(), versions.value(row))));
        }
    }
    Ok(positions)
}
