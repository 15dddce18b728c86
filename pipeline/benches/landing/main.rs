//! How near landing is to the encoder's limit, and how far from the usual way.
//!
//!     cargo xtask bench landing
//!
//! Needs the Kafka of the tests. Sides that are compared run in the same process, one after the other,
//! on the same rows. Exits 0 whatever the figures are. `cargo bench --workspace --bench landing NAME…`
//! runs some parts alone: encodings, encode, land, json, latency, log.
#![expect(clippy::print_stdout, reason = "it prints a table")]

mod data;
mod encode;
mod json;
mod land;
mod latency;
mod log;

use std::{error::Error, time::Duration};

/// Partitions of the topics.
const PARTITIONS: u32 = 4;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let asked: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|word| word == name);
    if wanted("encodings") {
        encode::encodings()?;
    }
    if wanted("log") {
        log::log()?;
    }
    let Ok(brokers) = std::env::var("BENCHLAKE_TEST_BROKERS") else {
        println!("skipped: encode, land, json, latency: no Kafka; `cargo xtask bench landing` starts one");
        return Ok(());
    };
    let kafka = benchlake_producers::emit::Kafka::new(brokers);
    kafka.ensure_topics(PARTITIONS as i32)?;
    if wanted("land") {
        let records = data::records(2000)?;
        let alone = encode::alone(&records)?;
        let landed = land::land(&kafka, &records)?;
        land::tell(&alone, &landed);
        if wanted("json") {
            json::tell(&landed, &json::json(&kafka)?);
        }
    }
    if wanted("latency") {
        latency::latency(&kafka)?;
    }
    Ok(())
}

fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / 1e6 / time.as_secs_f64()
}
