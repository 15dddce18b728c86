//! A payload under headers whose checksum is right: rows of the table it is held against, or an
//! error with a reason. The first byte chooses the table.
#![no_main]

use benchlake_schemas::{Envelope, ProducerId, Record, SeqRange, Table};
use libfuzzer_sys::fuzz_target;
use std::sync::Once;

/// A panic of arrow's reader is caught and becomes an error; libFuzzer's hook would end the process
/// before. What is not caught still does.
static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let Some((choice, payload)) = bytes.split_first() else { return };
    let table = Table::PRODUCED[usize::from(*choice) % Table::PRODUCED.len()];
    let range = SeqRange { producer: ProducerId::new(), first: 1, last: 1 };
    let envelope = Envelope::seal(&Record { table, range, payload: payload.to_vec() });
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
