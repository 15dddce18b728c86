//! Lands the rows of a dead letter after all, each once.

use crate::{
    lake_table::{LakeError, LakeTable, Outcome, Progress},
    position::Span,
    source::producer_app_id,
};
use arrow::{array::BooleanArray, compute::filter_record_batch};
use benchlake_schemas::{DeadLetter, Envelope, RecordError, SeqRange, header};
use std::collections::HashSet;

/// Counts the replays of a table: two at once cannot both commit.
const REPLAYS: &str = "benchlake/replays";
/// How often a replay that another writer came before is tried.
const ATTEMPTS: u32 = 8;

/// What a replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// Rows that were missing are landed.
    Landed {
        /// How many.
        rows: usize,
        /// Rows of the letter that the lake had already.
        known: usize,
    },
    /// It was replayed before.
    Before,
}

/// Why a dead letter was not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError<E: std::error::Error> {
    /// Its bytes still are no rows.
    #[error("its bytes still cannot be read: {0}")]
    Record(#[from] RecordError),
    /// Rows before it would be taken for known when they come.
    #[error("rows {first}..={last} of its producer are on their way: land them first, then replay")]
    Early {
        /// The first of them.
        first: i64,
        /// The last of them.
        last: i64,
    },
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The rows that the lake has could not be asked for.
    #[error(transparent)]
    Present(E),
}

impl LakeTable {
    /// Whether `letter` was replayed into this table.
    ///
    /// # Errors
    /// [`LakeError`] if the log cannot be read.
    pub async fn was_replayed(&self, letter: &DeadLetter) -> Result<bool, LakeError> {
        Ok(self.known(&letter_app_id(letter)).is_some())
    }

    /// Lands the rows of `letter`, of which this is the table, that the lake does not have yet;
    /// `mended` bytes take the place of its own. `present` tells which rows of a range the newest
    /// version of the table has.
    ///
    /// # Errors
    /// [`ReplayError`]; nothing is landed then.
    pub async fn replay<E: std::error::Error>(
        &mut self,
        letter: &DeadLetter,
        mended: Option<&[u8]>,
        present: impl AsyncFn(SeqRange) -> Result<HashSet<i64>, E>,
    ) -> Result<Replayed, ReplayError<E>> {
        let (batch, range) = envelope(letter, mended).open(self.table())?;
        for _ in 0..ATTEMPTS {
            self.refresh().await?;
            if self.was_replayed(letter).await? {
                return Ok(Replayed::Before);
            }
            let replays = self.known(REPLAYS);
            let producer = producer_app_id(range.producer);
            let stands = self.known(&producer);
            let DeadLetter { topic, partition, offset, .. } = letter;
            if range.first > stands.unwrap_or(0) + 1 && !self.is_beyond(topic, *partition, *offset) {
                let (first, last) = (stands.unwrap_or(0) + 1, range.first - 1);
                return Err(ReplayError::Early { first, last });
            }
            let mut progress = vec![
                step(REPLAYS.to_owned(), replays, replays.unwrap_or(0) + 1, false),
                step(letter_app_id(letter), None, 1, false),
            ];
            if range.last > stands.unwrap_or(0) {
                // The lander has not seen these rows: from now on it will know them.
                progress.push(step(producer, stands, range.last, true));
            }
            // Asked after the positions were read: whoever lands the same rows later moves one of them.
            let known = present(range).await.map_err(ReplayError::Present)?;
            let missing: BooleanArray =
                (range.first..=range.last).map(|seq| Some(!known.contains(&seq))).collect();
            let rows = filter_record_batch(&batch, &missing)
                .map_err(|error| RecordError::Malformed(error.to_string()))?;
            let landed = rows.num_rows();
            let batches = if landed > 0 { vec![rows] } else { Vec::new() };
            if let Outcome::Landed { .. } = self.land(&batches, &progress).await? {
                return Ok(Replayed::Landed { rows: landed, known: batch.num_rows() - landed });
            }
        }
        Err(LakeError {
            uri: self.url(),
            problem: "other writers were faster each time; replay again".to_owned(),
        }
        .into())
    }
}

fn step(app_id: String, start: Option<i64>, end: i64, expires: bool) -> Progress {
    Progress { app_id, span: Span { start, end }, expires }
}

fn letter_app_id(letter: &DeadLetter) -> String {
    let DeadLetter { topic, partition, offset, received_at, .. } = letter;
    format!("benchlake/replay/{topic}/{partition}/{offset}/{received_at}")
}

/// The letter as it came, or with other bytes under its headers.
fn envelope(letter: &DeadLetter, mended: Option<&[u8]>) -> Envelope {
    let of_the_bytes = |name: &str| mended.is_some() && [header::CRC, header::DAMAGE].contains(&name);
    let headers = letter.headers.iter().filter(|header| !of_the_bytes(&header.key));
    Envelope {
        headers: headers.map(|header| (header.key.clone(), header.value.clone())).collect(),
        payload: mended.unwrap_or(&letter.payload).to_vec(),
    }
}
