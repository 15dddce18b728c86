//! Invariant: no system call is made while sampling, by any thread of the process. The test runs
//! itself under the real `strace`, between two marks that are system calls themselves.

use benchlake_producers::{
    cpu,
    environment::Topology,
    measure::{Clock, Policy, Sampler},
};
use std::{collections::BTreeMap, path::Path, process::Command, sync::atomic::AtomicBool, time::Duration};

/// Paths that do not exist: asking for them marks the begin and the end of sampling in the trace.
const BEGIN: &str = "/benchlake-sampling-begins";
const END: &str = "/benchlake-sampling-ends";

/// What is traced, on one thread and on two where it has threads.
const BENCHMARKS: &[(&str, &[(&str, &str)])] = &[
    ("cpu.fma", &[("dtype", "f32")]),
    ("cpu.gemm", &[("n", "100")]),
    ("cpu.triad", &[("n", "100000")]),
    #[cfg(target_arch = "x86_64")]
    ("cpu.triad", &[("n", "100000"), ("store", "nt")]),
    ("cpu.add", &[("n", "100000")]),
    ("cpu.reduce", &[("n", "100000")]),
    ("cpu.reduce", &[("n", "100000"), ("cache", "cold")]),
    ("cpu.memcpy", &[("bytes", "1000000")]),
    ("cpu.latency", &[("bytes", "65536")]),
    ("cpu.latency", &[("bytes", "65536"), ("cache", "cold")]),
];

/// What [`no_system_call_while_sampling`] traces; by itself it shows nothing.
#[test]
#[ignore = "run under strace by no_system_call_while_sampling"]
fn traced() {
    let topology = Topology::read();
    for threads in [1, topology.cpus.min(2)] {
        for &(name, given) in BENCHMARKS {
            let mut given: BTreeMap<String, String> =
                given.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            if name != "cpu.latency" {
                given.insert("threads".into(), threads.to_string());
            }
            let benchmark = cpu::plan(name, &given, &topology).expect("a benchmark");
            let mut workload = cpu::open(&benchmark, 1).expect("a workload");
            let policy = Policy {
                warmup: Duration::from_millis(5),
                warmup_max: Duration::from_millis(20),
                min_time: Duration::from_millis(20),
                max_time: Duration::from_millis(200),
                ..Policy::default()
            };
            let (clock, interrupted) = (Clock::calibrate(), AtomicBool::new(false));
            let sampler = Sampler::new(&policy, &clock);
            let _ = Path::new(BEGIN).exists();
            let measurement = sampler.measure(workload.as_mut(), &interrupted);
            let _ = Path::new(END).exists();
            assert!(!measurement.measure.samples.is_empty());
        }
    }
}

/// The system calls between each begin and end in a trace, with the number of such intervals.
fn calls_between_marks(trace: &str) -> (usize, Vec<&str>) {
    let (mut inside, mut intervals, mut calls) = (false, 0, Vec::new());
    for line in trace.lines() {
        if line.contains(BEGIN) {
            (inside, intervals) = (true, intervals + 1);
        } else if line.contains(END) {
            inside = false;
        } else if inside && line.contains('(') && !line.contains("---") {
            calls.push(line);
        }
    }
    (intervals, calls)
}

/// From the first warm-up sample to the last sample no thread asks the system for anything.
#[test]
fn no_system_call_while_sampling() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let this = std::env::current_exe().expect("this test's path");
    let output = Command::new("strace")
        .args(["-f", "-o"])
        .arg(&trace)
        .arg(this)
        .args(["--exact", "traced", "--ignored", "--test-threads=1"])
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: no strace ({error})");
            return;
        }
    };
    let messages = String::from_utf8_lossy(&output.stderr);
    if messages.contains("ptrace") && !output.status.success() {
        eprintln!("skipped: strace may not trace here ({})", messages.trim());
        return;
    }
    assert!(output.status.success(), "{messages}{}", String::from_utf8_lossy(&output.stdout));
    let trace = std::fs::read_to_string(&trace).expect("a trace");
    let (intervals, calls) = calls_between_marks(&trace);
    assert_eq!(intervals, 2 * BENCHMARKS.len(), "each benchmark on one and two threads");
    assert!(
        calls.is_empty(),
        "{} system calls while sampling: {:?}",
        calls.len(),
        &calls[..calls.len().min(5)]
    );
}

/// The counting itself: what is between the marks counts, signals and other threads' ends do not.
#[test]
fn traces_are_counted() {
    let trace = format!(
        "1 open(\"a\")\n1 statx(\"{BEGIN}\")\n2 read(3)\n2 --- SIGINT {{si_signo=SIGINT}} ---\n1 statx(\"{END}\")\n1 close(3)\n"
    );
    assert_eq!(calls_between_marks(&trace), (1, vec!["2 read(3)"]));
}
