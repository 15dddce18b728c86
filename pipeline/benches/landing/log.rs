//! A table that is old: opening it, asking it and committing to it after many commits of many
//! producers.

use crate::Outcome;
use benchlake_pipeline::{LakeTable, Progress, Span};
use benchlake_schemas::{ProducerId, Table};
use deltalake::{
    kernel::{Action, Add, Transaction, transaction::CommitData},
    protocol::{DeltaOperation, SaveMode},
};
use std::{collections::HashMap, fs, path::Path, time::Instant};

const COMMITS: u64 = 100_000;
/// Files that compaction leaves of so many: the last hour's, and some large ones.
const FILES: u64 = 1_000;
const PRODUCERS: usize = 10_000;

/// Writes a log of [`COMMITS`] commits as a lander writes them, with a checkpoint before the last 50.
pub(crate) fn log() -> Outcome<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let folder = std::env::var_os("BENCHLAKE_BENCH_LAKE").map(std::path::PathBuf::from);
    let temporary = tempfile::tempdir()?;
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    let lake = folder.to_string_lossy().into_owned();
    let mut table = runtime.block_on(LakeTable::open_or_create(&lake, Table::Series))?;
    let producers: Vec<_> = (0..PRODUCERS).map(|_| ProducerId::new()).collect();
    let log = folder.join("series/_delta_log");
    let began = Instant::now();
    for version in 1..=COMMITS {
        write_commit(&log, version, &producers)?;
        if version == COMMITS - 50 {
            runtime.block_on(table.checkpoint())?;
        }
    }
    println!(
        "log: {COMMITS} commits, {FILES} files, {PRODUCERS} producers, written in {:.0} s; checkpoint {} bytes",
        began.elapsed().as_secs_f64(),
        checkpoint_size(&log)?
    );
    let mut opened = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        table = runtime.block_on(LakeTable::open_or_create(&lake, Table::Series))?;
        opened.push(began.elapsed());
    }
    assert_eq!(table.version(), COMMITS);
    assert_eq!(table.positions(), PRODUCERS + 1);
    opened.sort_unstable();
    println!("open to land, median of 5             {:>8.3} s (limit 1)", opened[2].as_secs_f64());
    let began = Instant::now();
    let commits = 50;
    for number in 0..commits {
        let start = (COMMITS as i64) + number;
        let span = Span { start: Some(start), end: start + 1 };
        let step = Progress { app_id: "partition".into(), span, expires: false };
        runtime.block_on(table.land(&[], &[step]))?;
    }
    println!(
        "a commit, positions only              {:>8.4} s",
        began.elapsed().as_secs_f64() / commits as f64
    );
    println!();
    Ok(())
}

fn write_commit(log: &Path, version: u64, producers: &[ProducerId]) -> Outcome<()> {
    let moved = format!("benchlake/producer/{}", producers[version as usize % producers.len()]);
    let now = Some(benchlake_schemas::now() / 1000);
    let moves = vec![
        Transaction::new_with_last_update("partition", version as i64, None),
        Transaction::new_with_last_update(moved, version as i64, now),
    ];
    let mut actions = Vec::new();
    if version > COMMITS - FILES {
        actions.push(Action::Add(Add {
            path: format!("part-{version}.parquet"),
            size: 30 << 20,
            data_change: true,
            stats: Some(r#"{"numRecords":2000,"minValues":{"seq":1,"started_at":"2026-11-21T00:00:00.000Z"},"maxValues":{"seq":2000,"started_at":"2026-11-21T01:00:00.000Z"},"nullCount":{"seq":0}}"#.into()),
            ..Add::default()
        }));
    }
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    let bytes = CommitData::new(actions, operation, HashMap::new(), moves).get_bytes()?;
    Ok(fs::write(log.join(format!("{version:020}.json")), bytes)?)
}

fn checkpoint_size(log: &Path) -> Outcome<u64> {
    for entry in fs::read_dir(log)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(".checkpoint.parquet") {
            return Ok(entry.metadata()?.len());
        }
    }
    Err("no checkpoint".into())
}
