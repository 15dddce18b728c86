//! Kafka as a source: a consumer group whose positions live in the lake.
//!
//! Where a partition is read from is set in the assignment itself, from the table's position; a
//! position that the broker does not have stops the lander instead of skipping. Eager assignment:
//! a rebalance takes all partitions away before any is given.

use super::{Assigned, Event, Message, OffsetReset, Partition, Source, topic_id::topic_id};
use crate::{LandError, Positions};
use benchlake_producers::emit::{Complaint, Complaints, Kafka, KafkaError};
use benchlake_schemas::{Envelope, Table};
use rdkafka::{
    ClientConfig, ClientContext, Message as _, Offset, Statistics, TopicPartitionList,
    client::Client,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext},
    error::{KafkaError as ClientError, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers},
    types::RDKafkaRespErr,
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const ANSWER: Duration = Duration::from_secs(15);
/// How often the ends of partitions are asked for while nothing arrives.
const RECHECK: Duration = Duration::from_secs(2);

type Key = (String, i32);

/// The topics of one cluster, read as a member of a consumer group.
pub struct KafkaSource {
    consumer: BaseConsumer<Membership>,
    /// Assigned partitions, each with the next offset to read; `None` while there is no assignment.
    assigned: Option<HashMap<Key, (Arc<Partition>, i64)>>,
    ended: HashSet<Key>,
    /// Asks for the ends of partitions. A client of its own: on the consumer's connection a question
    /// waits until the fetch before it is answered.
    ends: BaseConsumer,
    checked: Instant,
}

/// A message as the client handed it out.
struct Read {
    key: Key,
    offset: i64,
    envelope: Envelope,
}

impl Read {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        let headers =
            headers.map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()));
        let payload = message.payload().unwrap_or_default().to_vec();
        let key = (message.topic().to_owned(), message.partition());
        Self { key, offset: message.offset(), envelope: Envelope { headers: headers.collect(), payload } }
    }
}

/// A partition given to this lander: where its table stands, and the offset that reading starts at.
struct Given {
    assigned: Assigned,
    offset: i64,
}

/// What happened inside `poll`.
enum Happening {
    Assigned(Vec<Given>),
    Revoked,
    Failed(LandError),
}

/// Serves the callbacks that come inside `poll`, on the polling thread, and hands them over to the
/// next call of `next`.
struct Membership {
    kafka: Kafka,
    positions: Positions,
    reset: Option<OffsetReset>,
    happened: Mutex<VecDeque<Happening>>,
    complaints: Complaints,
    /// The newest offsets that fetches brought along.
    ends: Mutex<HashMap<Key, i64>>,
}

impl KafkaSource {
    /// Joins `group` and reads the topics of every produced table. `reset` says where to go on in
    /// partitions of which the lake has no position that the broker has; without it a new partition
    /// is read from its beginning, and a position that the broker lost is an error. About
    /// `max_fetched` bytes are fetched ahead.
    ///
    /// # Errors
    /// [`LandError::Kafka`] if no broker answers.
    pub fn new(
        kafka: &Kafka,
        group: &str,
        positions: Positions,
        reset: Option<OffsetReset>,
        max_fetched: usize,
    ) -> Result<Self, LandError> {
        let context = Membership {
            kafka: kafka.clone(),
            positions,
            reset,
            happened: Mutex::default(),
            complaints: Complaints::default(),
            ends: Mutex::default(),
        };
        let consumer: BaseConsumer<Membership> =
            Self::config(kafka, group, max_fetched).create_with_context(context).map_err(KafkaError::from)?;
        let topics = Table::PRODUCED.map(Table::topic);
        let topics: Vec<_> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(KafkaError::from)?;
        let ends = kafka.config().create().map_err(KafkaError::from)?;
        Ok(Self { consumer, assigned: None, ended: HashSet::new(), ends, checked: Instant::now() })
    }

    /// The configuration of the consumer that joins `group` and fetches `max_fetched` bytes ahead.
    #[must_use]
    pub fn config(kafka: &Kafka, group: &str, max_fetched: usize) -> ClientConfig {
        let mut config = kafka.config();
        config.set("group.id", group).set("enable.auto.commit", "false").set("auto.offset.reset", "error");
        config.set("partition.assignment.strategy", "range").set("enable.partition.eof", "true");
        config.set("statistics.interval.ms", "1000");
        // What a broker sends at a time comes on top of what is queued.
        let (queue, fetch) = ((max_fetched >> 10).max(1024), (max_fetched / 2).clamp(1 << 20, 16 << 20));
        config.set("queued.max.messages.kbytes", queue.to_string());
        // By default a full queue stops fetching for a whole second.
        config.set("fetch.queue.backoff.ms", "5");
        // A fetch that waits for something new holds up those for partitions that are resumed.
        config.set("fetch.wait.max.ms", "100");
        config.set("fetch.max.bytes", fetch.to_string()).set("max.partition.fetch.bytes", fetch.to_string());
        config
    }

    /// The oldest callback not handed over yet, as an event.
    fn happened(&mut self) -> Option<Result<Event, LandError>> {
        let happening = self.consumer.context().happened.lock().ok()?.pop_front()?;
        self.ended.clear();
        Some(match happening {
            Happening::Assigned(given) => {
                let next = given.iter().map(|Given { assigned: Assigned { partition, .. }, offset }| {
                    ((partition.topic.clone(), partition.number), (partition.clone(), *offset))
                });
                self.assigned = Some(next.collect());
                Ok(Event::Assigned(given.into_iter().map(|given| given.assigned).collect()))
            }
            Happening::Revoked => {
                self.assigned = None;
                Ok(Event::Revoked)
            }
            Happening::Failed(error) => Err(error),
        })
    }

    fn failed(&self, error: &ClientError) -> LandError {
        let Membership { kafka, complaints, .. } = &**self.consumer.context();
        let last = complaints.last();
        let reason = last.map_or_else(|| error.to_string(), |last| last.text().to_owned());
        KafkaError::Unreachable { brokers: kafka.brokers().to_owned(), reason }.into()
    }

    /// Takes a message over, unless its partition is not ours any more.
    fn take(&mut self, read: Read) -> Option<Message> {
        let Read { key, offset, envelope } = read;
        let (partition, next) = self.assigned.as_mut()?.get_mut(&key)?;
        *next = offset + 1;
        self.ended.remove(&key);
        Some(Message { partition: partition.clone(), offset, next: *next, envelope })
    }

    /// Notes every partition that is read up to the broker's newest offset; asked when the end of
    /// some partition was reached (the client does not say of which topic) and now and then.
    fn note_ends(&mut self) {
        self.checked = Instant::now();
        for (key, (_, next)) in self.assigned.iter().flatten() {
            // Brokers that do not answer must not hold up the loop once per partition.
            if self.checked.elapsed() >= RECHECK {
                break;
            }
            if !self.ended.contains(key)
                && let Ok((_, end)) = self.ends.fetch_watermarks(&key.0, key.1, RECHECK)
                && *next >= end
            {
                self.ended.insert(key.clone());
            }
        }
    }
}

/// A partition as the brokers have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionEnds {
    /// Its number.
    pub number: i32,
    /// The application id under which a lake keeps its position.
    pub app_id: String,
    /// The oldest offset.
    pub low: i64,
    /// The offset after the newest one.
    pub high: i64,
}

/// The partitions of the topic of `table`.
///
/// # Errors
/// [`LandError::Kafka`] if no broker answers or the topic is not there.
pub fn partitions(kafka: &Kafka, table: Table) -> Result<Vec<PartitionEnds>, LandError> {
    let topic = table.topic();
    let unreachable =
        |reason: String| KafkaError::Unreachable { brokers: kafka.brokers().to_owned(), reason };
    // Tells what is refused, within seconds.
    kafka.answers()?;
    let consumer: BaseConsumer = kafka.config().create().map_err(KafkaError::from)?;
    let known =
        consumer.fetch_metadata(Some(&topic), ANSWER).map_err(|error| unreachable(error.to_string()))?;
    let cluster = cluster_id(consumer.client()).map_err(unreachable)?;
    let id = topic_id(consumer.client(), &topic, ANSWER).map_err(unreachable)?;
    let numbers = known.topics().iter().flat_map(|found| found.partitions()).map(|found| found.id());
    let ends = numbers.map(|number| {
        let (low, high) = watermarks(&consumer, &topic, number).map_err(unreachable)?;
        Ok(PartitionEnds { number, app_id: app_id(&cluster, &topic, &id, number), low, high })
    });
    ends.collect()
}

fn cluster_id<C: ClientContext>(client: &Client<C>) -> Result<String, String> {
    client.fetch_cluster_id(ANSWER).ok_or_else(|| "it does not tell its cluster id".into())
}

fn watermarks<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    number: i32,
) -> Result<(i64, i64), String> {
    let ends = consumer.fetch_watermarks(topic, number, ANSWER);
    ends.map_err(|error| format!("offsets of {topic}/{number}: {error}"))
}

/// A topic that was deleted and made again has another id, so it is another partition.
fn app_id(cluster: &str, topic: &str, topic_id: &str, number: i32) -> String {
    format!("benchlake/{cluster}/{topic}#{topic_id}/{number}")
}

impl Source for KafkaSource {
    fn next(&mut self, wait: Duration) -> Result<Event, LandError> {
        if let Some(event) = self.happened() {
            return event;
        }
        let polled = self.consumer.poll(wait).map(|polled| polled.map(|message| Read::of(&message)));
        // A rebalance inside that poll comes first: what was polled after it will be read again, by
        // whoever owns it then.
        if let Some(event) = self.happened() {
            return event;
        }
        let context = self.consumer.context();
        if let Some(complaint) = context.complaints.certain() {
            return Err(context.kafka.explain(&complaint).into());
        }
        match polled {
            Some(Ok(message)) => {
                if let Some(message) = self.take(message) {
                    return Ok(Event::Message(message));
                }
            }
            Some(Err(ClientError::PartitionEOF(_))) => self.note_ends(),
            Some(Err(error)) if is_fatal(&error) => return Err(self.failed(&error)),
            // librdkafka tries again by itself.
            Some(Err(error)) => {
                let last = context.complaints.last();
                tracing::warn!(%error, reason = last.as_ref().map(Complaint::text), "Kafka");
            }
            None => {
                if self.checked.elapsed() >= RECHECK {
                    self.note_ends();
                }
            }
        }
        let caught_up = self.assigned.as_ref().is_some_and(|assigned| assigned.len() == self.ended.len());
        Ok(Event::Idle { caught_up })
    }

    fn seek(&mut self, partition: &Partition, position: Option<i64>) -> Result<(), LandError> {
        let key = (partition.topic.clone(), partition.number);
        self.ended.remove(&key);
        if let Some((_, next)) = self.assigned.as_mut().and_then(|assigned| assigned.get_mut(&key)) {
            *next = position.unwrap_or(0);
        }
        let offset = position.map_or(Offset::Beginning, Offset::Offset);
        let sought = self.consumer.seek(&partition.topic, partition.number, offset, ANSWER);
        sought.map_err(|error| self.failed(&error))
    }

    fn landed(&mut self, partition: &Partition, position: i64) -> Result<(), LandError> {
        let mut offsets = TopicPartitionList::new();
        let added =
            offsets.add_partition_offset(&partition.topic, partition.number, Offset::Offset(position));
        if let Err(error) = added.and_then(|()| self.consumer.commit(&offsets, CommitMode::Async)) {
            tracing::debug!(%error, "the group's offsets, kept for lag metrics, were not updated");
        }
        Ok(())
    }

    fn pause(&mut self, paused: bool) -> Result<(), LandError> {
        let assigned = self.consumer.assignment().map_err(KafkaError::from)?;
        let done = if paused { self.consumer.pause(&assigned) } else { self.consumer.resume(&assigned) };
        done.map_err(|error| self.failed(&error))
    }

    fn end(&self, partition: &Partition) -> Option<i64> {
        let ends = self.consumer.context().ends.lock().ok()?;
        ends.get(&(partition.topic.clone(), partition.number)).copied()
    }

    fn close(&mut self) {
        // Without this a drop can wait for a rebalance callback that nobody serves.
        self.consumer.unsubscribe();
        let _ = self.consumer.poll(Duration::from_millis(100));
        let _ = self.consumer.unassign();
    }
}

/// Errors that waiting does not heal.
fn is_fatal(error: &ClientError) -> bool {
    use RDKafkaErrorCode as Code;
    let (ClientError::MessageConsumption(code) | ClientError::Global(code)) = error else {
        return matches!(error, ClientError::MessageConsumptionFatal(_));
    };
    matches!(
        code,
        Code::AutoOffsetReset
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::UnknownTopicOrPartition
            | Code::Fatal
    )
}

impl Membership {
    fn happen(&self, happening: Happening) {
        if let Ok(mut happened) = self.happened.lock() {
            happened.push_back(happening);
        }
    }

    /// Finds out where each partition has to be read from.
    fn give(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &TopicPartitionList,
    ) -> Result<Vec<Given>, LandError> {
        let unreachable =
            |reason: String| KafkaError::Unreachable { brokers: self.kafka.brokers().to_owned(), reason };
        let cluster = cluster_id(consumer.client()).map_err(unreachable)?;
        let mut ids = HashMap::new();
        let mut given = Vec::new();
        for element in partitions.elements() {
            let (topic, number) = (element.topic(), element.partition());
            let Some(table) = Table::PRODUCED.into_iter().find(|table| table.topic() == topic) else {
                continue;
            };
            if !ids.contains_key(topic) {
                ids.insert(
                    topic.to_owned(),
                    topic_id(consumer.client(), topic, ANSWER).map_err(unreachable)?,
                );
            }
            let app_id = app_id(&cluster, topic, &ids[topic], number);
            let partition = Arc::new(Partition { app_id, table, topic: topic.to_owned(), number });
            let stands = self.positions.newest(table, &partition.app_id)?;
            let (low, high) = watermarks(consumer, topic, number).map_err(unreachable)?;
            let known = stands.filter(|position| (low..=high).contains(position));
            let reset = match (known, self.reset) {
                (None, Some(reset)) => Some(reset.within(low, high).ok_or(LandError::ResetOutOfRange {
                    topic: topic.to_owned(),
                    partition: number,
                    low,
                    high,
                })?),
                _ => None,
            };
            let offset = match (stands, known.or(reset)) {
                (_, Some(offset)) => offset,
                (None, None) => low,
                (Some(position), None) => {
                    let topic = topic.to_owned();
                    return Err(LandError::OffsetOutOfRange {
                        topic,
                        partition: number,
                        position,
                        low,
                        high,
                    });
                }
            };
            given.push(Given { assigned: Assigned { partition, stands, reset }, offset });
        }
        Ok(given)
    }
}

impl ClientContext for Membership {
    fn stats(&self, statistics: Statistics) {
        let Ok(mut ends) = self.ends.lock() else { return };
        for (topic, known) in statistics.topics {
            let parts = known.partitions.into_values().filter(|part| part.hi_offset >= 0);
            ends.extend(parts.map(|part| ((topic.clone(), part.partition), part.hi_offset)));
        }
    }

    fn error(&self, error: ClientError, reason: &str) {
        self.complaints.note(&error, reason);
    }
}

impl ConsumerContext for Membership {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        code: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.happen(Happening::Revoked);
            // The client would keep a pause across assignments.
            if let Err(error) = consumer.resume(partitions) {
                tracing::debug!(%error, "resuming partitions that are given back");
            }
            if let Err(error) = consumer.unassign() {
                tracing::warn!(%error, "giving partitions back");
            }
            return;
        }
        let assigned = self.give(consumer, partitions).and_then(|given| {
            let mut start = TopicPartitionList::new();
            for Given { assigned: Assigned { partition, .. }, offset } in &given {
                start
                    .add_partition_offset(&partition.topic, partition.number, Offset::Offset(*offset))
                    .map_err(KafkaError::from)?;
            }
            consumer.assign(&start).map_err(KafkaError::from)?;
            Ok(given)
        });
        self.happen(assigned.map_or_else(Happening::Failed, Happening::Assigned));
    }
}
