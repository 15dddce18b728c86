//! Bytes as an Arrow IPC stream: a batch whose every value can be looked at, or an error.
#![no_main]

use benchlake_schemas::decode_ipc;
use libfuzzer_sys::fuzz_target;
use std::sync::Once;

/// A panic of arrow's reader is caught and becomes an error; libFuzzer's hook would end the process
/// before. What is not caught still does.
static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    if let Ok(batch) = decode_ipc(bytes) {
        let _ = format!("{batch:?}").len();
    }
});
