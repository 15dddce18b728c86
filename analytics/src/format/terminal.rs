//! The table for people.

use super::cell;
use crate::Answer;
use arrow::error::ArrowError;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

/// Numbers to the right, everything else to the left; one line of text a row.
pub(super) fn table(answer: &Answer) -> Result<String, ArrowError> {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(answer.schema.fields().iter().map(|field| Cell::new(field.name())));
    for (i, field) in answer.schema.fields().iter().enumerate() {
        if let Some(column) = table.column_mut(i).filter(|_| field.data_type().is_numeric()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows(answer)?);
    Ok(format!("{table}\n"))
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
