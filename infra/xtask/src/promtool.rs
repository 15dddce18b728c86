//! promtool: checks and tests what Prometheus is told.

use crate::{
    packages,
    step::{on_path, output, remove_folder, run},
    workspace::Workspace,
};
use anyhow::{Context as _, Result};
use std::{fs, path::PathBuf, process::Command};

/// Takes promtool out of Debian's package `prometheus` without installing it: that would start a
/// server on this machine.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    if found(workspace).is_some() {
        return Ok(());
    }
    let folder = workspace.prometheus();
    eprintln!("setup: fetching promtool into {}", folder.display());
    remove_folder(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let fetch = || {
        let mut download = Command::new("apt-get");
        download.current_dir(&folder).args(["-q", "download", "prometheus"]);
        output(&mut download, "put promtool on PATH, or mend what apt-get complains of")
    };
    // A fresh machine knows no packages yet.
    if fetch().is_err() {
        run(packages::apt_get()?.arg("update"), "mend what apt-get complains of, and run this again")?;
        fetch()?;
    }
    let unpack = "dpkg --extract prometheus_*.deb . && rm prometheus_*.deb";
    run(Command::new("sh").current_dir(&folder).args(["-ec", unpack]), "see what dpkg complains of")
}

/// The one on `PATH`, else the one that `install` fetched.
pub(crate) fn found(workspace: &Workspace) -> Option<PathBuf> {
    let fetched = workspace.prometheus().join("usr/bin/promtool");
    on_path("promtool").or_else(|| fetched.is_file().then_some(fetched))
}
