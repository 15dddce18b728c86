//! `check`: all that is asked of a change before its tests.

use crate::{
    manifests, rules,
    step::{Steps, on_path, run},
    workspace::Workspace,
};
use anyhow::Result;

/// Runs every check and prints what each took.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::default();
    let outcome = steps_of(workspace, &mut steps);
    steps.print_times();
    outcome
}

/// The checks, cheapest first; stops at the first that fails.
pub(crate) fn steps_of(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.run("formatting", || formatting(workspace))?;
    steps.run("dependency rules", || rules::check(workspace))?;
    steps.run("licences and bans", || licences(workspace))?;
    steps.run("manifests", || manifests::check(workspace))?;
    steps.run("lints", || {
        let mut clippy =
            workspace.cargo(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
        run(&mut clippy, "mend what it names; an exception is an `#[expect(…, reason = \"…\")]`")
    })?;
    steps.run("documentation", || {
        let mut doc = workspace.cargo(["doc", "--workspace", "--no-deps", "--locked", "--quiet"]);
        run(doc.env("RUSTDOCFLAGS", "-D warnings"), "mend the doc comments it names")
    })
}

/// Whether every file is as rustfmt would write it.
pub(crate) fn formatting(workspace: &Workspace) -> Result<()> {
    run(&mut workspace.cargo(["fmt", "--all", "--check"]), "run `cargo fmt --all`")
}

/// deny.toml, where cargo-deny is there. Advisories need a download, so they are not asked here.
fn licences(workspace: &Workspace) -> Result<()> {
    if on_path("cargo-deny").is_none() {
        eprintln!("skipped: cargo-deny is not installed (cargo install --locked cargo-deny)");
        return Ok(());
    }
    let mut deny = workspace.cargo(["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]);
    run(&mut deny, "drop the dependency, or allow it in deny.toml with a reason")
}
