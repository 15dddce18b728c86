//! `benchlake lake`: whether a lake is whole, and what keeps it small.

use crate::{
    args::{CompactionArgs, Global, LakeCommand},
    failure::Failure,
    output, sql,
};
use benchlake_analytics::{
    Answer, At, Lake,
    continuity::{Continuity, Rows, continuity},
    format::write,
};
use benchlake_pipeline::{Compacted, Compaction, LakeTable, TableInfo, VACUUM_AGE, partitions};
use benchlake_producers::{agent::exit, emit::Kafka};
use benchlake_schemas::Table;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Runtime;

/// How many problems of one kind are told one by one.
const TOLD: usize = 20;

pub(crate) fn run(command: &LakeCommand, global: &Global) -> Result<u8, Failure> {
    let runtime = Runtime::new()?;
    match command {
        LakeCommand::Verify { place, brokers, kafka } => {
            let lake = &place.lake;
            let show_config = kafka.show_config;
            let kafka = brokers.as_ref().map(|brokers| kafka.cluster(brokers)).transpose()?;
            if show_config {
                return output::config(&[("lake", lake.clone())], kafka.as_ref().map(Kafka::config).as_ref());
            }
            if let Some(kafka) = &kafka {
                // A cluster that refuses is told before files are read for minutes.
                kafka.answers()?;
            }
            return verify(&runtime, lake, kafka.as_ref(), global);
        }
        LakeCommand::Vacuum { place, older_than, offline, dry_run } => {
            let age = Duration::from(*older_than);
            if age < VACUUM_AGE && !offline && !dry_run {
                return Err(Failure::usage(format!(
                    "--older-than {older_than} is less than {}: a lander may be about to commit a file of that age; \
                     stop all landers and add --offline if you mean it",
                    humantime::format_duration(VACUUM_AGE)
                )));
            }
            runtime.block_on(vacuum(&place.lake, age, *dry_run, global))?;
        }
        LakeCommand::Checkpoint { place } => runtime.block_on(async {
            for table in tables(&place.lake).await?.iter_mut() {
                let version = table.checkpoint().await?;
                output::remark(global, &format!("{}: checkpoint of version {version}", table.table()));
            }
            Ok::<_, Failure>(())
        })?,
        LakeCommand::Optimize { place, compaction } => runtime.block_on(async {
            for table in tables(&place.lake).await?.iter_mut() {
                let done = table.optimize(&compaction.get()?).await?;
                output::remark(global, &format!("{}: {}", table.table(), said(&done)));
            }
            Ok::<_, Failure>(())
        })?,
        LakeCommand::Info { place, format } => {
            let facts = runtime.block_on(info(&place.lake))?;
            sql::to_stdout(|out| write(&facts, format.get(), out))?;
        }
        LakeCommand::History { place, limit, format } => {
            let commits = runtime.block_on(history(&place.lake, *limit))?;
            sql::to_stdout(|out| write(&commits, format.get(), out))?;
        }
    }
    Ok(exit::OK)
}

impl CompactionArgs {
    pub(crate) fn get(&self) -> Result<Compaction, Failure> {
        let now = benchlake_schemas::now();
        let cut_off = |age: humantime::Duration| {
            i64::try_from(age.as_micros()).ok().and_then(|age| now.checked_sub(age)).ok_or_else(|| {
                Failure::usage(format!("--summarise-after {age} is longer ago than time goes"))
            })
        };
        let summarise_before = self.summarise_after.map(cut_off).transpose()?;
        Ok(Compaction { target_bytes: (self.target as u64) << 20, summarise_before, ..Compaction::default() })
    }
}

pub(crate) fn said(done: &Compacted) -> String {
    match done.commits {
        0 => "nothing to compact".to_owned(),
        commits => {
            let (removed, added) = (done.removed, done.added);
            format!(
                "{} files of {} became {} of {} in {commits} commits",
                removed.0,
                indicatif::BinaryBytes(removed.1),
                added.0,
                indicatif::BinaryBytes(added.1)
            )
        }
    }
}

fn answer(columns: Vec<(&str, ArrayRef)>) -> Result<Answer, Failure> {
    let batch = RecordBatch::try_from_iter(columns).map_err(Failure::internal)?;
    Ok(Answer { schema: batch.schema(), batches: vec![batch] })
}

async fn info(uri: &str) -> Result<Answer, Failure> {
    let mut facts = Vec::new();
    for table in &mut tables(uri).await? {
        facts.push(table.info().await?);
    }
    let count = |of: fn(&TableInfo) -> u64| {
        let counts = facts.iter().map(|fact| i64::try_from(of(fact)).unwrap_or(i64::MAX));
        Arc::new(Int64Array::from_iter_values(counts)) as ArrayRef
    };
    let tables: StringArray = facts.iter().map(|fact| Some(fact.table.as_str())).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("table", Arc::new(tables)),
        ("version", count(|fact| fact.version)),
        ("files", count(|fact| fact.files as u64)),
        ("rows", count(|fact| fact.rows)),
        ("bytes", count(|fact| fact.bytes)),
        ("positions", count(|fact| fact.positions as u64)),
        ("columns", count(|fact| fact.columns as u64)),
    ];
    answer(columns)
}

async fn history(uri: &str, limit: usize) -> Result<Answer, Failure> {
    let (mut names, mut commits) = (Vec::new(), Vec::new());
    for table in &mut tables(uri).await? {
        for commit in table.history(limit).await? {
            names.push(table.table().as_str());
            commits.push(commit);
        }
    }
    let versions =
        commits.iter().map(|commit| commit.version.and_then(|version| i64::try_from(version).ok()));
    let versions: Int64Array = versions.collect();
    let times: TimestampMicrosecondArray = commits.iter().map(|commit| commit.at).collect();
    let operations: StringArray = commits.iter().map(|commit| Some(commit.operation.as_str())).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("table", Arc::new(StringArray::from(names))),
        ("version", Arc::new(versions)),
        ("committed_at", Arc::new(times.with_timezone("UTC"))),
        ("operation", Arc::new(operations)),
    ];
    answer(columns)
}

/// The tables of a lake that is there; nothing is made.
pub(crate) async fn tables(uri: &str) -> Result<Vec<LakeTable>, Failure> {
    let lake = Lake::open(uri, &At::Latest).await?;
    let mut tables = Vec::new();
    for table in lake.versions().keys() {
        tables.push(LakeTable::open_or_create(uri, *table).await?);
    }
    Ok(tables)
}

fn verify(runtime: &Runtime, uri: &str, kafka: Option<&Kafka>, global: &Global) -> Result<u8, Failure> {
    let mut problems = 0;
    let mut tell = |table: Table, found: &[String]| {
        problems += found.len();
        found.iter().take(TOLD).for_each(|problem| output::print(&format!("{table}: {problem}")));
        if let Some(more @ 1..) = found.len().checked_sub(TOLD) {
            output::print(&format!("{table}: and {more} more"));
        }
    };
    let mut tables = runtime.block_on(tables(uri))?;
    for table in &mut tables {
        let name = table.table();
        let check = runtime.block_on(table.check_files())?;
        output::remark(
            global,
            &format!(
                "{name} at version {}: {} files, {} bytes, {} rows",
                check.version, check.files, check.bytes, check.rows
            ),
        );
        tell(name, &check.problems);
    }
    let lake = runtime.block_on(Lake::open(uri, &At::Latest))?;
    for table in tables.iter_mut().filter(|table| Table::PRODUCED.contains(&table.table())) {
        let name = table.table();
        let found = runtime.block_on(async {
            let continuity = continuity(&lake, name).await?;
            let mut found = holes(&continuity);
            for Rows { producer_id, last, .. } in &continuity.producers {
                let stands = table.producer_position(*producer_id);
                if stands.is_none_or(|stands| stands < *last) {
                    found.push(format!(
                        "producer {producer_id}: rows up to {last} are there, but its position is {stands:?}: a resend would land twice"
                    ));
                }
            }
            Ok::<_, Failure>(found)
        })?;
        tell(name, &found);
        if let Some(kafka) = kafka {
            tell(name, &offsets(runtime, kafka, table, global)?);
        }
    }
    let verdict = if problems == 0 { "whole".to_owned() } else { format!("{problems} problems") };
    output::print(&format!("{uri}: {verdict}"));
    Ok(if problems == 0 { exit::OK } else { exit::DAMAGED })
}

fn holes(continuity: &Continuity) -> Vec<String> {
    let Continuity { missing, dead, doubled, .. } = continuity;
    let line = |rows: &Rows, what: &str| {
        format!("producer {}: rows {}..={} {what}", rows.producer_id, rows.first, rows.last)
    };
    let missing = missing.iter().map(|rows| line(rows, "are missing"));
    let dead = dead.iter().map(|rows| line(rows, "are dead letters (`benchlake dead-letters ls`)"));
    missing.chain(dead).chain(doubled.iter().map(|rows| line(rows, "are there more than once"))).collect()
}

fn offsets(
    runtime: &Runtime,
    kafka: &Kafka,
    table: &mut LakeTable,
    global: &Global,
) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for part in partitions(kafka, table.table())? {
        let stands = runtime.block_on(table.position(&part.app_id))?;
        let place = format!("{}/{}", table.table().topic(), part.number);
        match stands {
            Some(stands) if !(part.low..=part.high).contains(&stands) => found.push(format!(
                "{place}: the lake stands at offset {stands}, but the broker has {}..{}",
                part.low, part.high
            )),
            Some(stands) => {
                output::remark(
                    global,
                    &format!("{place}: at offset {stands}, {} to land", part.high - stands),
                );
            }
            None => output::remark(
                global,
                &format!("{place}: nothing landed yet, {} to land", part.high - part.low),
            ),
        }
    }
    Ok(found)
}

async fn vacuum(uri: &str, age: Duration, dry_run: bool, global: &Global) -> Result<(), Failure> {
    for table in &mut tables(uri).await? {
        let files = table.vacuum(age, dry_run).await?;
        files.iter().for_each(|file| output::print(&format!("{}/{file}", table.table())));
        let done = if dry_run { "would be deleted" } else { "deleted" };
        output::remark(global, &format!("{}: {} files {done}", table.table(), files.len()));
    }
    Ok(())
}
