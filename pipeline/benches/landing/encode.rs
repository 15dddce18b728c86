//! The encoder alone, and what encodings of the sample lists cost and save.

use crate::{
    Outcome,
    data::{ROWS, SAMPLES, records},
    rate,
};
use arrow::array::RecordBatch;
use benchlake_pipeline::writer_properties;
use benchlake_schemas::{Record, Table, decode_ipc};
use parquet::{
    arrow::{ArrowWriter, ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::WriterProperties,
    schema::types::ColumnPath,
};
use std::time::{Duration, Instant};

/// Arrow bytes of one file, as a lander commits them by default.
const FILE: usize = 64 << 20;

/// What encoding cost.
pub(crate) struct Alone {
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

/// Encodes the rows of `records` from memory with parquet's ArrowWriter and the lander's settings.
pub(crate) fn alone(records: &[Record]) -> Outcome<Alone> {
    let batches: Vec<_> =
        records.iter().map(|record| decode_ipc(&record.payload)).collect::<Result<_, _>>()?;
    let bytes = records.iter().map(|record| record.payload.len() as u64).sum();
    let schema = Table::Series.schema();
    let batches: Vec<_> =
        batches.into_iter().map(|batch| batch.with_schema(schema.clone())).collect::<Result<_, _>>()?;
    let began = Instant::now();
    let (mut writer, mut held) = (None, 0);
    for (batch, record) in batches.iter().zip(records) {
        let open = match &mut writer {
            Some(open) => open,
            None => writer.insert(ArrowWriter::try_new(
                Vec::new(),
                schema.clone(),
                Some(writer_properties(Table::Series)),
            )?),
        };
        open.write(batch)?;
        held += record.payload.len();
        if held >= FILE {
            held = 0;
            writer.take().map(ArrowWriter::into_inner).transpose()?;
        }
    }
    writer.map(ArrowWriter::into_inner).transpose()?;
    Ok(Alone { bytes, time: began.elapsed() })
}

/// Bytes a sample and speed of each way to encode the three lists.
pub(crate) fn encodings() -> Outcome<()> {
    let records = records(128)?;
    let batches: Vec<_> =
        records.iter().map(|record| decode_ipc(&record.payload)).collect::<Result<_, _>>()?;
    let samples = (records.len() * ROWS * SAMPLES) as f64;
    println!("encodings: {} series of {SAMPLES} samples; all with zstd-1", records.len() * ROWS);
    println!(
        "{:<10} {:<24} {:>14} {:>14} {:>14}",
        "list", "encoding", "bytes/sample", "encode Ms/s", "decode Ms/s"
    );
    for list in ["samples", "offsets", "iterations"] {
        let ways: &[(&str, Option<Encoding>)] = match list {
            "samples" => &[
                ("dictionary", None),
                ("plain", Some(Encoding::PLAIN)),
                ("byte-stream-split", Some(Encoding::BYTE_STREAM_SPLIT)),
            ],
            _ => &[
                ("dictionary", None),
                ("plain", Some(Encoding::PLAIN)),
                ("byte-stream-split", Some(Encoding::BYTE_STREAM_SPLIT)),
                ("delta", Some(Encoding::DELTA_BINARY_PACKED)),
            ],
        };
        for (name, encoding) in ways {
            let (bytes, encode, decode) = measure(&batches, list, *encoding)?;
            println!(
                "{list:<10} {name:<24} {:>14.3} {:>14.1} {:>14.1}",
                bytes as f64 / samples,
                samples / 1e6 / encode.as_secs_f64(),
                samples / 1e6 / decode.as_secs_f64()
            );
        }
    }
    println!();
    Ok(())
}

/// Size of the one list's columns, and the fastest of five times of encoding and decoding it.
fn measure(
    batches: &[RecordBatch],
    list: &str,
    encoding: Option<Encoding>,
) -> Outcome<(i64, Duration, Duration)> {
    let column = ColumnPath::from(vec![list.to_owned(), "list".to_owned(), "element".to_owned()]);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_column_dictionary_enabled(column.clone(), encoding.is_none());
    if let Some(encoding) = encoding {
        properties = properties.set_column_encoding(column, encoding);
    }
    let properties = properties.build();
    let index = batches[0].schema().index_of(list)?;
    let batches: Vec<_> = batches.iter().map(|batch| batch.project(&[index])).collect::<Result<_, _>>()?;
    let (mut encode, mut decode, mut size) = (Duration::MAX, Duration::MAX, 0);
    for _ in 0..5 {
        let began = Instant::now();
        let mut writer = ArrowWriter::try_new(Vec::new(), batches[0].schema(), Some(properties.clone()))?;
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        let file = writer.into_inner()?;
        encode = encode.min(began.elapsed());
        let began = Instant::now();
        let builder = ParquetRecordBatchReaderBuilder::try_new(parquet_bytes(file))?;
        size = builder.metadata().row_groups().iter().map(|group| group.compressed_size()).sum();
        let mask = ProjectionMask::all();
        let rows: usize = builder
            .with_projection(mask)
            .build()?
            .map(|batch| batch.map(|batch| batch.num_rows()))
            .sum::<Result<_, _>>()?;
        assert_eq!(rows, batches.iter().map(RecordBatch::num_rows).sum::<usize>());
        decode = decode.min(began.elapsed());
    }
    Ok((size, encode, decode))
}

fn parquet_bytes(file: Vec<u8>) -> bytes::Bytes {
    bytes::Bytes::from(file)
}

impl Alone {
    pub(crate) fn rate(&self) -> f64 {
        rate(self.bytes, self.time)
    }
}
