//! Rows that benchlake decides rather than measures: what holds as a baseline, and verdicts. They are
//! committed as samples are, with positions that say which of two writers came first.

use crate::{
    lake_table::{LakeError, LakeTable, Outcome, Progress},
    position::Span,
};
use benchlake_schemas::{Baseline, Table, Verdict, to_batch};

/// How often a commit that another writer came before is tried.
const ATTEMPTS: u32 = 16;

/// What recording a comparison did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Its verdicts are in the lake now.
    Landed {
        /// How many.
        rows: usize,
    },
    /// They were recorded before; nothing was written.
    Known,
}

/// Makes `rows`, one for each platform of ONE baseline, hold from now on: one commit, one revision, which
/// takes the place of theirs and is returned.
///
/// Revisions of a name are 1, 2, 3, … without a hole. Of two people who set it at the same time one comes
/// second and has the next revision: nobody takes a place that somebody else has.
///
/// # Errors
/// [`LakeError`] if there is no row, if they are of several names, or if the lake cannot be written. Nothing is
/// set then; where a store broke down in the middle of it, the newest revision tells whether it is.
pub async fn set_baselines(lake: &str, mut rows: Vec<Baseline>) -> Result<i64, LakeError> {
    let mut table = LakeTable::open_or_create(lake, Table::Baselines).await?;
    let name = match rows.split_first() {
        Some((first, rest)) if rest.iter().all(|row| row.name == first.name) => first.name.clone(),
        _ => return Err(table.failed(&"one commit sets one baseline, on one platform or more")),
    };
    let (revisions, writer) = (format!("benchlake/baseline/{name}"), format!("benchlake/baseline-by/{name}"));
    for _ in 0..ATTEMPTS {
        let last = table.position(&revisions).await?;
        let revision = last.unwrap_or(0) + 1;
        rows.iter_mut().for_each(|row| row.revision = revision);
        let batch = to_batch(Table::Baselines, &rows).map_err(|error| table.failed(&error))?;
        let progress = [
            Progress { app_id: revisions.clone(), span: Span { start: last, end: revision }, expires: false },
            // A rival who has read the same revision moves it to the same end: whose it is, the mark tells.
            marked(writer.clone(), table.known(&writer), false),
        ];
        if let Outcome::Landed { .. } = table.land(&[batch], &progress).await? {
            return Ok(revision);
        }
    }
    Err(table.failed(&format!("others set the baseline {name} faster each time; set it again")))
}

/// Records the verdicts `rows` of the comparison `comparison`, a name that no other has, once: the same
/// comparison again, at the same time too, writes nothing.
///
/// # Errors
/// [`LakeError`] if the lake cannot be written; the same call may be made again.
pub async fn record_verdicts(lake: &str, comparison: &str, rows: &[Verdict]) -> Result<Recorded, LakeError> {
    if rows.is_empty() {
        return Ok(Recorded::Landed { rows: 0 });
    }
    let mut table = LakeTable::open_or_create(lake, Table::Verdicts).await?;
    let batch = to_batch(Table::Verdicts, rows).map_err(|error| table.failed(&error))?;
    let id = format!("benchlake/verdicts/{comparison}");
    for _ in 0..ATTEMPTS {
        if table.position(&id).await?.is_some() {
            return Ok(Recorded::Known);
        }
        // Nobody records a comparison again that is older than positions are kept.
        let progress = marked(id.clone(), None, true);
        if let Outcome::Landed { .. } = table.land(std::slice::from_ref(&batch), &[progress]).await? {
            return Ok(Recorded::Landed { rows: rows.len() });
        }
    }
    Err(table.failed(&"other writers were faster each time; record it again"))
}

/// A position that moves to where no other writer would move it.
fn marked(app_id: String, start: Option<i64>, expires: bool) -> Progress {
    let (_, random) = uuid::Uuid::new_v4().as_u64_pair();
    Progress { app_id, span: Span { start, end: i64::try_from(random >> 1).unwrap_or(i64::MAX) }, expires }
}
