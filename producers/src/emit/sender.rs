//! Straight to Kafka, without a spool: for records that can be made again when sending fails.

use super::{
    forward::{DELIVERY, Deliveries, Forwarded, connect, message},
    kafka::{Kafka, KafkaError},
    refusal::Complaint,
    spool::partition_of,
};
use benchlake_schemas::{Envelope, ProducerId, Table};
use rdkafka::{
    error::{KafkaError as ClientError, RDKafkaErrorCode},
    producer::{BaseProducer, Producer},
};
use std::time::{Duration, Instant};

/// An idempotent producer for the records of many of ours. Holds at most 64 MiB on their way.
pub struct Sender {
    producer: BaseProducer<Deliveries>,
    kafka: Kafka,
    partitions: u32,
    flying: u64,
    heard: Instant,
    acknowledged: Forwarded,
}

impl Sender {
    /// A sender to `kafka`, whose topics have at least `partitions` partitions.
    ///
    /// # Errors
    /// [`KafkaError::Client`] if the client library refuses its configuration.
    pub fn connect(kafka: &Kafka, partitions: u32) -> Result<Self, KafkaError> {
        Ok(Self {
            producer: connect(kafka)?,
            kafka: kafka.clone(),
            partitions,
            flying: 0,
            heard: Instant::now(),
            acknowledged: Forwarded::default(),
        })
    }

    /// Queues a record of `producer`, whose records all go to one partition, in order. Blocks while
    /// the queue is full.
    ///
    /// # Errors
    /// [`KafkaError::Unreachable`] if a delivery failed or none was acknowledged for some 20 seconds.
    pub fn send(
        &mut self,
        table: Table,
        producer: ProducerId,
        envelope: &Envelope,
    ) -> Result<(), KafkaError> {
        let (topic, key) = (table.topic(), producer.to_string());
        let (partition, bytes) = (partition_of(producer, self.partitions), envelope.payload.len() as u64);
        let mut record = message(&topic, &key, partition, envelope, bytes);
        while let Err((error, back)) = self.producer.send(record) {
            if error != ClientError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(self.failed(&error));
            }
            record = back;
            self.settle(Duration::from_millis(50))?;
        }
        self.flying += 1;
        self.settle(Duration::ZERO)
    }

    /// Waits until everything is acknowledged.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub fn finish(mut self) -> Result<Forwarded, KafkaError> {
        while self.flying > 0 {
            self.settle(Duration::from_millis(100))?;
        }
        Ok(self.acknowledged)
    }

    /// Takes in delivery reports, for at most `wait`.
    fn settle(&mut self, wait: Duration) -> Result<(), KafkaError> {
        self.producer.poll(wait);
        for (bytes, result) in self.producer.context().take() {
            result.map_err(|error| self.failed(&error))?;
            self.heard = Instant::now();
            self.flying -= 1;
            self.acknowledged.records += 1;
            self.acknowledged.bytes += bytes;
        }
        if self.flying == 0 {
            self.heard = Instant::now();
        } else if self.heard.elapsed() >= DELIVERY {
            let (brokers, reason) = (self.kafka.brokers().to_owned(), format!("silent for {DELIVERY:?}"));
            let silent = KafkaError::Unreachable { brokers, reason };
            let known = self.producer.context().complaints.last();
            return Err(known.map_or(silent, |complaint| self.kafka.explain(&complaint)));
        }
        match self.producer.context().complaints.certain() {
            Some(complaint) => Err(self.kafka.explain(&complaint)),
            None => Ok(()),
        }
    }

    fn failed(&self, error: &ClientError) -> KafkaError {
        self.kafka.explain(&Complaint::new(error, &error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use benchlake_schemas::{Benchmark, Record, sample_series};
    use rdkafka::{
        consumer::{BaseConsumer, Consumer},
        mocking::MockCluster,
    };

    /// Everything that was sent is acknowledged when `finish` returns, and a producer's records are all
    /// in its partition. (The broker is librdkafka's own, in this process.)
    #[test]
    fn what_is_sent_is_acknowledged() -> Result<(), Box<dyn std::error::Error>> {
        let cluster = MockCluster::new(1)?;
        let topic = Table::Series.topic();
        cluster.create_topic(&topic, 4, 1)?;
        let kafka = Kafka::new(cluster.bootstrap_servers());
        let mut sender = Sender::connect(&kafka, 4)?;
        let (mut expected, mut bytes) = ([0_i64; 4], 0);
        for _ in 0..20 {
            let producer = ProducerId::new();
            for first in 1..=15 {
                let row = sample_series(Benchmark::new("w"), &[1.0; 100]);
                let envelope = Envelope::seal(&Record::encode(Table::Series, producer, first, &[row])?);
                sender.send(Table::Series, producer, &envelope)?;
                bytes += envelope.payload.len() as u64;
            }
            expected[partition_of(producer, 4) as usize] += 15;
        }
        assert_eq!(sender.finish()?, Forwarded { records: 300, bytes });
        let consumer: BaseConsumer = kafka.config().create()?;
        for (partition, expected) in (0..).zip(expected) {
            let (_, high) = consumer.fetch_watermarks(&topic, partition, Duration::from_secs(10))?;
            assert_eq!(high, expected, "partition {partition}");
        }
        Ok(())
    }
}
