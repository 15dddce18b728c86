//! Runs the processes of one session: kills what takes too long, records what died, and goes on with
//! the benchmarks that are left in another process.

use super::{SessionError, SessionEvent, SessionSpec, rows};
use crate::{emit::Spool, suite::Suite};
use benchlake_schemas::{Benchmark, Metric, Micros, SessionId, Status, StopReason};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long a process may take to say what it will measure: its environment is probed, its suite read.
const START: f64 = 120.0;
/// The arguments with which every program that measures reads a [`SessionSpec`] from standard input.
pub const ARGUMENTS: [&str; 2] = ["agent", "session"];

/// What a supervisor tells beside what the session reports itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// What the session reports.
    Event(SessionEvent),
    /// What its process wrote to standard error.
    Said(String),
}

/// Runs the session `spec` by `program` to its end, whatever its benchmarks do. A benchmark that hangs
/// or takes its process with it is recorded as a series without samples; the benchmarks that are left
/// are measured by another process, which is a session of its own at the same place of the run.
///
/// # Errors
/// [`SessionError`] if no process can be started, or the spool cannot be written.
pub fn supervise(
    program: &Path,
    mut spec: SessionSpec,
    interrupted: &AtomicBool,
    tell: &mut dyn FnMut(Told),
) -> Result<Status, SessionError> {
    let mut status = Status::Ok;
    loop {
        let mut process = Process::start(program, &spec)?;
        let end = process.follow(interrupted, tell)?;
        let (ended, current, started_at) = (process.ended, process.current, process.started_at);
        if let Some(ended) = ended {
            return Ok(if status == Status::Ok { ended } else { status });
        }
        status = Status::Failed;
        let text = match end {
            End::TimedOut(limit) => {
                format!("killed after {limit:?}: it took longer than its time-out (`timeout` in its policy)")
            }
            End::Died(exit) => died(exit, process.said.trim()),
        };
        let Some(started_at) = started_at else {
            tell(Told::Said(format!("session {} did not start: {text}", spec.position)));
            return Ok(status);
        };
        let reason = if matches!(end, End::TimedOut(_)) { StopReason::TimedOut } else { StopReason::Crashed };
        record(&spec, started_at, current.as_ref().map(|benchmark| (benchmark, reason)), &text)?;
        let finished = process.finished.len();
        spec.done.extend(process.finished.iter().chain(&current).map(Benchmark::id));
        match current {
            Some(benchmark) => {
                tell(Told::Event(SessionEvent::Failed { benchmark, reason, error: text }));
            }
            // It died between two benchmarks: without any progress the next one would too.
            None if finished == 0 => {
                tell(Told::Said(format!("session {} ended: {text}", spec.position)));
                return Ok(status);
            }
            None => tell(Told::Said(format!("session {} goes on after: {text}", spec.position))),
        }
        if process.left == spec.done.len() || interrupted.load(Ordering::Relaxed) {
            return Ok(status);
        }
        spec.session_id = SessionId::new();
    }
}

/// Writes what a process that died could not: that its benchmark failed, and that its session ended.
fn record(
    spec: &SessionSpec,
    started_at: Micros,
    failed: Option<(&Benchmark, StopReason)>,
    text: &str,
) -> Result<(), SessionError> {
    let suite = Suite::parse(&spec.suite, &spec.label)?;
    let mut spool = Spool::open(&spec.spool, spec.partitions, spec.spool_options)?;
    let mut message = text.to_owned();
    if let Some((benchmark, reason)) = failed {
        spool.append(&[rows::without_samples(spec, benchmark, Metric::Time, reason, text)])?;
        message = format!("{benchmark}: {text}");
    }
    let start = rows::session(spec, &suite, started_at);
    spool.append(&[rows::ended(start, Status::Failed, Some(message))])?;
    Ok(())
}

/// How a process ended without saying so.
#[derive(Debug, Clone, Copy)]
enum End {
    TimedOut(Duration),
    Died(ExitStatus),
}

/// How a process ended, for people: the last of what it said is the likeliest reason.
fn died(exit: ExitStatus, said: &str) -> String {
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    let last = last.map_or_else(String::new, |line| format!(": {}", line.trim()));
    let hint = if said.contains("memory allocation of") {
        "; it needs more memory than --memory-limit allows"
    } else {
        ""
    };
    format!("its process ended ({exit}){last}{hint}")
}

/// A process that measures, and what it has told so far.
struct Process {
    child: Child,
    errors: Option<JoinHandle<String>>,
    said: String,
    started_at: Option<Micros>,
    /// Benchmarks that it was to measure, with those done before.
    left: usize,
    current: Option<Benchmark>,
    finished: Vec<Benchmark>,
    ended: Option<Status>,
}

impl Process {
    fn start(program: &Path, spec: &SessionSpec) -> Result<Self, SessionError> {
        let mut child = Command::new(program)
            .args(ARGUMENTS)
            // What it says is told by its launcher, which knows how.
            .env_remove("BENCHLAKE_LOG_FORMAT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| SessionError::Start {
                program: program.display().to_string(),
                problem: error.to_string(),
            })?;
        // Where memory runs out after all, this process goes first. Not everywhere can that be said.
        let _ = fs::write(format!("/proc/{}/oom_score_adj", child.id()), "1000");
        if let Some(mut input) = child.stdin.take() {
            // A process that died at once is told apart by how it ended, not by this pipe.
            let _ = serde_json::to_writer(&mut input, spec).map(|()| input.flush());
        }
        let errors = child.stderr.take().map(|mut errors| {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                // What was read before a failure is worth telling.
                let _ = errors.read_to_end(&mut text);
                String::from_utf8_lossy(&text).into_owned()
            })
        });
        Ok(Self {
            child,
            errors,
            said: String::new(),
            started_at: None,
            left: spec.done.len(),
            current: None,
            finished: Vec::new(),
            ended: None,
        })
    }

    /// Passes on what the process reports until it is gone; ends it when it takes too long, and hands
    /// an interrupt down to it.
    fn follow(&mut self, interrupted: &AtomicBool, tell: &mut dyn FnMut(Told)) -> Result<End, SessionError> {
        let events = self.events();
        let mut deadline = Deadline::after(START);
        let (mut handed, mut timed_out) = (false, None);
        loop {
            match events.recv_timeout(LOOK) {
                Ok(event) => {
                    self.note(&event, &mut deadline);
                    tell(Told::Event(event));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if deadline.passed() && timed_out.is_none() {
                timed_out = Some(deadline.limit);
                self.signal(Signal::KILL);
            }
            if interrupted.load(Ordering::Relaxed) && !handed {
                handed = true;
                // From a terminal it got the signal itself; SIGTERM beside it does no harm.
                self.signal(Signal::TERM);
            }
        }
        // Its output is closed: it is about to end, or hangs after all.
        let exit = self.wait(&deadline);
        self.said = self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default();
        if self.ended.is_some() {
            self.said.lines().for_each(|line| tell(Told::Said(line.to_owned())));
        }
        let exit = exit.map_err(|error| SessionError::Start {
            program: "a session".into(),
            problem: error.to_string(),
        })?;
        Ok(timed_out.map_or(End::Died(exit), End::TimedOut))
    }

    /// What the process writes to standard output, line by line.
    fn events(&mut self) -> mpsc::Receiver<SessionEvent> {
        let (sender, events) = mpsc::channel();
        if let Some(output) = self.child.stdout.take() {
            std::thread::spawn(move || {
                let lines = BufReader::new(output).lines().map_while(Result::ok);
                for event in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
                    if sender.send(event).is_err() {
                        break;
                    }
                }
            });
        }
        events
    }

    fn note(&mut self, event: &SessionEvent, deadline: &mut Deadline) {
        match event {
            SessionEvent::Started { started_at, benchmarks, .. } => {
                self.started_at = Some(*started_at);
                self.left += benchmarks;
                *deadline = Deadline::after(START);
            }
            SessionEvent::Measuring { benchmark, limit } => {
                self.current = Some(benchmark.clone());
                *deadline = Deadline::after(*limit);
            }
            SessionEvent::Measured { benchmark, .. } | SessionEvent::Failed { benchmark, .. } => {
                self.current = None;
                self.finished.push(benchmark.clone());
                *deadline = Deadline::after(START);
            }
            SessionEvent::Ended { status } => self.ended = Some(*status),
        }
    }

    fn wait(&mut self, deadline: &Deadline) -> std::io::Result<ExitStatus> {
        loop {
            if let Some(exit) = self.child.try_wait()? {
                return Ok(exit);
            }
            if deadline.passed() {
                self.signal(Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // It may be gone already.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }
}

/// Until when something has to happen.
struct Deadline {
    limit: Duration,
    at: Option<Instant>,
}

impl Deadline {
    /// In `seconds`; what is beyond any clock never comes.
    fn after(seconds: f64) -> Self {
        let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Self { limit, at: Instant::now().checked_add(limit) }
    }

    fn passed(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }
}
