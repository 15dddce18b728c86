//! Bytes as an Arrow IPC stream: a batch whose every value can be looked at, or an error.
#![no_main]

use benchlake_schemas::decode_ipc;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(batch) = decode_ipc(bytes) {
        let _ = format!("{batch:?}").len();
    }
});
