//! The other tools: fresh processes, and what they say themselves.

use anyhow::{Context as _, Result, bail};
use measure_peers::kinds::VARIABLE;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The program `name`, which was built beside this one.
fn program(name: &str) -> Result<Command> {
    let path = std::env::current_exe().context("this program's path")?.with_file_name(name);
    if !path.exists() {
        bail!("{} is not there: build all of the package's programs", path.display());
    }
    Ok(Command::new(path))
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!("{name} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What the plain loop takes: numbers by name. For the bodies, nanoseconds; for the `kinds`,
/// nanoseconds and the ratio of 2 % more steps.
pub(crate) fn plain(of: &str) -> Result<BTreeMap<String, Vec<f64>>> {
    let text = output(program("peer_plain")?.arg(of))?;
    let line = |line: &str| -> Result<(String, Vec<f64>)> {
        let mut words = line.split_whitespace();
        let name = words.next().context("an empty line of the plain loop")?;
        Ok((name.to_owned(), words.map(str::parse).collect::<Result<_, _>>()?))
    };
    text.lines().map(line).collect()
}

/// divan's medians of the bodies, in nanoseconds, as it prints them.
pub(crate) fn divan(seconds: f64) -> Result<BTreeMap<String, f64>> {
    let mut divan = program("peer_divan")?;
    divan.args(["--bench", "--color", "never", "--min-time", &seconds.to_string()]);
    divan_medians(&output(&mut divan)?)
}

/// The column `median` of divan's table.
fn divan_medians(table: &str) -> Result<BTreeMap<String, f64>> {
    let row = |line: &str| -> Option<Result<(String, f64)>> {
        let name = line.split_whitespace().find(|word| word.starts_with("body_"))?;
        let median = line.split('│').nth(2).context("divan's table has no third column");
        Some(median.and_then(nanoseconds).map(|median| (name.to_owned(), median)))
    };
    let medians: BTreeMap<_, _> = table.lines().filter_map(row).collect::<Result<_>>()?;
    if medians.is_empty() {
        bail!("divan printed no table: {table:?}");
    }
    Ok(medians)
}

/// `5.012 ns`.
fn nanoseconds(text: &str) -> Result<f64> {
    let (number, unit) = text.trim().split_once(' ').with_context(|| format!("{text:?} is no time"))?;
    let factor = match unit.trim() {
        "ps" => 1e-3,
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => bail!("{text:?} has an unknown unit"),
    };
    Ok(number.parse::<f64>()? * factor)
}

/// criterion, with its files in a folder of its own.
pub(crate) struct Criterion<'a> {
    home: &'a Path,
    warm_up: f64,
    measurement: f64,
}

/// What criterion says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Regressed,
    Improved,
    None,
}

impl<'a> Criterion<'a> {
    /// criterion that keeps its files in `home`, warms up and measures for so many seconds.
    pub(crate) fn new(home: &'a Path, warm_up: f64, measurement: f64) -> Self {
        Self { home, warm_up, measurement }
    }

    fn command(&self, filter: &str) -> Result<Command> {
        let mut criterion = program("peer_criterion")?;
        criterion.env("CRITERION_HOME", self.home).args(["--bench", "--noplot", "--color", "never"]);
        criterion.args(["--warm-up-time", &self.warm_up.to_string()]);
        criterion.args(["--measurement-time", &self.measurement.to_string(), filter]);
        Ok(criterion)
    }

    /// The estimates of the bodies, in nanoseconds: `(slope, median)`. The slope is what it prints.
    pub(crate) fn bodies(&self) -> Result<BTreeMap<String, (f64, f64)>> {
        output(&mut self.command("body_")?)?;
        let estimates = |name: &str| -> Result<(String, (f64, f64))> {
            let file = self.home.join(format!("{name}/new/estimates.json"));
            Ok((name.to_owned(), (estimate(&file, "slope")?, estimate(&file, "median")?)))
        };
        ["body_empty", "body_five"].into_iter().map(estimates).collect()
    }

    /// Measures the kinds of work as the baseline `base`.
    pub(crate) fn save_base(&self, steps: usize) -> Result<()> {
        let mut command = self.command("kind_")?;
        output(command.args(["--save-baseline", "base"]).env(VARIABLE, steps.to_string())).map(|_| ())
    }

    /// Measures the kinds of work and returns what it says against `base`, in their order.
    pub(crate) fn changes(&self, steps: usize) -> Result<Vec<Change>> {
        let mut command = self.command("kind_")?;
        let text = output(command.args(["--baseline", "base"]).env(VARIABLE, steps.to_string()))?;
        Ok(changes(&text))
    }
}

/// criterion's verdicts in what it prints.
fn changes(text: &str) -> Vec<Change> {
    let change = |line: &str| match line.trim() {
        "Performance has regressed." => Some(Change::Regressed),
        "Performance has improved." => Some(Change::Improved),
        "Change within noise threshold." | "No change in performance detected." => Some(Change::None),
        _ => None,
    };
    text.lines().filter_map(change).collect()
}

/// A point estimate in criterion's file.
fn estimate(file: &PathBuf, name: &str) -> Result<f64> {
    let text = fs::read_to_string(file).with_context(|| format!("criterion left no {}", file.display()))?;
    let estimates: serde_json::Value = serde_json::from_str(&text)?;
    let point = estimates[name]["point_estimate"].as_f64();
    point.with_context(|| format!("{} has no {name}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table as divan 0.1.21 prints it.
    #[test]
    fn reads_divans_table() {
        let table = "Timer precision: 20 ns\n\
            peer_divan     fastest       │ slowest       │ median        │ mean          │ samples │ iters\n\
            ├─ body_empty  0 ns          │ 1.918 µs      │ 0.001 ns      │ 0.164 ns      │ 52470   │ 429834240\n\
            ╰─ body_five   4.694 ns      │ 15.75 µs      │ 4.716 ns      │ 7.408 ns      │ 198241  │ 101499392\n";
        let medians = divan_medians(table).expect("medians");
        assert_eq!(medians, BTreeMap::from([("body_empty".into(), 0.001), ("body_five".into(), 4.716)]));
        assert!(divan_medians("").is_err());
        assert!(nanoseconds("3 parsecs").is_err());
    }

    /// Lines as criterion 0.8.2 prints them.
    #[test]
    fn reads_criterions_verdicts() {
        let text = "kind_root               time:   [3.1561 µs 3.4683 µs 3.8079 µs]\n\
            \x20                       change: [−22.633% −5.1632% +18.351%] (p = 0.64 > 0.05)\n\
            \x20                       No change in performance detected.\n\
            Found 23 outliers among 100 measurements (23.00%)\n\
            \x20                       Performance has improved.\n\
            \x20                       Change within noise threshold.\n\
            \x20                       Performance has regressed.\n";
        assert_eq!(changes(text), [Change::None, Change::Improved, Change::None, Change::Regressed]);
    }
}
