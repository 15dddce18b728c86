//! Spools as a source: the embedded mode. A log's byte positions are its offsets.

use super::{Assigned, Event, Message, Partition, Source, producer_app_id};
use crate::{LandError, Positions};
use benchlake_producers::emit::{Drain, Entry, LogReader, backlog, drains};
use benchlake_schemas::{Envelope, ProducerId, header};
use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// New producers are looked for this often while following a spool.
const RESCAN: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(20);

struct Log {
    drain: Drain,
    partition: Arc<Partition>,
    reader: LogReader,
    /// End position and last row of records that were handed out and not landed yet.
    open: VecDeque<(i64, i64)>,
}

/// The logs of the spools in one folder.
pub struct SpoolSource {
    root: PathBuf,
    only: Option<ProducerId>,
    positions: Positions,
    logs: Vec<Log>,
    turn: usize,
    scanned: Option<Instant>,
    paused: bool,
    /// Bytes that were not landed at the last look.
    spooled: Option<u64>,
}

impl SpoolSource {
    /// Reads the spools in `root`, or `only` that of one producer.
    #[must_use]
    pub fn new(root: &Path, only: Option<ProducerId>, positions: Positions) -> Self {
        Self {
            root: root.to_owned(),
            only,
            positions,
            logs: Vec::new(),
            turn: 0,
            scanned: None,
            paused: false,
            spooled: None,
        }
    }

    fn scan(&mut self) -> Result<Vec<Assigned>, LandError> {
        self.scanned = Some(Instant::now());
        self.spooled = backlog(&self.root).ok();
        let mut assigned = Vec::new();
        for drain in drains(&self.root, self.only)? {
            let (producer, table) = (drain.producer, drain.table);
            let partition = Arc::new(Partition {
                app_id: format!("benchlake/spool/{producer}/{table}"),
                table,
                topic: format!("spool/{producer}/{table}"),
                number: 0,
            });
            let position = self.positions.newest(table, &partition.app_id)?;
            let (forwarded, landed) =
                (drain.forwarded()?, self.positions.newest(table, &producer_app_id(producer))?);
            if forwarded > landed.unwrap_or(0) {
                // Landing what follows them would make the lake take them for known when they come.
                return Err(LandError::InKafka { producer, table, forwarded, landed: landed.unwrap_or(0) });
            }
            let mut reader = drain.reader()?;
            // The lake is ahead of the spool's note if a lander died between commit and note.
            let start = position.and_then(|position| u64::try_from(position).ok()).unwrap_or(0);
            if start > reader.position() {
                reader = drain.reader_at(start);
            }
            assigned.push(Assigned { partition: partition.clone(), stands: position, reset: None });
            self.logs.push(Log { drain, partition, reader, open: VecDeque::new() });
        }
        Ok(assigned)
    }

    fn read(&mut self) -> Result<Option<Message>, LandError> {
        for _ in 0..self.logs.len() {
            self.turn = (self.turn + 1) % self.logs.len();
            let log = &mut self.logs[self.turn];
            let Some(entry) = log
                .reader
                .next_entry()
                .map_err(|source| LandError::Read { path: log.drain.folder().to_owned(), source })?
            else {
                continue;
            };
            let (start, end, envelope) = match entry {
                Entry::Record { start, end, envelope, .. } => (start, end, envelope),
                Entry::Damaged { start, end, bytes } => {
                    let headers = vec![(header::DAMAGE.to_owned(), format!("at {start}").into_bytes())];
                    (start, end, Envelope { headers, payload: bytes })
                }
            };
            let (offset, next) = (position(start), position(end));
            let seq = envelope.claimed_range().map_or(0, |range| range.last);
            log.open.push_back((next, seq));
            return Ok(Some(Message { partition: log.partition.clone(), offset, next, envelope }));
        }
        Ok(None)
    }
}

fn position(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl Source for SpoolSource {
    fn next(&mut self, wait: Duration) -> Result<Event, LandError> {
        if self.paused {
            std::thread::sleep(POLL.min(wait));
            return Ok(Event::Idle { caught_up: false });
        }
        let began = Instant::now();
        loop {
            if let Some(message) = self.read()? {
                return Ok(Event::Message(message));
            }
            if self.scanned.is_none_or(|scanned| scanned.elapsed() >= RESCAN) {
                let assigned = self.scan()?;
                if !assigned.is_empty() {
                    return Ok(Event::Assigned(assigned));
                }
            }
            if began.elapsed() >= wait {
                return Ok(Event::Idle { caught_up: true });
            }
            std::thread::sleep(POLL.min(wait));
        }
    }

    fn seek(&mut self, partition: &Partition, position: Option<i64>) -> Result<(), LandError> {
        if let Some(log) = self.logs.iter_mut().find(|log| *log.partition == *partition) {
            log.open.clear();
            log.reader = match position.and_then(|position| u64::try_from(position).ok()) {
                Some(position) => log.drain.reader_at(position),
                None => log.drain.reader()?,
            };
        }
        Ok(())
    }

    fn landed(&mut self, partition: &Partition, position: i64) -> Result<(), LandError> {
        let Some(log) = self.logs.iter_mut().find(|log| *log.partition == *partition) else { return Ok(()) };
        let mut last = 0;
        while let Some((_, seq)) = log.open.pop_front_if(|(end, _)| *end <= position) {
            last = last.max(seq);
        }
        Ok(log.drain.landed(u64::try_from(position).unwrap_or(0), last)?)
    }

    fn pause(&mut self, paused: bool) -> Result<(), LandError> {
        self.paused = paused;
        Ok(())
    }

    fn end(&self, _: &Partition) -> Option<i64> {
        None
    }

    fn spooled(&self) -> Option<u64> {
        self.spooled
    }

    fn close(&mut self) {
        self.logs.clear();
    }
}
