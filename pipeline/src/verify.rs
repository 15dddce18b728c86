//! Holds the files of a table against its log.

use crate::lake_table::{CHECKSUM, LakeError, LakeTable};
use deltalake::{DeltaTable, DeltaTableError, kernel::Add};
use object_store::{Error as StoreError, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// What a table's files are, and what is wrong with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCheck {
    /// The version that was checked.
    pub version: u64,
    /// Data files of that version.
    pub files: usize,
    /// Rows in them.
    pub rows: u64,
    /// Their size.
    pub bytes: u64,
    /// One line for each file that is missing, altered or not what the log says of it.
    pub problems: Vec<String>,
}

impl LakeTable {
    /// Reads every data file of the newest version and compares its size, checksum and rows with
    /// the log. Holds one file in memory at a time.
    ///
    /// # Errors
    /// [`LakeError`] if the log or the store cannot be read; what is wrong with files is in the answer.
    pub async fn check_files(&mut self) -> Result<FileCheck, LakeError> {
        self.refresh().await?;
        let mut check = FileCheck { version: self.version(), ..FileCheck::default() };
        let delta = self.load().await?;
        let store = delta.object_store();
        for add in files(&delta).map_err(|error| self.failed(&error))? {
            check.files += 1;
            let path = deltalake::Path::from(add.path.as_str());
            let bytes = match store.get(&path).await {
                Ok(file) => file.bytes().await.map_err(|error| self.failed(&error))?,
                Err(StoreError::NotFound { .. }) => {
                    check.problems.push(format!("{}: the file is missing", add.path));
                    continue;
                }
                Err(error) => return Err(self.failed(&error)),
            };
            check.bytes += bytes.len() as u64;
            if i64::try_from(bytes.len()) != Ok(add.size) {
                let problem = format!("{}: {} bytes, but the log says {}", add.path, bytes.len(), add.size);
                check.problems.push(problem);
                continue;
            }
            let written = add.tags.as_ref().and_then(|tags| tags.get(CHECKSUM)?.clone());
            let found = format!("{:08x}", crc32c::crc32c(&bytes));
            if let Some(written) = written.filter(|written| *written != found) {
                let problem =
                    format!("{}: altered: its CRC-32C is {found}, it was written as {written}", add.path);
                check.problems.push(problem);
                continue;
            }
            // Decoding finds what is wrong in a file that has no checksum of ours.
            let decoded = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|builder| builder.build());
            let rows = decoded.map_err(|error| error.to_string()).and_then(|mut batches| {
                batches.try_fold(0, |rows, batch| {
                    Ok(rows + batch.map_err(|error| error.to_string())?.num_rows())
                })
            });
            match rows {
                Ok(rows) => {
                    check.rows += rows as u64;
                    let stats = add.get_stats().ok().flatten().map(|stats| stats.num_records);
                    if stats.is_some_and(|stats| usize::try_from(stats) != Ok(rows)) {
                        check.problems.push(format!(
                            "{}: {rows} rows, but the log says {}",
                            add.path,
                            stats.unwrap_or_default()
                        ));
                    }
                }
                Err(error) => check.problems.push(format!("{}: cannot be decoded: {error}", add.path)),
            }
        }
        Ok(check)
    }
}

/// The data files of a version.
#[expect(deprecated, reason = "the only public way to a file's tags")]
pub(crate) fn files(delta: &DeltaTable) -> Result<Vec<Add>, DeltaTableError> {
    Ok(delta.snapshot()?.log_data().iter().map(|file| file.add_action()).collect())
}
