//! Maintenance beside landing: rows stay the same rows, and no file that is needed goes.

use super::*;
use benchlake_pipeline::{Compaction, LakeTable, VACUUM_AGE};
use benchlake_schemas::Flag;
use std::{sync::atomic::Ordering, time::Duration};

/// Eight runs of `count` series each, landed one by one: many small files.
fn small_files(dir: &Path, count: u32) -> Result<Vec<Series>, Box<dyn Error>> {
    let mut all = Vec::new();
    for _ in 0..8 {
        let rows = some_series(count);
        spool_rows(&dir.join("spool"), &rows)?;
        land_spool(&dir.join("spool"), &dir.join("lake"))?;
        all.extend(rows);
    }
    Ok(all)
}

fn keys(lake: &Path) -> Result<Vec<(String, i64)>, Box<dyn Error>> {
    let mut keys: Vec<_> =
        rows::<Keyed>(lake, Table::Series)?.into_iter().map(|key| (key.producer_id, key.seq)).collect();
    keys.sort();
    Ok(keys)
}

/// Compaction leaves every row as it is, in one file, ordered by benchmark; a lander that commits at
/// the same time loses nothing, and what was replaced goes with a vacuum alone.
#[test]
fn compaction_keeps_every_row() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (spool, lake) = (dir.path().join("spool"), dir.path().join("lake"));
    small_files(dir.path(), 10)?;
    let before = keys(&lake)?;
    let stop = AtomicBool::new(false);
    let landed = std::thread::scope(|scope| {
        let lander = scope.spawn(|| {
            let mut landed = 0;
            while !stop.load(Ordering::Relaxed) {
                spool_rows(&spool, &some_series(1)).expect("rows are spooled");
                landed += land_spool(&spool, &lake).expect("rows land").counts.rows;
            }
            landed
        });
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let done = runtime.block_on(async {
            let mut table = LakeTable::open_or_create(&lake.to_string_lossy(), Table::Series).await?;
            table.optimize(&Compaction::default()).await
        });
        stop.store(true, Ordering::Relaxed);
        let landed = lander.join().expect("the lander ends");
        done.map(|done| {
            assert!(done.removed.0 >= 8 && done.added.0 == 1, "{done:?}");
            landed
        })
    })?;
    let after = keys(&lake)?;
    assert_eq!(after.len() as u64, before.len() as u64 + landed);
    assert!(before.iter().all(|key| after.binary_search(key).is_ok()));

    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut table = LakeTable::open_or_create(&lake.to_string_lossy(), Table::Series).await?;
        let check = table.check_files().await?;
        assert_eq!((check.rows, check.problems), (after.len() as u64, vec![]));
        assert_eq!(table.vacuum(VACUUM_AGE, false).await?, Vec::<String>::new());
        assert!(table.vacuum(Duration::ZERO, false).await?.len() >= 8);
        assert_eq!(table.check_files().await?.problems, Vec::<String>::new());
        Ok::<_, Box<dyn Error>>(())
    })?;
    assert_eq!(keys(&lake)?, after);
    Ok(())
}

/// Old series keep some samples and say so; young ones keep all; doing it twice changes nothing more.
#[test]
fn old_series_are_summarised() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (spool, lake) = (dir.path().join("spool"), dir.path().join("lake"));
    let samples: Vec<f64> = (0..500).map(f64::from).collect();
    let mut old = sample_series(Benchmark::new("old"), &samples);
    old.started_at = 1_000_000;
    spool_rows(&spool, &[old])?;
    land_spool(&spool, &lake)?;
    spool_rows(&spool, &[sample_series(Benchmark::new("young"), &samples)])?;
    land_spool(&spool, &lake)?;
    let compaction = Compaction { summarise_before: Some(2_000_000), keep: 50, ..Compaction::default() };
    let runtime = tokio::runtime::Runtime::new()?;
    let commits = runtime.block_on(async {
        let mut table = LakeTable::open_or_create(&lake.to_string_lossy(), Table::Series).await?;
        let first = table.optimize(&compaction).await?.commits;
        Ok::<_, Box<dyn Error>>((first, table.optimize(&compaction).await?.commits))
    })?;
    assert_eq!(commits, (1, 0));
    for row in series(&lake)? {
        let expected = if row.benchmark == "old" { (50, vec![Flag::Summarised]) } else { (500, vec![]) };
        assert_eq!((row.samples.len(), row.flags), expected, "{}", row.benchmark);
    }
    Ok(())
}
