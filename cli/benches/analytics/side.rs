//! The sides of a comparison: processes that do one thing once and say how long it took.

use crate::Outcome;
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path, process::Command};

/// What a side says of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Said {
    /// How long the work took; not the start of its process.
    pub(crate) seconds: f64,
    /// The most memory that its process ever had.
    pub(crate) peak_kib: u64,
    /// Figures by which sides are seen to have computed the same.
    pub(crate) sums: Vec<f64>,
}

impl Said {
    /// Of this process, now.
    pub(crate) fn now(seconds: f64, sums: Vec<f64>) -> Outcome<Self> {
        Ok(Self { seconds, peak_kib: peak_kib()?, sums })
    }
}

/// The most memory that this process ever had.
fn peak_kib() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// A side: its name, how it is run, and what it said each time.
pub(crate) struct Side {
    pub(crate) name: String,
    command: Command,
    said: Vec<Said>,
}

impl Side {
    /// Ourselves, as a process of its own.
    pub(crate) fn ours(name: &str, arguments: &[&str]) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments);
        Ok(Self { name: name.to_owned(), command, said: Vec::new() })
    }

    /// A peer of `infra/python/bench_analytics.py`; `None`, said aloud, without its Python.
    pub(crate) fn peer(name: &str, arguments: &[&str]) -> Option<Self> {
        let Ok(python) = std::env::var("BENCHLAKE_BENCH_PYTHON") else {
            println!("skipped: {name}: no Python with peers; `cargo xtask bench analytics` makes one");
            return None;
        };
        let mut command = Command::new(python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/python/bench_analytics.py"));
        command.args(arguments);
        Some(Self { name: name.to_owned(), command, said: Vec::new() })
    }

    /// Runs once.
    pub(crate) fn run(&mut self) -> Outcome<()> {
        let output = self.command.output()?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("{} failed ({}): {complaint}", self.name, output.status).into());
        }
        self.said.push(serde_json::from_slice(&output.stdout)?);
        Ok(())
    }

    /// The run whose time is the median; of an even number, the slower one of the middle two.
    pub(crate) fn median(&self) -> Outcome<&Said> {
        let mut runs: Vec<_> = self.said.iter().collect();
        runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        runs.get(runs.len() / 2).copied().ok_or_else(|| format!("{} did not run", self.name).into())
    }

    /// Its fastest and its slowest run, in seconds.
    pub(crate) fn range(&self) -> (f64, f64) {
        let seconds = || self.said.iter().map(|said| said.seconds);
        (seconds().fold(f64::INFINITY, f64::min), seconds().fold(0.0, f64::max))
    }

    /// The most memory of all its runs, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        self.said.iter().map(|said| said.peak_kib >> 10).max().unwrap_or(0)
    }
}

/// Runs every side `rounds` times, in turns, each round beginning with another one.
pub(crate) fn in_turns(sides: &mut [Side], rounds: usize) -> Outcome<()> {
    for round in 0..rounds {
        for turn in 0..sides.len() {
            let count = sides.len();
            sides[(round + turn) % count].run()?;
        }
    }
    Ok(())
}

/// That every side computed what the first did, to one part in 10⁹.
pub(crate) fn agree(sides: &[Side]) -> Outcome<()> {
    let Some((first, others)) = sides.split_first() else { return Ok(()) };
    let wanted = &first.median()?.sums;
    for side in others {
        let sums = &side.median()?.sums;
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        if sums.len() != wanted.len() || !wanted.iter().zip(sums).all(near) {
            return Err(format!("{} computed {sums:?}, {} {wanted:?}", side.name, first.name).into());
        }
    }
    Ok(())
}

/// An empty folder that goes when it is dropped.
pub(crate) fn fresh(path: &Path) -> io::Result<tempfile::TempDir> {
    fs::create_dir_all(path)?;
    tempfile::tempdir_in(path)
}
