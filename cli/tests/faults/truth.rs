//! What spools held, and what the lake holds: the two that must agree.

use crate::Result;
use benchlake_analytics::{At, Lake, ask};
use benchlake_producers::emit::{Entry, LogReader};
use benchlake_schemas::{Table, from_batch};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

/// A row's key and enough of it to tell it from any other.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct SeriesRow {
    producer_id: String,
    seq: i64,
    session_id: String,
    samples: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct SessionRow {
    producer_id: String,
    seq: i64,
    session_id: String,
}

/// Rows of one table by producer and number.
pub(crate) type Rows = BTreeMap<(String, i64), String>;

/// Rows of both produced tables.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) series: Rows,
    pub(crate) sessions: Rows,
}

trait Keyed: DeserializeOwned + std::fmt::Debug {
    const COLUMNS: &str;
    fn key(&self) -> (String, i64);
}

impl Keyed for SeriesRow {
    const COLUMNS: &str = "producer_id, seq, session_id, samples";

    fn key(&self) -> (String, i64) {
        (self.producer_id.clone(), self.seq)
    }
}

impl Keyed for SessionRow {
    const COLUMNS: &str = "producer_id, seq, session_id";

    fn key(&self) -> (String, i64) {
        (self.producer_id.clone(), self.seq)
    }
}

impl Truth {
    pub(crate) fn len(&self) -> usize {
        self.series.len() + self.sessions.len()
    }

    /// Adds everything that the spools in `root` ever held: segments are deleted only when they are
    /// full, so a small spool still has what it forwarded.
    pub(crate) fn add_spool(&mut self, root: &Path) -> Result<()> {
        let Ok(producers) = fs::read_dir(root) else { return Ok(()) };
        for producer in producers {
            let folder = producer?.path();
            spooled::<SeriesRow>(&folder, Table::Series, &mut self.series)?;
            spooled::<SessionRow>(&folder, Table::Sessions, &mut self.sessions)?;
        }
        Ok(())
    }
}

fn spooled<R: Keyed>(folder: &Path, table: Table, rows: &mut Rows) -> Result<()> {
    let mut reader = LogReader::new(&folder.join(table.as_str()), 0);
    while let Some(entry) = reader.next_entry()? {
        let Entry::Record { envelope, .. } = entry else {
            return Err(format!("{}: a damaged record in the spool", folder.display()).into());
        };
        for row in from_batch::<R>(&envelope.open(table)?.0)? {
            if let Some(other) = rows.insert(row.key(), format!("{row:?}"))
                && other != format!("{row:?}")
            {
                return Err(format!("the spool numbered two rows alike: {other} and {row:?}").into());
            }
        }
    }
    Ok(())
}

fn landed<R: Keyed>(lake: &Lake, runtime: &tokio::runtime::Runtime, table: Table) -> Result<Vec<R>> {
    let columns = R::COLUMNS;
    let answer = runtime.block_on(ask(&lake.context(), &format!("SELECT {columns} FROM {table}")))?;
    let mut rows = Vec::new();
    for batch in &answer.batches {
        rows.extend(from_batch::<R>(batch)?);
    }
    Ok(rows)
}

/// Every row that was spooled is in the lake once and as it was, and nothing else is.
pub(crate) fn compare(truth: &Truth, lake: &Path) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let lake = runtime.block_on(Lake::open(&lake.to_string_lossy(), &At::Latest))?;
    agree("series", &truth.series, landed::<SeriesRow>(&lake, &runtime, Table::Series)?)?;
    agree("sessions", &truth.sessions, landed::<SessionRow>(&lake, &runtime, Table::Sessions)?)
}

fn agree<R: Keyed>(table: &str, spooled: &Rows, landed: Vec<R>) -> Result<()> {
    let mut seen: HashMap<(String, i64), String> = HashMap::new();
    let mut twice = Vec::new();
    for row in landed {
        let key = row.key();
        if seen.insert(key.clone(), format!("{row:?}")).is_some() {
            twice.push(key);
        }
    }
    let lost: Vec<_> = spooled.keys().filter(|key| !seen.contains_key(*key)).collect();
    let altered: Vec<_> =
        spooled.iter().filter(|(key, row)| seen.get(*key).is_some_and(|seen| seen != *row)).collect();
    let foreign: Vec<_> = seen.keys().filter(|key| !spooled.contains_key(*key)).collect();
    if lost.is_empty() && twice.is_empty() && altered.is_empty() && foreign.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{table}: {} lost {:?}, {} twice {:?}, {} altered {:?}, {} that nobody spooled {:?}",
        lost.len(),
        lost.first(),
        twice.len(),
        twice.first(),
        altered.len(),
        altered.first(),
        foreign.len(),
        foreign.first()
    )
    .into())
}
