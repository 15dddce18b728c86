//! Rows of the table `series`, as they are read.

use super::Measured;
use arrow::{
    array::{Array, ArrayRef, AsArray, Int64Array, ListArray, PrimitiveArray, RecordBatch, StringViewArray},
    compute::cast,
    datatypes::{ArrowPrimitiveType, DataType, Field, Float64Type, Int64Type},
    error::ArrowError,
};
use benchlake_schemas::{Benchmark, Better};
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// The columns that are read.
pub(super) const NAMES: [&str; 13] = [
    "session_id",
    "benchmark_id",
    "benchmark",
    "metric",
    "unit",
    "better",
    "rank",
    "chunk",
    "samples",
    "iterations",
    "parameters",
    "device",
    "flags",
];

/// The columns of a batch. Texts are views: those of a Parquet file are, so that none is copied.
pub(super) struct Columns {
    pub(super) session: StringViewArray,
    pub(super) id: StringViewArray,
    pub(super) benchmark: StringViewArray,
    pub(super) metric: StringViewArray,
    pub(super) unit: StringViewArray,
    pub(super) better: StringViewArray,
    pub(super) rank: Int64Array,
    pub(super) chunk: Int64Array,
    device: StringViewArray,
    samples: ListArray,
    iterations: ListArray,
    flags: ListArray,
    parameters: ArrayRef,
}

impl Columns {
    pub(super) fn new(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let any = |name: &str| {
            let found = batch.column_by_name(name);
            found.cloned().ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
        };
        // A cast to the type that a column has copies nothing.
        let text = |name: &str| {
            Ok::<_, ArrowError>(cast(&any(name)?, &DataType::Utf8View)?.as_string_view().clone())
        };
        let number = |name: &str| {
            Ok::<_, ArrowError>(cast(&any(name)?, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
        };
        let list = |name: &str, element: DataType| {
            let wanted = DataType::List(Arc::new(Field::new_list_field(element, true)));
            Ok::<_, ArrowError>(cast(&any(name)?, &wanted)?.as_list::<i32>().clone())
        };
        Ok(Self {
            session: text("session_id")?,
            id: text("benchmark_id")?,
            benchmark: text("benchmark")?,
            metric: text("metric")?,
            unit: text("unit")?,
            better: text("better")?,
            rank: number("rank")?,
            chunk: number("chunk")?,
            device: text("device")?,
            samples: list("samples", DataType::Float64)?,
            iterations: list("iterations", DataType::Int64)?,
            flags: list("flags", DataType::Utf8View)?,
            parameters: any("parameters")?,
        })
    }

    /// What a row measures, without a series.
    pub(super) fn measured(&self, row: usize) -> Measured {
        let benchmark = self.benchmark.value(row).to_owned();
        let parameters = pairs(&self.parameters, row);
        let label = Benchmark { name: benchmark.clone(), parameters: parameters.clone() }.to_string();
        let better = self.better.value(row);
        Measured {
            benchmark_id: self.id.value(row).to_owned(),
            benchmark,
            parameters,
            label,
            metric: self.metric.value(row).to_owned(),
            unit: self.unit.value(row).to_owned(),
            better: if better == Better::Higher.as_str() { Better::Higher } else { Better::Lower },
            observed: Vec::new(),
        }
    }

    /// How many samples a row has at most: those without iterations are none.
    pub(super) fn samples(&self, row: usize) -> usize {
        place(&self.samples, row).len()
    }

    /// The samples of a row, each divided by its iterations.
    pub(super) fn values(&self, row: usize) -> Vec<f64> {
        let (samples, iterations) =
            (numbers::<Float64Type>(&self.samples), numbers::<Int64Type>(&self.iterations));
        let (of_samples, of_iterations) = (place(&self.samples, row), place(&self.iterations, row));
        let counts = &iterations.values()[of_iterations.clone()];
        if samples.null_count() == 0 && iterations.null_count() == 0 && counts.iter().all(|count| *count > 0)
        {
            return samples.values()[of_samples]
                .iter()
                .zip(counts)
                .map(|(sample, count)| each(*sample, *count))
                .collect();
        }
        let there = |(sample, count): (usize, usize)| {
            let is_there =
                samples.is_valid(sample) && iterations.is_valid(count) && iterations.value(count) > 0;
            is_there.then(|| each(samples.value(sample), iterations.value(count)))
        };
        of_samples.zip(of_iterations).filter_map(there).collect()
    }

    /// The accelerator that was measured.
    pub(super) fn device(&self, row: usize) -> Option<Box<str>> {
        self.device.is_valid(row).then(|| self.device.value(row).into())
    }

    pub(super) fn flags(&self, row: usize) -> Vec<String> {
        let flags = self.flags.values().as_string_view();
        let there = place(&self.flags, row).filter(|&flag| flags.is_valid(flag));
        there.map(|flag| flags.value(flag).to_owned()).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of iterations are far below 2^53")]
fn each(sample: f64, iterations: i64) -> f64 {
    sample / iterations as f64
}

fn numbers<T: ArrowPrimitiveType>(list: &ListArray) -> &PrimitiveArray<T> {
    list.values().as_primitive()
}

/// Where the list of a row lies among the values of all.
fn place(list: &ListArray, row: usize) -> Range<usize> {
    let at = |row: usize| usize::try_from(list.value_offsets()[row]).unwrap_or(0);
    if list.is_null(row) { 0..0 } else { at(row)..at(row + 1) }
}

/// The entries of a map of texts.
fn pairs(maps: &dyn Array, row: usize) -> BTreeMap<String, String> {
    let entries = maps.as_map().value(row);
    let texts =
        |i: usize| cast(entries.column(i), &DataType::Utf8View).map(|column| column.as_string_view().clone());
    let (Ok(keys), Ok(values)) = (texts(0), texts(1)) else { return BTreeMap::new() };
    keys.iter()
        .zip(values.iter())
        .filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned())))
        .collect()
}
