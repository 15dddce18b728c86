//! A server of the tests that outlives this program: started, found again by its process id, stopped.

use crate::{
    listener::{command_line, holder, is_free},
    step::output,
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs::{self, File},
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, by what it is called and where it keeps its log and process id.
pub(crate) struct Service {
    /// For people: `Kafka`.
    pub(crate) name: &'static str,
    /// The file with its process id.
    pub(crate) pid_file: PathBuf,
    /// What it says.
    pub(crate) log: PathBuf,
    /// The last word of its command line, which no other server's has.
    pub(crate) last_word: PathBuf,
}

impl Service {
    /// The server's process id, if that process is still our server and not a later one of the same
    /// number.
    pub(crate) fn running(&self) -> Option<u32> {
        let pid: u32 = fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()?;
        let words = command_line(&pid.to_string());
        words.last().is_some_and(|word| self.last_word.as_os_str() == &**word).then_some(pid)
    }

    /// Starts `command` in a process group of its own, so that it outlives this program and a Ctrl-C
    /// in the terminal.
    pub(crate) fn start(&self, command: &mut Command) -> Result<Child> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot write {}", self.log.display()))?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let server = command
            .spawn()
            .with_context(|| format!("cannot start {}: run `cargo xtask setup`", self.name))?;
        fs::write(&self.pid_file, server.id().to_string())
            .with_context(|| format!("cannot write {}", self.pid_file.display()))?;
        Ok(server)
    }

    /// Waits until it `answers`; gives up when it ends or takes too long.
    pub(crate) fn wait(&self, mut server: Option<&mut Child>, answers: impl Fn() -> bool) -> Result<()> {
        let (name, log) = (self.name, self.log.display());
        let deadline = Instant::now() + PATIENCE;
        while !answers() {
            if let Some(server) = &mut server
                && let Some(status) = server.try_wait()?
            {
                bail!("{name} ended ({status}): {}; its log is {log}", self.last_error());
            }
            if Instant::now() > deadline {
                bail!(
                    "{name} does not answer after {} s: see {log}, then `cargo xtask down`",
                    PATIENCE.as_secs()
                );
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The last line of the log that complains.
    fn last_error(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let complains = |line: &&str| {
            ["ERROR", "FATAL", "Exception", "rror:", "panic"].iter().any(|word| line.contains(word))
        };
        log.lines().rev().find(complains).unwrap_or("no reason given").to_owned()
    }

    /// Stops the server, if it is ours and up, with each of `signals` until it is gone; returns the
    /// process id it had.
    pub(crate) fn stop(&self, signals: &[&str]) -> Result<Option<u32>> {
        let Some(pid) = self.running() else { return Ok(None) };
        for signal in signals {
            // The shell's own kill: the program of that name is not on every Debian.
            let kill = format!("kill -{signal} {pid}");
            output(
                Command::new("sh").args(["-c", &kill]),
                "it belongs to another user: stop it as that user",
            )?;
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline {
                if self.running().is_none() {
                    let _ = fs::remove_file(&self.pid_file);
                    return Ok(Some(pid));
                }
                sleep(Duration::from_millis(50));
            }
            eprintln!(
                "down: {} (pid {pid}) is still there {} s after {signal}",
                self.name,
                PATIENCE.as_secs()
            );
        }
        bail!("cannot stop {} (pid {pid}): see {}", self.name, self.log.display())
    }

    /// `down`: stops it and says so. `kill` does it as a crash would.
    pub(crate) fn down(&self, kill: bool) -> Result<()> {
        match self.stop(if kill { &["KILL"] } else { &["TERM", "KILL"] })? {
            Some(pid) => eprintln!("down: {} is stopped (pid {pid})", self.name),
            None => eprintln!("down: {} is not up", self.name),
        }
        Ok(())
    }
}

/// Waits a moment for the port of a server that was just killed; one that stays taken is somebody
/// else's.
pub(crate) fn wait_until_free(address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(3);
    while !is_free(address) {
        if Instant::now() > deadline {
            let who = holder(address.port()).unwrap_or_else(|| "another process".into());
            bail!(
                "{address} is taken by {who}: stop it (a test server: `cargo xtask down` with its checkout and CARGO_TARGET_DIR)"
            );
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}
