//! What is pending for one table: rows, the positions they cover, dead letters. Pure but for one
//! question, where a producer stands, which the caller answers.

use crate::{
    lake_table::Progress,
    position::{Overlap, Span},
    source::{Message, Partition, producer_app_id},
};
use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Schema},
};
use benchlake_schemas::{DeadLetter, Header, Micros, ProducerId, RecordError, SeqRange, Table, now};
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
    time::{Duration, Instant},
};

/// What a record holds beside its payload, about: its schema and columns, and its headers.
const OVERHEAD: usize = 8 << 10;

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

/// The pending part of one table: what was read and is not durable yet. The rows themselves are with
/// the table's worker.
pub(crate) struct Landing {
    table: Table,
    /// Columns that newer minor versions brought, with the type that came first.
    newer: HashMap<String, DataType>,
    pub(crate) dead: Vec<DeadLetter>,
    pub(crate) pending_bytes: usize,
    partitions: BTreeMap<String, Taken>,
    producers: HashMap<ProducerId, Span>,
    since: Option<Instant>,
    flight: Option<Flight>,
}

/// How far a partition is taken in.
struct Taken {
    partition: Arc<Partition>,
    span: Span,
    /// When the oldest record was sealed that waits for the next commit, and that is in the one under way.
    oldest: Option<Micros>,
    flying: Option<Micros>,
}

/// A commit under way.
struct Flight {
    number: u64,
    bytes: usize,
    moved: Vec<Moved>,
}

/// A partition that a commit moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) partition: Arc<Partition>,
    start: Option<i64>,
    pub(crate) end: i64,
}

impl Landing {
    /// Nothing pending, for a table whose columns in the lake are those of `columns`.
    pub(crate) fn new(table: Table, columns: &Schema) -> Self {
        let known = table.schema();
        let newer = columns.fields().iter().filter(|field| known.index_of(field.name()).is_err());
        Self {
            table,
            newer: newer.map(|field| (field.name().clone(), field.data_type().clone())).collect(),
            dead: Vec::new(),
            pending_bytes: 0,
            partitions: BTreeMap::new(),
            producers: HashMap::new(),
            since: None,
            flight: None,
        }
    }

    /// Takes over a partition whose table stands at `start`.
    pub(crate) fn assign(&mut self, partition: Arc<Partition>, start: Option<i64>) {
        let span = Span { start, end: start.unwrap_or(i64::MIN) };
        self.partitions
            .insert(partition.app_id.clone(), Taken { partition, span, oldest: None, flying: None });
    }

    /// The partitions that are ours.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.partitions.values().map(|taken| &taken.partition)
    }

    /// Gives up everything: pending rows, a commit under way, and what was known of positions.
    /// Returns the partitions, to be read again by whoever owns them.
    pub(crate) fn revoke(&mut self) -> Vec<Arc<Partition>> {
        let partitions = std::mem::take(&mut self.partitions).into_values().map(|taken| taken.partition);
        let (newer, nothing) = (std::mem::take(&mut self.newer), Schema::empty());
        *self = Self { newer, ..Self::new(self.table, &nothing) };
        partitions.collect()
    }

    /// Takes in one record and returns its new rows. `stands` says which row of a producer not met
    /// before was the last to land.
    pub(crate) fn add<E>(
        &mut self,
        message: Message,
        counts: &mut Counts,
        stands: impl FnOnce(ProducerId) -> Result<Option<i64>, E>,
    ) -> Result<Option<RecordBatch>, E> {
        let Some(Taken { span, .. }) = self.partitions.get(&message.partition.app_id) else {
            return Ok(None);
        };
        if message.offset < span.end {
            return Ok(None);
        }
        counts.records += 1;
        counts.bytes += message.envelope.payload.len() as u64;
        self.pending_bytes += message.envelope.payload.len() + OVERHEAD;
        let opened = message.envelope.open(self.table);
        let rows = match opened.and_then(|(batch, range)| self.check_newer(&batch).map(|()| (batch, range))) {
            Ok((batch, range)) => {
                if let Entry::Vacant(unknown) = self.producers.entry(range.producer) {
                    let start = stands(range.producer)?;
                    unknown.insert(Span { start, end: start.unwrap_or(0) });
                }
                self.take(&batch, range, counts)
            }
            Err(error) => {
                counts.dead_letters += 1;
                tracing::warn!(topic = message.partition.topic, partition = message.partition.number,
                    offset = message.offset, %error, "dead letter");
                self.dead.push(dead_letter(&message, &error, self.table));
                None
            }
        };
        if let Some(taken) = self.partitions.get_mut(&message.partition.app_id) {
            taken.span.end = message.next;
            taken.oldest = taken.oldest.or_else(|| message.envelope.sealed_at());
        }
        self.since.get_or_insert_with(Instant::now);
        Ok(rows)
    }

    /// Two newer minor versions may not disagree about a column: the one that came first decides.
    fn check_newer(&mut self, batch: &RecordBatch) -> Result<(), RecordError> {
        let known = self.table.schema();
        if batch.num_columns() == known.fields().len() {
            return Ok(());
        }
        let schema = batch.schema();
        let new = || schema.fields().iter().filter(|field| known.index_of(field.name()).is_err());
        for field in new() {
            let known = self.newer.iter().find(|(name, _)| name.eq_ignore_ascii_case(field.name()));
            let problem = match known {
                Some((name, _)) if name != field.name() => {
                    format!("differs from `{name}` of the lake in case alone")
                }
                Some((_, first)) if !first.equals_datatype(field.data_type()) => {
                    format!("has type {}, but in the lake it is {first}", field.data_type())
                }
                _ => continue,
            };
            let (table, column) = (self.table, field.name().clone());
            return Err(RecordError::Column { table, column, problem });
        }
        self.newer.extend(new().map(|field| (field.name().clone(), field.data_type().clone())));
        Ok(())
    }

    fn take(&mut self, batch: &RecordBatch, range: SeqRange, counts: &mut Counts) -> Option<RecordBatch> {
        let known = self.producers.get_mut(&range.producer)?;
        let rows = batch.num_rows();
        let taken = match Overlap::of(range.first, range.last, known.end) {
            Overlap::Known => {
                counts.duplicates += rows as u64;
                return None;
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
        Some(taken)
    }

    /// How long the oldest pending record has waited.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    /// Payload bytes that are read and not durable.
    pub(crate) fn held_bytes(&self) -> usize {
        self.pending_bytes + self.flight.as_ref().map_or(0, |flight| flight.bytes)
    }

    /// Whether a commit is under way.
    pub(crate) fn is_flying(&self) -> bool {
        self.flight.is_some()
    }

    /// Whether everything that was read is durable.
    pub(crate) fn is_empty(&self) -> bool {
        self.since.is_none() && self.flight.is_none()
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
        let moved =
            self.partitions.values().filter(|taken| taken.span.end > taken.span.start.unwrap_or(i64::MIN));
        moved.map(|taken| (&taken.partition, taken.span))
    }

    /// Where each partition stands in the lake, and when the oldest record beyond that was sealed.
    pub(crate) fn standing(&self) -> impl Iterator<Item = (&Partition, i64, Option<Micros>)> {
        let started = |taken: &Taken| {
            let moved = self.flight.iter().flat_map(|flight| &flight.moved);
            moved.into_iter().find(|moved| moved.partition == taken.partition).map(|moved| moved.start)
        };
        self.partitions.values().filter_map(move |taken| {
            let stands = started(taken).unwrap_or(taken.span.start)?;
            Some((taken.partition.as_ref(), stands, taken.flying.or(taken.oldest)))
        })
    }

    /// Commit `number` takes everything pending with it; what is read from now on belongs to the
    /// next one, which fits only after this one.
    pub(crate) fn take_off(&mut self, number: u64) {
        let moved = self.moved_partitions().map(|(partition, Span { start, end })| Moved {
            partition: partition.clone(),
            start,
            end,
        });
        let moved: Vec<_> = moved.collect();
        for taken in self.partitions.values_mut().filter(|taken| taken.span.end != i64::MIN) {
            taken.span.start = Some(taken.span.end);
            taken.flying = taken.oldest.take();
        }
        for span in self.producers.values_mut().filter(|span| span.end > 0) {
            span.start = Some(span.end);
        }
        self.flight = Some(Flight { number, bytes: std::mem::take(&mut self.pending_bytes), moved });
        self.dead.clear();
        self.since = None;
    }

    /// Commit `number` ended; returns what it moved, if it still matters to us.
    pub(crate) fn arrived(&mut self, number: u64) -> Option<Vec<Moved>> {
        let flight = self.flight.take_if(|flight| flight.number == number)?;
        self.partitions.values_mut().for_each(|taken| taken.flying = None);
        Some(flight.moved)
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
        let mut landing = Landing::new(Table::Series, &Schema::empty());
        landing.assign(partition(), start);
        landing
    }

    fn add(landing: &mut Landing, counts: &mut Counts, message: Message) -> Option<RecordBatch> {
        landing.add(message, counts, |_| Ok::<_, Infallible>(None)).expect("infallible")
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
        assert!(landing.progress().is_empty() && landing.is_empty());
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
        landing.take_off(7);
        assert!(landing.progress().is_empty() && !landing.is_empty());
        assert_eq!(landing.arrived(7).map(|moved| moved.len()), Some(1));
        assert!(landing.is_empty());
    }

    /// What is read while a commit is under way fits after it alone; a commit given up is not told.
    #[test]
    fn commits_follow_each_other() {
        let (mut landing, mut counts, producer) = (landing(Some(0)), Counts::default(), ProducerId::new());
        add(&mut landing, &mut counts, message(0, producer, 1, 1));
        landing.take_off(1);
        add(&mut landing, &mut counts, message(1, producer, 2, 2));
        let spans: Vec<_> = landing.progress().iter().map(|step| (step.span.start, step.span.end)).collect();
        assert_eq!(spans, [(Some(1), 2), (Some(1), 3)]);
        assert!(landing.held_bytes() > landing.pending_bytes);
        assert_eq!(landing.revoke().len(), 1);
        assert_eq!(landing.arrived(1), None);
        assert!(landing.is_empty());
    }

    /// Of two newer versions that disagree about a column, the second becomes a dead letter.
    #[test]
    fn a_column_has_the_type_that_came_first() {
        let newer = |data_type: DataType| {
            let field = arrow::datatypes::Field::new("later", data_type, true);
            let fields =
                Table::Series.schema().fields().iter().cloned().chain([Arc::new(field)]).collect::<Vec<_>>();
            RecordBatch::new_empty(Arc::new(Schema::new(fields)))
        };
        let mut landing = landing(None);
        assert!(landing.check_newer(&newer(DataType::Utf8)).is_ok());
        assert!(landing.check_newer(&newer(DataType::Utf8)).is_ok());
        let error = landing.check_newer(&newer(DataType::Int64)).map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err("column `later` of `series` has type Int64, but in the lake it is Utf8".into())
        );
        landing.newer = HashMap::from([("Later".to_owned(), DataType::Utf8)]);
        let error = landing.check_newer(&newer(DataType::Utf8)).map_err(|error| error.to_string());
        let expected = "column `later` of `series` differs from `Later` of the lake in case alone";
        assert_eq!(error, Err(expected.into()));
    }
}
