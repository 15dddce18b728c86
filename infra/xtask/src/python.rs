//! A Python of our own with readers of the lake that are not ours, and NVIDIA's compiler of kernels.

use crate::{
    step::{once_per, remove_folder, run},
    workspace::Workspace,
};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Makes `target/python` with the pinned packages of `infra/python/requirements.txt`, once for each
/// content of that file.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    environment(workspace, "requirements.txt", &workspace.python())
}

/// The same with the peers of `bench analytics`, which no test needs: `infra/python/requirements-bench.txt`.
pub(crate) fn install_peers(workspace: &Workspace) -> Result<()> {
    environment(workspace, "requirements-bench.txt", &workspace.python_of_benches())
}

/// The folder of NVRTC's libraries in `target/python`.
pub(crate) fn nvrtc(workspace: &Workspace) -> Result<PathBuf> {
    let environment = workspace.target().join("python");
    let versions = fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("site-packages/nvidia/cuda_nvrtc/lib"));
    folders
        .into_iter()
        .find(|folder| folder.is_dir())
        .with_context(|| format!("no NVRTC in {}; run `cargo xtask setup`", environment.display()))
}

/// The virtual environment whose Python is `python`, with the packages of a file in `infra/python`.
fn environment(workspace: &Workspace, requirements: &str, python: &Path) -> Result<()> {
    let requirements = workspace.path("infra/python").join(requirements);
    let environment = python.ancestors().nth(2).context("a Python lies in bin/ of its environment")?;
    once_per(&requirements, &environment.join("requirements.txt"), || {
        eprintln!("setup: making the Python environment {}", environment.display());
        remove_folder(environment)?;
        run(Command::new("python3").args(["-m", "venv"]).arg(environment), "install python3-venv")?;
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"]);
        run(
            pip.arg(&requirements),
            "pip must reach a package index (pip config names one); then run this again",
        )
    })
}
