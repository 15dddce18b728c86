//! Arrow IPC streams from strangers: what has to hold before arrow's reader may see the bytes.
//!
//! Arrow's reader trusts the lengths inside a stream: a wrong one makes it allocate gigabytes or
//! panic. So the frames are walked first, every length held against the bytes that are there.

use crate::RecordError;
use arrow::{
    array::RecordBatch,
    compute::concat_batches,
    error::ArrowError,
    ipc::{
        MessageHeader, RecordBatch as BatchHeader, reader::StreamReader, root_as_message,
        writer::StreamWriter,
    },
};
use std::panic::{AssertUnwindSafe, catch_unwind};

const CONTINUATION: [u8; 4] = [0xff; 4];
/// The end of a stream: continuation marker and a length of zero. Arrow's reader takes a stream
/// without it for complete, so its absence is the sign of truncation.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Writes `batch` as one Arrow IPC stream: schema, batch, end.
///
/// # Errors
/// What arrow's writer reports.
pub fn encode_ipc(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(batch)?;
    writer.finish()?;
    writer.into_inner()
}

/// Reads one self-contained Arrow IPC stream into one batch.
///
/// # Errors
/// [`RecordError::Malformed`] for anything that is not one.
pub fn decode_ipc(payload: &[u8]) -> Result<RecordBatch, RecordError> {
    check_frames(payload).map_err(RecordError::Malformed)?;
    // What the walk above cannot see (offsets inside a body, say) is arrow's to refuse; should it
    // panic after all, one record becomes a dead letter and the lander lives.
    catch_unwind(AssertUnwindSafe(|| read(payload)))
        .map_err(|_| RecordError::Malformed("arrow's reader panicked on it".into()))?
        .map_err(|error| RecordError::Malformed(error.to_string()))
}

fn read(payload: &[u8]) -> Result<RecordBatch, ArrowError> {
    let reader = StreamReader::try_new(payload, None)?;
    let schema = reader.schema();
    let mut batches = reader.collect::<Result<Vec<_>, _>>()?;
    match batches.len() {
        1 => Ok(batches.remove(0)),
        _ => concat_batches(&schema, &batches),
    }
}

fn check_frames(mut rest: &[u8]) -> Result<(), String> {
    loop {
        let Some((frame, after)) = rest.split_first_chunk::<8>() else {
            return Err(format!("cut short: {} bytes where a message should start", rest.len()));
        };
        if *frame == END {
            return if after.is_empty() {
                Ok(())
            } else {
                Err(format!("{} bytes after the end", after.len()))
            };
        }
        let (marker, length) = frame.split_at(4);
        let length = length.try_into().map(i32::from_le_bytes).map_err(|_| "no length")?;
        let length = usize::try_from(length).ok().filter(|&length| marker == CONTINUATION && length > 0);
        let Some(length) = length else {
            return Err("a message does not start with its marker and length".into());
        };
        let Some((metadata, after)) = after.split_at_checked(length) else {
            return Err(format!("cut short: metadata of {length} bytes, {} left", after.len()));
        };
        rest = after.get(check_message(metadata, after.len())?..).unwrap_or_default();
    }
}

/// Checks one message's metadata against the bytes that follow; returns the length of its body.
fn check_message(metadata: &[u8], left: usize) -> Result<usize, String> {
    let message = root_as_message(metadata).map_err(|error| format!("metadata: {error}"))?;
    let body = usize::try_from(message.bodyLength()).ok().filter(|&body| body <= left);
    let Some(body) = body else {
        return Err(format!("cut short: a body of {} bytes, {left} left", message.bodyLength()));
    };
    match message.header_type() {
        MessageHeader::Schema => {}
        MessageHeader::RecordBatch => check_batch(message.header_as_record_batch(), body)?,
        MessageHeader::DictionaryBatch => {
            check_batch(message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data()), body)?;
        }
        other => return Err(format!("a message of type {other:?}")),
    }
    Ok(body)
}

fn check_batch(batch: Option<BatchHeader<'_>>, body: usize) -> Result<(), String> {
    let Some(batch) = batch else { return Err("a batch without its header".into()) };
    if batch.compression().is_some() {
        return Err("compressed buffers: compress at the Kafka level instead".into());
    }
    // An array without buffers may claim any length; no real column has more values than its
    // message has bits.
    let most = i64::try_from(body).unwrap_or(i64::MAX).saturating_mul(8);
    let mut claimed = std::iter::once(batch.length())
        .chain(batch.nodes().into_iter().flatten().flat_map(|node| [node.length(), node.null_count()]));
    if let Some(length) = claimed.find(|length| !(0..=most).contains(length)) {
        return Err(format!("a column of {length} values in a body of {body} bytes"));
    }
    for buffer in batch.buffers().into_iter().flatten() {
        let end = buffer.offset().checked_add(buffer.length()).and_then(|end| usize::try_from(end).ok());
        if buffer.offset() < 0 || buffer.length() < 0 || end.is_none_or(|end| end > body) {
            return Err(format!(
                "a buffer of {} bytes at {} in a body of {body}",
                buffer.length(),
                buffer.offset()
            ));
        }
    }
    Ok(())
}
