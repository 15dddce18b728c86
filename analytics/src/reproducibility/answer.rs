//! The benchmarks as rows and columns, for spreadsheets and programs.

use super::{Assessment, Reproducibility};
use crate::{Answer, SqlError};
use arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray},
    error::ArrowError,
};
use std::sync::Arc;

/// One row per benchmark, worst first: figures in the unit that the row names, shares as fractions.
///
/// # Errors
/// [`SqlError`] if the columns do not fit each other, which would be a fault of this function.
pub fn answer(all: &Reproducibility) -> Result<Answer, SqlError> {
    let rows = all.benchmarks.as_slice();
    let mut columns = names(rows);
    columns.extend(counts(rows));
    columns.extend(figures(rows, all.limit));
    columns.extend(words(rows));
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .map_err(|error: ArrowError| SqlError::new(error.to_string()))?;
    Ok(Answer { schema: batch.schema(), batches: vec![batch] })
}

type Column = (&'static str, ArrayRef);

fn text(rows: &[Assessment], of: impl Fn(&Assessment) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<StringArray>())
}

fn whole(rows: &[Assessment], of: impl Fn(&Assessment) -> Option<u64>) -> ArrayRef {
    let value = |row: &Assessment| of(row).and_then(|value| i64::try_from(value).ok());
    Arc::new(rows.iter().map(value).collect::<Int64Array>())
}

fn number(rows: &[Assessment], of: impl Fn(&Assessment) -> Option<f64>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<Float64Array>())
}

fn names(rows: &[Assessment]) -> Vec<Column> {
    vec![
        ("label", text(rows, |row| Some(row.label.clone()))),
        ("arm", text(rows, |row| row.arm.clone())),
        ("metric", text(rows, |row| Some(row.metric.clone()))),
        ("unit", text(rows, |row| Some(row.unit.clone()))),
        ("reproducible", text(rows, |row| Some(row.reproducible.as_str().to_owned()))),
    ]
}

fn counts(rows: &[Assessment]) -> Vec<Column> {
    vec![
        ("sessions", whole(rows, |row| Some(row.sessions as u64))),
        ("nodes", whole(rows, |row| Some(row.nodes as u64))),
        ("samples", whole(rows, |row| Some(row.samples as u64))),
        ("sessions_to_decide", whole(rows, |row| Some(row.deciding?.sessions as u64))),
        ("nodes_to_decide", whole(rows, |row| Some(row.deciding?.nodes as u64))),
        ("sessions_needed", whole(rows, |row| row.plan?.sessions)),
        ("nodes_needed", whole(rows, |row| row.plan?.nodes)),
        ("cheapest_samples", whole(rows, |row| Some(row.plan?.cheapest?.samples))),
        ("cheapest_sessions", whole(rows, |row| Some(row.plan?.cheapest?.sessions))),
    ]
}

fn figures(rows: &[Assessment], limit: f64) -> Vec<Column> {
    let shares = |row: &Assessment| row.shares.clone();
    let precision = |row: &Assessment| row.precision.clone();
    vec![
        ("centre", number(rows, |row| Some(row.centre))),
        ("cv", number(rows, |row| Some(row.spread?.cv))),
        ("cv_low", number(rows, |row| Some(row.spread?.interval.low))),
        ("cv_high", number(rows, |row| Some(row.spread?.interval.high))),
        ("limit", number(rows, |_| Some(limit))),
        ("share_nodes", number(rows, |row| shares(row)?.nodes)),
        ("share_sessions", number(rows, |row| Some(shares(row)?.sessions))),
        ("share_samples", number(rows, |row| Some(shares(row)?.samples))),
        ("repeatability_sd", number(rows, |row| Some(precision(row)?.repeatability_sd))),
        ("reproducibility_sd", number(rows, |row| Some(precision(row)?.reproducibility_sd))),
        ("repeatability_limit", number(rows, |row| Some(precision(row)?.repeatability_limit))),
        ("reproducibility_limit", number(rows, |row| Some(precision(row)?.reproducibility_limit))),
        ("seconds_needed", number(rows, |row| row.plan?.seconds)),
    ]
}

fn words(rows: &[Assessment]) -> Vec<Column> {
    let laboratories = |row: &Assessment| Some(row.precision.as_ref()?.are.as_str().to_owned());
    let off = |row: &Assessment| {
        let names: Vec<&str> = row.off.iter().map(|off| off.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(" "))
    };
    let flags = |row: &Assessment| {
        let names: Vec<&str> = row.flags.keys().map(String::as_str).collect();
        (!names.is_empty()).then(|| names.join(" "))
    };
    vec![
        ("laboratories", text(rows, laboratories)),
        ("off", text(rows, off)),
        ("flags", text(rows, flags)),
        ("benchmark_id", text(rows, |row| Some(row.benchmark_id.clone()))),
    ]
}
