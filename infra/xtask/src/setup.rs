//! `setup`: from a bare Debian machine with a Rust toolchain to one that passes all tests.

use crate::{jars, packages, promtool, python, s3, workspace::Workspace};
use anyhow::Result;

/// Installs what is missing and says so; in a second or less when nothing is.
pub(crate) fn setup(workspace: &Workspace) -> Result<()> {
    packages::install()?;
    jars::install(workspace)?;
    s3::install(workspace)?;
    python::install(workspace)?;
    promtool::install(workspace)?;
    eprintln!("setup: complete");
    Ok(())
}
