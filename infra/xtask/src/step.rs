//! Steps: what is done, said aloud, timed, and told clearly when it fails.

use anyhow::{Context as _, Result, bail};
use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// The steps of one command, with the time that each took.
#[derive(Default)]
pub(crate) struct Steps(Vec<(String, Duration)>);

impl Steps {
    /// Says what comes, does it, and keeps its time whether it succeeded or not.
    pub(crate) fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("== {name}");
        let start = Instant::now();
        let outcome = work();
        self.0.push((name.to_owned(), start.elapsed()));
        outcome.with_context(|| name.to_owned())
    }

    /// Prints the time of every step.
    pub(crate) fn print_times(&self) {
        eprintln!("== times");
        for (name, time) in &self.0 {
            eprintln!("{:>8.1} s  {name}", time.as_secs_f64());
        }
    }
}

/// Runs a command to its end; a failure names the command and `remedy`, what to do about it.
pub(crate) fn run(command: &mut Command, remedy: &str) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("cannot start `{shown}`: {remedy}"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status}): {remedy}");
    }
    Ok(())
}

/// Runs a command and returns what it prints; a failure shows the first line of what it
/// complained of.
pub(crate) fn output(command: &mut Command, remedy: &str) -> Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`: {remedy}"))?;
    if !output.status.success() {
        // Some programs complain on standard output (Maven does).
        let complaint = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
        let complaint = complaint.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
        bail!("`{shown}` failed ({}): {}: {remedy}", output.status, complaint.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The program's first match on `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Does `work` unless its last success was for this same content of `recipe`; `stamp` remembers.
pub(crate) fn once_per(recipe: &Path, stamp: &Path, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = fs::read(recipe).with_context(|| format!("cannot read {}", recipe.display()))?;
    if fs::read(stamp).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    work()?;
    fs::write(stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Removes a folder that may not be there.
pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// The command as a person would type it, without the folder of the program.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> =
        std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}
