//! The usual way, as a peer: one JSON message a sample, and a straightforward loop of rdkafka,
//! arrow-json and deltalake with large batches, one commit per batch, offsets committed after it.

use crate::{Outcome, data::Random, land::Landed};
use arrow::{
    datatypes::{DataType, Field, Schema},
    json::ReaderBuilder,
};
use benchlake_producers::emit::Kafka;
use benchlake_schemas::RunId;
use deltalake::{
    DeltaTableBuilder,
    kernel::{StructType, engine::arrow_conversion::TryIntoKernel},
    writer::{DeltaWriter, RecordBatchWriter},
};
use parquet::{
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use rdkafka::{
    Message,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, CommitMode, Consumer},
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde::Serialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const MESSAGES: usize = 600_000;
/// Rows of a Parquet file and commit.
const COMMIT: usize = 200_000;

/// What a person sends who sends one sample a message: as lean as it can be and still say what it is.
#[derive(Serialize)]
struct Sample {
    session_id: String,
    benchmark: &'static str,
    parameters: &'static str,
    metric: &'static str,
    unit: &'static str,
    node: &'static str,
    offset_ns: i64,
    iterations: i64,
    value: f64,
}

/// What the peer's loop cost.
pub(crate) struct Usual {
    samples: u64,
    time: Duration,
}

fn schema() -> Arc<Schema> {
    use DataType::{Float64, Int64, Utf8};
    let text = ["session_id", "benchmark", "parameters", "metric", "unit", "node"];
    let mut fields: Vec<_> = text.iter().map(|name| Field::new(*name, Utf8, true)).collect();
    fields.extend(
        [("offset_ns", Int64), ("iterations", Int64), ("value", Float64)]
            .map(|(name, kind)| Field::new(name, kind, true)),
    );
    Arc::new(Schema::new(fields))
}

pub(crate) fn json(kafka: &Kafka) -> Outcome<Usual> {
    let topic = format!("bench.json.{}", RunId::new());
    let admin: AdminClient<DefaultClientContext> = kafka.config().create()?;
    let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(-1));
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(admin.create_topics([&new], &AdminOptions::new()))?;
    send(kafka, &topic)?;
    let usual = runtime.block_on(land(kafka, &topic));
    runtime.block_on(admin.delete_topics(&[&topic], &AdminOptions::new()))?;
    usual
}

fn send(kafka: &Kafka, topic: &str) -> Outcome<()> {
    let mut config = kafka.config();
    config.set("acks", "all").set("compression.type", "zstd").set("linger.ms", "50");
    config.set("queue.buffering.max.messages", "1000000");
    let producer: BaseProducer = config.create()?;
    let (mut random, session) = (Random(2), RunId::new().to_string());
    for number in 0..MESSAGES {
        let sample = Sample {
            session_id: session.clone(),
            benchmark: "cpu.gemm",
            parameters: "dtype=f32,n=512",
            metric: "time",
            unit: "s",
            node: "node-1",
            offset_ns: number as i64 * 1_000_000,
            iterations: 8,
            value: (1e6 * (0.005 * random.normal()).exp()).round() * 1e-9,
        };
        let payload = serde_json::to_vec(&sample)?;
        let mut message = BaseRecord::<(), _>::to(topic).payload(&payload);
        while let Err((_, back)) = producer.send(message) {
            producer.poll(Duration::from_millis(50));
            message = back;
        }
    }
    Ok(producer.flush(Duration::from_secs(120))?)
}

async fn land(kafka: &Kafka, topic: &str) -> Outcome<Usual> {
    let folder = tempfile::tempdir()?;
    let url = deltalake::ensure_table_uri(folder.path().to_string_lossy())?;
    let fields: StructType = schema().as_ref().try_into_kernel()?;
    let table = DeltaTableBuilder::from_url(url)?.build()?;
    let mut table = table.create().with_columns(fields.fields().cloned()).await?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    let mut writer = RecordBatchWriter::for_table(&table)?.with_writer_properties(properties.build());
    let mut config = kafka.config();
    config.set("group.id", topic).set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create()?;
    consumer.subscribe(&[topic])?;
    let mut decoder = ReaderBuilder::new(schema()).with_batch_size(64 << 10).build_decoder()?;
    let (mut read, mut pending, mut began) = (0, 0, None);
    while read < MESSAGES {
        let Some(message) = consumer.poll(Duration::from_secs(1)) else { continue };
        let message = message?;
        began.get_or_insert_with(Instant::now);
        decoder.decode(message.payload().unwrap_or_default())?;
        (read, pending) = (read + 1, pending + 1);
        let full = pending >= COMMIT || read == MESSAGES;
        if (full || pending % (64 << 10) == 0)
            && let Some(batch) = decoder.flush()?
        {
            writer.write(batch).await?;
        }
        if full {
            writer.flush_and_commit(&mut table).await?;
            consumer.commit_consumer_state(CommitMode::Async)?;
            pending = 0;
        }
    }
    let time = began.ok_or("nothing was read")?.elapsed();
    Ok(Usual { samples: read as u64, time })
}

pub(crate) fn tell(landed: &Landed, usual: &Usual) {
    let ours = landed.samples as f64 / landed.time.as_secs_f64();
    let theirs = usual.samples as f64 / usual.time.as_secs_f64();
    println!("JSON, one message a sample            {:>8.3} M samples/s", theirs / 1e6);
    println!("benchlake                             {:>8.3} M samples/s", ours / 1e6);
    println!("ratio                                 {:>8.1} (limit 20)", ours / theirs);
    println!();
}
