//! CSV and TSV; what has no form there becomes JSON.

use crate::Answer;
use arrow::{
    array::{Array, ArrayRef, RecordBatch, StringArray},
    csv::WriterBuilder,
    datatypes::{Field, FieldRef, Schema},
    error::ArrowError,
    json::writer::{EncoderOptions, make_encoder},
};
use std::{io, sync::Arc};

pub(super) fn write(answer: &Answer, delimiter: u8, out: &mut impl io::Write) -> Result<(), ArrowError> {
    if answer.batches.is_empty() {
        out.write_all(&encoded(&RecordBatch::new_empty(answer.schema.clone()), delimiter, true)?)?;
    }
    answer
        .batches
        .iter()
        .enumerate()
        .try_for_each(|(i, batch)| Ok(out.write_all(&encoded(batch, delimiter, i == 0)?)?))
}

/// The bytes of a batch: arrow's writer would tell a closed pipe as an error of the CSV, and nobody could tell it apart.
fn encoded(batch: &RecordBatch, delimiter: u8, header: bool) -> Result<Vec<u8>, ArrowError> {
    let mut bytes = Vec::new();
    let writer = WriterBuilder::new().with_delimiter(delimiter).with_header(header);
    writer.build(&mut bytes).write(&flat(batch)?)?;
    Ok(bytes)
}

/// `batch` with its nested and binary columns as JSON text.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut fields: Vec<FieldRef> = Vec::with_capacity(batch.num_columns());
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.data_type().is_nested() || field.data_type().is_binary() {
            columns.push(Arc::new(json(field, column)?) as ArrayRef);
            fields.push(Arc::new(Field::new(field.name(), arrow::datatypes::DataType::Utf8, true)));
        } else {
            columns.push(column.clone());
            fields.push(field.clone());
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn json(field: &FieldRef, column: &ArrayRef) -> Result<StringArray, ArrowError> {
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(field, column.as_ref(), &options)?;
    let mut encode = |row| {
        column.is_valid(row).then(|| {
            let mut text = Vec::new();
            encoder.encode(row, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    Ok((0..column.len()).map(&mut encode).collect())
}
