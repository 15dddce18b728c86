//! What is pending for one table: rows, the positions they cover, dead letters. Pure but for one
//! question, where a producer stands, which the caller answers.

use crate::{
    lake_table::Progress,
    position::{Overlap, Span},
    source::{Message, Partition, producer_app_id},
};
use arrow::array::RecordBatch;
use benchlake_schemas::{DeadLetter, Header, ProducerId, RecordError, SeqRange, Table, now};
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
    time::Instant,
};

/// Counts of one lander's life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows taken into batches.
    pub rows: u64,
    /// Records read.
    pub records: u64,
    /// Payload bytes read.
    pub bytes: u64,
    /// Rows dropped because they were landed before: resends.
    pub duplicates: u64,
    /// Rows that never arrived: holes in a producer's sequence.
    pub missing: u64,
    /// Records that became dead letters.
    pub dead_letters: u64,
}

/// The pending part of one table.
pub(crate) struct Landing {
    table: Table,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) dead: Vec<DeadLetter>,
    pub(crate) pending_bytes: usize,
    partitions: BTreeMap<String, (Arc<Partition>, Span)>,
    producers: HashMap<ProducerId, Span>,
    since: Option<Instant>,
}

impl Landing {
    pub(crate) fn new(table: Table) -> Self {
        Self {
            table,
            batches: Vec::new(),
            dead: Vec::new(),
            pending_bytes: 0,
            partitions: BTreeMap::new(),
            producers: HashMap::new(),
            since: None,
        }
    }

    /// Takes over a partition whose table stands at `start`.
    pub(crate) fn assign(&mut self, partition: Arc<Partition>, start: Option<i64>) {
        let span = Span { start, end: start.unwrap_or(i64::MIN) };
        self.partitions.insert(partition.app_id.clone(), (partition, span));
    }

    /// Gives up everything: pending rows and what was known of positions.
    pub(crate) fn revoke(&mut self) {
        *self = Self::new(self.table);
    }

    /// Drops what is pending and returns the partitions to read again.
    pub(crate) fn discard(&mut self) -> Vec<Arc<Partition>> {
        let partitions = std::mem::take(&mut self.partitions).into_values().map(|(partition, _)| partition);
        let partitions = partitions.collect();
        self.revoke();
        partitions
    }

    /// Takes in one record. `stands` says where the lake stands for a producer not met before.
    pub(crate) fn add<E>(
        &mut self,
        message: Message,
        counts: &mut Counts,
        stands: impl FnOnce(ProducerId) -> Result<Option<i64>, E>,
    ) -> Result<(), E> {
        let Some((_, span)) = self.partitions.get(&message.partition.app_id) else { return Ok(()) };
        if message.offset < span.end {
            return Ok(());
        }
        counts.records += 1;
        counts.bytes += message.envelope.payload.len() as u64;
        // The columns are slices of the payload, so this is what is held; headers are small.
        self.pending_bytes += message.envelope.payload.len();
        match message.envelope.open(self.table) {
            Ok((batch, range)) => {
                if let Entry::Vacant(unknown) = self.producers.entry(range.producer) {
                    let start = stands(range.producer)?;
                    unknown.insert(Span { start, end: start.unwrap_or(0) });
                }
                self.take(&batch, range, counts);
            }
            Err(error) => {
                counts.dead_letters += 1;
                tracing::warn!(topic = message.partition.topic, partition = message.partition.number,
                    offset = message.offset, %error, "dead letter");
                self.dead.push(dead_letter(&message, &error, self.table));
            }
        }
        if let Some((_, span)) = self.partitions.get_mut(&message.partition.app_id) {
            span.end = message.next;
        }
        self.since.get_or_insert_with(Instant::now);
        Ok(())
    }

    fn take(&mut self, batch: &RecordBatch, range: SeqRange, counts: &mut Counts) {
        let Some(known) = self.producers.get_mut(&range.producer) else { return };
        let rows = batch.num_rows();
        let taken = match Overlap::of(range.first, range.last, known.end) {
            Overlap::Known => {
                counts.duplicates += rows as u64;
                return;
            }
            Overlap::Partly { skip } => batch.slice(skip, rows - skip),
            Overlap::New { missing } => {
                if missing > 0 {
                    counts.missing += missing.unsigned_abs();
                    tracing::warn!(producer = %range.producer, table = %self.table, after = known.end,
                        before = range.first, missing, "rows are missing in a producer's sequence");
                }
                batch.clone()
            }
        };
        counts.duplicates += (rows - taken.num_rows()) as u64;
        counts.rows += taken.num_rows() as u64;
        known.end = range.last;
        self.batches.push(taken);
    }

    /// How long the oldest pending record has waited.
    pub(crate) fn age(&self) -> Option<std::time::Duration> {
        self.since.map(|since| since.elapsed())
    }

    /// The moves that committing everything pending makes: of partitions, and of producers.
    pub(crate) fn progress(&self) -> Vec<Progress> {
        let partitions = self.moved_partitions().map(|(partition, span)| Progress {
            app_id: partition.app_id.clone(),
            span,
            expires: false,
        });
        let producers =
            self.producers.iter().filter(|(_, span)| span.start != Some(span.end) && span.end > 0);
        let producers = producers.map(|(producer, span)| Progress {
            app_id: producer_app_id(*producer),
            span: *span,
            expires: true,
        });
        partitions.chain(producers).collect()
    }

    /// Partitions that were read beyond where the table stands.
    pub(crate) fn moved_partitions(&self) -> impl Iterator<Item = (&Arc<Partition>, Span)> {
        let moved = self.partitions.values().filter(|(_, span)| span.end > span.start.unwrap_or(i64::MIN));
        moved.map(|(partition, span)| (partition, *span))
    }

    /// Everything pending is durable: positions start where they ended.
    pub(crate) fn landed(&mut self) {
        let spans = self.partitions.values_mut().map(|(_, span)| span).filter(|span| span.end != i64::MIN);
        spans.chain(self.producers.values_mut().filter(|span| span.end > 0)).for_each(|span| {
            span.start = Some(span.end);
        });
        self.batches.clear();
        self.dead.clear();
        self.pending_bytes = 0;
        self.since = None;
    }
}

fn dead_letter(message: &Message, error: &RecordError, table: Table) -> DeadLetter {
    let headers = message.envelope.headers.iter();
    DeadLetter {
        received_at: now(),
        table,
        topic: message.partition.topic.clone(),
        partition: message.partition.number.into(),
        offset: message.offset,
        headers: headers.map(|(key, value)| Header { key: key.clone(), value: value.clone() }).collect(),
        payload: message.envelope.payload.clone(),
        reason: error.reason(),
        error: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use benchlake_schemas::{Benchmark, Envelope, Record, sample_series};
    use std::convert::Infallible;

    fn partition() -> Arc<Partition> {
        Arc::new(Partition { app_id: "a".into(), table: Table::Series, topic: "t".into(), number: 0 })
    }

    fn message(offset: i64, producer: ProducerId, first: i64, rows: usize) -> Message {
        let rows = vec![sample_series(Benchmark::new("w"), &[1.0]); rows];
        let record = Record::encode(Table::Series, producer, first, &rows).expect("rows encode");
        Message { partition: partition(), offset, next: offset + 1, envelope: Envelope::seal(&record) }
    }

    fn landing(start: Option<i64>) -> Landing {
        let mut landing = Landing::new(Table::Series);
        landing.assign(partition(), start);
        landing
    }

    fn add(landing: &mut Landing, counts: &mut Counts, message: Message) {
        landing.add(message, counts, |_| Ok::<_, Infallible>(None)).expect("infallible");
    }

    /// A record sent twice, or cut differently the second time, lands each row once.
    #[test]
    fn resends_land_once() {
        let (mut landing, mut counts, producer) = (landing(Some(0)), Counts::default(), ProducerId::new());
        add(&mut landing, &mut counts, message(0, producer, 1, 3));
        add(&mut landing, &mut counts, message(1, producer, 1, 3));
        add(&mut landing, &mut counts, message(2, producer, 2, 4));
        assert_eq!((counts.rows, counts.duplicates, counts.missing), (5, 5, 0));
        let ends: Vec<_> = landing.progress().iter().map(|step| (step.span.start, step.span.end)).collect();
        assert_eq!(ends, [(Some(0), 3), (None, 5)]);
    }

    /// An offset that was taken in is not taken in again, and a foreign partition never.
    #[test]
    fn offsets_are_taken_once() {
        let (mut landing, mut counts, producer) = (landing(Some(5)), Counts::default(), ProducerId::new());
        add(&mut landing, &mut counts, message(4, producer, 1, 1));
        add(&mut landing, &mut counts, message(5, producer, 1, 1));
        add(&mut landing, &mut counts, message(5, producer, 1, 1));
        assert_eq!((counts.records, counts.rows), (1, 1));
        landing.revoke();
        add(&mut landing, &mut counts, message(6, producer, 2, 1));
        assert_eq!(counts.records, 1);
        assert!(landing.progress().is_empty() && landing.batches.is_empty());
    }

    /// Bad bytes become a dead letter and the position moves on; a hole in the sequence is counted.
    #[test]
    fn bad_records_do_not_stop_the_rest() {
        let (mut landing, mut counts, producer) = (landing(None), Counts::default(), ProducerId::new());
        let mut bad = message(0, producer, 1, 1);
        bad.envelope.payload.truncate(10);
        let bytes = bad.envelope.payload.clone();
        add(&mut landing, &mut counts, bad);
        add(&mut landing, &mut counts, message(1, producer, 4, 1));
        assert_eq!((counts.dead_letters, counts.missing, counts.rows), (1, 3, 1));
        assert_eq!(landing.dead[0].payload, bytes);
        assert_eq!(landing.moved_partitions().map(|(_, span)| span.end).collect::<Vec<_>>(), [2]);
        landing.landed();
        assert!(landing.progress().is_empty());
    }
}
