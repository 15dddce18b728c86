//! A payload under headers whose checksum is right: rows of the table it is held against, or an
//! error with a reason. The first byte chooses the table.
#![no_main]

use benchlake_schemas::{Envelope, Table, header};
use libfuzzer_sys::fuzz_target;
use std::sync::Once;

/// A panic of arrow's reader is caught and becomes an error; libFuzzer's hook would end the process
/// before. What is not caught still does.
static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let Some((choice, payload)) = bytes.split_first() else { return };
    let table = Table::PRODUCED[usize::from(*choice) % Table::PRODUCED.len()];
    let crc = format!("{:08x}", crc(payload)).into_bytes();
    let envelope = Envelope { headers: vec![(header::CRC.into(), crc)], payload: payload.to_vec() };
    match envelope.open(table) {
        Ok((batch, range)) => {
            assert!(batch.schema().fields().len() >= table.schema().fields().len());
            assert_eq!(batch.num_rows() as i64, range.last - range.first + 1);
        }
        Err(error) => {
            let _ = (error.reason(), error.to_string());
        }
    }
});

/// CRC-32C, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}
