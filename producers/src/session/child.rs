//! One process that measures: what its launcher knows of it.

use super::{SessionError, SessionEvent, SessionSpec};
use benchlake_schemas::{Micros, Status};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long what a process wrote may take to arrive after its end: somebody that it started may hold its
/// outputs open for ever.
pub(super) const ARRIVAL: Duration = Duration::from_millis(200);
/// How much of what a process says on standard error is kept: its end.
const KEPT: usize = 16 << 10;
/// The arguments with which every program that measures reads a [`SessionSpec`] from standard input.
pub const ARGUMENTS: [&str; 2] = ["agent", "session"];

/// A process that measures, and what it has told so far.
pub(super) struct Process {
    child: Child,
    errors: Option<Errors>,
    pub(super) said: String,
    /// When it started, and its environment.
    pub(super) started: Option<(Micros, BTreeMap<String, String>)>,
    pub(super) ended: Option<Status>,
}

impl Process {
    /// Starts the rank of `spec`; what it reports goes to `events` with its rank.
    pub(super) fn start(
        program: &Path,
        spec: &SessionSpec,
        events: mpsc::Sender<(usize, SessionEvent)>,
    ) -> Result<Self, SessionError> {
        let rank = usize::try_from(spec.rank).unwrap_or_default();
        let mut command = Command::new(program);
        #[cfg(feature = "gpu")]
        crate::gpu::give(&mut command);
        if let Some(device) = spec.devices.get(rank) {
            command.env("CUDA_VISIBLE_DEVICES", device);
        }
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
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                // Workloads may write there too, whatever they like.
                let lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
                for event in lines.filter_map(|line| serde_json::from_slice(&line).ok()) {
                    if events.send((rank, event)).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { child, errors, said: String::new(), started: None, ended: None })
    }

    /// Whether its process is gone.
    pub(super) fn is_gone(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// How it ended without having said that it would; `None` as long as it lasts.
    pub(super) fn died(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten().filter(|_| self.ended.is_none())
    }

    /// Waits for its end, killing it when `deadline` has passed, and whatever it has started; takes what it
    /// said last.
    pub(super) fn finish(&mut self, deadline: &Deadline) -> Result<ExitStatus, SessionError> {
        let exit = self.wait(deadline);
        // Nothing that a workload started outlives it.
        self.kill();
        self.said = self.errors.take().map(Errors::rest).unwrap_or_default();
        exit.map_err(|error| SessionError::Start { program: "a session".into(), problem: error.to_string() })
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

    /// What it has said on standard error since this was asked last.
    pub(super) fn says(&self) -> String {
        self.errors.as_ref().map(Errors::take).unwrap_or_default()
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Hands an interrupt down to it: it is in a group of its own, which a terminal's Ctrl-C does not reach.
    pub(super) fn interrupt(&self) {
        let _ = self.pid().map(|pid| kill_process(pid, Signal::TERM));
    }

    /// Ends the process and all that it has started; they may be gone already.
    pub(super) fn kill(&self) {
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
pub(super) struct Deadline {
    pub(super) limit: Duration,
    pub(super) at: Option<Instant>,
}

impl Deadline {
    /// In `seconds`; what is beyond any clock never comes.
    pub(super) fn after(seconds: f64) -> Self {
        let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Self { limit, at: Instant::now().checked_add(limit) }
    }

    pub(super) fn passed(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }
}
