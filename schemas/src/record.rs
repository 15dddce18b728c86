//! A record: some rows of one producer and one table as one self-contained Arrow IPC stream.

use crate::{ProducerId, Reason, Row, SCHEMA_KEY, SchemaVersion, Table, encode_ipc};
use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array},
    compute::cast,
    datatypes::{DataType, Field, Int64Type, Schema, TimeUnit},
};
use serde::Serialize;
use std::sync::Arc;

/// Rows `first..=last` of one producer in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqRange {
    /// The producer that numbered the rows.
    pub producer: ProducerId,
    /// Number of the first row.
    pub first: i64,
    /// Number of the last row; `first - 1` of an empty record, which is refused.
    pub last: i64,
}

/// Some rows of one producer, encoded once; what a spool keeps and a message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The table the rows belong to.
    pub table: Table,
    /// Which rows these are.
    pub range: SeqRange,
    /// The rows as an Arrow IPC stream.
    pub payload: Vec<u8>,
}

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The bytes differ from the checksum that came with them.
    #[error(
        "the payload's CRC-32C is {found:08x} but its header says {expected}: the bytes were altered on the way"
    )]
    Checksum {
        /// Computed from the bytes.
        found: u32,
        /// The header, as it was.
        expected: String,
    },
    /// The bytes are not a complete Arrow IPC stream.
    #[error("not a complete Arrow IPC stream: {0}")]
    Malformed(String),
    /// The major version of the rows' schema is newer.
    #[error(
        "schema version {found} of `{table}` is newer than {known}, the newest this build reads: upgrade the lander, then replay"
    )]
    NewerMajor {
        /// The table.
        table: Table,
        /// The version in the record.
        found: SchemaVersion,
        /// The version of this build.
        known: SchemaVersion,
    },
    /// A column is missing or of another type.
    #[error("column `{column}` of `{table}` {problem}")]
    Column {
        /// The table.
        table: Table,
        /// The column's name.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The rows break a rule of their table.
    #[error("{0}")]
    Invalid(String),
    /// Rows could not be encoded.
    #[error("rows of `{table}` cannot be encoded: {problem}")]
    Encode {
        /// The table.
        table: Table,
        /// What the encoder said.
        problem: String,
    },
}

impl RecordError {
    /// The class under which a dead letter is filed.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Checksum { .. } => Reason::Checksum,
            Self::Malformed(_) => Reason::Malformed,
            Self::NewerMajor { .. } => Reason::NewerMajor,
            Self::Column { .. } => Reason::Schema,
            Self::Invalid(_) | Self::Encode { .. } => Reason::Invalid,
        }
    }
}

/// A row together with its place in the producer's sequence.
#[derive(Serialize)]
struct Numbered<'a, R> {
    producer_id: ProducerId,
    seq: i64,
    #[serde(flatten)]
    row: &'a R,
}

impl Record {
    /// Encodes `rows` as rows `first, first + 1, …` of `producer`.
    ///
    /// # Errors
    /// [`RecordError::Invalid`] without rows, [`RecordError::Encode`] if a row does not fit its table.
    pub fn encode<R: Row>(
        table: Table,
        producer: ProducerId,
        first: i64,
        rows: &[R],
    ) -> Result<Self, RecordError> {
        if rows.is_empty() {
            return Err(RecordError::Invalid("a record without rows".into()));
        }
        let batch = to_numbered_batch(table, producer, first, rows)?;
        let payload =
            encode_ipc(&batch).map_err(|error| RecordError::Encode { table, problem: error.to_string() })?;
        let last = rows.iter().zip(first..).last().map_or(first, |(_, seq)| seq);
        Ok(Self { table, range: SeqRange { producer, first, last }, payload })
    }
}

/// Turns `rows` into the columns of `table`, numbered `first, first + 1, …` by `producer`.
///
/// # Errors
/// As [`to_batch`].
pub fn to_numbered_batch<R: Serialize>(
    table: Table,
    producer: ProducerId,
    first: i64,
    rows: &[R],
) -> Result<RecordBatch, RecordError> {
    let numbered = rows.iter().zip(first..).map(|(row, seq)| Numbered { producer_id: producer, seq, row });
    to_batch(table, &numbered.collect::<Vec<_>>())
}

/// Turns `rows` into the columns of `table`, by name.
///
/// # Errors
/// [`RecordError::Encode`] if a row does not fit the table.
pub fn to_batch<R: Serialize>(table: Table, rows: &[R]) -> Result<RecordBatch, RecordError> {
    let encode = |problem: String| RecordError::Encode { table, problem };
    let schema = table.schema();
    let batch =
        serde_arrow::to_record_batch(schema.fields(), &rows).map_err(|error| encode(error.to_string()))?;
    batch.with_schema(schema).map_err(|error| encode(error.to_string()))
}

/// Turns the columns of `table` back into rows; columns that the row type lacks are ignored.
///
/// # Errors
/// [`RecordError::Malformed`] if a column does not fit the row type.
pub fn from_batch<R: serde::de::DeserializeOwned>(batch: &RecordBatch) -> Result<Vec<R>, RecordError> {
    serde_arrow::from_record_batch(batch).map_err(|error| RecordError::Malformed(error.to_string()))
}

/// Brings `batch` to the columns of `table` and checks the table's rules: absent nullable columns
/// become nulls, equivalent types are cast, columns of a newer minor version follow ours.
///
/// # Errors
/// [`RecordError::NewerMajor`], [`RecordError::Column`] or [`RecordError::Invalid`].
pub fn conform(table: Table, batch: &RecordBatch) -> Result<(RecordBatch, SeqRange), RecordError> {
    let schema = table.schema();
    let newer = check_version(table, &batch.schema())?;
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns = Vec::with_capacity(batch.num_columns());
    for field in schema.fields() {
        columns.push(column(table, batch, field)?);
        fields.push(field.clone());
    }
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if schema.index_of(field.name()).is_err() {
            check_new_column(table, &fields, field, newer)?;
            fields.push(Arc::new(field.as_ref().clone().with_nullable(true)));
            columns.push(column.clone());
        }
    }
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let batch =
        RecordBatch::try_new(schema, columns).map_err(|error| RecordError::Invalid(error.to_string()))?;
    if table == Table::Series {
        check_lengths(&batch)?;
    }
    let range = seq_range(&batch)?;
    Ok((batch, range))
}

/// Whether the rows come from a newer minor version; a newer major one is refused.
fn check_version(table: Table, schema: &Schema) -> Result<bool, RecordError> {
    let Some(text) = schema.metadata().get(SCHEMA_KEY) else { return Ok(false) };
    let known = table.version();
    let found: SchemaVersion = text.parse().map_err(|_| {
        RecordError::Malformed(format!("schema metadata `{SCHEMA_KEY}` is {text:?}, not MAJOR.MINOR"))
    })?;
    if found.major > known.major {
        return Err(RecordError::NewerMajor { table, found, known });
    }
    Ok(found.major == known.major && found.minor > known.minor)
}

/// Only a newer minor version may bring columns, and only of types that every reader of the lake
/// has: a stranger's column must neither widen the table nor stop the lander.
fn check_new_column(
    table: Table,
    known: &[Arc<Field>],
    field: &Field,
    newer: bool,
) -> Result<(), RecordError> {
    let problem = |problem: String| Err(RecordError::Column { table, column: field.name().clone(), problem });
    if !newer {
        return problem(format!("is no column of version {}", table.version()));
    }
    if known.iter().any(|known| known.name().eq_ignore_ascii_case(field.name())) {
        return problem("is there twice, or differs from another column in case alone".into());
    }
    if !plain(field.data_type()) {
        return problem(format!("has type {}, which a lake does not have", field.data_type()));
    }
    Ok(())
}

fn plain(data_type: &DataType) -> bool {
    use DataType::{Binary, Boolean, Float64, Int64, List, Map, Struct, Timestamp, Utf8};
    match data_type {
        Boolean | Int64 | Float64 | Utf8 | Binary => true,
        Timestamp(TimeUnit::Microsecond, Some(zone)) => zone.as_ref() == "UTC",
        List(inner) | Map(inner, _) => plain(inner.data_type()),
        Struct(fields) => fields.iter().all(|field| plain(field.data_type())),
        _ => false,
    }
}

fn column(table: Table, batch: &RecordBatch, field: &Field) -> Result<ArrayRef, RecordError> {
    let problem = |problem: String| RecordError::Column { table, column: field.name().clone(), problem };
    let Some(found) = batch.column_by_name(field.name()) else {
        if field.is_nullable() {
            return Ok(new_null_array(field.data_type(), batch.num_rows()));
        }
        return Err(problem("is missing".into()));
    };
    if !field.is_nullable() && found.null_count() > 0 {
        return Err(problem(format!("has {} nulls but is required", found.null_count())));
    }
    if found.data_type() == field.data_type() {
        return Ok(found.clone());
    }
    if !lossless(found.data_type(), field.data_type()) {
        return Err(problem(format!("has type {} instead of {}", found.data_type(), field.data_type())));
    }
    cast(found, field.data_type()).map_err(|error| problem(error.to_string()))
}

/// Whether every value of `from` is a value of `to`: types that other Arrow implementations write
/// for the same thing.
fn lossless(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Binary, Dictionary, Int8, Int16, Int32, Int64, LargeBinary, LargeList, LargeUtf8, List, Map, Struct,
        Timestamp, UInt8, UInt16, UInt32, Utf8, Utf8View,
    };
    match (from, to) {
        (a, b) if a == b => true,
        (Dictionary(_, value), to) => lossless(value, to),
        (LargeUtf8 | Utf8View, Utf8) | (LargeBinary, Binary) => true,
        (Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32, Int64) => true,
        (List(a) | LargeList(a), List(b)) | (Map(a, _), Map(b, _)) => lossless(a.data_type(), b.data_type()),
        (Struct(a), Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| lossless(a.data_type(), b.data_type()))
        }
        (Timestamp(a, Some(zone)), Timestamp(b, Some(_))) => {
            a == b && matches!(zone.as_ref(), "UTC" | "+00:00")
        }
        _ => false,
    }
}

/// A sample without its iterations, or the other way round, has no meaning.
fn check_lengths(batch: &RecordBatch) -> Result<(), RecordError> {
    let lengths =
        |name: &str| batch.column_by_name(name).map(|column| column.as_list::<i32>().offsets().lengths());
    let (Some(samples), Some(iterations), Some(offsets)) =
        (lengths("samples"), lengths("iterations"), lengths("offsets"))
    else {
        return Ok(());
    };
    for (row, ((samples, iterations), offsets)) in samples.zip(iterations).zip(offsets).enumerate() {
        if samples != iterations || samples != offsets {
            return Err(RecordError::Invalid(format!(
                "row {row} has {samples} samples, {iterations} iterations and {offsets} offsets; they must be as many"
            )));
        }
    }
    Ok(())
}

/// The rows of a record are numbered without a hole by one producer.
fn seq_range(batch: &RecordBatch) -> Result<SeqRange, RecordError> {
    let invalid = |text: String| RecordError::Invalid(text);
    let (Some(producers), Some(seqs)) = (batch.column_by_name("producer_id"), batch.column_by_name("seq"))
    else {
        return Err(invalid("no producer_id and seq".into()));
    };
    let (producers, seqs) = (producers.as_string::<i32>(), seqs.as_primitive::<Int64Type>());
    if batch.num_rows() == 0 {
        return Err(invalid("a record without rows".into()));
    }
    let producer = producers.value(0);
    if (1..producers.len()).any(|row| producers.value(row) != producer) {
        return Err(invalid("rows of more than one producer in one record".into()));
    }
    let producer = producer
        .parse()
        .map_err(|error| invalid(format!("producer_id {producer:?} is not a UUID: {error}")))?;
    let seqs = seqs.values();
    let first = seqs[0];
    if first < 1 || !seqs.iter().zip(first..).all(|(&seq, expected)| seq == expected) {
        return Err(invalid(format!(
            "seq does not count up by one from a positive number: it starts at {first}"
        )));
    }
    let last = first + i64::try_from(seqs.len()).unwrap_or(i64::MAX - first) - 1;
    Ok(SeqRange { producer, first, last })
}
