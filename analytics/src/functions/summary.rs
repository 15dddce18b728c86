//! `list_summary(samples[, level])`: the usual figures of a list, sorted once for all of them.

use super::{arguments::Numbers, lists::Doubles};
use crate::stats::{Summary, summary};
use arrow::{
    array::{ArrayRef, Float64Builder, Int64Builder, StructArray},
    buffer::NullBuffer,
    datatypes::{DataType, Field, Fields},
};
use datafusion::error::Result;
use std::sync::Arc;

/// The name of a figure, and where it is.
type Figure = (&'static str, fn(&Summary) -> Option<f64>);

/// The doubles of a summary, after `n`.
const FIGURES: [Figure; 6] = [
    ("mean", |summary| Some(summary.mean)),
    ("sd", |summary| summary.standard_deviation),
    ("median", |summary| Some(summary.median)),
    ("p95", |summary| Some(summary.p95)),
    ("low", |summary| summary.interval.map(|interval| interval.low)),
    ("high", |summary| summary.interval.map(|interval| interval.high)),
];

/// The fields of the struct.
pub(super) fn fields() -> Fields {
    let doubles = FIGURES.iter().map(|(name, _)| Field::new(*name, DataType::Float64, true));
    std::iter::once(Field::new("n", DataType::Int64, true)).chain(doubles).collect()
}

/// The summaries of the rows; null where there is nothing to summarise.
pub(super) fn compute(lists: &Doubles<'_>, numbers: &mut Numbers<'_>) -> Result<ArrayRef> {
    let mut n = Int64Builder::with_capacity(lists.len());
    let mut figures = FIGURES.map(|_| Float64Builder::with_capacity(lists.len()));
    let mut valid = Vec::with_capacity(lists.len());
    let mut copy = Vec::new();
    for row in 0..lists.len() {
        let numbers = numbers.of(row)?;
        let found = numbers.zip(lists.elements(row)).and_then(|(numbers, elements)| {
            elements.copy_present(&mut copy);
            summary(&mut copy, numbers[0])
        });
        n.append_option(found.and_then(|found| i64::try_from(found.n).ok()));
        for ((_, figure), builder) in FIGURES.iter().zip(&mut figures) {
            builder.append_option(found.as_ref().and_then(figure));
        }
        valid.push(found.is_some());
    }
    let doubles = figures.map(|mut builder| Arc::new(builder.finish()) as ArrayRef);
    let columns = std::iter::once(Arc::new(n.finish()) as ArrayRef).chain(doubles).collect();
    Ok(Arc::new(StructArray::try_new(fields(), columns, Some(NullBuffer::from(valid)))?))
}
