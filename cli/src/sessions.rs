//! Launches sessions, one fresh process after the other, and follows what they report.

use crate::{args::Global, failure::Failure, output};
use benchlake_producers::session::{SessionEvent, SessionSpec};
use benchlake_schemas::{SessionId, Status};
use indicatif::ProgressBar;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

/// What became of the sessions of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) ok: u32,
    pub(crate) failed: u32,
    pub(crate) measured: u32,
}

/// Runs one session to its end and counts what became of it.
///
/// # Errors
/// [`Failure`] if no process can be started at all.
pub(crate) fn launch(
    spec: &SessionSpec,
    interrupted: &AtomicBool,
    bar: &ProgressBar,
    tally: &mut Tally,
    global: &Global,
) -> Result<(), Failure> {
    let program = std::env::current_exe()?;
    let mut child = Command::new(&program)
        .args(["agent", "session"])
        // What it says is told in a remark, which is an object by itself then.
        .env_remove("BENCHLAKE_LOG_FORMAT")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::internal(format!("{}: {error}", program.display())))?;
    if let Some(mut input) = child.stdin.take() {
        // A session that died at once is told apart by how it ended, not by this pipe.
        let _ = serde_json::to_writer(&mut input, spec).map(|()| input.flush());
    }
    let errors = collect_errors(&mut child);
    let ended = follow(&mut child, interrupted, bar, spec, tally, global);
    let status = child.wait()?;
    let errors = errors.and_then(|errors| errors.join().ok()).unwrap_or_default();
    match ended {
        Some(Status::Ok) if status.success() => {
            tally.ok += 1;
            bar.suspend(|| errors.lines().for_each(|line| output::remark(global, line)));
        }
        Some(Status::Interrupted) => {}
        Some(_) => tally.failed += 1,
        None => {
            tally.failed += 1;
            let errors = if errors.is_empty() { errors } else { format!(": {}", errors.trim()) };
            let problem = format!("session {} ended without a report ({status}){errors}", spec.position);
            bar.suspend(|| output::remark(global, &format!("failed: {problem}")));
        }
    }
    Ok(())
}

/// Passes events on until the session closes its output; hands an interrupt down to it.
fn follow(
    child: &mut Child,
    interrupted: &AtomicBool,
    bar: &ProgressBar,
    spec: &SessionSpec,
    tally: &mut Tally,
    global: &Global,
) -> Option<Status> {
    let (sender, events) = mpsc::channel();
    let output = child.stdout.take()?;
    std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        for event in lines.filter_map(|line| serde_json::from_str::<SessionEvent>(&line).ok()) {
            if sender.send(event).is_err() {
                break;
            }
        }
    });
    let (mut ended, mut told) = (None, false);
    loop {
        match events.recv_timeout(Duration::from_millis(100)) {
            Ok(SessionEvent::Started { .. }) => {}
            Ok(SessionEvent::Measuring { benchmark }) => {
                bar.set_message(format!("session {} {benchmark}", spec.position));
            }
            Ok(SessionEvent::Measured { .. }) => {
                tally.measured += 1;
                bar.inc(1);
            }
            Ok(SessionEvent::Failed { benchmark, error }) => {
                bar.inc(1);
                let problem = format!("session {}: {benchmark}: {error}", spec.position);
                bar.suspend(|| output::remark(global, &format!("failed: {problem}")));
            }
            Ok(SessionEvent::Ended { status }) => ended = Some(status),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return ended,
        }
        if interrupted.load(Ordering::Relaxed) && !told {
            told = true;
            // From a terminal the session got the signal itself; SIGTERM twice does no harm.
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        }
    }
}

/// Reads what the session says on standard error, to its end.
fn collect_errors(child: &mut Child) -> Option<JoinHandle<String>> {
    let mut errors = child.stderr.take()?;
    Some(std::thread::spawn(move || {
        let mut text = Vec::new();
        // What was read before a failure is worth telling.
        let _ = errors.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }))
}

/// The specification of session number `position`, like `template` otherwise.
pub(crate) fn numbered(template: &SessionSpec, position: u32) -> SessionSpec {
    SessionSpec { session_id: SessionId::new(), position: position.into(), ..template.clone() }
}
