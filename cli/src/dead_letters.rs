//! `benchlake dead-letters`: what could not be landed, and landing it after all.

use crate::{
    args::{DeadLetters, Global},
    failure::Failure,
    lake, output,
};
use benchlake_analytics::{At, Lake, SqlError, continuity};
use benchlake_pipeline::{LakeTable, ReplayError, Replayed};
use benchlake_producers::agent::exit;
use benchlake_schemas::{DeadLetter, SeqRange};
use std::{fs, path::Path};
use tokio::runtime::Runtime;

pub(crate) fn run(command: &DeadLetters, global: &Global) -> Result<u8, Failure> {
    Runtime::new()?.block_on(async {
        match command {
            DeadLetters::Ls { place } => list(&place.lake).await,
            DeadLetters::Show { place, id, payload } => show(&place.lake, id, payload.as_deref()).await,
            DeadLetters::Replay { place, ids, payload } => {
                replay(&place.lake, ids, payload.as_deref(), global).await
            }
        }
    })
}

async fn open(lake: &str) -> Result<Lake, Failure> {
    Ok(Lake::open(lake, &At::Latest).await?)
}

/// How a letter is named: where it was.
fn id(letter: &DeadLetter) -> String {
    format!("{}/{}/{}", letter.topic, letter.partition, letter.offset)
}

async fn find(lake: &Lake, id: &str) -> Result<Vec<DeadLetter>, Failure> {
    let mut parts = id.rsplitn(3, '/');
    let (offset, partition, topic) = (parts.next(), parts.next(), parts.next());
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<i64>().ok());
    let (Some(offset), Some(partition), Some(topic)) = (number(offset), number(partition), topic) else {
        return Err(Failure::usage(format!(
            "{id:?} is not TOPIC/PARTITION/OFFSET, as `benchlake dead-letters ls` prints it"
        )));
    };
    let letters = continuity::dead_letters(lake, Some((topic, partition, offset))).await?;
    if letters.is_empty() {
        let message = format!("no dead letter {id} in {}: see `benchlake dead-letters ls`", lake.uri());
        return Err(Failure { code: exit::NOTHING, message });
    }
    Ok(letters)
}

async fn list(uri: &str) -> Result<u8, Failure> {
    let lake = open(uri).await?;
    let letters = continuity::dead_letters(&lake, None).await?;
    let tables = lake::tables(uri).await?;
    for letter in &letters {
        let replayed = match tables.iter().find(|table| table.table() == letter.table) {
            Some(table) => table.was_replayed(letter).await?,
            None => false,
        };
        let state = if replayed { "replayed" } else { "open" };
        output::print(&format!("{}\t{state}\t{}\t{}", id(letter), letter.reason, letter.error));
    }
    Ok(if letters.is_empty() { exit::NOTHING } else { exit::OK })
}

async fn show(uri: &str, name: &str, payload: Option<&Path>) -> Result<u8, Failure> {
    let letters = find(&open(uri).await?, name).await?;
    if let Some(path) = payload {
        let bytes = letters.first().map(|letter| letter.payload.as_slice()).unwrap_or_default();
        fs::write(path, bytes).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    }
    for letter in &letters {
        output::print(&format!("id: {}\ntable: {}\nreason: {}", id(letter), letter.table, letter.reason));
        output::print(&format!("error: {}\nbytes: {}", letter.error, letter.payload.len()));
        for header in &letter.headers {
            output::print(&format!("header {}: {}", header.key, String::from_utf8_lossy(&header.value)));
        }
    }
    Ok(exit::OK)
}

/// Replays the letters named, or all; what still cannot be read stays and makes the exit code.
async fn replay(uri: &str, ids: &[String], mended: Option<&Path>, global: &Global) -> Result<u8, Failure> {
    let lake = open(uri).await?;
    let names = match ids {
        [] => continuity::dead_letters(&lake, None).await?.iter().map(id).collect(),
        ids => ids.to_vec(),
    };
    let mended = match mended {
        Some(path) if names.len() == 1 => {
            Some(fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?)
        }
        Some(_) => {
            return Err(Failure::usage("--payload takes the place of one letter's bytes: name that one"));
        }
        None => None,
    };
    let (mut landed, mut refused) = (0, 0);
    for name in &names {
        for letter in find(&lake, name).await? {
            let mut table = LakeTable::open_or_create(uri, letter.table).await?;
            let present = async |SeqRange { producer, first, last }| -> Result<_, SqlError> {
                let lake = Lake::open(uri, &At::Latest).await?;
                let rows = continuity::Rows { producer_id: producer, first, last };
                continuity::present(&lake, letter.table, rows).await
            };
            match table.replay(&letter, mended.as_deref(), present).await {
                Ok(Replayed::Landed { rows, known }) => {
                    landed += rows;
                    output::remark(global, &format!("{name}: {rows} rows landed, {known} were there"));
                }
                Ok(Replayed::Before) => output::remark(global, &format!("{name}: replayed before")),
                Err(ReplayError::Record(error)) => {
                    refused += 1;
                    output::remark(global, &format!("{name}: its bytes still cannot be read: {error}"));
                }
                Err(error) => return Err(Failure { code: exit::UNREACHABLE, message: error.to_string() }),
            }
        }
    }
    output::remark(global, &format!("{landed} rows landed, {refused} letters still cannot be read"));
    Ok(if refused > 0 { exit::PARTLY } else { exit::OK })
}
