//! An append-only log of records in segment files: what a spool is made of.
//!
//! A position is a number of bytes since the log began; a segment file is named by the position it
//! starts at, so positions only grow, whatever is deleted. One record is one frame:
//!
//! ```text
//! magic u32 | length of body u32 | CRC-32C of body u32 | body
//! body: partition u32 | headers u16 | (key length u16, key, value length u32, value)* | payload
//! ```
//!
//! All integers are little-endian. Bytes that are no frame end where the next whole frame starts, so
//! that damage has the same extent whenever it is read. Without one after them a reader waits: they may
//! still be written. The beginning of a frame at the end of the last segment is a torn tail, which the
//! writer cuts when it opens the log; anything else it keeps and begins a new segment. A reader
//! makes what it hands out durable first: no record is delivered that a power cut could take back.

use crate::fault;
use benchlake_schemas::Envelope;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

const MAGIC: u32 = u32::from_le_bytes(*b"BLR1");
const HEAD: usize = 12;
/// No frame is larger: a length beyond it is damage, not a record.
pub(crate) const MAX_BODY: usize = 64 << 20;
const SEGMENT_BYTES: u64 = 64 << 20;

/// One step of reading a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A whole record, at positions `start..end`.
    Record {
        /// Where the frame starts.
        start: u64,
        /// Where the next one starts.
        end: u64,
        /// The Kafka partition that was chosen when the record was spooled.
        partition: u32,
        /// The record.
        envelope: Envelope,
    },
    /// Bytes at `start..end` that are no record, although more follows them.
    Damaged {
        /// Where the damage starts.
        start: u64,
        /// Where reading goes on.
        end: u64,
        /// The bytes, unchanged.
        bytes: Vec<u8>,
    },
}

/// Writes frames; the only one to do so in its folder (the spool holds the lock).
#[derive(Debug)]
pub(crate) struct LogWriter {
    folder: PathBuf,
    file: File,
    start: u64,
    length: u64,
    broken: bool,
}

impl LogWriter {
    /// Opens the log in `folder`, made if absent, and cuts a torn tail. `floor` is the least
    /// position to go on from when no segment is left.
    pub(crate) fn open(folder: &Path, floor: u64) -> io::Result<Self> {
        create_folders(folder)?;
        let start = segments(folder)?.last().copied().unwrap_or(floor);
        let path = segment_path(folder, start);
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        let mut reader = LogReader::new(folder, start);
        while reader.next_entry()?.is_some() {}
        let mut length = (reader.position() - start).min(file.metadata()?.len());
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(length))?;
        file.read_to_end(&mut tail)?;
        let damaged = !tail.is_empty() && !is_torn(&tail);
        if damaged {
            length += tail.len() as u64;
        }
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        file.sync_all()?;
        sync_folder(folder)?;
        let mut log = Self { folder: folder.to_owned(), file, start, length, broken: false };
        if damaged {
            // Not what a killed writer leaves: kept for the reader to report, in a segment that ends here.
            log.rotate()?;
        }
        Ok(log)
    }

    /// Appends one record and returns the position after it, once it is on the disk. After an error
    /// the log takes nothing more until it is opened again: what reached the disk decides then
    /// whether the record is there, as a reader may have seen it.
    pub(crate) fn append(&mut self, partition: u32, envelope: &Envelope) -> io::Result<u64> {
        if self.broken {
            return Err(io::Error::other("an earlier write failed; open the spool again"));
        }
        let frame = encode(partition, envelope)?;
        let written = self.write(&frame);
        self.broken = written.is_err();
        written
    }

    /// The position after the last record.
    pub(crate) const fn end(&self) -> u64 {
        self.start + self.length
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<u64> {
        if self.length >= SEGMENT_BYTES {
            self.rotate()?;
        }
        fault::step("spool.append")?;
        self.file.write_all(frame)?;
        fault::step("spool.written")?;
        self.file.sync_data()?;
        fault::step("spool.synced")?;
        self.length += frame.len() as u64;
        Ok(self.end())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let start = self.end();
        self.file =
            OpenOptions::new().create_new(true).write(true).open(segment_path(&self.folder, start))?;
        sync_folder(&self.folder)?;
        (self.start, self.length) = (start, 0);
        Ok(())
    }
}

/// Reads frames from a position on, also while they are written.
#[derive(Debug)]
pub struct LogReader {
    folder: PathBuf,
    position: u64,
    open: Option<(u64, File)>,
    /// Everything before is on the disk.
    durable: u64,
}

impl LogReader {
    /// A reader of the log in `folder` from `position` on.
    #[must_use]
    pub fn new(folder: &Path, position: u64) -> Self {
        Self { folder: folder.to_owned(), position, open: None, durable: position }
    }

    /// Where the next entry starts.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The next entry, or `None` at the end of what is written so far.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        loop {
            let segments = segments(&self.folder)?;
            let Some(&start) =
                segments.iter().rev().find(|&&start| start <= self.position).or(segments.first())
            else {
                return Ok(None);
            };
            // The segment that held the position was deleted because it is known to be landed.
            self.position = self.position.max(start);
            let next = segments.iter().copied().find(|&next| next > start);
            let bytes = match self.frame(start) {
                // A drainer deleted the segment after it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                bytes => bytes?,
            };
            let entry = match decode(&bytes) {
                _ if bytes.is_empty() => match next {
                    Some(next) => {
                        self.position = next;
                        continue;
                    }
                    None => return Ok(None),
                },
                Some((length, partition, envelope)) => {
                    let end = self.position + length;
                    Entry::Record { start: self.position, end, partition, envelope }
                }
                None => match self.damage(start, next)? {
                    Some(damage) => damage,
                    None => return Ok(None),
                },
            };
            self.position = match entry {
                Entry::Record { end, .. } | Entry::Damaged { end, .. } => end,
            };
            self.make_durable(start)?;
            return Ok(Some(entry));
        }
    }

    /// What is no frame ends where the next whole one starts, or with a segment that is not written
    /// to any more; else it may be a frame on its way.
    fn damage(&mut self, start: u64, next: Option<u64>) -> io::Result<Option<Entry>> {
        let mut bytes = Vec::new();
        self.file(start)?.read_to_end(&mut bytes)?;
        let whole =
            |at: &usize| bytes[*at..].starts_with(&MAGIC.to_le_bytes()) && decode(&bytes[*at..]).is_some();
        let end = match (1..bytes.len()).find(whole) {
            Some(at) => {
                bytes.truncate(at);
                self.position + at as u64
            }
            None => match next {
                Some(next) => next,
                None => return Ok(None),
            },
        };
        Ok(Some(Entry::Damaged { start: self.position, end, bytes }))
    }

    fn make_durable(&mut self, start: u64) -> io::Result<()> {
        if self.position > self.durable
            && let Some((_, file)) = &self.open
        {
            let written = start + file.metadata()?.len();
            file.sync_data()?;
            self.durable = written;
        }
        Ok(())
    }

    /// The bytes of the frame at the position, as far as they are written.
    fn frame(&mut self, start: u64) -> io::Result<Vec<u8>> {
        let file = self.file(start)?;
        let mut bytes = Vec::with_capacity(HEAD);
        file.take(HEAD as u64).read_to_end(&mut bytes)?;
        if let Some(body) = body_length(&bytes) {
            file.take(body as u64).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    fn file(&mut self, start: u64) -> io::Result<&mut File> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != start) {
            self.open = Some((start, File::open(segment_path(&self.folder, start))?));
        }
        let Some((_, file)) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
        file.seek(SeekFrom::Start(self.position - start))?;
        Ok(file)
    }
}

/// The positions at which the segments in `folder` start, in order.
pub(crate) fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut starts: Vec<u64> = match fs::read_dir(folder) {
        Ok(entries) => entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".log")?.parse().ok())
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    starts.sort_unstable();
    Ok(starts)
}

/// The position after everything that is written to the log in `folder`; 0 if nothing was.
pub(crate) fn end(folder: &Path) -> io::Result<u64> {
    let Some(&start) = segments(folder)?.last() else { return Ok(0) };
    Ok(start + fs::metadata(segment_path(folder, start))?.len())
}

/// Deletes the segments that end at or before `position`; the last one stays, as it is written to.
pub(crate) fn delete_before(folder: &Path, position: u64) -> io::Result<()> {
    let starts = segments(folder)?;
    for pair in starts.windows(2) {
        if pair[1] <= position {
            fs::remove_file(segment_path(folder, pair[0]))?;
        }
    }
    Ok(())
}

/// Makes `folder` and what it lies in, each made here with a durable name.
pub(crate) fn create_folders(folder: &Path) -> io::Result<()> {
    let made: Vec<_> =
        folder.ancestors().take_while(|part| !part.as_os_str().is_empty() && !part.exists()).collect();
    fs::create_dir_all(folder)?;
    made.into_iter().try_for_each(|part| match part.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    })
}

/// Makes the names in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn segment_path(folder: &Path, start: u64) -> PathBuf {
    folder.join(format!("{start:020}.log"))
}

/// Whether `tail` is the beginning of a frame whose end was never written.
fn is_torn(tail: &[u8]) -> bool {
    let magic = MAGIC.to_le_bytes();
    let known = tail.len().min(magic.len());
    tail[..known] == magic[..known]
        && (tail.len() < HEAD || body_length(tail).is_some_and(|body| tail.len() < HEAD + body))
}

fn encode(partition: u32, envelope: &Envelope) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::new(io::ErrorKind::InvalidInput, "a record is larger than 64 MiB");
    let mut frame = vec![0; HEAD];
    frame.extend(partition.to_le_bytes());
    frame.extend(u16::try_from(envelope.headers.len()).map_err(|_| too_large())?.to_le_bytes());
    for (key, value) in &envelope.headers {
        frame.extend(u16::try_from(key.len()).map_err(|_| too_large())?.to_le_bytes());
        frame.extend(key.as_bytes());
        frame.extend(u32::try_from(value.len()).map_err(|_| too_large())?.to_le_bytes());
        frame.extend(value);
    }
    frame.extend(&envelope.payload);
    let body = frame.len() - HEAD;
    let length = u32::try_from(body).ok().filter(|_| body <= MAX_BODY).ok_or_else(too_large)?;
    let crc = crc32c::crc32c(&frame[HEAD..]);
    frame[..4].copy_from_slice(&MAGIC.to_le_bytes());
    frame[4..8].copy_from_slice(&length.to_le_bytes());
    frame[8..12].copy_from_slice(&crc.to_le_bytes());
    Ok(frame)
}

/// The frame at the start of `bytes`, if one is there whole: its length, partition and envelope.
fn decode(bytes: &[u8]) -> Option<(u64, u32, Envelope)> {
    let length = body_length(bytes)?;
    let body = bytes.get(HEAD..HEAD + length)?;
    if crc32c::crc32c(body).to_le_bytes() != bytes[8..HEAD] {
        return None;
    }
    let (partition, envelope) = decode_body(body)?;
    Some(((HEAD + length) as u64, partition, envelope))
}

fn body_length(head: &[u8]) -> Option<usize> {
    let (magic, rest) = head.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*rest.first_chunk::<4>()?) as usize;
    (rest.len() >= 8 && u32::from_le_bytes(*magic) == MAGIC && length <= MAX_BODY).then_some(length)
}

fn decode_body(mut rest: &[u8]) -> Option<(u32, Envelope)> {
    let mut take = |n: usize| {
        let (part, left) = rest.split_at_checked(n)?;
        rest = left;
        Some(part)
    };
    let partition = u32::from_le_bytes(take(4)?.try_into().ok()?);
    let count = u16::from_le_bytes(take(2)?.try_into().ok()?);
    let mut headers = Vec::with_capacity(usize::from(count).min(64));
    for _ in 0..count {
        let key = u16::from_le_bytes(take(2)?.try_into().ok()?);
        let key = String::from_utf8(take(key.into())?.to_vec()).ok()?;
        let value = u32::from_le_bytes(take(4)?.try_into().ok()?);
        headers.push((key, take(usize::try_from(value).ok()?)?.to_vec()));
    }
    Some((partition, Envelope { headers, payload: rest.to_vec() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn envelope(n: u8) -> Envelope {
        Envelope { headers: vec![("k".into(), vec![n])], payload: vec![n; usize::from(n) * 3] }
    }

    fn read_all(folder: &Path) -> Vec<Entry> {
        let mut reader = LogReader::new(folder, 0);
        std::iter::from_fn(|| reader.next_entry().expect("the folder is readable")).collect()
    }

    fn written(folder: &Path, count: u8) -> Vec<u64> {
        let mut log = LogWriter::open(folder, 0).expect("the log opens");
        (0..count).map(|n| log.append(7, &envelope(n)).expect("there is room")).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever instant a writer was killed at, whole records before it stay, the torn one is
        /// cut, and the next append is read after them.
        #[test]
        fn a_torn_tail_is_cut(count in 1..6u8, cut in 0.0..1.0f64) {
            let folder = tempfile::tempdir()?;
            let ends = written(folder.path(), count);
            let file = segment_path(folder.path(), 0);
            let bytes = fs::read(&file)?;
            let keep = (bytes.len() as f64 * cut) as usize;
            fs::write(&file, &bytes[..keep])?;
            let whole = ends.iter().filter(|&&end| end <= keep as u64).count();
            prop_assert_eq!(read_all(folder.path()).len(), whole);
            let mut log = LogWriter::open(folder.path(), 0)?;
            log.append(7, &envelope(200))?;
            let entries = read_all(folder.path());
            prop_assert_eq!(entries.len(), whole + 1);
            let sevenths = entries.iter().filter(|entry| matches!(entry, Entry::Record { partition: 7, .. }));
            prop_assert_eq!(sevenths.count(), entries.len());
        }

        /// A flipped bit, also in a length, costs one record and no other: damage is reported with its
        /// bytes, or cut with the tail, and the same each time it is read.
        #[test]
        fn damage_costs_one_record(count in 2..6u8, at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let folder = tempfile::tempdir()?;
            written(folder.path(), count);
            let file = segment_path(folder.path(), 0);
            let mut bytes = fs::read(&file)?;
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            fs::write(&file, &bytes)?;
            let entries = read_all(folder.path());
            let mut log = LogWriter::open(folder.path(), 0)?;
            log.append(7, &envelope(200))?;
            let again = read_all(folder.path());
            prop_assert_eq!(&again[..entries.len()], &entries[..]);
            let records = again.iter().filter(|entry| matches!(entry, Entry::Record { .. }));
            prop_assert_eq!(records.count(), usize::from(count));
        }
    }

    /// Positions go on after landed segments are gone.
    #[test]
    fn positions_outlive_segments() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut log = LogWriter::open(folder.path(), 500)?;
        let end = log.append(0, &envelope(1))?;
        log.rotate()?;
        log.append(0, &envelope(2))?;
        delete_before(folder.path(), end)?;
        assert_eq!(segments(folder.path())?, [end]);
        assert!(
            end > 500
                && matches!(&read_all(folder.path())[..], [Entry::Record { start, .. }] if *start == end)
        );
        Ok(())
    }
}
