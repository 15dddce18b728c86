//! Headers of any names and values: never trusted, never a panic. Lines are `name=value`.
#![no_main]

use benchlake_schemas::{Envelope, Table};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b'=')?;
        Some((String::from_utf8_lossy(&line[..at]).into_owned(), line[at + 1..].to_vec()))
    });
    let envelope = Envelope { headers: lines.collect(), payload: Vec::new() };
    if let Some(range) = envelope.claimed_range() {
        let _ = range.last.checked_sub(range.first);
    }
    assert!(envelope.open(Table::Series).is_err());
});
