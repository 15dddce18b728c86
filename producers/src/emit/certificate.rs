//! Which rule a broker's certificate breaks. librdkafka says only that one was broken; OpenSSL tells
//! which through a callback that rdkafka 0.39 has no safe way to set.
#![expect(unsafe_code, reason = "librdkafka's certificate callback has no safe binding")]

use super::refusal::Refusal;
use rdkafka::{ClientConfig, ClientContext, bindings as sys, client::Client, types::RDKafkaType};
use std::{
    ffi::{c_char, c_int, c_void},
    sync::atomic::{AtomicI32, Ordering},
    time::{Duration, Instant},
};

/// How long the broker may take to show its certificate again.
const ANSWER: Duration = Duration::from_secs(2);

/// The number of the first broken rule, as OpenSSL counts them; 0 for none.
#[derive(Default)]
struct Broken(AtomicI32);

impl ClientContext for Broken {}

/// Connects once more, only to see which rule is broken; `config` names one broker.
pub(super) fn broken_rule(config: &mut ClientConfig, trusted: &str) -> Refusal {
    // The certificate is shown before anybody authenticates: no password is needed for this.
    config.set("security.protocol", "ssl");
    // The numbers of <openssl/x509_vfy.h>, which are the same in every version.
    match ask(config) {
        Some(2 | 18..=21 | 24 | 27) => Refusal::UnknownAuthority { trusted: trusted.to_owned() },
        Some(9) => Refusal::NotYetValid,
        Some(10) => Refusal::Expired,
        Some(62 | 64) => Refusal::HostName,
        other => Refusal::Certificate(other),
    }
}

fn ask(config: &ClientConfig) -> Option<i32> {
    let native = config.create_native_config().ok()?;
    // SAFETY: the configuration is alive; the callback has the signature that librdkafka asks for.
    unsafe { sys::rd_kafka_conf_set_ssl_cert_verify_cb(native.ptr(), Some(note_rule)) };
    let client = Client::new(config, native, RDKafkaType::RD_KAFKA_PRODUCER, Broken::default()).ok()?;
    let deadline = Instant::now() + ANSWER;
    loop {
        let answered = client.fetch_metadata(None, Duration::from_millis(100)).is_ok();
        let rule = client.context().0.load(Ordering::Relaxed);
        if rule != 0 || answered || Instant::now() > deadline {
            return (rule != 0).then_some(rule);
        }
    }
}

/// Called for each certificate of the broker's chain. Accepts what OpenSSL accepts, and nothing else.
///
/// # Safety
/// `rule` points to a number, and `context` to the client's [`Broken`], which outlives the client.
unsafe extern "C" fn note_rule(
    _client: *mut sys::rd_kafka_t,
    _broker: *const c_char,
    _id: i32,
    rule: *mut c_int,
    _depth: c_int,
    _certificate: *const c_char,
    _size: usize,
    _error: *mut c_char,
    _error_size: usize,
    context: *mut c_void,
) -> c_int {
    // SAFETY: the caller vouches for both pointers; the context is only ever shared.
    let (rule, broken) = unsafe { (*rule, &*context.cast::<Broken>()) };
    if rule != 0 {
        let _ = broken.0.compare_exchange(0, rule, Ordering::Relaxed, Ordering::Relaxed);
    }
    c_int::from(rule == 0)
}
