//! Invariant: nothing is allocated while sampling, from the first warm-up sample to the last one.
#![expect(unsafe_code, reason = "a global allocator that counts is an unsafe trait's implementation")]

use benchlake_producers::{
    cpu,
    environment::Topology,
    measure::{Clock, Policy, Sampler},
};
use benchlake_schemas::StopReason;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

/// The system's allocator, with every call of every thread counted.
struct Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        CALLS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often the allocator was called while `name` was sampled, and how many samples there were.
fn calls_while_sampling(name: &str, given: &[(&str, &str)]) -> (u64, usize) {
    let given: BTreeMap<String, String> =
        given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let benchmark = cpu::plan(name, &given, &Topology::read()).expect("a benchmark");
    let mut workload = cpu::open(&benchmark, 1).expect("a workload");
    let policy = Policy {
        warmup: Duration::from_millis(10),
        warmup_max: Duration::from_millis(50),
        min_time: Duration::from_millis(20),
        max_time: Duration::from_millis(500),
        precision: Some(0.05),
        ..Policy::default()
    };
    let (clock, interrupted) = (Clock::calibrate(), AtomicBool::new(false));
    let sampler = Sampler::new(&policy, &clock);
    let before = CALLS.load(Ordering::SeqCst);
    let measurement = sampler.measure(workload.as_mut(), &interrupted);
    let calls = CALLS.load(Ordering::SeqCst) - before;
    assert_ne!(measurement.stop, StopReason::Interrupted);
    (calls, measurement.measure.samples.len())
}

/// No workload and no part of the sampling loop allocates, on one thread or several; `cpu.alloc`,
/// which is meant to, shows that the counter counts. One test, as the counter is the process's.
#[test]
fn nothing_is_allocated_while_sampling() {
    let usable = Topology::read().cpus.min(2).to_string();
    for threads in ["1", &usable] {
        for cache in ["hot", "cold"] {
            for (name, size) in [
                ("cpu.fma", ("dtype", "f32")),
                ("cpu.gemm", ("n", "100")),
                ("cpu.triad", ("n", "10000")),
                ("cpu.add", ("n", "10000")),
                ("cpu.reduce", ("n", "10000")),
                ("cpu.memcpy", ("bytes", "100000")),
            ] {
                quiet(name, &[size, ("threads", threads), ("cache", cache)]);
            }
        }
        if cfg!(target_arch = "x86_64") {
            quiet("cpu.triad", &[("n", "10000"), ("threads", threads), ("store", "nt")]);
        }
    }
    for cache in ["hot", "cold"] {
        quiet("cpu.latency", &[("bytes", "65536"), ("cache", cache)]);
    }
    let (calls, samples) = calls_while_sampling("cpu.alloc", &[("bytes", "100")]);
    assert!(calls >= 2 * samples as u64);
}

/// The benchmark is sampled without a call of the allocator.
fn quiet(name: &str, given: &[(&str, &str)]) {
    let (calls, samples) = calls_while_sampling(name, given);
    assert!(samples > 0, "{name} {given:?}: no samples");
    assert_eq!(calls, 0, "{name} {given:?}, {samples} samples");
}
