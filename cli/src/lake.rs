//! `benchlake lake`: whether a lake is whole, and what keeps it small.

use crate::{
    args::{Global, LakeCommand},
    failure::Failure,
    output,
};
use benchlake_analytics::{
    At, Lake,
    continuity::{Continuity, Rows, continuity},
};
use benchlake_pipeline::{LakeTable, partitions};
use benchlake_producers::{agent::exit, emit::Kafka};
use benchlake_schemas::Table;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How many problems of one kind are told one by one.
const TOLD: usize = 20;

pub(crate) fn run(command: &LakeCommand, global: &Global) -> Result<u8, Failure> {
    let runtime = Runtime::new()?;
    match command {
        LakeCommand::Verify { lake, brokers, kafka } => {
            let show_config = kafka.show_config;
            let kafka = brokers.as_ref().map(|brokers| kafka.cluster(brokers)).transpose()?;
            if show_config {
                return output::config(&[("lake", lake.clone())], kafka.as_ref().map(Kafka::config).as_ref());
            }
            if let Some(kafka) = &kafka {
                // A cluster that refuses is told before files are read for minutes.
                kafka.answers()?;
            }
            verify(&runtime, lake, kafka.as_ref(), global)
        }
        LakeCommand::Vacuum { lake, older_than, dry_run } => {
            runtime.block_on(vacuum(lake, (*older_than).into(), *dry_run, global))
        }
        LakeCommand::Checkpoint { lake } => runtime.block_on(async {
            for table in tables(lake).await?.iter_mut() {
                let version = table.checkpoint().await?;
                output::remark(global, &format!("{}: checkpoint of version {version}", table.table()));
            }
            Ok(exit::OK)
        }),
    }
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
                let stands = table.producer_position(*producer_id).await?;
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

async fn vacuum(uri: &str, age: Duration, dry_run: bool, global: &Global) -> Result<u8, Failure> {
    for table in &mut tables(uri).await? {
        let files = table.vacuum(age, dry_run).await?;
        files.iter().for_each(|file| output::print(&format!("{}/{file}", table.table())));
        let done = if dry_run { "would be deleted" } else { "deleted" };
        output::remark(global, &format!("{}: {} files {done}", table.table(), files.len()));
    }
    Ok(exit::OK)
}
