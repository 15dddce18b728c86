//! What the table says, as rows and for a terminal.

use super::table::Function;
use crate::sql::{Answer, SqlError, ask, context};
use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use std::sync::Arc;

/// A column of text: its name, and what it says of a function.
type Column = (&'static str, fn(&Function) -> Option<String>);

const COLUMNS: [Column; 10] = [
    ("name", |function| Some(function.name.into())),
    ("family", |function| Some(function.family.title().into())),
    ("signature", |function| Some(function.signature())),
    ("aggregate", Function::aggregate_signature),
    ("returns", |function| Some(function.returns.into())),
    ("meaning", |function| Some(function.what.into())),
    ("formula", |function| given(function.formula)),
    ("source", |function| given(function.source)),
    ("example", |function| given(function.example)),
    ("value", |function| given(function.result)),
];

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Functions as rows, for formats that programs read.
///
/// # Errors
/// [`SqlError`], which only a defect of the table could cause.
pub fn rows<'a>(functions: impl IntoIterator<Item = &'a Function>) -> Result<Answer, SqlError> {
    let functions: Vec<_> = functions.into_iter().collect();
    let fields = COLUMNS.iter().map(|(name, _)| Field::new(*name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = COLUMNS.iter().map(|(_, text)| {
        Arc::new(functions.iter().map(|function| text(function)).collect::<StringArray>()) as ArrayRef
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect());
    let batch = batch.map_err(|error| SqlError::from(datafusion::error::DataFusionError::from(error)))?;
    Ok(Answer { schema, batches: vec![batch] })
}

impl Function {
    /// What it computes, in one line.
    #[must_use]
    pub fn headline(&self) -> &'static str {
        let end = self.what.match_indices(['.', ';', ':']).find(|&(at, _)| {
            let rest = &self.what[at + 1..];
            rest.is_empty() || rest.starts_with(' ')
        });
        end.map_or(self.what, |(at, _)| &self.what[..at])
    }

    /// The value of its example, computed.
    ///
    /// # Errors
    /// [`SqlError`] if the example fails.
    pub async fn run_example(&self) -> Result<Answer, SqlError> {
        ask(&context(), &format!("SELECT {} AS value", self.example)).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::all;

    /// Every headline is one short line that a list has room for.
    #[test]
    fn headlines_are_short() {
        for function in all() {
            let headline = function.headline();
            assert!((10..=90).contains(&headline.chars().count()), "{}: {headline}", function.name);
        }
    }
}
