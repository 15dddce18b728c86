//! The bench `startup`: how large the programs are and how fast they start.

use crate::{
    step::{output, run},
    workspace::Workspace,
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// How often each program is started; the median counts.
const STARTS: usize = 30;

/// The limits that the project promises.
const AGENT_SIZE_MIB: f64 = 20.0;
const AGENT_START_MS: f64 = 20.0;
const SQL_MS: f64 = 100.0;

/// Builds both programs as they are shipped and prints each figure, its limit and their ratio.
pub(crate) fn startup(workspace: &Workspace) -> Result<()> {
    let mut build = workspace.cargo(["build", "--release", "--locked"]);
    build.args(["--package", "benchlake", "--package", "benchlake-producers", "--bins"]);
    run(&mut build, "mend what it names")?;
    let agent = workspace.target().join("release/benchlake-agent");
    let benchlake = workspace.target().join("release/benchlake");

    let figures = [
        ("benchlake-agent, stripped, MiB", size_mib(&agent)?, Some(AGENT_SIZE_MIB)),
        ("benchlake, stripped, MiB", size_mib(&benchlake)?, None),
        ("benchlake-agent --version, ms", start_ms(&agent, &["--version"])?, Some(AGENT_START_MS)),
        ("benchlake sql 'select 1', ms", start_ms(&benchlake, &["sql", "select 1"])?, Some(SQL_MS)),
    ];
    println!("{:<34}{:>10}{:>10}{:>8}", "", "measured", "limit", "ratio");
    for (name, measured, limit) in figures {
        match limit {
            Some(limit) => println!("{name:<34}{measured:>10.1}{limit:>10.1}{:>8.2}", measured / limit),
            None => println!("{name:<34}{measured:>10.1}{:>10}{:>8}", "-", "-"),
        }
    }
    let over = figures.iter().filter(|(_, measured, limit)| limit.is_some_and(|limit| *measured > limit));
    let over: Vec<&str> = over.map(|(name, ..)| *name).collect();
    if !over.is_empty() {
        bail!("over the limit: {}", over.join("; "));
    }
    Ok(())
}

/// The size of a file in MiB.
fn size_mib(file: &Path) -> Result<f64> {
    let bytes = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
    Ok(bytes as f64 / 1_048_576.0)
}

/// The median time from start to end of a program, in ms, after one start that warms the cache.
fn start_ms(program: &Path, arguments: &[&str]) -> Result<f64> {
    let start_once = || -> Result<Duration> {
        let start = Instant::now();
        output(Command::new(program).args(arguments), "it must work before it can be timed")?;
        Ok(start.elapsed())
    };
    start_once()?;
    let times: Vec<Duration> = (0..STARTS).map(|_| start_once()).collect::<Result<_>>()?;
    Ok(median(times).as_secs_f64() * 1e3)
}

/// The median; of an even number of times, the mean of the middle two.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let middle = times.len() / 2;
    if times.len() % 2 == 1 { times[middle] } else { (times[middle - 1] + times[middle]) / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The median does not follow an outlier.
    #[test]
    fn median_of_odd_and_even() {
        let ms = |values: &[u64]| values.iter().map(|v| Duration::from_millis(*v)).collect();
        assert_eq!(median(ms(&[3, 1, 900])), Duration::from_millis(3));
        assert_eq!(median(ms(&[4, 2, 1, 900])), Duration::from_millis(3));
    }
}
