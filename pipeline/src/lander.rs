//! The landing loop: takes an event, applies it, commits when it is due.

use crate::{
    FlushPolicy, LakeError,
    lake_table::{LakeTable, Outcome, Progress, open_all},
    landing::{Counts, Landing},
    position::Span,
    source::{Assigned, Event, Partition, Positions, Source, producer_app_id},
};
use benchlake_producers::{
    emit::{KafkaError, SpoolError},
    fault,
};
use benchlake_schemas::{ProducerId, RecordError, Table, to_batch};
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Runtime};

const WAIT: Duration = Duration::from_millis(100);
/// Landing until idle gives up when nothing comes for so long although there is more.
const STALL: Duration = Duration::from_secs(60);

/// Why landing stopped. What is not landed stays in its source.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Rows could not be turned into columns.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A spool's log could not be read.
    #[error("reading {path}: {source}", path = path.display())]
    Read {
        /// The log's folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The broker does not have the offset at which the lake stands.
    #[error(
        "{topic}/{partition}: the lake stands at offset {position}, but the broker has only {low}..{high}: records were \
         deleted before they were landed, or this lake belongs to another topic; nothing was skipped. Once you have \
         decided: --from earliest (what is left), --from latest (only what comes) or --from OFFSET"
    )]
    OffsetOutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Where the lake stands.
        position: i64,
        /// The broker's oldest offset.
        low: i64,
        /// The offset after the broker's newest.
        high: i64,
    },
    /// The offset that was asked for is not there either.
    #[error("{topic}/{partition}: --from names no offset of this partition, which has {low}..{high}")]
    ResetOutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The broker's oldest offset.
        low: i64,
        /// The offset after the broker's newest.
        high: i64,
    },
    /// Another lander moved a position that was to be reset.
    #[error(
        "{topic}/{partition}: another lander moved the position in this moment; stop it, or land without --from"
    )]
    Moved {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// Rows of a spool went to Kafka and have not arrived in this lake.
    #[error(
        "rows up to {forwarded} of producer {producer} went to Kafka, but {table} of this lake has them only up to \
         {landed}: land from Kafka first (`benchlake land --brokers`), or forward the rest too (`benchlake agent forward`)"
    )]
    InKafka {
        /// The spool's producer.
        producer: ProducerId,
        /// The table.
        table: Table,
        /// The last row that went to Kafka.
        forwarded: i64,
        /// The last row that the lake has.
        landed: i64,
    },
    /// Nothing came although not everything was read.
    #[error(
        "nothing arrived for {0:?} although not everything was read: do the brokers answer? (`benchlake doctor --brokers`)"
    )]
    Stalled(Duration),
    /// A test asked for it.
    #[error(transparent)]
    Fault(io::Error),
    /// No runtime for the lake's I/O.
    #[error("cannot start threads for the lake's I/O: {0}")]
    Runtime(io::Error),
}

/// What a lander has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows, records, resends, gaps, dead letters.
    pub counts: Counts,
    /// Commits made.
    pub commits: u64,
    /// Batches dropped because another lander had moved their positions.
    pub fenced: u64,
    /// Newest version of each table that this lander wrote or saw.
    pub versions: BTreeMap<Table, u64>,
}

/// Lands what sources hand out in one lake.
pub struct Lander {
    runtime: Arc<Runtime>,
    lake: String,
    tables: HashMap<Table, LakeTable>,
    landings: HashMap<Table, Landing>,
    policy: FlushPolicy,
    report: Report,
}

impl Lander {
    /// Opens the lake at `lake`, a folder or URL, and creates the tables that it lacks.
    ///
    /// # Errors
    /// [`LandError::Lake`] if the place cannot be used.
    pub fn open(lake: &str, policy: FlushPolicy) -> Result<Self, LandError> {
        let runtime =
            Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(LandError::Runtime)?;
        let tables = runtime.block_on(open_all(lake))?;
        let landings = Table::PRODUCED.into_iter().map(|table| (table, Landing::new(table))).collect();
        let (lake, runtime) = (lake.to_owned(), Arc::new(runtime));
        Ok(Self { runtime, lake, tables, landings, policy, report: Report::default() })
    }

    /// A short text that tells this lake from others, the same each time.
    #[must_use]
    pub fn lake_id(&self) -> String {
        let url = self.tables.get(&Table::Series).map(LakeTable::url).unwrap_or_default();
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, url.as_bytes()).to_string()
    }

    /// Answers a source's question where a table stands, from the lake's newest version.
    #[must_use]
    pub fn positions(&self) -> Positions {
        let (runtime, lake) = (self.runtime.clone(), self.lake.clone());
        let opened = Mutex::new(HashMap::new());
        Arc::new(move |table: Table, app_id: &str| {
            // A table that an earlier question left behind is read again like any other.
            let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
            runtime.block_on(async {
                let lake = match opened.entry(table) {
                    Entry::Occupied(open) => open.into_mut(),
                    Entry::Vacant(absent) => absent.insert(LakeTable::open_or_create(&lake, table).await?),
                };
                Ok(lake.position(app_id).await?)
            })
        })
    }

    /// Lands what `source` hands out until `stop` is set or, with `until_idle`, everything that was
    /// written is landed. `seen` is shown the report after every commit and now and then between.
    ///
    /// # Errors
    /// [`LandError`]. Rows that were not committed stay in the source.
    pub fn run(
        &mut self,
        source: &mut dyn Source,
        until_idle: bool,
        stop: &AtomicBool,
        seen: &mut dyn FnMut(&Report),
    ) -> Result<Report, LandError> {
        // What an earlier, failed call left pending is read again from its source.
        self.landings.values_mut().for_each(Landing::revoke);
        let result = self.follow(source, until_idle, stop, seen);
        source.close();
        result.map(|()| self.report.clone())
    }

    fn follow(
        &mut self,
        source: &mut dyn Source,
        until_idle: bool,
        stop: &AtomicBool,
        seen: &mut dyn FnMut(&Report),
    ) -> Result<(), LandError> {
        let (mut shown, mut moved) = (Instant::now(), Instant::now());
        loop {
            let stopping = stop.load(Ordering::Relaxed);
            let event = if stopping { Event::Idle { caught_up: true } } else { source.next(WAIT)? };
            if !matches!(event, Event::Idle { caught_up: false }) {
                moved = Instant::now();
            } else if until_idle && moved.elapsed() >= STALL {
                return Err(LandError::Stalled(STALL));
            }
            let fenced = self.report.fenced;
            let ending = stopping || (until_idle && matches!(event, Event::Idle { caught_up: true }));
            self.apply(event)?;
            for table in Table::PRODUCED {
                if self.due(table, ending) {
                    self.commit(table, source)?;
                    seen(&self.report);
                }
            }
            // A fenced batch is read again: that is not the end.
            if ending
                && fenced == self.report.fenced
                && (stopping || self.landings.values().all(|landing| landing.age().is_none()))
            {
                return Ok(());
            }
            if shown.elapsed() >= Duration::from_millis(250) {
                shown = Instant::now();
                seen(&self.report);
            }
        }
    }

    fn apply(&mut self, event: Event) -> Result<(), LandError> {
        match event {
            Event::Assigned(partitions) => {
                for Assigned { partition, stands, reset } in partitions {
                    let (topic, number) = (&partition.topic, partition.number);
                    tracing::info!(topic, partition = number, ?stands, ?reset, "assigned");
                    if let Some(reset) = reset {
                        self.reset(&partition, stands, reset)?;
                    }
                    if let Some(landing) = self.landings.get_mut(&partition.table) {
                        landing.assign(partition, reset.or(stands));
                    }
                }
            }
            Event::Revoked => {
                tracing::info!(
                    "partitions were taken away; what was pending is read again by their next owner"
                );
                self.landings.values_mut().for_each(Landing::revoke);
            }
            Event::Message(message) => {
                let table = message.partition.table;
                let (Some(landing), Some(lake)) =
                    (self.landings.get_mut(&table), self.tables.get_mut(&table))
                else {
                    return Ok(());
                };
                let runtime = &self.runtime;
                landing.add(message, &mut self.report.counts, |producer| {
                    runtime.block_on(lake.position(&producer_app_id(producer)))
                })?;
                step("land.pending")?;
            }
            Event::Idle { .. } => {}
        }
        Ok(())
    }

    /// Makes a person's decision durable before anything is read from there: both the table and the
    /// dead letters go on at `reset`.
    fn reset(&mut self, partition: &Partition, stands: Option<i64>, reset: i64) -> Result<(), LandError> {
        let (topic, number) = (&partition.topic, partition.number);
        tracing::warn!(
            topic,
            partition = number,
            ?stands,
            reset,
            "position set as asked; records between are skipped"
        );
        for (table, stands) in [(partition.table, Some(stands)), (Table::DeadLetters, None)] {
            let Some(lake) = self.tables.get_mut(&table) else { continue };
            let start = match stands {
                Some(stands) => stands,
                None => self.runtime.block_on(lake.position(&partition.app_id))?,
            };
            let (app_id, span) = (partition.app_id.clone(), Span { start, end: reset });
            let step = Progress { app_id, span, expires: false };
            if self.runtime.block_on(lake.land(&[], &[step]))? == Outcome::Fenced {
                return Err(LandError::Moved { topic: topic.clone(), partition: number });
            }
        }
        Ok(())
    }

    fn due(&self, table: Table, ending: bool) -> bool {
        let landing = self.landings.get(&table);
        landing.is_some_and(|landing| self.policy.due(landing.pending_bytes, landing.age(), ending))
    }

    /// Commits what is pending for `table`: dead letters first, as the positions that the rows'
    /// commit moves would otherwise step over them.
    fn commit(&mut self, table: Table, source: &mut dyn Source) -> Result<(), LandError> {
        self.file_dead_letters(table)?;
        let (Some(landing), Some(lake)) = (self.landings.get_mut(&table), self.tables.get_mut(&table)) else {
            return Ok(());
        };
        match self.runtime.block_on(lake.land(&landing.batches, &landing.progress()))? {
            Outcome::Landed { version } => {
                self.report.commits += 1;
                self.report.versions.insert(table, version);
                let moved: Vec<_> =
                    landing.moved_partitions().map(|(part, span)| (part.clone(), span.end)).collect();
                landing.landed();
                for (partition, end) in moved {
                    source.landed(&partition, end)?;
                }
                step("land.told")?;
            }
            Outcome::Fenced => {
                tracing::warn!(%table, "another lander moved these positions; dropping what was pending and reading on from the lake");
                self.report.fenced += 1;
                for partition in landing.discard() {
                    let start = self.runtime.block_on(lake.position(&partition.app_id))?;
                    source.seek(&partition, start)?;
                    landing.assign(partition, start);
                }
            }
        }
        Ok(())
    }

    /// Lands the dead letters of `table`, each once: the table of dead letters keeps positions of
    /// its own, under the same ids.
    fn file_dead_letters(&mut self, table: Table) -> Result<(), LandError> {
        let (Some(landing), Some(lake)) =
            (self.landings.get_mut(&table), self.tables.get_mut(&Table::DeadLetters))
        else {
            return Ok(());
        };
        if landing.dead.is_empty() {
            return Ok(());
        }
        loop {
            let mut letters: Vec<_> = landing.dead.iter().collect();
            let mut progress = Vec::new();
            for (partition, span) in landing.moved_partitions() {
                let start = self.runtime.block_on(lake.position(&partition.app_id))?;
                let filed = start.unwrap_or(i64::MIN);
                letters.retain(|letter| !is_of(letter, partition) || letter.offset >= filed);
                if landing.dead.iter().any(|letter| is_of(letter, partition)) && span.end > filed {
                    progress.push(Progress {
                        app_id: partition.app_id.clone(),
                        span: Span { start, end: span.end },
                        expires: false,
                    });
                }
            }
            if letters.is_empty() {
                break;
            }
            let batch = to_batch(Table::DeadLetters, &letters)?;
            if let Outcome::Landed { version } = self.runtime.block_on(lake.land(&[batch], &progress))? {
                self.report.versions.insert(Table::DeadLetters, version);
                break;
            }
        }
        landing.dead.clear();
        step("land.dead_letters")
    }
}

fn step(name: &'static str) -> Result<(), LandError> {
    fault::step(name).map_err(LandError::Fault)
}

fn is_of(letter: &benchlake_schemas::DeadLetter, partition: &Partition) -> bool {
    letter.topic == partition.topic && letter.partition == i64::from(partition.number)
}
