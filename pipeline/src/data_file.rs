//! Rows to Parquet: batches are encoded as they come and go to the store in parts, so what is held is
//! one row group in its encoded form. No version names the files until they are committed.

use crate::{LakeError, maintain::COMMIT_WITHIN};
use arrow::{
    array::{RecordBatch, new_null_array},
    compute::{CastOptions, cast_with_options},
    datatypes::{Field, Schema, SchemaRef},
    error::ArrowError,
};
use benchlake_schemas::Table;
use deltalake::{
    DeltaResult, DeltaTableError,
    datafile::writer::{DeltaWriter, WriterConfig},
    kernel::{Add, Snapshot},
    logstore::ObjectStoreRef,
    table::config::TablePropertiesExt as _,
};
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties},
    schema::types::ColumnPath,
};
use std::{num::NonZeroU64, sync::Arc, time::SystemTime};

/// Rows of one row group at most: with some thousand samples a row it is the bytes that count.
const ROW_GROUP_ROWS: usize = 64 << 10;
/// Bytes of one row group, about: what a reader decodes at a time, and a writer holds.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// How benchlake encodes the rows of `table` (docs/adr/0017).
#[must_use]
pub fn writer_properties(table: Table) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES));
    if table == Table::Series {
        for (list, encoding) in LISTS {
            let values = ColumnPath::from(vec![list.to_owned(), "list".to_owned(), "element".to_owned()]);
            properties = properties
                .set_column_encoding(values.clone(), encoding)
                .set_column_dictionary_enabled(values.clone(), false)
                .set_column_statistics_enabled(values, EnabledStatistics::None);
        }
    }
    properties.build()
}

/// The lists of samples and how their values are encoded.
const LISTS: [(&str, Encoding); 3] = [
    ("samples", Encoding::PLAIN),
    ("offsets", Encoding::DELTA_BINARY_PACKED),
    ("iterations", Encoding::DELTA_BINARY_PACKED),
];

/// Files that are written and not committed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    pub(crate) files: Vec<Add>,
    /// Columns that the table lacks, which newer minor versions of its schema brought.
    pub(crate) new_columns: Vec<Arc<Field>>,
    /// When the first of them was begun.
    pub(crate) began: Option<SystemTime>,
}

/// Size of a file, in bytes.
pub(crate) fn size(file: &Add) -> u64 {
    u64::try_from(file.size).unwrap_or(0)
}

impl Written {
    /// Whether it is so long ago that a vacuum may have taken the files.
    pub(crate) fn is_old(&self) -> bool {
        self.began.is_some_and(|began| began.elapsed().map_or(true, |age| age > COMMIT_WITHIN))
    }
}

/// Encodes the rows of one commit after the other.
pub(crate) struct FileWriter {
    table: Table,
    uri: String,
    store: ObjectStoreRef,
    snapshot: Snapshot,
    /// The table's columns when this was made, and those met since.
    schema: SchemaRef,
    open: Option<DeltaWriter>,
    written: Written,
    target: Option<NonZeroU64>,
}

impl FileWriter {
    pub(crate) fn new(
        table: Table,
        uri: String,
        store: ObjectStoreRef,
        snapshot: Snapshot,
        schema: SchemaRef,
    ) -> Self {
        Self { table, uri, store, snapshot, schema, open: None, written: Written::default(), target: None }
    }

    /// The same, with a new file each time one reaches `target` bytes.
    pub(crate) fn rolling(self, target: Option<NonZeroU64>) -> Self {
        Self { target, ..self }
    }

    /// Encodes `batch`, brought to the table's columns by name; absent ones become nulls.
    pub(crate) async fn write(&mut self, batch: &RecordBatch) -> DeltaResult<()> {
        self.widen(batch).await?;
        let batch = align(batch, &self.schema).map_err(|source| DeltaTableError::Arrow { source })?;
        self.written.began.get_or_insert_with(SystemTime::now);
        let open = self.open.get_or_insert_with(|| {
            let indexed = self.snapshot.table_properties().num_indexed_cols();
            let properties = Some(writer_properties(self.table));
            let config = WriterConfig::new(
                self.schema.clone(),
                Vec::new(),
                properties,
                self.target,
                None,
                indexed,
                None,
            );
            DeltaWriter::new(self.store.clone(), config)
        });
        open.write(&batch).await
    }

    /// Takes in columns that were not met before; rows that have them go into a file of their own.
    async fn widen(&mut self, batch: &RecordBatch) -> DeltaResult<()> {
        let schema = batch.schema();
        let new = schema.fields().iter().filter(|field| self.schema.index_of(field.name()).is_err());
        let new: Vec<_> = new.cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        self.finish().await?;
        let fields = self.schema.fields().iter().chain(&new).cloned();
        self.schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        self.written.new_columns.extend(new);
        Ok(())
    }

    async fn finish(&mut self) -> DeltaResult<()> {
        if let Some(open) = self.open.take() {
            self.written.files.extend(open.close().await?);
        }
        Ok(())
    }

    /// Finishes the files of one commit; what of them is not on a disk yet is on its way there.
    pub(crate) async fn close(&mut self) -> DeltaResult<Written> {
        let finished = self.finish().await;
        // A column stays new until a commit with it was made; the table tells which it has.
        let new_columns = self.written.new_columns.clone();
        let written = std::mem::replace(&mut self.written, Written { new_columns, ..Written::default() });
        finished.map(|()| written)
    }

    /// Gives the files up. What is in the store already is an orphan, which vacuum removes.
    pub(crate) async fn abort(&mut self) {
        (self.written.files, self.written.began) = (Vec::new(), None);
        if let Some(open) = self.open.take()
            && let Err(error) = open.abort().await
        {
            tracing::debug!(%error, "an unfinished file could not be removed");
        }
    }

    pub(crate) fn failed(&self, error: &DeltaTableError) -> LakeError {
        LakeError::new(&self.uri, error)
    }
}

/// Brings a batch to the table's columns, by name; absent ones become nulls.
fn align(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
        Some(column) => cast_with_options(column, field.data_type(), &strict),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    });
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)
}
