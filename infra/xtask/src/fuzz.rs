//! `fuzz`: the targets of `infra/fuzz`, one after the other.

use crate::{
    step::{Steps, on_path, run},
    workspace::Workspace,
};
use anyhow::{Context as _, Result, bail};
use std::fs;

/// The targets, as `infra/fuzz/Cargo.toml` names them.
pub(crate) const TARGETS: [&str; 5] = ["envelope", "ipc", "headers", "spool", "suite"];

/// Runs each target, or one, for `runs` executions on top of its corpus. Without a sanitizer, so that
/// the stable toolchain does: what is looked for are panics, hangs and unbounded memory.
pub(crate) fn fuzz(workspace: &Workspace, runs: u64, target: Option<&str>) -> Result<()> {
    if on_path("cargo-fuzz").is_none() {
        bail!("cargo-fuzz is not installed: cargo install --locked cargo-fuzz");
    }
    let mut steps = Steps::default();
    let mut wanted = TARGETS.into_iter().filter(|name| target.is_none_or(|target| target == *name));
    let outcome = wanted.try_for_each(|name| steps.run(name, || one(workspace, name, runs)));
    steps.print_times();
    outcome
}

fn one(workspace: &Workspace, target: &str, runs: u64) -> Result<()> {
    let mut fuzz = workspace.cargo(["fuzz", "run", "--fuzz-dir", "infra/fuzz", "--sanitizer", "none"]);
    // What it finds goes into the first folder: the corpus in the checkout stays as it is.
    let found = workspace.target().join("fuzz").join(target);
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    fuzz.arg(target).args([&found, &workspace.path("infra/fuzz/corpus").join(target)]);
    fuzz.args(["--", &format!("-runs={runs}"), "-rss_limit_mb=1024", "-malloc_limit_mb=256"]);
    fuzz.args(["-max_len=16384", "-timeout=10", "-print_final_stats=1"]).env("RUSTC_BOOTSTRAP", "1");
    run(&mut fuzz, "the input is in infra/fuzz/artifacts; mend, and keep it in the corpus")
}
