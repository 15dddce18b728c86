//! The id that a broker gives a topic at its creation: what tells a recreated topic from the old
//! one of the same name. rdkafka 0.39 has no safe call for it.
#![expect(unsafe_code, reason = "librdkafka's DescribeTopics has no safe binding")]

use rdkafka::{ClientContext, bindings as sys, client::Client, types::RDKafkaRespErr};
use std::{
    ffi::{CStr, CString},
    ptr,
    time::Duration,
};

/// Frees a librdkafka object at the end of its scope.
struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the pointer came from the constructor that pairs with this destructor, and is
            // freed once, here.
            unsafe { (self.1)(self.0) }
        }
    }
}

/// The id of `topic` as the broker prints it, or why there is none.
pub(crate) fn topic_id<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    wait: Duration,
) -> Result<String, String> {
    let name = CString::new(topic).map_err(|_| "a topic name with a NUL byte".to_owned())?;
    let mut names = [name.as_ptr()];
    let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: every pointer passed is either checked for null below or owned by a guard that
    // outlives the call; results are only read while the event that holds them is alive.
    unsafe {
        let client = client.native_ptr();
        let topics = Owned(
            sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()),
            sys::rd_kafka_TopicCollection_destroy,
        );
        let queue = Owned(sys::rd_kafka_queue_new(client), sys::rd_kafka_queue_destroy);
        sys::rd_kafka_DescribeTopics(client, topics.0, ptr::null(), queue.0);
        let event = Owned(sys::rd_kafka_queue_poll(queue.0, wait), sys::rd_kafka_event_destroy);
        if event.0.is_null() {
            return Err("no answer to DescribeTopics".into());
        }
        if sys::rd_kafka_event_error(event.0) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(text(sys::rd_kafka_event_error_string(event.0)));
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event.0);
        let mut count = 0;
        let described = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if described.is_null() || count != 1 {
            return Err(format!("DescribeTopics described {count} topics instead of one"));
        }
        let error = sys::rd_kafka_TopicDescription_error(*described);
        if sys::rd_kafka_error_code(error) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(text(sys::rd_kafka_error_string(error)));
        }
        Ok(text(sys::rd_kafka_Uuid_base64str(sys::rd_kafka_TopicDescription_topic_id(*described))))
    }
}

/// # Safety
/// `text` is null or a NUL-terminated string that lives until this returns.
unsafe fn text(text: *const std::ffi::c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller vouches for the rest.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
