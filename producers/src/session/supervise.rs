//! Runs the processes of one session: kills what takes too long, records what died, and goes on with
//! the benchmarks that are left in another process.

use super::{SessionError, SessionEvent, SessionSpec, rows};
use crate::{emit::Spool, suite::Suite};
use benchlake_schemas::{Benchmark, Metric, Micros, Session, SessionId, Status, StopReason};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
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
/// How long what a process wrote may take to arrive after its end: somebody that it started may hold its
/// outputs open for ever.
const ARRIVAL: Duration = Duration::from_millis(200);
/// How much of what a process says on standard error is kept: its end.
const KEPT: usize = 16 << 10;
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
        let (ended, current, started) = (process.ended, process.current, process.started);
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
        let Some(started) = started else {
            tell(Told::Said(format!("session {} did not start: {text}", spec.position)));
            return Ok(status);
        };
        let reason = if matches!(end, End::TimedOut(_)) { StopReason::TimedOut } else { StopReason::Crashed };
        record(&spec, started, current.as_ref().map(|benchmark| (benchmark, reason)), &text)?;
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
    (started_at, environment): (Micros, BTreeMap<String, String>),
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
    // What the dead process knew of itself, which may be another program than this one.
    let devices = rows::devices(&environment);
    let start = Session { environment, devices, ..rows::session(spec, &suite, started_at) };
    spool.append(&[rows::ended(start, Status::Failed, Some(message))])?;
    Ok(())
}

/// How a process ended without saying so.
#[derive(Debug, Clone, Copy)]
enum End {
    TimedOut(Duration),
    Died(ExitStatus),
}

/// How a process ended, for people, with what it said last.
fn died(exit: ExitStatus, said: &str) -> String {
    // Beneath the reason there may be a backtrace.
    let reason = said.lines().find(|line| line.contains("memory allocation of") || line.contains("panicked"));
    let last = reason.or_else(|| said.lines().rev().find(|line| !line.trim().is_empty()));
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
    errors: Option<Errors>,
    said: String,
    /// When it started, and its environment.
    started: Option<(Micros, BTreeMap<String, String>)>,
    /// Benchmarks that it was to measure, with those done before.
    left: usize,
    current: Option<Benchmark>,
    finished: Vec<Benchmark>,
    ended: Option<Status>,
}

impl Process {
    fn start(program: &Path, spec: &SessionSpec) -> Result<Self, SessionError> {
        let mut command = Command::new(program);
        #[cfg(feature = "gpu")]
        crate::gpu::give(&mut command);
        let mut child = command
            .args(ARGUMENTS)
            // What it says is told by its launcher, which knows how.
            .env_remove("BENCHLAKE_LOG_FORMAT")
            // What a workload starts is ended with it.
            .process_group(0)
            .current_dir(spec.folder.as_deref().unwrap_or(Path::new(".")))
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
        let errors = child.stderr.take().map(Errors::collect);
        if let (Some(mut input), Ok(spec)) = (child.stdin.take(), serde_json::to_vec(spec)) {
            // By a thread, as a program that is no session may never read it. One that died at once is told
            // apart by how it ended, not by this pipe.
            std::thread::spawn(move || input.write_all(&spec).and_then(|()| input.flush()));
        }
        Ok(Self {
            child,
            errors,
            said: String::new(),
            started: None,
            left: spec.done.len(),
            current: None,
            finished: Vec::new(),
            ended: None,
        })
    }

    /// Passes on what the process reports until it is gone; ends it, and whatever it has started, when it
    /// takes too long, and hands an interrupt down to it.
    fn follow(&mut self, interrupted: &AtomicBool, tell: &mut dyn FnMut(Told)) -> Result<End, SessionError> {
        let events = self.events();
        let mut deadline = Deadline::after(START);
        let (mut handed, mut timed_out, mut gone) = (false, None, None);
        loop {
            match events.recv_timeout(LOOK) {
                Ok(event) => {
                    self.note(&event, &mut deadline);
                    self.pass_on(&event, tell);
                    tell(Told::Event(event));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let since = *gone.get_or_insert_with(Instant::now);
                    if !matches!(self.child.try_wait(), Ok(Some(_))) {
                        gone = None;
                    } else if since.elapsed() >= ARRIVAL {
                        break;
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if deadline.passed() && timed_out.is_none() {
                timed_out = Some(deadline.limit);
                self.kill();
            }
            if interrupted.load(Ordering::Relaxed) && !handed {
                handed = true;
                // It is in a group of its own, which a terminal's Ctrl-C does not reach.
                let _ = self.pid().map(|pid| kill_process(pid, Signal::TERM));
            }
        }
        // Its output is closed: it is about to end, or hangs after all.
        let exit = self.wait(&deadline);
        // Nothing that a workload started outlives it.
        self.kill();
        self.said = self.errors.take().map(Errors::rest).unwrap_or_default();
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
                // Workloads may write there too, whatever they like.
                let lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
                for event in lines.filter_map(|line| serde_json::from_slice(&line).ok()) {
                    if sender.send(event).is_err() {
                        break;
                    }
                }
            });
        }
        events
    }

    /// Tells what was said during a benchmark that was measured. Of one that failed it was the noise of
    /// its failure, which is told already.
    fn pass_on(&self, event: &SessionEvent, tell: &mut dyn FnMut(Told)) {
        let Some(errors) = &self.errors else { return };
        match event {
            SessionEvent::Measured { .. } => {
                errors.take().lines().for_each(|line| tell(Told::Said(line.to_owned())));
            }
            SessionEvent::Failed { .. } => drop(errors.take()),
            _ => {}
        }
    }

    fn note(&mut self, event: &SessionEvent, deadline: &mut Deadline) {
        match event {
            SessionEvent::Started { started_at, benchmarks, environment, .. } => {
                self.started = Some((*started_at, environment.clone()));
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
                // Counting may take what the benchmark's limit has left.
                let rest = Deadline::after(START);
                if deadline.at < rest.at {
                    *deadline = rest;
                }
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
                self.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Ends the process and all that it has started; they may be gone already.
    fn kill(&self) {
        let _ = self.pid().map(|pid| kill_process_group(pid, Signal::KILL));
    }
}

/// What a process says on standard error, as long as it lasts.
struct Errors {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Errors {
    fn collect(mut errors: ChildStderr) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let to = kept.clone();
        let reader = std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(read @ 1..) = errors.read(&mut part) {
                let mut kept = to.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&part[..read]);
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
        });
        Self { kept, reader }
    }

    /// What has come since it was taken last.
    fn take(&self) -> String {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&kept).into_owned()
    }

    /// The same after the end of the process.
    fn rest(self) -> String {
        let begun = Instant::now();
        while !self.reader.is_finished() && begun.elapsed() < ARRIVAL {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.take()
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
