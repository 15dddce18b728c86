//! From a spool to Kafka: at least once and in order, so that the lander can make it exactly once.
//!
//! Records are sent in the order of the log by an idempotent producer with `acks=all`. A record is
//! drained only when it and all before it are acknowledged; after a failed delivery everything from
//! the first unacknowledged record on is sent again, under the same sequence numbers.

use super::{
    kafka::{Kafka, KafkaError},
    log::{Entry, LogReader},
    refusal::{Complaint, Complaints},
    spool::{Drain, SpoolError},
};
use crate::fault;
use benchlake_schemas::{Envelope, header};
use rdkafka::{
    ClientConfig, ClientContext,
    error::{KafkaError as ClientError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext},
};
use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Without an acknowledgement for so long everything on its way counts as failed and is sent again.
pub(super) const DELIVERY: Duration = Duration::from_secs(20);
/// Damaged bytes are sent in parts that fit a broker's default limit.
const PART: usize = 512 << 10;

/// What was forwarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// Records acknowledged by the brokers.
    pub records: u64,
    /// Their payload in bytes.
    pub bytes: u64,
}

/// Why forwarding stopped. What is not acknowledged stays in the spool.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A log could not be read.
    #[error("reading the spool: {0}")]
    Read(#[from] std::io::Error),
}

/// Sends what spools hold to one Kafka cluster.
pub struct Forwarder {
    kafka: Kafka,
    partitions: u32,
    patience: Duration,
    /// A connected producer that has nothing on its way.
    producer: Option<BaseProducer<Deliveries>>,
}

impl Forwarder {
    /// A forwarder to `kafka`, whose topics have at least `partitions` partitions. It gives up when
    /// no record could be delivered for `patience`.
    #[must_use]
    pub const fn new(kafka: Kafka, partitions: u32, patience: Duration) -> Self {
        Self { kafka, partitions, patience, producer: None }
    }

    /// Sends everything that `drain` holds now and returns when it is acknowledged, or when `stop`
    /// is set and what was sent is settled.
    ///
    /// # Errors
    /// [`ForwardError`]; what is not acknowledged stays in the spool.
    pub fn forward(&mut self, drain: &Drain, stop: &AtomicBool) -> Result<Forwarded, ForwardError> {
        let mut total = Forwarded::default();
        let mut progress = Instant::now();
        loop {
            let mut reader = drain.reader()?;
            // Following an idle spool must not cost a connection each time.
            let Some(first) = reader.next_entry()? else { return Ok(total) };
            let sent = self.attempt(drain, first, reader, stop)?;
            total.records += sent.acknowledged.records;
            total.bytes += sent.acknowledged.bytes;
            if sent.acknowledged.records > 0 {
                progress = Instant::now();
            }
            let Some(failure) = sent.failure else { return Ok(total) };
            let is_over = progress.elapsed() >= self.patience || stop.load(Ordering::Relaxed);
            if is_over || failure.is_certain() {
                return Err(self.kafka.explain(&failure).into());
            }
            let reason = failure.text();
            tracing::warn!(producer = %drain.producer, reason, "delivery failed; sending again from the first unacknowledged record");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Until everything is acknowledged or the first delivery fails.
    fn attempt(
        &mut self,
        drain: &Drain,
        first: Entry,
        reader: LogReader,
        stop: &AtomicBool,
    ) -> Result<Attempt, ForwardError> {
        let producer = match self.producer.take() {
            Some(producer) => producer,
            None => connect(&self.kafka)?,
        };
        let mut window = Window::default();
        self.send_all(&producer, drain, first, reader, stop, &mut window)?;
        // Dropping a producer purges what it has not sent: settle everything first.
        while window.failure.is_none() && !window.flying.is_empty() {
            producer.poll(Duration::from_millis(100));
            window.settle(&producer, drain)?;
        }
        if window.failure.is_none() {
            // Nothing is on its way: the next log may use it. After a failure nobody may.
            self.producer = Some(producer);
        }
        Ok(Attempt { acknowledged: window.acknowledged, failure: window.failure })
    }

    /// The configuration of the producer that a forwarder to `kafka` uses.
    #[must_use]
    pub fn config(kafka: &Kafka) -> ClientConfig {
        let mut config = kafka.config();
        config.set("enable.idempotence", "true").set("acks", "all").set("compression.type", "lz4");
        config.set("linger.ms", "5").set("queue.buffering.max.kbytes", "65536");
        // Never: the client would give up single messages and go on with later ones, and what the
        // broker holds must always be a prefix of the log. `Window` watches the time instead.
        config.set("message.timeout.ms", "0");
        config
    }

    fn send_all(
        &self,
        producer: &BaseProducer<Deliveries>,
        drain: &Drain,
        first: Entry,
        mut reader: LogReader,
        stop: &AtomicBool,
        window: &mut Window,
    ) -> Result<(), ForwardError> {
        let mut next = Some(first);
        while window.failure.is_none()
            && !stop.load(Ordering::Relaxed)
            && let Some(entry) = next
        {
            match entry {
                Entry::Record { partition, envelope, end, .. } => {
                    self.send(producer, drain, window, &envelope, partition, end)?;
                }
                // Damaged bytes go to Kafka too: the lander files them as dead letters.
                Entry::Damaged { bytes, end, start } => {
                    tracing::warn!(folder = %drain.folder().display(), start, "damaged record in the spool");
                    let last = bytes.chunks(PART).count().saturating_sub(1);
                    for (number, part) in bytes.chunks(PART).enumerate() {
                        let damage = format!("at {start}, part {number} of 0..={last}");
                        let headers = vec![(header::DAMAGE.into(), damage.into_bytes())];
                        let envelope = Envelope { headers, payload: part.to_vec() };
                        let end = if number == last { end } else { start };
                        self.send(producer, drain, window, &envelope, 0, end)?;
                    }
                }
            }
            next = reader.next_entry()?;
        }
        Ok(())
    }

    fn send(
        &self,
        producer: &BaseProducer<Deliveries>,
        drain: &Drain,
        window: &mut Window,
        envelope: &Envelope,
        partition: u32,
        end: u64,
    ) -> Result<(), ForwardError> {
        let (topic, key) = (drain.table.topic(), drain.producer.to_string());
        let number = window.take_off(envelope, end);
        let mut record = message(&topic, &key, partition % self.partitions.max(1), envelope, number);
        while let Err((error, back)) = producer.send(record) {
            if error != ClientError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                window.failure = Some(Complaint::new(&error, &error.to_string()));
            }
            if window.failure.is_some() {
                return Ok(());
            }
            producer.poll(Duration::from_millis(50));
            window.settle(producer, drain)?;
            record = back;
        }
        fault::step("forward.sent")?;
        producer.poll(Duration::ZERO);
        window.settle(producer, drain)
    }
}

/// An idempotent producer that keeps at most 64 MiB on their way.
pub(super) fn connect(kafka: &Kafka) -> Result<BaseProducer<Deliveries>, KafkaError> {
    Ok(Forwarder::config(kafka).create_with_context(Deliveries::default())?)
}

/// `envelope` as a message; its delivery report brings `number` back.
pub(super) fn message<'a>(
    topic: &'a str,
    key: &'a str,
    partition: u32,
    envelope: &'a Envelope,
    number: u64,
) -> BaseRecord<'a, str, Vec<u8>, Box<u64>> {
    BaseRecord::with_opaque_to(topic, Box::new(number))
        .partition(i32::try_from(partition).unwrap_or(0))
        .key(key)
        .payload(&envelope.payload)
        .headers(kafka_headers(envelope))
}

fn kafka_headers(envelope: &Envelope) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(envelope.headers.len());
    envelope
        .headers
        .iter()
        .fold(empty, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}

struct Attempt {
    acknowledged: Forwarded,
    failure: Option<Complaint>,
}

/// Records on their way, in the order of the log.
struct Window {
    flying: VecDeque<Flight>,
    taken_off: u64,
    landed: u64,
    acknowledged: Forwarded,
    failure: Option<Complaint>,
    heard: Instant,
}

impl Default for Window {
    fn default() -> Self {
        let (flying, acknowledged) = (VecDeque::new(), Forwarded::default());
        Self { flying, taken_off: 0, landed: 0, acknowledged, failure: None, heard: Instant::now() }
    }
}

struct Flight {
    end: u64,
    seq: i64,
    bytes: u64,
    arrived: bool,
}

impl Window {
    fn take_off(&mut self, envelope: &Envelope, end: u64) -> u64 {
        let seq = envelope.claimed_range().map_or(0, |range| range.last);
        self.flying.push_back(Flight { end, seq, bytes: envelope.payload.len() as u64, arrived: false });
        self.taken_off += 1;
        self.taken_off - 1
    }

    /// Takes in delivery reports and drains the acknowledged prefix.
    fn settle(&mut self, producer: &BaseProducer<Deliveries>, drain: &Drain) -> Result<(), ForwardError> {
        for (number, result) in producer.context().take() {
            self.heard = Instant::now();
            match result {
                Ok(()) => {
                    let place = usize::try_from(number - self.landed).unwrap_or(usize::MAX);
                    if let Some(flight) = self.flying.get_mut(place) {
                        flight.arrived = true;
                    }
                }
                Err(error) => self.failure = Some(Complaint::new(&error, &error.to_string())),
            }
        }
        let mut prefix = None;
        while let Some(flight) = self.flying.pop_front_if(|flight| flight.arrived) {
            self.landed += 1;
            self.acknowledged.records += 1;
            self.acknowledged.bytes += flight.bytes;
            prefix = Some(flight);
        }
        let complaints = &producer.context().complaints;
        if let Some(complaint) = complaints.certain() {
            self.failure = Some(complaint);
        } else if self.flying.is_empty() {
            self.heard = Instant::now();
        } else if self.heard.elapsed() >= DELIVERY && self.failure.is_none() {
            let silence = || Complaint::silence(DELIVERY);
            self.failure = Some(complaints.last().unwrap_or_else(silence));
        }
        let Some(flight) = prefix else { return Ok(()) };
        fault::step("forward.acknowledged")?;
        Ok(drain.acknowledged(flight.end, flight.seq)?)
    }
}

/// Collects delivery reports; they arrive inside `poll`, on the polling thread.
#[derive(Default)]
pub(super) struct Deliveries {
    reports: Mutex<Vec<(u64, Result<(), ClientError>)>>,
    pub(super) complaints: Complaints,
}

impl Deliveries {
    pub(super) fn take(&self) -> Vec<(u64, Result<(), ClientError>)> {
        self.reports.lock().map(|mut reports| std::mem::take(&mut *reports)).unwrap_or_default()
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: ClientError, reason: &str) {
        self.complaints.note(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<u64>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<u64>) {
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        if let Ok(mut reports) = self.reports.lock() {
            reports.push((*number, result));
        }
    }
}
