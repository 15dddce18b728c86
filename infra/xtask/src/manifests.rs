//! The files in `infra/` that others run: each is held to the strict schema or the own checker of
//! what reads it, and none names a metric that is not there.

use crate::{
    promtool,
    step::{on_path, run},
    workspace::Workspace,
};
use anyhow::{Context as _, Result, bail};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A unit may be exposed so much, of 0 (least) to 100, as `systemd-analyze security` counts.
const EXPOSURE: &str = "20";

/// Checks all of them.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    metric_names(workspace)?;
    prometheus(workspace)?;
    let tool = |name: &str| Command::new(workspace.python().with_file_name(name));
    let kubernetes = files(&workspace.path("infra/kubernetes"), "yaml")?;
    let mut validate = tool("kubernetes-validate");
    run(
        validate.args(["--strict", "--quiet"]).args(kubernetes),
        "mend the manifest; `cargo xtask setup` installs it",
    )?;
    let mut compose = tool("check-jsonschema");
    compose.args(["--builtin-schema", "vendor.compose-spec"]).arg(workspace.path("infra/compose.yaml"));
    run(&mut compose, "mend the file; `cargo xtask setup` installs it")?;
    systemd(workspace)
}

/// Rules, their tests, the configuration, and the dashboard's queries, by Prometheus' own checker.
fn prometheus(workspace: &Workspace) -> Result<()> {
    let rules = workspace.target().join("dashboard-rules.json");
    let mut dashboard = Command::new(workspace.python());
    dashboard.arg(workspace.path("infra/python/check_dashboard.py"));
    dashboard.arg(workspace.path("infra/grafana/benchlake.json")).arg(&rules);
    run(&mut dashboard, "mend the dashboard; `cargo xtask setup` makes the Python")?;
    let Some(promtool) = promtool::found(workspace) else {
        bail!("no promtool: run `cargo xtask setup`, which fetches it");
    };
    let folder = workspace.path("infra/prometheus");
    for arguments in [
        ["check", "config", "prometheus.yaml"],
        ["check", "rules", "alerts.yaml"],
        ["test", "rules", "alerts_test.yaml"],
        ["check", "rules", &rules.to_string_lossy()],
    ] {
        let mut command = Command::new(&promtool);
        run(command.current_dir(&folder).args(arguments), "mend what it names")?;
    }
    Ok(())
}

/// Units, by systemd's own checker and by its count of what a service is left free to do. Their
/// program is not installed here: another stands in for it.
fn systemd(workspace: &Workspace) -> Result<()> {
    if on_path("systemd-analyze").is_none() {
        eprintln!("skipped: systemd units: no systemd-analyze here (Debian package systemd)");
        return Ok(());
    }
    let folder = workspace.target().join("units");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for unit in files(&workspace.path("infra/systemd"), "service")? {
        let copy = folder.join(unit.file_name().unwrap_or_default());
        fs::write(&copy, with_stand_in(&read(&unit)?))
            .with_context(|| format!("cannot write {}", copy.display()))?;
        let mut verify = Command::new("systemd-analyze");
        let verify = verify.args(["verify", "--man=no", "--recursive-errors=one"]).arg(&copy);
        // It only warns of names that it does not know, and of values that it does not understand.
        let said = verify.output().context("cannot start systemd-analyze")?;
        let complaint = String::from_utf8_lossy(&said.stderr);
        if !said.status.success() || !complaint.trim().is_empty() {
            bail!("{}: {}", unit.display(), complaint.trim());
        }
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE]).arg(&copy);
        let said = security.output().context("cannot start systemd-analyze")?;
        if !said.status.success() {
            let table = String::from_utf8_lossy(&said.stdout);
            bail!("{} is more exposed than {EXPOSURE} of 100:\n{table}", unit.display());
        }
    }
    Ok(())
}

fn with_stand_in(unit: &str) -> String {
    let stand_in = |line: &str| match line.strip_prefix("ExecStart=/usr/local/bin/") {
        Some(command) => {
            format!("ExecStart=/bin/true {}", command.split_once(' ').map_or("", |(_, rest)| rest))
        }
        None => line.to_owned(),
    };
    unit.lines().map(|line| stand_in(line) + "\n").collect()
}

/// Holds the names in alerts and dashboard against the tables of the guide, which tests hold against
/// the code.
fn metric_names(workspace: &Workspace) -> Result<()> {
    let known = known(&read(&workspace.path("docs/operating.md"))?);
    if known.is_empty() {
        bail!("docs/operating.md has no table of metrics");
    }
    let mut unknown = Vec::new();
    for file in
        ["infra/prometheus/alerts.yaml", "infra/prometheus/alerts_test.yaml", "infra/grafana/benchlake.json"]
    {
        let names = names(&read(&workspace.path(file))?);
        unknown.extend(names.difference(&known).map(|name| format!("{file}: {name}")));
    }
    if unknown.is_empty() {
        return Ok(());
    }
    bail!("no such metric: {}; docs/operating.md has those that there are", unknown.join(", "))
}

/// The series that a guide's tables tell of: a row is ``| `name` | type | …``.
fn known(guide: &str) -> BTreeSet<String> {
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.filter(|(name, _)| name.starts_with("benchlake_"))
        .flat_map(|(name, rest)| {
            let name = name.split('{').next().unwrap_or(name).to_owned();
            let kind = rest.split('|').nth(1).unwrap_or_default().trim();
            let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
        })
        .collect()
}

/// The words of `text` that begin as metrics do.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("benchlake_")).map(str::to_owned).collect()
}

/// The files in `folder` with this extension, sorted; there must be some.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|kind| kind == extension)).collect();
    files.sort_unstable();
    if files.is_empty() {
        bail!("{} has no .{extension} file", folder.display());
    }
    Ok(files)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = "\
| `benchlake_rows_total` | counter | rows |
| `benchlake_commit_seconds{table}` | histogram | s |
| `up` | gauge | |
and `benchlake_prose` is none";

    /// A histogram is asked by its parts, all else by its own name; nothing else counts.
    #[test]
    fn tables_tell_the_names() {
        let all = [
            "benchlake_commit_seconds_bucket",
            "benchlake_commit_seconds_count",
            "benchlake_commit_seconds_sum",
        ];
        let known = known(GUIDE);
        assert_eq!(
            known.iter().map(String::as_str).collect::<Vec<_>>(),
            [&all[..], &["benchlake_rows_total"]].concat()
        );
        let used = names(
            r#"sum(rate(benchlake_rows_total{a="b"}[5m])) / benchlake_rows > benchlake_commit_seconds"#,
        );
        let unknown: Vec<_> = used.difference(&known).collect();
        assert_eq!(unknown, ["benchlake_commit_seconds", "benchlake_rows"]);
    }

    /// The stand-in takes the program's place and keeps its arguments.
    #[test]
    fn a_stand_in_keeps_arguments() {
        let unit = "[Service]\nExecStart=/usr/local/bin/benchlake land \\\n    --lake x\n";
        assert_eq!(with_stand_in(unit), "[Service]\nExecStart=/bin/true land \\\n    --lake x\n");
    }
}
