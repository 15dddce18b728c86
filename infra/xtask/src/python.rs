//! A Python of our own with readers of the lake that are not ours.

use crate::{
    step::{once_per, remove_folder, run},
    workspace::Workspace,
};
use anyhow::Result;
use std::process::Command;

/// Makes `target/python` with the pinned packages of `infra/python/requirements.txt`, once for each
/// content of that file.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    let requirements = workspace.path("infra/python/requirements.txt");
    let environment = workspace.target().join("python");
    once_per(&requirements, &environment.join("requirements.txt"), || {
        eprintln!("setup: making the Python environment {}", environment.display());
        remove_folder(&environment)?;
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment), "install python3-venv")?;
        let mut pip = Command::new(workspace.python());
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"]);
        run(
            pip.arg(&requirements),
            "pip must reach a package index (pip config names one); then run this again",
        )
    })
}
