//! The landing loop: takes an event, applies it, commits when it is due.

use crate::{
    FlushPolicy, Health, LakeError, Metrics,
    lake_table::{LakeTable, Outcome, Progress},
    landing::{Counts, Landing},
    position::Span,
    positions::Positions,
    source::{Assigned, Event, Partition, Source},
    worker::{Done, Worker},
};
use benchlake_producers::{
    emit::{KafkaError, SpoolError},
    fault,
};
use benchlake_schemas::{ProducerId, RecordError, Table, to_batch};
use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};
use tokio::runtime::Builder;

const WAIT: Duration = Duration::from_millis(100);
/// Landing until idle gives up when nothing comes for so long although there is more.
const STALL: Duration = Duration::from_secs(60);
/// How long a store may be out of reach before landing ends, for whoever watches over it to decide.
const PATIENCE: Duration = Duration::from_secs(600);

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

/// What a lander has done so far, and how it stands.
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
    lanes: BTreeMap<Table, Lane>,
    done: Receiver<Done>,
    /// Numbers commits, so that one that was given up is not taken for a later one.
    commits: u64,
    paused: bool,
    policy: FlushPolicy,
    report: Report,
    lake_id: String,
    positions: Positions,
    metrics: Metrics,
    health: Health,
    told: Counts,
    failing: Option<Instant>,
}

/// One table: what is pending, and who writes it.
struct Lane {
    landing: Landing,
    worker: Worker,
}

impl Lander {
    /// Opens the lake at `lake`, a folder or URL, and creates the tables that it lacks.
    ///
    /// # Errors
    /// [`LandError::Lake`] if the place cannot be used.
    pub fn open(lake: &str, policy: FlushPolicy) -> Result<Self, LandError> {
        let runtime =
            Builder::new_multi_thread().worker_threads(3).enable_all().build().map_err(LandError::Runtime)?;
        let runtime = Arc::new(runtime);
        let (sender, done) = channel();
        let (mut lanes, mut lake_id) = (BTreeMap::new(), String::new());
        for &table in Table::ALL {
            let opened = runtime.block_on(LakeTable::open_or_create(lake, table))?;
            if table == Table::Series {
                lake_id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, opened.url().as_bytes()).to_string();
            }
            if Table::PRODUCED.contains(&table) {
                let landing = Landing::new(table, &opened.schema());
                let worker = Worker::start(&runtime, opened, sender.clone());
                lanes.insert(table, Lane { landing, worker });
            }
        }
        let positions = Positions::new(runtime, lake.to_owned());
        Ok(Self {
            lanes,
            done,
            commits: 0,
            paused: false,
            policy,
            report: Report::default(),
            lake_id,
            positions,
            metrics: Metrics::default(),
            health: Health::default(),
            told: Counts::default(),
            failing: None,
        })
    }

    /// The same, telling how it is to `metrics` and `health`.
    #[must_use]
    pub fn watched(self, metrics: Metrics, health: Health) -> Self {
        metrics.budget_bytes.set(signed(self.policy.max_held));
        Self { metrics, health, ..self }
    }

    /// A short text that tells this lake from others, the same each time.
    #[must_use]
    pub fn lake_id(&self) -> &str {
        &self.lake_id
    }

    /// Answers a source's question where a table stands, from the lake's newest version.
    #[must_use]
    pub fn positions(&self) -> Positions {
        self.positions.clone()
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
        self.revoke();
        self.paused = false;
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
            self.health.beat();
            let stopping = stop.load(Ordering::Relaxed);
            let event = if stopping { Event::Idle { caught_up: true } } else { source.next(WAIT)? };
            if !matches!(event, Event::Idle { caught_up: false }) || self.paused {
                moved = Instant::now();
            } else if until_idle && moved.elapsed() >= STALL {
                return Err(LandError::Stalled(STALL));
            }
            let fenced = self.report.fenced;
            let ending = stopping || (until_idle && matches!(event, Event::Idle { caught_up: true }));
            self.apply(event)?;
            for table in Table::PRODUCED {
                if self.due(table, ending) {
                    self.commit(table)?;
                }
            }
            let wait = if ending && !self.is_empty() { WAIT } else { Duration::ZERO };
            if self.arrivals(wait, source, stop)? {
                moved = Instant::now();
                self.tell(source);
                seen(&self.report);
            }
            self.pause(source)?;
            // A fenced batch is read again: that is not the end.
            if ending && self.is_empty() && (stopping || fenced == self.report.fenced) {
                return Ok(());
            }
            if shown.elapsed() >= Duration::from_millis(250) {
                shown = Instant::now();
                self.tell(source);
                seen(&self.report);
            }
        }
    }

    /// Brings the metrics up to date.
    fn tell(&mut self, source: &dyn Source) {
        let (metrics, now, before) = (&self.metrics, self.report.counts, self.told);
        metrics.records.inc_by(now.records - before.records);
        metrics.rows.inc_by(now.rows - before.rows);
        metrics.bytes.inc_by(now.bytes - before.bytes);
        metrics.duplicates.inc_by(now.duplicates - before.duplicates);
        metrics.missing.inc_by(now.missing - before.missing);
        self.told = now;
        metrics.held_bytes.set(signed(self.held()));
        metrics.paused.set(self.paused.into());
        if let Some(bytes) = source.spooled() {
            metrics.spool_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
        for (table, Lane { landing, .. }) in &self.lanes {
            let age = landing.age().unwrap_or_default().as_secs_f64();
            metrics.batch_age.get_or_create(&Metrics::table(*table)).set(age);
            for (partition, stands, oldest) in landing.standing() {
                if let Some(end) = source.end(partition) {
                    let seconds =
                        oldest.map_or(0.0, |sealed| (benchlake_schemas::now() - sealed) as f64 / 1e6);
                    metrics.lags(&partition.topic, partition.number, (end - stands).max(0), seconds.max(0.0));
                }
            }
        }
    }

    fn apply(&mut self, event: Event) -> Result<(), LandError> {
        match event {
            Event::Assigned(partitions) => {
                self.health.joined(true);
                for Assigned { partition, stands, reset } in partitions {
                    let (topic, number) = (&partition.topic, partition.number);
                    tracing::info!(topic, partition = number, ?stands, ?reset, "assigned");
                    if let Some(reset) = reset {
                        self.reset(&partition, stands, reset)?;
                    }
                    if let Some(lane) = self.lanes.get_mut(&partition.table) {
                        lane.landing.assign(partition, reset.or(stands));
                    }
                }
            }
            Event::Revoked => {
                tracing::info!(
                    "partitions were taken away; what was pending is read again by their next owner"
                );
                self.revoke();
            }
            Event::Message(message) => {
                let table = message.partition.table;
                let Some(lane) = self.lanes.get_mut(&table) else { return Ok(()) };
                let stands = |producer| self.positions.last_row(table, producer);
                if let Some(rows) = lane.landing.add(message, &mut self.report.counts, stands)? {
                    lane.worker.write(rows);
                }
                step("land.pending")?;
            }
            Event::Idle { caught_up } => {
                // A spool without a log yet is all read.
                if caught_up {
                    self.health.joined(true);
                }
            }
        }
        Ok(())
    }

    /// Gives up what is pending in every table.
    fn revoke(&mut self) {
        self.health.joined(false);
        for lane in self.lanes.values_mut() {
            for partition in lane.landing.revoke() {
                self.metrics.forget(&partition.topic, partition.number);
            }
            lane.worker.discard();
        }
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
            let start = match stands {
                Some(stands) => stands,
                None => self.positions.newest(table, &partition.app_id)?,
            };
            let (app_id, span) = (partition.app_id.clone(), Span { start, end: reset });
            let step = Progress { app_id, span, expires: false };
            if self.positions.land(table, &[], &[step])? == Outcome::Fenced {
                return Err(LandError::Moved { topic: topic.clone(), partition: number });
            }
        }
        Ok(())
    }

    /// Whether everything that was read is durable.
    fn is_empty(&self) -> bool {
        self.lanes.values().all(|lane| lane.landing.is_empty())
    }

    /// One commit of a table at a time.
    fn due(&self, table: Table, ending: bool) -> bool {
        let Some(Lane { landing, .. }) = self.lanes.get(&table) else { return false };
        !landing.is_flying() && self.policy.due(landing.pending_bytes, landing.age(), ending || self.paused)
    }

    fn held(&self) -> usize {
        self.lanes.values().map(|lane| lane.landing.held_bytes()).sum()
    }

    /// Stops reading while too much of what was read is not durable: what comes waits in Kafka.
    fn pause(&mut self, source: &mut dyn Source) -> Result<(), LandError> {
        let held = self.held();
        let paused = self.policy.paused(held, self.paused);
        if paused != self.paused {
            tracing::debug!(held, paused, "reading");
            source.pause(paused)?;
            self.paused = paused;
        }
        Ok(())
    }

    /// Sends what is pending for `table` on its way: dead letters first, as the positions that the
    /// rows' commit moves would otherwise step over them.
    fn commit(&mut self, table: Table) -> Result<(), LandError> {
        self.file_dead_letters(table)?;
        let Some(lane) = self.lanes.get_mut(&table) else { return Ok(()) };
        self.commits += 1;
        lane.worker.commit(self.commits, lane.landing.progress());
        lane.landing.take_off(self.commits);
        Ok(())
    }

    /// Takes in what became of commits, waiting `wait` for the first; says whether there were any.
    fn arrivals(
        &mut self,
        wait: Duration,
        source: &mut dyn Source,
        stop: &AtomicBool,
    ) -> Result<bool, LandError> {
        let mut any = false;
        let mut next = self.done.recv_timeout(wait).ok();
        while let Some(done) = next {
            any = true;
            self.arrived(done, source, stop)?;
            next = self.done.try_recv().ok();
        }
        Ok(any)
    }

    fn arrived(&mut self, done: Done, source: &mut dyn Source, stop: &AtomicBool) -> Result<(), LandError> {
        let Done { table, number, result } = done;
        let Some(lane) = self.lanes.get_mut(&table) else { return Ok(()) };
        let moved = lane.landing.arrived(number);
        let landed = match result {
            Ok(landed) => landed,
            Err(error) if error.is_transient() => return self.hold_out(table, error, source, stop),
            Err(error) => return Err(error.into()),
        };
        let label = Metrics::table(table);
        self.metrics.commit_retries.get_or_create(&label).inc_by(landed.retries);
        match landed.outcome {
            Outcome::Landed { version } => {
                self.failing = None;
                self.health.failing(None);
                self.metrics.commits.get_or_create(&label).inc();
                self.metrics.commit_seconds.get_or_create(&label).observe(landed.took.as_secs_f64());
                self.metrics.file_bytes.get_or_create(&label).inc_by(landed.bytes);
                self.metrics.last_commit.get_or_create(&label).set(benchlake_schemas::now() as f64 / 1e6);
                self.report.commits += 1;
                self.report.versions.insert(table, version);
                for moved in moved.into_iter().flatten() {
                    source.landed(&moved.partition, moved.end)?;
                }
                step("land.told")?;
            }
            Outcome::Fenced => {
                tracing::warn!(%table, "another lander moved these positions; dropping what was pending and reading on from the lake");
                self.report.fenced += 1;
                self.metrics.fenced.get_or_create(&label).inc();
                // What was taken away already is not ours to read again.
                if moved.is_some() {
                    self.read_again(table, source)?;
                }
            }
        }
        Ok(())
    }

    /// The store is overloaded, down or out of reach: what was pending is read again when it answers,
    /// and not-ready is told meanwhile. Whether the commit was made after all, the positions tell.
    fn hold_out(
        &mut self,
        table: Table,
        error: LakeError,
        source: &mut dyn Source,
        stop: &AtomicBool,
    ) -> Result<(), LandError> {
        let (since, mut error, mut wait) =
            (*self.failing.get_or_insert_with(Instant::now), error, Duration::from_secs(1));
        loop {
            if since.elapsed() >= PATIENCE || stop.load(Ordering::Relaxed) {
                return Err(error.into());
            }
            tracing::warn!(%error, %table, "no commit; what was pending will be read again");
            self.health.failing(Some(error.to_string()));
            self.health.beat();
            std::thread::sleep(wait);
            wait = (wait * 2).min(Duration::from_secs(10));
            match self.read_again(table, source) {
                Err(LandError::Lake(again)) if again.is_transient() => error = again,
                done => return done,
            }
        }
    }

    /// Gives up what is pending for `table` and reads on where the lake stands.
    fn read_again(&mut self, table: Table, source: &mut dyn Source) -> Result<(), LandError> {
        let Some(lane) = self.lanes.get_mut(&table) else { return Ok(()) };
        lane.worker.discard();
        for partition in lane.landing.revoke() {
            let start = self.positions.newest(table, &partition.app_id)?;
            source.seek(&partition, start)?;
            lane.landing.assign(partition, start);
        }
        Ok(())
    }

    /// Lands the dead letters of `table`, each once: the table of dead letters keeps positions of
    /// its own, under the same ids.
    fn file_dead_letters(&mut self, table: Table) -> Result<(), LandError> {
        let Some(Lane { landing, .. }) = self.lanes.get_mut(&table) else { return Ok(()) };
        if landing.dead.is_empty() {
            return Ok(());
        }
        loop {
            let mut letters: Vec<_> = landing.dead.iter().collect();
            let mut progress = Vec::new();
            for (partition, span) in landing.moved_partitions() {
                let start = self.positions.newest(Table::DeadLetters, &partition.app_id)?;
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
            if let Outcome::Landed { version } =
                self.positions.land(Table::DeadLetters, &[batch], &progress)?
            {
                self.report.versions.insert(Table::DeadLetters, version);
                break;
            }
        }
        for letter in landing.dead.drain(..) {
            self.metrics.dead_letters.get_or_create(&Metrics::reason(letter.reason)).inc();
        }
        step("land.dead_letters")
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn step(name: &'static str) -> Result<(), LandError> {
    fault::step(name).map_err(LandError::Fault)
}

fn is_of(letter: &benchlake_schemas::DeadLetter, partition: &Partition) -> bool {
    letter.topic == partition.topic && letter.partition == i64::from(partition.number)
}
