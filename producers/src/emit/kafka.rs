//! How to reach a Kafka cluster, and whether it has our topics.

use super::{
    certificate::broken_rule,
    property::Property,
    refusal::{Complaint, Complaints, Refusal},
};
use benchlake_schemas::Table;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError as ClientError, RDKafkaErrorCode},
    metadata::Metadata,
    producer::{BaseProducer, Producer as _},
};
use std::time::{Duration, Instant};

/// How long a broker may take to answer before it counts as unreachable.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a doubtful refusal may turn out to be a broker that is just starting.
const DOUBT: Duration = Duration::from_secs(3);

/// What went wrong with Kafka.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// The options cannot be used; nothing was connected to.
    #[error("{0}")]
    Options(String),
    /// A broker is there, and somebody has to mend something before it can be talked to.
    #[error("Kafka at {broker} {refusal}")]
    Refused {
        /// `HOST:PORT`.
        broker: String,
        /// What is wrong, and what to do about it.
        refusal: Refusal,
    },
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
    Client(ClientError),
}

/// The client library tells the value that it refuses, which may be a secret.
impl From<ClientError> for KafkaError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::ClientConfig(_, text, key, value) => {
                let is_secret = Property::new(&key, "").is_secret() && !value.is_empty();
                let text = if is_secret { text.replace(&value, "***") } else { text };
                Self::Options(format!("the Kafka client refuses the property {key}: {text}; check -X"))
            }
            ClientError::ClientCreation(text) => Self::Options(format!(
                "the Kafka client cannot be made as it is configured: {text}; check -X and the files of --kafka-ca, --kafka-cert and --kafka-key"
            )),
            other => Self::Client(other),
        }
    }
}

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub struct Kafka {
    brokers: String,
    properties: Vec<Property>,
}

impl Kafka {
    /// The cluster behind the bootstrap list `HOST:PORT,…`.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), properties: Vec::new() }
    }

    /// The same, with properties of librdkafka; those that the guarantees rest on stay ours.
    #[must_use]
    pub fn with(mut self, properties: impl IntoIterator<Item = Property>) -> Self {
        self.properties.extend(properties);
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
        for property in &self.properties {
            config.set(property.key(), property.reveal());
        }
        config
    }

    /// What a complaint of the client library means for this cluster. Connects once more to find out
    /// what is wrong with a certificate; blocks for at most some two seconds.
    #[must_use]
    pub fn explain(&self, complaint: &Complaint) -> KafkaError {
        let broker = complaint.broker().unwrap_or(&self.brokers).to_owned();
        let refusal = match complaint.refusal() {
            None => return self.unreachable(complaint.text()),
            Some(Refusal::Credentials { .. }) => {
                Refusal::Credentials { user: self.property("sasl.username") }
            }
            Some(Refusal::Certificate(_)) => {
                let mut config = self.config();
                broken_rule(config.set("bootstrap.servers", &broker), &self.property("ssl.ca.location"))
            }
            Some(refusal) => refusal,
        };
        KafkaError::Refused { broker, refusal }
    }

    fn unreachable(&self, reason: &str) -> KafkaError {
        KafkaError::Unreachable { brokers: self.brokers.clone(), reason: reason.to_owned() }
    }

    fn property(&self, key: &str) -> String {
        let newest = self.properties.iter().rev().find(|property| property.key() == key);
        newest.map_or_else(|| format!("({key})"), |property| property.reveal().to_owned())
    }

    /// How many brokers the cluster has, if it answers. Blocks for at most some ten seconds.
    ///
    /// # Errors
    /// [`KafkaError::Refused`] within some five seconds, or [`KafkaError::Unreachable`].
    pub fn answers(&self) -> Result<usize, KafkaError> {
        Ok(self.reach()?.1.brokers().len())
    }

    /// A client that is connected, and what it was told of the cluster. A broker that is down is
    /// waited for; one that refuses is not.
    fn reach(&self) -> Result<(BaseProducer<Complaints>, Metadata), KafkaError> {
        let mut config = self.config();
        config.set_log_level(RDKafkaLogLevel::Info);
        let client: BaseProducer<Complaints> = config.create_with_context(Complaints::default())?;
        let began = Instant::now();
        // Complaints are only heard between two questions. Questions grow longer, as a slow cluster may
        // need seconds for one.
        let mut patience = Duration::from_millis(250);
        loop {
            let error = match client.client().fetch_metadata(None, patience) {
                Ok(known) => return Ok((client, known)),
                Err(error) => error,
            };
            client.poll(Duration::from_millis(20));
            let (complaint, waited) = (client.client().context().last(), began.elapsed());
            if let Some(complaint) = &complaint
                && (complaint.is_certain() || waited >= DOUBT && complaint.refusal().is_some())
            {
                return Err(self.explain(complaint));
            }
            if waited >= ANSWER {
                let reason = complaint.map_or_else(|| error.to_string(), |last| last.text().to_owned());
                return Err(self.unreachable(&reason));
            }
            patience = (patience * 2).min(ANSWER.saturating_sub(waited));
        }
    }

    /// Makes sure that the topics of the producers' tables exist, made with `partitions` partitions
    /// and the broker's default replication if absent, and returns the least number of partitions
    /// that any of them has. Blocks for at most some ten seconds.
    ///
    /// # Errors
    /// [`KafkaError`].
    pub fn ensure_topics(&self, partitions: i32) -> Result<u32, KafkaError> {
        let (client, known) = self.reach()?;
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
            let count = self.partitions(&client, topic)?;
            least = least.min(count);
        }
        Ok(least)
    }

    /// A new topic takes a moment to be known everywhere.
    fn partitions(&self, client: &BaseProducer<Complaints>, topic: &str) -> Result<u32, KafkaError> {
        for _ in 0..50 {
            let known = client.client().fetch_metadata(Some(topic), ANSWER)?;
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

/// A client's configuration, sorted by name, in a form that may be shown.
///
/// # Errors
/// [`KafkaError::Options`] if it names a property that is not one, or a value that the property cannot
/// have.
pub fn shown(config: &ClientConfig) -> Result<Vec<Property>, KafkaError> {
    config.create_native_config()?;
    Ok(config.config_map().into_iter().map(|(key, value)| Property::new(key, value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that the client library refuses is not told when it is a secret.
    #[test]
    fn refused_values_keep_secrets() {
        let config = |key: &str| {
            let kafka = Kafka::new("localhost:9").with([Property::new(key, "hunter2")]);
            shown(&kafka.config()).expect_err("no such property").to_string()
        };
        for key in ["sasl.pasword", "sasl.passwords", "ssl.key.pems"] {
            let text = config(key);
            assert!(text.contains(key) && !text.contains("hunter2"), "{text}");
        }
        assert!(config("security.protocol").contains("hunter2"), "what is no secret is told");
    }

    /// `{:?}` of a cluster, in a panic say, shows no secret.
    #[test]
    fn debug_shows_no_secret() {
        let kafka = Kafka::new("localhost:9").with([Property::new("sasl.password", "hunter2")]);
        let text = format!("{kafka:?}");
        assert!(text.contains("sasl.password = ***") && !text.contains("hunter2"), "{text}");
    }
}
