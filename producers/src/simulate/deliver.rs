//! A fleet's rows on their way: into a spool, or straight to Kafka. One node's session is held at a
//! time, whatever the size of the fleet.

use super::{Faults, Fleet, NodeSession, faults::damaged, stream::stream};
use crate::emit::{ForwardError, Spool, SpoolError, SpoolOptions, packed};
use benchlake_schemas::{Envelope, ProducerId, Record, RecordError, Row, Table};
use rand::RngExt;
use std::{
    path::Path,
    slice::from_ref,
    sync::atomic::{AtomicBool, Ordering},
};

/// What was delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sessions of nodes.
    pub sessions: u64,
    /// Rows, each counted once.
    pub rows: u64,
    /// Samples, each counted once.
    pub samples: u64,
    /// Bytes of everything that was written or sent.
    pub bytes: u64,
    /// Rows that the spool had from an earlier simulation of the same plan.
    pub known: u64,
    /// Records sent a second time.
    pub duplicates: u64,
    /// Records sent after those of all punctual nodes.
    pub late: u64,
    /// Damaged messages sent beside the records.
    pub broken: u64,
}

impl Tally {
    fn add(&mut self, session: &NodeSession) {
        self.rows += session.series.len() as u64 + 2;
        self.samples += session.series.iter().map(|row| row.samples.len() as u64).sum::<u64>();
    }
}

/// Writes `fleet` to the spool `root`, for topics of `partitions` partitions: a producer per node. A
/// spool that has part of it gets the rest. `stop` ends it early; `report` hears after each session.
///
/// # Errors
/// [`SpoolError`]; what was written before stays.
pub fn to_spool(
    fleet: &Fleet,
    root: &Path,
    partitions: u32,
    stop: &AtomicBool,
    report: &mut dyn FnMut(&Tally),
) -> Result<Tally, SpoolError> {
    let options = SpoolOptions { max_bytes: u64::MAX, ..SpoolOptions::default() };
    let mut tally = Tally::default();
    for node in 0..fleet.plan().nodes {
        let mut spool = Spool::open_as(root, fleet.producer(node), partitions, options)?;
        for round in 0..fleet.plan().sessions {
            if stop.load(Ordering::Relaxed) {
                return Ok(tally);
            }
            let first = First::of(fleet, round);
            let (sessions, series) = (spool.next_seq(Table::Sessions), spool.next_seq(Table::Series));
            tally.sessions += 1;
            if sessions > first.sessions + 1 && series >= first.series + fleet.rows_of_series() {
                tally.known += 2 + fleet.rows_of_series().unsigned_abs();
            } else {
                let (session, before) = (fleet.session(node, round), spool.written());
                spool.append(rest(from_ref(&session.start), first.sessions, sessions))?;
                spool.append(rest(&session.series, first.series, series))?;
                spool.append(rest(from_ref(&session.end), first.sessions + 1, sessions))?;
                tally.add(&session);
                tally.bytes += spool.written() - before;
            }
            report(&tally);
        }
    }
    Ok(tally)
}

/// Those of `rows`, numbered from `first` on, that come from `next` on.
fn rest<R>(rows: &[R], first: i64, next: i64) -> &[R] {
    let known = usize::try_from(next - first).unwrap_or(0);
    rows.get(known..).unwrap_or_default()
}

/// The numbers of a session's first rows: what a node wrote before has always the same length.
struct First {
    sessions: i64,
    series: i64,
}

impl First {
    fn of(fleet: &Fleet, round: u32) -> Self {
        let round = i64::from(round);
        Self { sessions: 2 * round + 1, series: fleet.rows_of_series() * round + 1 }
    }
}

/// Hands every record of `fleet` to `send`, with `faults`, in the order of delivery. `stop` ends it
/// early; `report` hears after each session.
///
/// # Errors
/// What `send` returns; a row that cannot be encoded.
pub fn to_kafka(
    fleet: &Fleet,
    faults: Faults,
    send: &mut dyn FnMut(Table, ProducerId, &Envelope) -> Result<(), ForwardError>,
    stop: &AtomicBool,
    report: &mut dyn FnMut(&Tally),
) -> Result<Tally, ForwardError> {
    let mut tally = Tally::default();
    for (node, round, late) in faults.order(fleet) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (session, producer) = (fleet.session(node, round), fleet.producer(node));
        let records = records(&session, producer, &First::of(fleet, round)).map_err(SpoolError::from)?;
        let mut random = stream(fleet.plan().seed, [node, round, 0], "faults");
        let mut again = Vec::new();
        for (table, envelope) in &records {
            send(*table, producer, envelope)?;
            tally.bytes += envelope.payload.len() as u64;
            tally.late += u64::from(late);
            if random.random::<f64>() < faults.duplicates {
                again.push((*table, envelope));
            }
            if random.random::<f64>() < faults.broken {
                let broken = damaged(envelope, &mut random);
                send(*table, producer, &broken)?;
                tally.bytes += broken.payload.len() as u64;
                tally.broken += 1;
            }
        }
        for (table, envelope) in again {
            send(table, producer, envelope)?;
            tally.bytes += envelope.payload.len() as u64;
            tally.duplicates += 1;
        }
        tally.sessions += 1;
        tally.add(&session);
        report(&tally);
    }
    Ok(tally)
}

fn records(
    session: &NodeSession,
    producer: ProducerId,
    first: &First,
) -> Result<Vec<(Table, Envelope)>, RecordError> {
    let mut records = Vec::new();
    seal(from_ref(&session.start), producer, first.sessions, &mut records)?;
    seal(&session.series, producer, first.series, &mut records)?;
    seal(from_ref(&session.end), producer, first.sessions + 1, &mut records)?;
    Ok(records)
}

/// Adds `rows`, numbered from `next` on, in records that fit a message.
fn seal<R: Row>(
    rows: &[R],
    producer: ProducerId,
    mut next: i64,
    records: &mut Vec<(Table, Envelope)>,
) -> Result<(), RecordError> {
    for rows in packed(rows) {
        let record = Record::encode(R::TABLE, producer, next, rows)?;
        next = record.range.last + 1;
        records.push((R::TABLE, Envelope::seal(&record)));
    }
    Ok(())
}
