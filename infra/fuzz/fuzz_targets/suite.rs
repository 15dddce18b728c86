//! Text as a suite: benchmarks, or an error in one line.
#![no_main]

use benchlake_producers::{environment::Topology, suite::Suite};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TOPOLOGY: LazyLock<Topology> = LazyLock::new(Topology::read);

fuzz_target!(|text: &str| {
    let outcome = Suite::parse(text, "suite.toml").and_then(|suite| suite.expand(&TOPOLOGY));
    if let Err(error) = outcome {
        assert!(!error.to_string().is_empty());
    }
});
