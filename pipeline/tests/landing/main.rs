//! Promises of landing, held against real Delta tables, real spools and, where there is one, a real
//! Kafka.

mod declare;
mod kafka;
mod lake;
mod maintain;
mod spool;

use benchlake_pipeline::{FlushPolicy, LandError, Lander, Report, SpoolSource};
use benchlake_producers::emit::{Spool, SpoolOptions};
use benchlake_schemas::{
    Benchmark, Row, RunId, Series, Session, SessionId, Table, from_batch, sample_series, sample_session,
};
use deltalake::DeltaTableBuilder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, de::DeserializeOwned};
use std::{error::Error, fs::File, path::Path, sync::atomic::AtomicBool};

type TestResult = Result<(), Box<dyn Error>>;

/// A row of the lake with its key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Keyed {
    producer_id: String,
    seq: i64,
}

/// Every row of a table's newest version, read from its Parquet files without our own reader.
fn rows<R: DeserializeOwned>(lake: &Path, table: Table) -> Result<Vec<R>, Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let url = deltalake::ensure_table_uri(lake.join(table.as_str()).to_string_lossy())?;
    let delta = runtime.block_on(DeltaTableBuilder::from_url(url)?.load())?;
    let mut rows = Vec::new();
    for uri in delta.get_file_uris()? {
        let path = uri.strip_prefix("file://").unwrap_or(&uri).to_owned();
        for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()? {
            let batch = batch?;
            let keys = match table {
                Table::DeadLetters | Table::Verdicts | Table::Baselines => vec![0; batch.num_rows()],
                _ => from_batch::<Keyed>(&batch)?.iter().map(|key| key.seq).collect(),
            };
            rows.extend(keys.into_iter().zip(from_batch::<R>(&batch)?));
        }
    }
    // Files come newest first; a table has no order but its keys'.
    rows.sort_by_key(|(seq, _)| *seq);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

fn series(lake: &Path) -> Result<Vec<Series>, Box<dyn Error>> {
    rows(lake, Table::Series)
}

fn land_spool(spool: &Path, lake: &Path) -> Result<Report, LandError> {
    let mut lander = Lander::open(&lake.to_string_lossy(), FlushPolicy::default())?;
    let mut source = SpoolSource::new(spool, None, lander.positions());
    lander.run(&mut source, true, &AtomicBool::new(false), &mut |_| {})
}

fn some_series(count: u32) -> Vec<Series> {
    let numbered = (0..count).map(|n| sample_series(Benchmark::new("w").with("n", n), &[f64::from(n), 0.5]));
    numbered.collect()
}

fn some_sessions(count: usize) -> Vec<Session> {
    (0..count).map(|_| sample_session(RunId::new(), SessionId::new())).collect()
}

fn spool_rows<R: Row>(root: &Path, rows: &[R]) -> TestResult {
    let mut spool = Spool::open(root, 4, SpoolOptions::default())?;
    assert_eq!(spool.append(rows)?, rows.len());
    Ok(())
}
