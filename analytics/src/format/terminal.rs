//! The table for people.

use super::{cell, quantity::quantity};
use crate::Answer;
use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::cast,
    datatypes::{DataType, Float64Type},
    error::ArrowError,
};
use benchlake_schemas::Unit;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

/// A column of a named query's table, and how its values are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) column: String,
    pub(crate) style: Style,
}

/// How a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it is.
    Plain,
    /// In the unit that the row's column `unit` names.
    Unit,
    /// In this unit.
    In(Unit),
    /// As a percentage.
    Percent,
}

/// Every column as it is: numbers to the right, everything else to the left; one line of text a row.
pub(super) fn table(answer: &Answer) -> Result<String, ArrowError> {
    let fields = answer.schema.fields().iter();
    let heads: Vec<_> = fields.map(|field| (field.name().as_str(), field.data_type().is_numeric())).collect();
    Ok(draw(&heads, rows(answer)?))
}

/// The columns `shown`, each in its style.
pub(crate) fn styled(answer: &Answer, shown: &[Shown]) -> Result<String, ArrowError> {
    let shown: Vec<&Shown> = shown.iter().filter(|shown| says_something(answer, shown)).collect();
    let mut rows = Vec::with_capacity(answer.rows());
    for batch in &answer.batches {
        for row in 0..batch.num_rows() {
            rows.push(shown.iter().map(|shown| styled_cell(batch, row, shown)).collect::<Result<_, _>>()?);
        }
    }
    let number = |shown: &Shown| {
        let field = answer.schema.field_with_name(&shown.column);
        shown.style != Style::Plain || field.is_ok_and(|field| field.data_type().is_numeric())
    };
    let heads: Vec<_> = shown.iter().map(|shown| (shown.column.as_str(), number(shown))).collect();
    Ok(draw(&heads, rows))
}

/// Whether a column has a value anywhere; one that does not would only make a table wider.
fn says_something(answer: &Answer, shown: &Shown) -> bool {
    let is_null = |batch: &RecordBatch| {
        batch.column_by_name(&shown.column).is_some_and(|values| values.null_count() == values.len())
    };
    answer.rows() == 0 || !answer.batches.iter().all(is_null)
}

fn styled_cell(batch: &RecordBatch, row: usize, shown: &Shown) -> Result<String, ArrowError> {
    let column = |name: &str| {
        let found = batch.column_by_name(name);
        found.ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}` to show")))
    };
    let values = column(&shown.column)?;
    if values.is_null(row) {
        return Ok("–".into());
    }
    if shown.style == Style::Plain {
        return Ok(one_line(cell::text(values, row)?));
    }
    let value = float(values, row)?;
    Ok(match shown.style {
        Style::Percent => format!("{:.2} %", value * 100.0),
        Style::In(unit) => quantity(value, unit.as_str()),
        _ => quantity(value, &cell::text(column("unit")?, row)?),
    })
}

fn float(values: &ArrayRef, row: usize) -> Result<f64, ArrowError> {
    Ok(cast(&values.slice(row, 1), &DataType::Float64)?.as_primitive::<Float64Type>().value(0))
}

fn draw(heads: &[(&str, bool)], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heads.iter().map(|(name, _)| Cell::new(name)));
    for (i, (_, number)) in heads.iter().enumerate() {
        if let Some(column) = table.column_mut(i).filter(|_| *number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    format!("{table}\n")
}

/// The cells of every row.
pub(super) fn rows(answer: &Answer) -> Result<Vec<Vec<String>>, ArrowError> {
    let mut rows = Vec::with_capacity(answer.rows());
    for batch in &answer.batches {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| Ok(one_line(cell::text(column, row)?)));
            rows.push(cells.collect::<Result<_, ArrowError>>()?);
        }
    }
    Ok(rows)
}

/// Control characters of a value must not break the table.
fn one_line(text: String) -> String {
    if text.chars().any(char::is_control) { text.replace(char::is_control, " ") } else { text }
}
