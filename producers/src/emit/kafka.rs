//! How to reach a Kafka cluster, and whether it has our topics.

use benchlake_schemas::Table;
use rdkafka::{
    ClientConfig, ClientContext,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    error::{KafkaError as ClientError, RDKafkaErrorCode},
    metadata::Metadata,
};
use std::{fmt, sync::Mutex, time::Duration};

/// How long a broker may take to answer before it counts as unreachable.
const ANSWER: Duration = Duration::from_secs(10);

/// What went wrong with Kafka.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// No broker answered.
    #[error(
        "Kafka at {brokers} does not answer: {reason}; check --brokers, or start one (`cargo xtask up`, infra/compose.yaml)"
    )]
    Unreachable {
        /// The bootstrap list.
        brokers: String,
        /// What the client library said.
        reason: String,
    },
    /// A topic does not exist and could not be made.
    #[error("topic {topic} on {brokers} cannot be created: {reason}; have it created, or grant CREATE")]
    Topic {
        /// The topic.
        topic: String,
        /// The bootstrap list.
        brokers: String,
        /// What the broker said.
        reason: String,
    },
    /// The client library refused.
    #[error("Kafka client: {0}")]
    Client(#[from] ClientError),
}

/// How to reach a cluster.
#[derive(Clone)]
pub struct Kafka {
    brokers: String,
    properties: Vec<(String, String)>,
}

/// Properties may be secrets: only their names are shown.
impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.iter().map(|(key, _)| key).collect();
        f.debug_struct("Kafka").field("brokers", &self.brokers).field("properties", &names).finish()
    }
}

/// Keeps the newest error of a client, so that a time-out can be explained.
#[derive(Debug, Default)]
pub(crate) struct LastError(Mutex<Option<String>>);

impl LastError {
    pub(crate) fn set(&self, reason: &str) {
        if let Ok(mut last) = self.0.lock() {
            *last = Some(reason.to_owned());
        }
    }

    pub(crate) fn get(&self) -> Option<String> {
        self.0.lock().ok()?.clone()
    }
}

impl ClientContext for LastError {
    fn error(&self, _error: ClientError, reason: &str) {
        self.set(reason);
    }
}

impl Kafka {
    /// The cluster behind the bootstrap list `HOST:PORT,…`.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), properties: Vec::new() }
    }

    /// The same, with properties of librdkafka; those that the guarantees rest on stay ours.
    #[must_use]
    pub fn with(mut self, properties: &[(String, String)]) -> Self {
        self.properties.extend_from_slice(properties);
        self
    }

    /// The bootstrap list.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// The client configuration that producers, consumers and admin clients share.
    #[must_use]
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", "benchlake");
        // A broker that is down is retried at a human pace and named, not waited for silently.
        config.set("socket.connection.setup.timeout.ms", "5000").set("reconnect.backoff.max.ms", "2000");
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config
    }

    /// How many brokers the cluster has, if it answers. Blocks for at most some ten seconds.
    ///
    /// # Errors
    /// [`KafkaError::Unreachable`].
    pub fn answers(&self) -> Result<usize, KafkaError> {
        let admin: AdminClient<LastError> = self.config().create_with_context(LastError::default())?;
        Ok(self.metadata(&admin)?.brokers().len())
    }

    fn metadata(&self, admin: &AdminClient<LastError>) -> Result<Metadata, KafkaError> {
        admin.inner().fetch_metadata(None, ANSWER).map_err(|error| KafkaError::Unreachable {
            brokers: self.brokers.clone(),
            reason: admin.inner().context().get().unwrap_or_else(|| error.to_string()),
        })
    }

    /// Makes sure that the topics of the producers' tables exist, made with `partitions` partitions
    /// and the broker's default replication if absent, and returns the least number of partitions
    /// that any of them has. Blocks for at most some ten seconds.
    ///
    /// # Errors
    /// [`KafkaError::Unreachable`] or [`KafkaError::Topic`].
    pub fn ensure_topics(&self, partitions: i32) -> Result<u32, KafkaError> {
        let admin: AdminClient<LastError> = self.config().create_with_context(LastError::default())?;
        let known = self.metadata(&admin)?;
        let topics = Table::PRODUCED.map(Table::topic);
        let missing: Vec<_> = topics
            .iter()
            .filter(|topic| !known.topics().iter().any(|found| found.name() == *topic))
            .collect();
        if !missing.is_empty() {
            self.create(&missing, partitions)?;
        }
        let mut least = u32::MAX;
        for topic in &topics {
            let count = self.partitions(&admin, topic)?;
            least = least.min(count);
        }
        Ok(least)
    }

    /// A new topic takes a moment to be known everywhere.
    fn partitions(&self, admin: &AdminClient<LastError>, topic: &str) -> Result<u32, KafkaError> {
        for _ in 0..50 {
            let known = admin.inner().fetch_metadata(Some(topic), ANSWER)?;
            let count = known.topics().first().map_or(0, |found| found.partitions().len());
            if count > 0 {
                return Ok(u32::try_from(count).unwrap_or(u32::MAX));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let reason = "it was created but does not appear".to_owned();
        Err(KafkaError::Topic { topic: topic.to_owned(), brokers: self.brokers.clone(), reason })
    }

    fn create(&self, topics: &[&String], partitions: i32) -> Result<(), KafkaError> {
        let admin: AdminClient<DefaultClientContext> = self.config().create()?;
        let new: Vec<_> = topics
            .iter()
            .map(|topic| NewTopic::new(topic, partitions, TopicReplication::Fixed(-1)))
            .collect();
        let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
        for result in futures_executor::block_on(admin.create_topics(&new, &options))? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => {
                    let (brokers, reason) = (self.brokers.clone(), code.to_string());
                    return Err(KafkaError::Topic { topic, brokers, reason });
                }
            }
        }
        Ok(())
    }
}
