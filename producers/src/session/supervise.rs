//! Runs the processes of one session, one a rank: kills what takes too long, records what died, and goes on
//! with the benchmarks that are left in other processes.

pub use super::child::ARGUMENTS;
use super::{
    SessionError, SessionEvent, SessionSpec,
    child::{ARRIVAL, Deadline, Process},
    rows,
};
use crate::{emit::Spool, process::exit, ranks::free_address, suite::Suite};
use benchlake_schemas::{Benchmark, Metric, Session, SessionId, Status, StopReason};
use std::{
    path::Path,
    process::ExitStatus,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

/// How often the processes are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long a process may take to say what it will measure: its environment is probed, its suite read.
const START: f64 = 120.0;

/// What a supervisor tells beside what the session reports itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// What the session reports: its rank 0, where there are several.
    Event(SessionEvent),
    /// What its process wrote to standard error.
    Said(String),
}

/// Runs the session `spec` by `program` to its end, whatever its benchmarks do: `world_size` processes. A
/// benchmark that hangs or takes a process with it is recorded as a series without samples, and no rank goes on
/// without the others; the benchmarks that are left are measured by other processes, which are a session of
/// their own at the same place of the run.
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
        let mut ranks = Ranks::start(program, &spec)?;
        let end = ranks.follow(interrupted, tell)?;
        if let Some(ended) = ranks.ended() {
            return Ok(if status == Status::Ok { ended } else { status });
        }
        status = Status::Failed;
        let (rank, reason, text) = ranks.explain(end);
        if ranks.processes[0].started.is_none() {
            tell(Told::Said(format!("session {} did not start: {text}", spec.position)));
            return Ok(status);
        }
        let current = ranks.current.take();
        let failed = current.as_ref().map(|benchmark| (benchmark, reason));
        record(&spec, &ranks.processes, (rank, failed), &text)?;
        let finished = ranks.finished.len();
        spec.done.extend(ranks.finished.iter().chain(&current).map(Benchmark::id));
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
        if ranks.left == spec.done.len() || interrupted.load(Ordering::Relaxed) {
            return Ok(status);
        }
        spec.session_id = SessionId::new();
    }
}

/// Writes what processes that died could not: that their benchmark failed because of `rank`, and that their
/// session ended.
fn record(
    spec: &SessionSpec,
    processes: &[Process],
    (rank, failed): (usize, Option<(&Benchmark, StopReason)>),
    text: &str,
) -> Result<(), SessionError> {
    let suite = Suite::parse(&spec.suite, &spec.label)?;
    let mut spool = Spool::open(&spec.spool, spec.partitions, spec.spool_options)?;
    let mut message = text.to_owned();
    if let Some((benchmark, reason)) = failed {
        let spec = spec.of_rank(rank);
        spool.append(&[rows::without_samples(&spec, benchmark, Metric::Time, reason, text)])?;
        message = format!("{benchmark}: {text}");
    }
    for (rank, process) in processes.iter().enumerate().filter(|(_, process)| process.ended.is_none()) {
        // What the dead process knew of itself, which may be another program than this one.
        let Some((started_at, environment)) = process.started.clone() else { continue };
        let devices = rows::devices(&environment);
        let start =
            Session { environment, devices, ..rows::session(&spec.of_rank(rank), &suite, started_at) };
        spool.append(&[rows::ended(start, Status::Failed, Some(message.clone()))])?;
    }
    Ok(())
}

/// How a session ended without saying so.
#[derive(Debug, Clone, Copy)]
enum End {
    TimedOut(Duration),
    /// By the end of this rank.
    Died(usize, ExitStatus),
}

/// How a process ended, for people, with what it said last.
fn died(exit: ExitStatus, said: &str) -> String {
    // Beneath the reason there may be a backtrace.
    let reason = said.lines().find(|line| line.contains("memory allocation of") || line.contains("panicked"));
    let reason = said.lines().rev().find_map(|line| line.strip_prefix("error: ")).or(reason);
    let last = reason.or_else(|| said.lines().rev().find(|line| !line.trim().is_empty()));
    let last = last.map_or_else(String::new, |line| format!(": {}", line.trim()));
    let hint = if said.contains("memory allocation of") {
        "; it needs more memory than --memory-limit allows"
    } else {
        ""
    };
    format!("its process ended ({exit}){last}{hint}")
}

/// The processes of a session, and what rank 0 has told of it so far.
struct Ranks {
    processes: Vec<Process>,
    events: mpsc::Receiver<(usize, SessionEvent)>,
    /// Benchmarks that it was to measure, with those done before.
    left: usize,
    current: Option<Benchmark>,
    finished: Vec<Benchmark>,
}

impl Ranks {
    fn start(program: &Path, spec: &SessionSpec) -> Result<Self, SessionError> {
        let (sender, events) = mpsc::channel();
        let mut spec = spec.clone();
        if spec.ranks() > 1 && spec.group.is_none() {
            let problem = |error: std::io::Error| SessionError::Start {
                program: program.display().to_string(),
                problem: format!("no address for its ranks to meet at: {error}"),
            };
            spec.group = Some(free_address().map_err(problem)?);
        }
        let mut ranks = Self {
            processes: Vec::new(),
            events,
            left: spec.done.len(),
            current: None,
            finished: Vec::new(),
        };
        for rank in 0..spec.ranks() {
            match Process::start(program, &spec.of_rank(rank), sender.clone()) {
                Ok(process) => ranks.processes.push(process),
                Err(error) => {
                    ranks.processes.iter().for_each(Process::kill);
                    return Err(error);
                }
            }
        }
        Ok(ranks)
    }

    /// Passes on what rank 0 reports until all processes are gone; ends them, and whatever they have started,
    /// when they take too long or one of several dies, and hands an interrupt down to them.
    fn follow(&mut self, interrupted: &AtomicBool, tell: &mut dyn FnMut(Told)) -> Result<End, SessionError> {
        let mut deadline = Deadline::after(START);
        let (mut handed, mut gone, mut broken, mut end) = (false, None, None, None);
        loop {
            match self.events.recv_timeout(LOOK) {
                Ok((rank, event)) => self.take_in(rank, event, &mut deadline, tell),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let since = *gone.get_or_insert_with(Instant::now);
                    if !self.processes.iter_mut().all(Process::is_gone) {
                        gone = None;
                    } else if since.elapsed() >= ARRIVAL {
                        break;
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if end.is_none() {
                end = self.overdue(&deadline, &mut broken);
                if end.is_some() {
                    self.processes.iter().for_each(Process::kill);
                }
            }
            if interrupted.load(Ordering::Relaxed) && !handed {
                handed = true;
                self.processes.iter().for_each(Process::interrupt);
            }
        }
        // Their outputs are closed: they are about to end, or hang after all.
        let mut exits = Vec::new();
        for (rank, process) in self.processes.iter_mut().enumerate() {
            exits.push((rank, process.finish(&deadline)?));
        }
        self.say_last(tell);
        exits.retain(|(rank, _)| self.processes[*rank].ended.is_none());
        let (rank, exit) = first_dead(&exits).unwrap_or_default();
        Ok(end.unwrap_or(End::Died(rank, exit)))
    }

    /// Why the processes have to be killed: they take too long, or one of several is `broken` since then, as the
    /// others cannot go on. What it said last is waited for, and how it ended.
    fn overdue(&mut self, deadline: &Deadline, broken: &mut Option<Instant>) -> Option<End> {
        if deadline.passed() {
            return Some(End::TimedOut(deadline.limit));
        }
        if self.processes.len() == 1 {
            return None;
        }
        let processes = self.processes.iter_mut().enumerate();
        let dead: Vec<_> = processes.filter_map(|(rank, process)| Some((rank, process.died()?))).collect();
        let (rank, exit) = first_dead(&dead)?;
        let since = *broken.get_or_insert_with(Instant::now);
        (since.elapsed() >= ARRIVAL).then_some(End::Died(rank, exit))
    }

    /// Tells what was said by processes that ended as they should. Of one that died it is told already.
    fn say_last(&self, tell: &mut dyn FnMut(Told)) {
        for (rank, process) in
            self.processes.iter().enumerate().filter(|(_, process)| process.ended.is_some())
        {
            let who = if rank == 0 { String::new() } else { format!("rank {rank}: ") };
            process.said.lines().for_each(|line| tell(Told::Said(format!("{who}{line}"))));
        }
    }

    /// How the session ended, if every process says so.
    fn ended(&self) -> Option<Status> {
        self.processes.iter().skip(1).try_for_each(|process| process.ended.map(drop))?;
        self.processes[0].ended
    }

    /// The rank because of which it did not, the reason and its text.
    fn explain(&self, end: End) -> (usize, StopReason, String) {
        let (rank, exit) = match end {
            End::TimedOut(limit) => {
                let text = format!(
                    "killed after {limit:?}: it took longer than its time-out (`timeout` in its policy)"
                );
                return (0, StopReason::TimedOut, text);
            }
            End::Died(rank, exit) => (rank, exit),
        };
        let said = self.processes[rank].said.trim();
        let text = match (self.processes.len(), exit.code()) {
            (1, _) => died(exit, said),
            // It says which other rank it has lost.
            (_, Some(code)) if code == i32::from(exit::ABANDONED) => {
                said.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
            _ => format!("rank {rank} died: {}", died(exit, said)),
        };
        (rank, StopReason::Crashed, text)
    }

    /// Notes what `rank` reports; rank 0 speaks for all.
    fn take_in(
        &mut self,
        rank: usize,
        event: SessionEvent,
        deadline: &mut Deadline,
        tell: &mut dyn FnMut(Told),
    ) {
        let process = &mut self.processes[rank];
        match &event {
            SessionEvent::Started { started_at, environment, .. } => {
                process.started = Some((*started_at, environment.clone()));
            }
            // Said during a benchmark that was measured. Of one that failed it was the noise of its failure,
            // which is told already.
            SessionEvent::Measured { .. } => {
                let said = process.says();
                let who = if rank == 0 { String::new() } else { format!("rank {rank}: ") };
                said.lines().for_each(|line| tell(Told::Said(format!("{who}{line}"))));
            }
            SessionEvent::Failed { .. } => drop(process.says()),
            SessionEvent::Ended { status } => process.ended = Some(*status),
            SessionEvent::Measuring { .. } => {}
        }
        if rank == 0 {
            self.note(&event, deadline);
            tell(Told::Event(event));
        }
    }

    fn note(&mut self, event: &SessionEvent, deadline: &mut Deadline) {
        match event {
            SessionEvent::Started { benchmarks, .. } => {
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
            SessionEvent::Ended { .. } => {}
        }
    }
}

/// Of the ranks that ended, the one because of which the others did: they end as abandoned.
fn first_dead(dead: &[(usize, ExitStatus)]) -> Option<(usize, ExitStatus)> {
    let by_itself = |exit: &ExitStatus| exit.code() != Some(exit::ABANDONED.into());
    dead.iter().find(|(_, exit)| by_itself(exit)).or(dead.first()).copied()
}
