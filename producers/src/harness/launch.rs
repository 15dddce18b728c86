//! From the command line to the table: plans, starts a fresh process per session, reads back what they
//! spooled.

use super::{
    Harness, once,
    options::{Misuse, Options},
    summary::{self, Summary},
    table::table,
};
use crate::{
    emit::{Entry, LogReader, Spool, SpoolOptions, log_end},
    environment::version_control,
    process::{exit, interrupt_flag},
    session::{
        SessionError, SessionEvent, SessionSpec, plan,
        supervise::{Told, supervise},
    },
    suite::{Planned, Suite},
};
use benchlake_schemas::{Benchmark, RunId, Series, SessionId, Status, Table, from_batch};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// Partitions that a new producer counts with: as many as `benchlake land` makes a topic of.
const PARTITIONS: u32 = 4;

/// Text on standard output; a closed pipe is nobody's error.
pub(super) fn print(text: &str) -> Result<u8, Box<dyn Error>> {
    let _ = writeln!(io::stdout(), "{text}");
    Ok(exit::OK)
}

/// A remark on standard error.
fn remark(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints the benchmarks, a line each, as cargo-nextest reads them.
pub(super) fn list(harness: &Harness, options: &Options) -> Result<u8, Box<dyn Error>> {
    let planned = planned(harness, &suite(harness, options)?, options)?;
    planned.iter().try_for_each(|one| print(&format!("{}: benchmark", one.benchmark)).map(drop))?;
    Ok(exit::OK)
}

/// Runs and checks each benchmark once.
pub(super) fn test(harness: &Harness, options: &Options) -> Result<u8, Box<dyn Error>> {
    let planned = planned(harness, &suite(harness, options)?, options)?;
    let tally = once::run(harness, &planned, options.seed.cast_unsigned(), &mut |line| {
        let _ = writeln!(io::stdout(), "{line}");
    });
    let result = if tally.failed == 0 { "ok" } else { "FAILED" };
    print(&format!(
        "\ntest result: {result}. {} passed; {} failed; nothing measured: `cargo bench` does",
        tally.passed, tally.failed
    ))?;
    Ok(if tally.failed == 0 { exit::OK } else { exit::PARTLY })
}

/// Measures in fresh processes and prints the table.
pub(super) fn measure(harness: &Harness, options: &Options) -> Result<u8, Box<dyn Error>> {
    let suite = suite(harness, options)?;
    let planned = planned(harness, &suite, options)?;
    if planned.is_empty() {
        return Ok(exit::OK);
    }
    if cfg!(debug_assertions) {
        remark("warning: built without optimisation, which is not what users run: use `cargo bench`");
    }
    let program = std::env::current_exe()?;
    let folder = options.spool.clone().unwrap_or_else(|| spool_of(&program));
    // An unwritable spool is told before anything is measured.
    drop(Spool::open(&folder, PARTITIONS, SpoolOptions::default())?);
    let before = ends(&folder)?;
    let template = SessionSpec {
        filter: options.filter.clone(),
        seed: options.seed,
        tags: options.tags.clone(),
        version_control: std::env::current_dir().ok().and_then(|folder| version_control(&folder)),
        ..SessionSpec::new(&suite, &harness.name, folder, PARTITIONS)
    };
    let interrupted = interrupt_flag()?;
    let failed = sessions(&program, &template, options.sessions, &interrupted)?;
    let rows = rows(&template.spool, &before, template.run_id)?;
    let benchmarks: Vec<Benchmark> = planned.into_iter().map(|planned| planned.benchmark).collect();
    report(&template, &summary::of(&benchmarks, &rows), options.sessions)?;
    Ok(match (interrupted.load(Ordering::Relaxed), failed) {
        (true, _) => exit::INTERRUPTED,
        (false, 0) => exit::OK,
        (false, _) => exit::PARTLY,
    })
}

/// The suite that stands for this program: its name, and the policy of the command line.
fn suite(harness: &Harness, options: &Options) -> Result<Suite, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let mut text = format!(
        "name = {}\n\n[program]\npath = {}\nharness = true\n\n[policy]\n",
        quoted(&harness.name),
        quoted(target_name(&program)),
    );
    for (key, value) in &options.policy {
        text.push_str(&format!("{key} = {value}\n"));
    }
    // It is not a file of the user's: what is wrong with it, the command line said.
    Suite::parse(&text, &harness.name).map_err(|error| Misuse(error.problem).into())
}

/// `text` as a string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// The name of the bench target whose executable is `program`: without the hash that cargo adds, so that
/// builds of it are one suite.
fn target_name(program: &Path) -> &str {
    let name = program.file_stem().and_then(|name| name.to_str()).unwrap_or("program");
    match name.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => name,
    }
}

/// The benchmarks that are asked for. None is no error: `cargo bench FILTER` asks every target.
fn planned(harness: &Harness, suite: &Suite, options: &Options) -> Result<Vec<Planned>, SessionError> {
    match plan(harness, suite, &harness.name, options.filter.as_deref()) {
        Err(error @ SessionError::NothingMatched { .. }) => {
            remark(&error.to_string());
            Ok(Vec::new())
        }
        planned => planned,
    }
}

/// Where samples go unless the user says: a variable, or beside what cargo builds.
fn spool_of(program: &Path) -> PathBuf {
    let named = std::env::var_os("BENCHLAKE_SPOOL").filter(|folder| !folder.is_empty());
    named.map_or_else(|| target_of(program).join("benchlake").join("spool"), PathBuf::from)
}

/// Cargo's target folder, which has a tag that says so, or one that would be it.
fn target_of(program: &Path) -> PathBuf {
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    target.map_or_else(|| PathBuf::from("target"), Path::to_owned)
}

/// Runs the sessions one after the other; returns how many failed.
fn sessions(
    program: &Path,
    template: &SessionSpec,
    sessions: u32,
    interrupted: &AtomicBool,
) -> Result<u32, SessionError> {
    let (mut failed, mut iterations) = (0, BTreeMap::new());
    let mut said = BTreeSet::new();
    let progress = Progress { shown: io::stderr().is_terminal() };
    for position in 0..sessions {
        let spec = SessionSpec {
            session_id: SessionId::new(),
            position: position.into(),
            iterations: iterations.clone(),
            ..template.clone()
        };
        let status = supervise(program, spec, interrupted, &mut |told| match told {
            Told::Event(SessionEvent::Measuring { benchmark, .. }) => {
                progress.show(&format!("session {} of {sessions}: {benchmark}", position + 1));
            }
            Told::Event(SessionEvent::Measured { benchmark, iterations: chosen, .. }) => {
                iterations.entry(benchmark.id()).or_insert(chosen);
            }
            Told::Event(_) => {}
            // Every session says the same.
            Told::Said(line) => {
                if said.insert(line.clone()) {
                    progress.clear();
                    remark(&line);
                }
            }
        })?;
        failed += u32::from(status == Status::Failed);
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
    }
    progress.clear();
    Ok(failed)
}

/// One line on a terminal that says what is going on.
struct Progress {
    shown: bool,
}

impl Progress {
    fn show(&self, text: &str) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[2K{text}");
        }
    }

    fn clear(&self) {
        self.show("");
    }
}

/// The folders of the producers' logs of series in the spool `root`.
fn logs(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for producer in fs::read_dir(root)? {
        let log = producer?.path().join(Table::Series.as_str());
        if log.is_dir() {
            folders.push(log);
        }
    }
    Ok(folders)
}

/// Where each log ends.
fn ends(root: &Path) -> io::Result<BTreeMap<PathBuf, u64>> {
    let end = |log: PathBuf| log_end(&log).map(|end| (log, end));
    logs(root)?.into_iter().map(end).collect()
}

/// What the sessions of `run` have spooled to `root` since its logs ended `before`. What is landed
/// meanwhile by somebody else is not there any more.
fn rows(root: &Path, before: &BTreeMap<PathBuf, u64>, run: RunId) -> Result<Vec<Series>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for log in logs(root)? {
        let mut reader = LogReader::new(&log, before.get(&log).copied().unwrap_or(0));
        while let Some(entry) = reader.next_entry()? {
            if let Entry::Record { envelope, .. } = entry {
                let (batch, _) = envelope.open(Table::Series)?;
                rows.extend(from_batch::<Series>(&batch)?.into_iter().filter(|row| row.run_id == run));
            }
        }
    }
    Ok(rows)
}

/// Prints the table on standard output, what failed and where everything is on standard error.
fn report(template: &SessionSpec, summaries: &[Summary], sessions: u32) -> Result<(), Box<dyn Error>> {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    print(&table(summaries, io::stdout().is_terminal() && !no_color))?;
    for summary in summaries {
        for (problem, count) in &summary.problems {
            remark(&format!("failed in {count} of {sessions} sessions: {}: {problem}", summary.benchmark));
        }
    }
    let spool = template.spool.display();
    remark(&format!(
        "run {}: samples in {spool}; into a lake: benchlake land --spool {spool} --lake LAKE",
        template.run_id
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cargo's hash is no part of a target's name; other endings are.
    #[test]
    fn a_hash_is_no_name() {
        assert_eq!(target_name(Path::new("/t/release/deps/speed-0123456789abcdef")), "speed");
        assert_eq!(target_name(Path::new("/t/my-speed-test")), "my-speed-test");
        assert_eq!(target_name(Path::new("speed-0123456789abcde")), "speed-0123456789abcde");
    }

    /// A name with quotation marks is still a suite's name; a wrong policy is the command line's fault.
    #[test]
    fn the_suite_is_its_program() {
        let options = |line: &[&str]| {
            Options::parse(&line.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("options")
        };
        let harness = Harness::new("say \"when\"");
        let suite_of = |line: &[&str]| suite(&harness, &options(line));
        let suite = suite_of(&["--min-samples", "7"]).expect("a suite");
        assert_eq!((suite.name.as_str(), suite.policy.min_samples), ("say \"when\"", 7));
        assert!(suite.program.as_ref().is_some_and(|program| program.harness));
        assert_eq!(suite.hash(), suite_of(&["--min-samples=7"]).expect("a suite").hash());
        let error = suite_of(&["--min-time", "soon"]).expect_err("no duration").to_string();
        assert!(error.starts_with("`min_time` = \"soon\" is no duration"), "{error}");
    }

    /// The target folder is the one that carries cargo's tag, however deep the program lies in it.
    #[test]
    fn the_target_has_a_tag() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("x86_64-unknown-linux-gnu/release/deps/speed");
        assert_eq!(target_of(&program), Path::new("target"));
        fs::write(folder.path().join("CACHEDIR.TAG"), "").expect("a tag");
        assert_eq!(target_of(&program), folder.path());
    }
}
