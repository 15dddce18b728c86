//! Answers as text or bytes: for the terminal, for spreadsheets, for programs.

mod cell;
mod delimited;
mod quantity;
mod terminal;

pub use cell::number;
pub(crate) use quantity::{Scale, chosen_share, counted, digits, percent_decimals, quantity, scale};
pub(crate) use terminal::{Shown, Style, styled};

use crate::Answer;
use arrow::{
    datatypes::Schema,
    error::ArrowError,
    ipc::writer::StreamWriter,
    json::{
        WriterBuilder,
        writer::{JsonArray, LineDelimited},
    },
};
use parquet::{arrow::ArrowWriter, errors::ParquetError};
use std::{fmt, io, str::FromStr};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people, in a terminal: numbers rounded, long lists shortened.
    #[default]
    Table,
    /// Comma-separated with a header; lists and maps as JSON.
    Csv,
    /// Tab-separated with a header; lists and maps as JSON.
    Tsv,
    /// One JSON array of objects.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC stream.
    Arrow,
}

impl Format {
    /// Every format, in the order in which help names them.
    pub const ALL: &[Self] =
        &[Self::Table, Self::Csv, Self::Tsv, Self::Json, Self::Ndjson, Self::Parquet, Self::Arrow];

    /// Its name, as it is given.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Whether it is bytes that a terminal should not be shown.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no format `{0}`; one of table, csv, tsv, json, ndjson, parquet, arrow")]
pub struct ParseFormatError(String);

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|format| format.as_str() == text);
        found.copied().ok_or_else(|| ParseFormatError(text.to_owned()))
    }
}

/// Why an answer could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The output could not be written to; a closed pipe is of this kind.
    #[error("the answer cannot be written: {0}")]
    Io(#[from] io::Error),
    /// A column has a type that the format lacks.
    #[error("the answer has no form as {format}: {problem}; choose another format or cast the column")]
    Encode {
        /// The format.
        format: Format,
        /// What the encoder said.
        problem: String,
    },
}

/// Writes `answer` to `out`.
///
/// # Errors
/// [`WriteError`] if the output fails or a column's type has no form in the format.
pub fn write(answer: &Answer, format: Format, out: &mut impl io::Write) -> Result<(), WriteError> {
    let failed = |error: ArrowError| match error {
        ArrowError::IoError(_, error) => WriteError::Io(error),
        other => WriteError::Encode { format, problem: other.to_string() },
    };
    if matches!(format, Format::Json | Format::Ndjson | Format::Parquet)
        && let Some(name) = repeated(&answer.schema)
    {
        let problem = format!("two columns are called {name}: name one of them with AS");
        return Err(WriteError::Encode { format, problem });
    }
    match format {
        // A statement without columns, such as SET, answers nothing.
        Format::Table | Format::Csv | Format::Tsv if answer.schema.fields().is_empty() => {}
        Format::Table => out.write_all(terminal::table(answer).map_err(failed)?.as_bytes())?,
        Format::Csv => delimited::write(answer, b',', out).map_err(failed)?,
        Format::Tsv => delimited::write(answer, b'\t', out).map_err(failed)?,
        Format::Json => {
            json::<JsonArray>(answer, out).map_err(failed)?;
            out.write_all(b"\n")?;
        }
        Format::Ndjson => json::<LineDelimited>(answer, out).map_err(failed)?,
        Format::Arrow => ipc(answer, out).map_err(failed)?,
        Format::Parquet => {
            let bytes =
                parquet(answer).map_err(|error| WriteError::Encode { format, problem: error.to_string() })?;
            out.write_all(&bytes)?;
        }
    }
    Ok(out.flush()?)
}

/// A name that several columns have: formats that go by names would keep one of them.
fn repeated(schema: &Schema) -> Option<&str> {
    let mut names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// The cells of `answer` as a person reads them: numbers rounded, long lists shortened.
///
/// # Errors
/// [`WriteError::Encode`] if a column's type has no text.
pub fn rows(answer: &Answer) -> Result<Vec<Vec<String>>, WriteError> {
    let problem =
        |error: ArrowError| WriteError::Encode { format: Format::Table, problem: error.to_string() };
    terminal::rows(answer).map_err(problem)
}

fn json<F: arrow::json::writer::JsonFormat>(
    answer: &Answer,
    out: &mut impl io::Write,
) -> Result<(), ArrowError> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, F>(&mut *out);
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.finish()
}

fn ipc(answer: &Answer, out: &mut impl io::Write) -> Result<(), ArrowError> {
    let mut writer = StreamWriter::try_new(out, &answer.schema)?;
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.finish()
}

fn parquet(answer: &Answer) -> Result<Vec<u8>, ParquetError> {
    let mut writer = ArrowWriter::try_new(Vec::new(), answer.schema.clone(), None)?;
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}
