//! How a record travels: CloudEvents binary-mode headers beside the payload.
//!
//! The payload is validated and decides; headers serve routing, people and the checksum. A message
//! without any header whose payload is a valid record is landed too.

use crate::{Micros, ProducerId, Record, RecordError, SeqRange, Table, conform, decode_ipc, now};
use arrow::array::RecordBatch;

/// Names of the headers.
pub mod header {
    /// Always `application/vnd.apache.arrow.stream`.
    pub const CONTENT_TYPE: &str = "content-type";
    /// CloudEvents: version of that specification, `1.0`.
    pub const SPEC_VERSION: &str = "ce_specversion";
    /// CloudEvents: `PRODUCER/LAST_SEQ`, the record's identity within its topic.
    pub const ID: &str = "ce_id";
    /// CloudEvents: `/benchlake/producers/PRODUCER`.
    pub const SOURCE: &str = "ce_source";
    /// CloudEvents: `io.benchlake.TABLE.vMAJOR`.
    pub const TYPE: &str = "ce_type";
    /// Version of the rows' schema, `MAJOR.MINOR`.
    pub const SCHEMA: &str = "benchlake_schema";
    /// How many rows the payload holds.
    pub const ROWS: &str = "benchlake_rows";
    /// When the record was sealed, in microseconds UTC.
    pub const SEALED_AT: &str = "benchlake_sealed_at";
    /// CRC-32C of the payload, as eight hexadecimal digits.
    pub const CRC: &str = "benchlake_crc32c";
    /// Present where a spool found the record damaged on its disk: says how.
    pub const DAMAGE: &str = "benchlake_damage";
}

/// A record as it travels: headers and payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Names and values, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The Arrow IPC stream.
    pub payload: Vec<u8>,
}

impl Envelope {
    /// Puts `record` into its envelope.
    #[must_use]
    pub fn seal(record: &Record) -> Self {
        let SeqRange { producer, first, last } = record.range;
        let version = record.table.version();
        let headers = [
            (header::CONTENT_TYPE, "application/vnd.apache.arrow.stream".to_owned()),
            (header::SPEC_VERSION, "1.0".to_owned()),
            (header::ID, format!("{producer}/{last}")),
            (header::SOURCE, format!("/benchlake/producers/{producer}")),
            (header::TYPE, format!("io.benchlake.{}.v{}", record.table, version.major)),
            (header::SCHEMA, version.to_string()),
            (header::ROWS, (last - first + 1).to_string()),
            (header::SEALED_AT, now().to_string()),
            (header::CRC, format!("{:08x}", crc32c::crc32c(&record.payload))),
        ];
        let headers = headers.into_iter().map(|(key, value)| (key.to_owned(), value.into_bytes())).collect();
        Self { headers, payload: record.payload.clone() }
    }

    /// Checks the payload and returns its rows, in the columns of `table`.
    ///
    /// # Errors
    /// A [`RecordError`] that says why these bytes are not rows of `table`.
    pub fn open(&self, table: Table) -> Result<(RecordBatch, SeqRange), RecordError> {
        if let Some(damage) = self.text(header::DAMAGE) {
            return Err(RecordError::Malformed(format!("damaged in the spool: {damage}")));
        }
        if let Some(expected) = self.text(header::CRC) {
            let found = crc32c::crc32c(&self.payload);
            if u32::from_str_radix(&expected, 16) != Ok(found) {
                return Err(RecordError::Checksum { found, expected });
            }
        }
        conform(table, &decode_ipc(&self.payload)?)
    }

    /// The value of the header `name`, as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// When the headers say that the record was sealed.
    #[must_use]
    pub fn sealed_at(&self) -> Option<Micros> {
        self.text(header::SEALED_AT)?.parse().ok()
    }

    /// The rows that the headers say are inside; used to name records before they are opened.
    #[must_use]
    pub fn claimed_range(&self) -> Option<SeqRange> {
        let id = self.text(header::ID)?;
        let (producer, last) = id.split_once('/')?;
        let (producer, last): (ProducerId, i64) = (producer.parse().ok()?, last.parse().ok()?);
        let rows: i64 = self.text(header::ROWS)?.parse().ok()?;
        let first = last.checked_sub(rows)?.checked_add(1)?;
        Some(SeqRange { producer, first, last })
    }
}
