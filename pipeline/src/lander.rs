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
    collections::{BTreeMap, BTreeSet},
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
/// How long a source is just not asked before it is told to pause.
const BRIEF: Duration = Duration::from_secs(1);
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
    /// Since when there is too much that is not durable.
    full: Option<Instant>,
    /// Whether the source was told to pause.
    paused: bool,
    policy: FlushPolicy,
    report: Report,
    lake_id: String,
    positions: Positions,
    metrics: Metrics,
    health: Health,
    told: Counts,
    /// Tables whose pending rows are to be read again once the store answers.
    lost: BTreeSet<Table>,
    /// How often something was read again: it is not landed yet, whatever the source has handed out.
    read_again: u64,
    outage: Option<Outage>,
}

/// A store that is overloaded, down or out of reach.
#[derive(Debug, Clone, Copy)]
struct Outage {
    since: Instant,
    again: Instant,
    wait: Duration,
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
            full: None,
            paused: false,
            policy,
            report: Report::default(),
            lake_id,
            positions,
            metrics: Metrics::default(),
            health: Health::default(),
            told: Counts::default(),
            lost: BTreeSet::new(),
            read_again: 0,
            outage: None,
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
        (self.full, self.paused) = (None, false);
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
            let waits = self.full.is_some() && !self.paused;
            let event = match (stopping, waits) {
                (true, _) => Event::Idle { caught_up: true },
                (false, true) => Event::Idle { caught_up: false },
                (false, false) => source.next(WAIT)?,
            };
            if !matches!(event, Event::Idle { caught_up: false }) || self.full.is_some() || self.paused {
                moved = Instant::now();
            } else if until_idle && moved.elapsed() >= STALL {
                return Err(LandError::Stalled(STALL));
            }
            let read_again = self.read_again;
            let caught_up = matches!(event, Event::Idle { caught_up: true });
            let ending = stopping || (until_idle && caught_up);
            self.apply(event)?;
            for table in Table::PRODUCED {
                if self.due(table, ending)
                    && let Err(error) = self.commit(table)
                {
                    self.lose(table, error)?;
                }
            }
            let wait = if waits || (ending && !self.is_empty()) { WAIT } else { Duration::ZERO };
            if self.arrivals(wait, source)? {
                moved = Instant::now();
                self.tell(source);
                seen(&self.report);
            }
            self.recover(source)?;
            self.pause(source)?;
            if caught_up && self.is_empty() && self.outage.take().is_some() {
                // Everything that was written is landed: whatever was lost has been read again.
                self.health.failing(None);
            }
            if ending && self.is_empty() {
                // What is read again now is not the end.
                if stopping || read_again == self.read_again {
                    return Ok(());
                }
            }
            if stopping && !self.lost.is_empty() {
                tracing::warn!(
                    "stopped while the store did not answer; what was pending stays in its source"
                );
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
        metrics.paused.set((self.full.is_some() || self.paused).into());
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
                if self.lost.contains(&table) {
                    return Ok(());
                }
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
        self.lost.clear();
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
        // The table last: should this be cut short, it is decided again.
        for (table, stands) in [(Table::DeadLetters, None), (partition.table, Some(stands))] {
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
        self.lost.is_empty() && self.lanes.values().all(|lane| lane.landing.is_empty())
    }

    /// One commit of a table at a time.
    fn due(&self, table: Table, ending: bool) -> bool {
        let Some(Lane { landing, .. }) = self.lanes.get(&table) else { return false };
        !landing.is_flying()
            && !self.lost.contains(&table)
            && self.policy.due(landing.pending_bytes, landing.age(), ending || self.full.is_some())
    }

    fn held(&self) -> usize {
        self.lanes.values().map(|lane| lane.landing.held_bytes()).sum()
    }

    /// Stops reading while too much of what was read is not durable, or the store does not answer:
    /// what comes waits in Kafka. For a moment it is enough not to ask, which keeps what was fetched
    /// ahead; for longer the source is told, so that it can be asked for everything else.
    fn pause(&mut self, source: &mut dyn Source) -> Result<(), LandError> {
        let full = self.policy.paused(self.held(), self.full.is_some());
        self.full = full.then(|| self.full.unwrap_or_else(Instant::now));
        let paused = !self.lost.is_empty() || self.full.is_some_and(|since| since.elapsed() >= BRIEF);
        if paused != self.paused {
            tracing::debug!(held = self.held(), paused, "reading");
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
    fn arrivals(&mut self, wait: Duration, source: &mut dyn Source) -> Result<bool, LandError> {
        let mut any = false;
        let mut next = self.done.recv_timeout(wait).ok();
        while let Some(done) = next {
            any = true;
            self.arrived(done, source)?;
            next = self.done.try_recv().ok();
        }
        Ok(any)
    }

    fn arrived(&mut self, done: Done, source: &mut dyn Source) -> Result<(), LandError> {
        let Done { table, number, result } = done;
        let Some(lane) = self.lanes.get_mut(&table) else { return Ok(()) };
        let Some(moved) = lane.landing.arrived(number) else {
            // What was taken away already is another's to read again, if it did not land.
            tracing::info!(%table, number, landed = result.is_ok(), "a commit that was given up has ended");
            return Ok(());
        };
        let landed = match result {
            Ok(landed) => landed,
            Err(error) => return self.lose(table, error.into()),
        };
        let label = Metrics::table(table);
        self.metrics.commit_retries.get_or_create(&label).inc_by(landed.retries);
        match landed.outcome {
            Outcome::Landed { version } => {
                self.outage = None;
                self.health.failing(None);
                self.metrics.commits.get_or_create(&label).inc();
                self.metrics.commit_seconds.get_or_create(&label).observe(landed.took.as_secs_f64());
                self.metrics.file_bytes.get_or_create(&label).inc_by(landed.bytes);
                self.metrics.last_commit.get_or_create(&label).set(benchlake_schemas::now() as f64 / 1e6);
                self.report.commits += 1;
                self.report.versions.insert(table, version);
                for moved in moved {
                    source.landed(&moved.partition, moved.end)?;
                }
                step("land.told")?;
            }
            Outcome::Fenced => {
                tracing::warn!(%table, "another lander moved these positions; dropping what was pending and reading on from the lake");
                self.report.fenced += 1;
                self.metrics.fenced.get_or_create(&label).inc();
                self.outage = None;
                if let Err(error) = self.read_again(table, source) {
                    self.lose(table, error)?;
                }
            }
        }
        Ok(())
    }

    /// The store is overloaded, down or out of reach: what is pending for `table` will be read again
    /// when it answers; reading pauses until then. Whether a commit was made after all, the positions
    /// will tell. Other errors end landing, and so does a store that is away for too long.
    fn lose(&mut self, table: Table, error: LandError) -> Result<(), LandError> {
        let LandError::Lake(lake) = &error else { return Err(error) };
        let now = Instant::now();
        let first = Outage { since: now, again: now, wait: Duration::from_millis(500) };
        let outage = self.outage.get_or_insert(first);
        if !lake.is_transient() || outage.since.elapsed() >= PATIENCE {
            return Err(error);
        }
        outage.wait = (outage.wait * 2).min(Duration::from_secs(10));
        outage.again = now + outage.wait;
        tracing::warn!(error = %lake, %table, "the lake does not answer; what is pending will be read again");
        self.health.failing(Some(lake.to_string()));
        self.lost.insert(table);
        Ok(())
    }

    /// Looks now and then whether the store answers again.
    fn recover(&mut self, source: &mut dyn Source) -> Result<(), LandError> {
        while let Some(table) = self.lost.first().copied()
            && self.outage.is_none_or(|outage| Instant::now() >= outage.again)
        {
            match self.read_again(table, source) {
                Ok(()) => _ = self.lost.remove(&table),
                Err(error) => self.lose(table, error)?,
            }
        }
        Ok(())
    }

    /// Gives up what is pending for `table` and reads on where the lake stands. If the lake does not
    /// tell, everything stays as it is.
    fn read_again(&mut self, table: Table, source: &mut dyn Source) -> Result<(), LandError> {
        let Some(lane) = self.lanes.get_mut(&table) else { return Ok(()) };
        let mut partitions = Vec::new();
        for partition in lane.landing.partitions() {
            self.health.beat();
            partitions.push((partition.clone(), self.positions.newest(table, &partition.app_id)?));
        }
        self.read_again += 1;
        lane.worker.discard();
        lane.landing.revoke();
        for (partition, start) in partitions {
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
