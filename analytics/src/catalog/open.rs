//! Finding the tables of a lake and the version of each that belongs to a state.

use super::{At, log::Log, table::ReadOnly, utc};
use crate::sql;
use benchlake_schemas::{Micros, Table};
use datafusion::{catalog::TableProvider, error::DataFusionError};
use deltalake::{
    DeltaTable, DeltaTableBuilder, DeltaTableError, kernel::Snapshot, table::builder::parse_table_uri,
};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// Why a lake cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// There are no tables.
    #[error(
        "no lake at {uri}: none of its sub-folders sessions, series, … is a table; check the path, or measure something first"
    )]
    NoLake {
        /// Where.
        uri: String,
    },
    /// The path is a file.
    #[error("{uri} is a file; a lake is a folder with the tables sessions, series, …")]
    IsFile {
        /// Where.
        uri: String,
    },
    /// The path is one of the tables.
    #[error("{uri} is a single table; give the folder above it")]
    IsTable {
        /// Where.
        uri: String,
    },
    /// A pinned table is not in the lake.
    #[error("the lake at {uri} has no table {table}, so no version {version} of it")]
    NoTable {
        /// Where.
        uri: String,
        /// The table.
        table: Table,
        /// What was asked for.
        version: i64,
    },
    /// A pinned version does not exist, or no longer.
    #[error("{table} has no version {version}; it has {oldest} to {latest}")]
    NoVersion {
        /// The table.
        table: Table,
        /// What was asked for.
        version: i64,
        /// The oldest version that can be read.
        oldest: i64,
        /// The latest version.
        latest: i64,
    },
    /// The time lies before the first commit of any table.
    #[error("the lake at {uri} was still empty at {time}; its first commit came at {first}")]
    TooEarly {
        /// Where.
        uri: String,
        /// What was asked for.
        time: String,
        /// When the first commit came.
        first: String,
    },
    /// The location is of a kind that this build does not read.
    #[error("{uri} is not a location this build reads ({place}): give a folder, file://… or s3://BUCKET/…")]
    Location {
        /// Where.
        uri: String,
        /// The part that is not understood.
        place: String,
    },
    /// A table is damaged or unreachable.
    #[error("table {table} of {uri} cannot be read: {problem}")]
    Read {
        /// The table.
        table: Table,
        /// Where.
        uri: String,
        /// What happened.
        problem: String,
    },
}

/// A table at one version.
pub(super) struct Pinned {
    pub(super) version: i64,
    pub(super) provider: Arc<dyn TableProvider>,
}

/// The tables that exist in the lake at `uri` at the state `at`.
pub(super) async fn tables(uri: &str, at: &At) -> Result<BTreeMap<Table, Pinned>, LakeError> {
    let opener = Opener { uri };
    let found = opener.find().await?;
    let wanted = match at {
        At::Latest => found.keys().map(|&table| (table, None)).collect(),
        At::Time(time) => opener.as_of(&found, *time).await?,
        At::Versions(versions) => opener.pinned(&found, versions).await?,
    };
    let mut tables = BTreeMap::new();
    for (table, version) in wanted {
        if let Some(delta) = found.get(&table) {
            tables.insert(table, opener.pin(table, delta, version).await?);
        }
    }
    Ok(tables)
}

/// The version of each table that exists at a state; `None` is the latest.
type Wanted = BTreeMap<Table, Option<i64>>;

struct Opener<'a> {
    uri: &'a str,
}

impl Opener<'_> {
    fn read(&self, table: Table) -> impl Fn(DeltaTableError) -> LakeError {
        let uri = self.uri.to_owned();
        move |error| match error {
            DeltaTableError::InvalidTableLocation(place) => LakeError::Location { uri: uri.clone(), place },
            error => LakeError::Read { table, uri: uri.clone(), problem: first_line(&error.to_string()) },
        }
    }

    /// The lake's tables, not loaded.
    async fn find(&self) -> Result<BTreeMap<Table, DeltaTable>, LakeError> {
        let uri = self.uri.to_owned();
        let folder = local(self.uri);
        if let Some(folder) = folder {
            if folder.is_file() {
                return Err(LakeError::IsFile { uri });
            }
            if folder.join("_delta_log").is_dir() {
                return Err(LakeError::IsTable { uri });
            }
        }
        let mut found = BTreeMap::new();
        for &table in Table::ALL {
            if folder.is_some_and(|folder| !folder.join(table.as_str()).join("_delta_log").is_dir()) {
                continue;
            }
            let location = format!("{}/{table}", self.uri.trim_end_matches('/'));
            let delta = parse_table_uri(location)
                .and_then(DeltaTableBuilder::from_url)
                .and_then(DeltaTableBuilder::build)
                .map_err(self.read(table))?;
            if folder.is_some() || delta.verify_deltatable_existence().await.map_err(self.read(table))? {
                found.insert(table, delta);
            }
        }
        if found.is_empty() { Err(LakeError::NoLake { uri }) } else { Ok(found) }
    }

    async fn log(&self, table: Table, delta: &DeltaTable) -> Result<Log, LakeError> {
        let log = Log::list(delta.log_store()).await.map_err(self.read(table))?;
        log.ok_or_else(|| LakeError::NoLake { uri: self.uri.to_owned() })
    }

    /// The tables as they were at `time`.
    async fn as_of(&self, found: &BTreeMap<Table, DeltaTable>, time: Micros) -> Result<Wanted, LakeError> {
        let mut wanted = Wanted::new();
        let mut first = Micros::MAX;
        for (&table, delta) in found {
            let log = self.log(table, delta).await?;
            match log.as_of(time).await.map_err(self.read(table))? {
                Some(version) => _ = wanted.insert(table, Some(version)),
                None => first = first.min(log.committed_at(log.oldest).await.map_err(self.read(table))?),
            }
        }
        if wanted.is_empty() {
            return Err(LakeError::TooEarly { uri: self.uri.to_owned(), time: utc(time), first: utc(first) });
        }
        Ok(wanted)
    }

    /// The tables at `versions`, the others as they were at the latest of those commits.
    async fn pinned(
        &self,
        found: &BTreeMap<Table, DeltaTable>,
        versions: &BTreeMap<Table, i64>,
    ) -> Result<Wanted, LakeError> {
        let mut time = Micros::MIN;
        for (&table, &version) in versions {
            let delta = found.get(&table).ok_or_else(|| LakeError::NoTable {
                uri: self.uri.to_owned(),
                table,
                version,
            })?;
            let log = self.log(table, delta).await?;
            if !log.has(version) {
                return Err(LakeError::NoVersion { table, version, oldest: log.oldest, latest: log.latest });
            }
            time = time.max(log.committed_at(version).await.map_err(self.read(table))?);
        }
        let mut wanted = Wanted::new();
        for (&table, delta) in found {
            let version = match versions.get(&table) {
                Some(&version) => Some(version),
                None => self.log(table, delta).await?.as_of(time).await.map_err(self.read(table))?,
            };
            wanted.extend(version.map(|version| (table, Some(version))));
        }
        Ok(wanted)
    }

    /// Loads one table. The snapshot is loaded here, at its version: a provider of a loaded table
    /// would ignore the version it is given.
    async fn pin(&self, table: Table, delta: &DeltaTable, version: Option<i64>) -> Result<Pinned, LakeError> {
        let wanted = version.and_then(|version| u64::try_from(version).ok());
        let snapshot =
            Snapshot::try_new(delta.log_store().as_ref(), wanted).await.map_err(self.read(table))?;
        let version = i64::try_from(snapshot.version()).unwrap_or(i64::MAX);
        let provider = delta.table_provider().with_snapshot(snapshot).build().await;
        let provider = provider.map_err(|error: DataFusionError| LakeError::Read {
            table,
            uri: self.uri.to_owned(),
            problem: sql::one_line(&error),
        })?;
        Ok(Pinned { version, provider: Arc::new(ReadOnly { table, delta: Arc::new(provider) }) })
    }
}

/// The folder that `uri` names, if it is not on an object store.
fn local(uri: &str) -> Option<&Path> {
    match uri.strip_prefix("file://") {
        Some(path) => Some(Path::new(path)),
        None => (!uri.contains("://")).then(|| Path::new(uri)),
    }
}

fn first_line(text: &str) -> String {
    sql::without_layers(text.lines().next().unwrap_or_default()).to_owned()
}
