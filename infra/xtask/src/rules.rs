//! Who may depend on what. The folders of the project are only worth something while these hold.

use crate::{step::output, workspace::Workspace};
use anyhow::{Result, bail};

/// A crate that must not reach some others, however many steps away.
struct Rule {
    name: &'static str,
    package: &'static str,
    /// A name that ends in `*` stands for all that begin so.
    never: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        name: "schemas compile in seconds: arrow and small crates only",
        package: "benchlake-schemas",
        never: &[
            "datafusion*",
            "deltalake*",
            "parquet",
            "object_store",
            "rdkafka*",
            "tokio",
            "clap*",
            "benchlake*",
        ],
    },
    Rule {
        name: "the agent stays small: no query engine, no lake",
        package: "benchlake-producers",
        never: &[
            "datafusion*",
            "deltalake*",
            "parquet",
            "object_store",
            "benchlake-pipeline",
            "benchlake-analytics",
        ],
    },
    Rule {
        name: "the tables are the contract: pipeline never imports analytics",
        package: "benchlake-pipeline",
        never: &["benchlake-analytics"],
    },
    Rule {
        name: "the tables are the contract: analytics never imports pipeline",
        package: "benchlake-analytics",
        never: &["benchlake-pipeline", "benchlake-producers", "rdkafka*"],
    },
    Rule {
        name: "developer commands build in seconds and know no crate of benchlake",
        package: "xtask",
        never: &["benchlake*", "arrow*", "tokio", "serde"],
    },
];

/// A library that only some of our crates may use directly: `(library, users)`.
const USERS: &[(&str, &[&str])] = &[
    ("rdkafka", &["benchlake-producers", "benchlake-pipeline"]),
    ("deltalake", &["benchlake-pipeline", "benchlake-analytics"]),
    ("plotters", &["benchlake-analytics"]),
    ("cudarc", &["benchlake-producers"]),
];

/// Checks every rule and prints its name; fails if any is broken.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut broken = 0;
    for rule in RULES {
        let tree = tree(workspace, rule.package, &["--edges", "normal,build"])?;
        broken += verdict(rule.name, &offenders(&tree, rule));
    }
    let members = tree(workspace, "", &["--workspace", "--depth", "0"])?;
    let direct: Vec<(&str, Vec<String>)> = members
        .iter()
        .map(|member| {
            let tree = tree(workspace, member, &["--depth", "1", "--edges", "normal,build"])?;
            Ok((member.as_str(), tree))
        })
        .collect::<Result<_>>()?;
    for (library, users) in USERS {
        let others = direct
            .iter()
            .filter(|(member, tree)| !users.contains(member) && tree.iter().any(|c| c == library));
        let others: Vec<&str> = others.map(|(member, _)| *member).collect();
        broken += verdict(&format!("{library} is used by {} only", users.join(", ")), &others);
    }
    if broken > 0 {
        bail!("{broken} broken: `cargo tree --package CRATE --invert LIBRARY` shows by which way");
    }
    Ok(())
}

/// Prints a rule's name and who breaks it; 1 if anyone does.
fn verdict(name: &str, offenders: &[&str]) -> usize {
    if offenders.is_empty() {
        eprintln!("ok      {name}");
        return 0;
    }
    eprintln!("BROKEN  {name}: {}", offenders.join(", "));
    1
}

/// The names in `tree` that the rule forbids; the first is the package itself.
fn offenders<'t>(tree: &'t [String], rule: &Rule) -> Vec<&'t str> {
    let forbidden = |name: &str| {
        rule.never.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *pattern,
        })
    };
    tree.iter().map(String::as_str).filter(|name| *name != rule.package && forbidden(name)).collect()
}

/// The names of the crates that `cargo tree` lists, without their versions, sorted, each once.
fn tree(workspace: &Workspace, package: &str, options: &[&str]) -> Result<Vec<String>> {
    let mut command = workspace.cargo(["tree", "--quiet", "--locked", "--prefix", "none", "--format", "{p}"]);
    if !package.is_empty() {
        command.args(["--package", package]);
    }
    let text = output(command.args(options), "mend the manifest it names; Cargo.lock must be up to date")?;
    let mut names: Vec<String> =
        text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A star stands for all names that begin so; the package itself is never its own offender.
    #[test]
    fn a_rule_names_its_offenders() {
        let rule = Rule { name: "", package: "benchlake-a", never: &["benchlake*", "tokio"] };
        let tree = ["benchlake-a", "benchlake-b", "tokio", "tokio-util"].map(str::to_owned);
        assert_eq!(offenders(&tree, &rule), ["benchlake-b", "tokio"]);
    }
}
