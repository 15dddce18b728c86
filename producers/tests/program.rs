//! The workload `program`, in whole sessions.

use benchlake_producers::{
    session::{Builtin, SessionEvent, SessionSpec, run},
    suite::Suite,
};
use benchlake_schemas::{Status, StopReason};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::atomic::AtomicBool};

const SUITE: &str = r#"
name = "runs"
[program]
path = "tool.sh"
[policy]
warmup = "1ms"
warmup_max = "100ms"
min_time = "1ms"
min_samples = 8
max_samples = 8
[[benchmark]]
workload = "program"
args = ["good 'two words'", "bad", "late"]
"#;
/// Succeeds, fails at once, or fails at its sixth run.
const TOOL: &str = r#"#!/bin/sh
echo "$#: $2" >> "$0.$1"
case $1 in
bad) echo "no such input" >&2; exit 3 ;;
late) [ "$(wc -l < "$0.late")" -lt 6 ] || { echo "tired" >&2; exit 4; } ;;
esac
"#;

/// What the session reports of the benchmark whose arguments begin with `args`.
fn measured<'e>(events: &'e [SessionEvent], args: &str) -> &'e SessionEvent {
    let of = |event: &&SessionEvent| match event {
        SessionEvent::Measured { benchmark, .. } | SessionEvent::Failed { benchmark, .. } => {
            benchmark.name == "program.tool.sh" && benchmark.parameters["args"].starts_with(args)
        }
        _ => false,
    };
    events.iter().find(of).expect("it is reported")
}

/// Measures the suite with the program `tool`.
fn session(folder: &Path, tool: &Path) -> (Status, Vec<SessionEvent>) {
    let suite = Suite::parse(SUITE, "runs.toml").expect("a suite");
    let spec = SessionSpec {
        program: Some(tool.to_owned()),
        ..SessionSpec::new(&suite, "runs.toml", folder.join("spool"), 4)
    };
    let mut events = Vec::new();
    let builtin = Builtin { program: spec.program.clone() };
    let status = run(&spec, &builtin, &AtomicBool::new(false), &mut |event| events.push(event));
    (status.expect("a session"), events)
}

/// Each sample is one run, with the arguments as words and no shell between; a run that fails has no
/// time, at whatever iteration, and its last line says why.
#[test]
fn each_sample_is_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let tool = folder.path().join("tool.sh");
    fs::write(&tool, TOOL).expect("a script");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("it can be run");
    let (status, events) = session(folder.path(), &tool);
    assert_eq!(status, Status::Failed);
    let SessionEvent::Measured { samples, iterations, times, .. } = measured(&events, "good") else {
        panic!("{events:?}")
    };
    assert_eq!((*samples, *iterations), (8, 1));
    assert!(times.iter().all(|time| *time > 1e-5), "a process takes longer than 10 µs: {times:?}");
    let runs = fs::read_to_string(folder.path().join("tool.sh.good")).expect("it ran");
    assert!(runs.lines().all(|line| line == "2: two words"), "{runs}");
    assert!(runs.lines().count() > 8, "the first run, warm-up and 8 samples: {runs}");
    let SessionEvent::Failed { reason, error, .. } = measured(&events, "bad") else { panic!("{events:?}") };
    assert_eq!(*reason, StopReason::Failed);
    assert!(error.ends_with("tool.sh failed (exit status: 3): no such input"), "{error}");
    let SessionEvent::Failed { error, .. } = measured(&events, "late") else { panic!("{events:?}") };
    assert!(error.ends_with("tool.sh failed (exit status: 4): tired"), "{error}");
}

/// A program that is not there fails each of its benchmarks, with what to do.
#[test]
fn a_missing_program_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (status, events) = session(folder.path(), Path::new("/no/such/tool.sh"));
    assert_eq!(status, Status::Failed);
    let SessionEvent::Failed { reason, error, .. } = measured(&events, "good") else { panic!("{events:?}") };
    assert_eq!(*reason, StopReason::Failed);
    assert_eq!(
        error,
        "cannot start /no/such/tool.sh: No such file or directory (os error 2): build it first"
    );
}
