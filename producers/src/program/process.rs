//! The program's process, started anew for each iteration.

use crate::measure::{RunFailed, Workload, WrongResult};
use benchlake_schemas::{Check, Work};
use rustix::fs::{MemfdFlags, memfd_create};
use std::{
    fs::File,
    io::{self, Read, Seek},
    panic::resume_unwind,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

/// The longest last line of standard error that is told, in characters.
const LONGEST: usize = 300;

/// A program with its arguments, ready to be started as often as wanted.
///
/// Standard error goes to a file in memory: written at the speed of the program, read only where it
/// fails, with no thread or pipe that takes part in the timing. `Command` starts it by `posix_spawn`,
/// whose time does not depend on the memory of this process.
pub(super) struct Process {
    program: PathBuf,
    command: Command,
    errors: File,
}

impl Process {
    /// Runs it once: what fails has no time.
    pub(super) fn new(program: &Path, words: &[String]) -> Result<Self, String> {
        let (errors, to) = error_file().map_err(|error| format!("no memory for standard error: {error}"))?;
        let mut command = Command::new(program);
        #[cfg(feature = "gpu")]
        crate::gpu::take(&mut command);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(to);
        let mut process = Self { program: program.to_owned(), command, errors };
        process.once()?;
        Ok(process)
    }

    /// Runs it from its start to its end.
    fn once(&mut self) -> Result<(), String> {
        match self.command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.failed(status)),
            Err(error) => Err(format!("cannot start {}: {error}: build it first", self.program.display())),
        }
    }

    /// How it failed, with the last line that it wrote to standard error.
    fn failed(&mut self, status: ExitStatus) -> String {
        let mut text = Vec::new();
        // Without its last words the status is all that is known.
        let _ = self.errors.rewind().and_then(|()| self.errors.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text);
        let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
        let last: String =
            last.unwrap_or("it said nothing on standard error").chars().take(LONGEST).collect();
        format!("{} failed ({status}): {last}", self.program.display())
    }
}

/// A file in memory, and what a process writes to it.
fn error_file() -> io::Result<(File, Stdio)> {
    let file = File::from(memfd_create(c"standard-error", MemfdFlags::CLOEXEC)?);
    let to = file.try_clone()?;
    Ok((file, to.into()))
}

impl Workload for Process {
    /// Forgets what earlier iterations wrote, so that the file stays small.
    fn prepare(&mut self, _iterations: u64) {
        // At worst it grows.
        let _ = self.errors.set_len(0).and_then(|()| self.errors.rewind());
    }

    fn run(&mut self, iterations: u64) {
        for _ in 0..iterations {
            if let Err(problem) = self.once() {
                // Unwinds to the session, which records it, without the words of a panic here.
                resume_unwind(Box::new(RunFailed(problem)));
            }
        }
    }

    /// A process is long enough, and each start is a sample of its own.
    fn fixed_iterations(&self) -> Option<u64> {
        Some(1)
    }

    /// It ended well when it was set up.
    fn check(&mut self) -> Result<Check, WrongResult> {
        WrongResult::judge("program", "an exit status of 0", 0.0, 0.0)
    }

    fn work(&self) -> Work {
        Work { items: Some(1), work_model: Some("program-run/1".into()), ..Work::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn shell(script: &str) -> Result<Process, String> {
        Process::new(Path::new("/bin/sh"), &["-c".to_owned(), script.to_owned()])
    }

    /// A program that fails is never timed, and its last line says why.
    #[test]
    fn a_failure_is_told_by_its_last_line() {
        let text = shell("echo first >&2; echo 'no such input' >&2; exit 3").err().expect("it fails");
        assert_eq!(text, "/bin/sh failed (exit status: 3): no such input");
        let text = Process::new(Path::new("/no/such/program"), &[]).err().expect("it is not there");
        assert!(text.starts_with("cannot start /no/such/program: "), "{text}");
    }

    /// Each iteration runs it once; one that fails later unwinds with its words, not with older ones.
    #[test]
    fn each_iteration_is_a_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let script = format!(
            "echo run >> {log}; [ $(wc -l < {log}) -lt 5 ] || {{ echo five >&2; exit 1; }}; echo warned >&2",
            log = log.display()
        );
        let mut process = shell(&script).expect("the first run succeeds");
        process.prepare(3);
        process.run(3);
        assert_eq!(std::fs::read_to_string(&log).expect("a log").lines().count(), 4);
        process.prepare(1);
        let panic = catch_unwind(AssertUnwindSafe(|| process.run(1))).expect_err("the fifth fails");
        let RunFailed(text) = panic.downcast_ref().expect("words");
        assert_eq!(text, "/bin/sh failed (exit status: 1): five");
    }
}
