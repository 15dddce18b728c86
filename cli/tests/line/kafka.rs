//! Through a real Kafka, to the row.

use super::*;
use benchlake_producers::emit::{Entry, LogReader};
use benchlake_schemas::{Series, Session, Table, from_batch};
use std::process::Stdio;

/// Everything that the spools below `root` ever held, in order: segments are deleted only when they
/// are full, so a small spool still has what it forwarded.
pub(super) fn spooled<R: serde::de::DeserializeOwned>(
    root: &Path,
    table: Table,
) -> Result<Vec<R>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for producer in fs::read_dir(root)? {
        let mut reader = LogReader::new(&producer?.path().join(table.as_str()), 0);
        while let Some(entry) = reader.next_entry()? {
            let Entry::Record { envelope, .. } = entry else { return Err("a damaged record".into()) };
            rows.extend(from_batch::<R>(&envelope.open(table)?.0)?);
        }
    }
    Ok(rows)
}

pub(super) fn landed<R: serde::de::DeserializeOwned>(
    lake: &Path,
    table: Table,
    producer: &str,
) -> Result<Vec<R>, Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let answer = runtime.block_on(async {
        let lake = Lake::open(&lake.to_string_lossy(), &At::Latest).await?;
        let query = format!("select * from {table} where producer_id = '{producer}' order by seq");
        Ok::<_, Box<dyn Error>>(ask(&lake.context(), &query).await?)
    })?;
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let (batch, _) = benchlake_schemas::conform(table, batch)?;
        rows.extend(from_batch::<R>(&batch)?);
    }
    Ok(rows)
}

/// What `run --brokers` measured and `land --brokers` landed is, row for row, what the spool held;
/// landing again adds nothing.
#[test]
fn every_row_of_a_run_goes_through_kafka() -> TestResult {
    let Some(brokers) = real("BENCHLAKE_TEST_BROKERS", "Kafka") else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let (suite, spool, lake) = (suite(dir.path())?, dir.path().join("spool"), dir.path().join("lake"));
    let mut run = benchlake();
    run.args(["run", "--sessions", "3", "--tag", "test=line", "--brokers", &brokers, "--spool"]).arg(&spool);
    ok(run.arg(&suite).output()?)?;
    let land = || -> Result<Output, Box<dyn Error>> {
        let mut land = benchlake();
        land.args(["land", "--until-idle", "--brokers", &brokers, "--lake"]).arg(&lake);
        ok(land.stdout(Stdio::null()).output()?)
    };
    land()?;
    let producers: Vec<_> =
        fs::read_dir(&spool)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let [producer] = &producers[..] else { return Err(format!("one producer, not {producers:?}").into()) };
    let sessions: Vec<Session> = spooled(&spool, Table::Sessions)?;
    let series: Vec<Series> = spooled(&spool, Table::Series)?;
    assert_eq!(
        (
            sessions.len(),
            series.iter().filter(|row| row.phase.as_str() == "measure" && row.metric == "time").count()
        ),
        (6, 6)
    );
    assert_eq!(landed::<Session>(&lake, Table::Sessions, producer)?, sessions);
    assert_eq!(landed::<Series>(&lake, Table::Series, producer)?, series);
    let before = everything(&lake)?;
    land()?;
    assert_eq!(everything(&lake)?, before);
    Ok(())
}
