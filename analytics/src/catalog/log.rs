//! The commit log of one table: which versions can be read, and when each was committed.

use benchlake_schemas::Micros;
use deltalake::{DeltaResult, ObjectStore, Path, logstore::LogStoreRef};
use std::collections::BTreeMap;

/// The commits of one table that are still in its log.
pub(super) struct Log {
    store: LogStoreRef,
    /// When the file of each commit was last modified: the time of commits that do not say theirs.
    modified: BTreeMap<i64, Micros>,
    /// The oldest version that can be read: the first, or the oldest checkpoint.
    pub(super) oldest: i64,
    /// The latest version.
    pub(super) latest: i64,
}

impl Log {
    /// Lists the log; `None` where there is none.
    pub(super) async fn list(store: LogStoreRef) -> DeltaResult<Option<Self>> {
        let listed = store.object_store(None).list_with_delimiter(Some(&Path::from("_delta_log"))).await?;
        let mut modified = BTreeMap::new();
        let mut checkpoints = Vec::new();
        for object in listed.objects {
            let Some((version, kind)) = object.location.filename().and_then(parse) else {
                continue;
            };
            match kind {
                Kind::Commit => _ = modified.insert(version, object.last_modified.timestamp_micros()),
                Kind::Checkpoint => checkpoints.push(version),
            }
        }
        let Some((&first, _)) = modified.first_key_value() else {
            return Ok(None);
        };
        let latest = modified.last_key_value().map_or(first, |(&version, _)| version);
        let oldest = if first == 0 { 0 } else { checkpoints.into_iter().min().unwrap_or(first) };
        Ok(Some(Self { store, modified, oldest, latest }))
    }

    /// Whether `version` can be read.
    pub(super) fn has(&self, version: i64) -> bool {
        (self.oldest..=self.latest).contains(&version)
    }

    /// The latest version committed at or before `time`; `None` if the first came later.
    pub(super) async fn as_of(&self, time: Micros) -> DeltaResult<Option<i64>> {
        // Versions below `low` were committed in time, those from `high` on later.
        let (mut low, mut high) = (self.oldest, self.latest + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.committed_at(middle).await? <= time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok((low > self.oldest).then_some(low - 1))
    }

    /// When `version` was committed: what the commit itself says, so that a copied lake keeps its
    /// times, else the time of its file.
    pub(super) async fn committed_at(&self, version: i64) -> DeltaResult<Micros> {
        let entry = match u64::try_from(version) {
            Ok(version) => self.store.read_commit_entry(version).await?,
            Err(_) => None,
        };
        let said = entry.and_then(|bytes| bytes.split(|&byte| byte == b'\n').find_map(timestamp));
        Ok(said.or_else(|| self.modified.get(&version).copied()).unwrap_or(Micros::MIN))
    }
}

enum Kind {
    Commit,
    Checkpoint,
}

/// `00000000000000000012.json`, `00000000000000000010.checkpoint.parquet`.
fn parse(name: &str) -> Option<(i64, Kind)> {
    let (digits, rest) = name.split_once('.')?;
    let version = (digits.len() == 20).then(|| digits.parse().ok()).flatten()?;
    match rest {
        "json" => Some((version, Kind::Commit)),
        rest if rest.starts_with("checkpoint.") => Some((version, Kind::Checkpoint)),
        _ => None,
    }
}

/// The time in a `commitInfo` action, which Delta gives in milliseconds.
fn timestamp(line: &[u8]) -> Option<Micros> {
    let action: serde_json::Value = serde_json::from_slice(line).ok()?;
    let info = action.get("commitInfo")?;
    let millis = info.get("inCommitTimestamp").or_else(|| info.get("timestamp"))?.as_i64()?;
    millis.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only commits and checkpoints count; `_last_checkpoint`, CRCs and temporary files do not.
    #[test]
    fn names() {
        let version = |name: &str| parse(name).map(|(version, _)| version);
        assert_eq!(version("00000000000000000012.json"), Some(12));
        assert_eq!(version("00000000000000000010.checkpoint.parquet"), Some(10));
        assert_eq!(version("00000000000000000010.checkpoint.0000000001.0000000002.parquet"), Some(10));
        assert_eq!(version("_last_checkpoint"), None);
        assert_eq!(version("00000000000000000012.crc"), None);
        assert_eq!(version("12.json"), None);
    }
}
