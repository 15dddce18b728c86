//! Where things are: the checkout, and what is built or installed beside its build outputs.

use anyhow::{Context as _, Result};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The checkout and its target folder.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The checkout this program is run for: Cargo names it at run time; a binary started by hand
    /// falls back on the one it was built in.
    pub(crate) fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest.join("../..").canonicalize().with_context(|| {
            format!("no checkout at {}; run `cargo xtask` inside one", manifest.display())
        })?;
        let target = root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        Ok(Self { root, target })
    }

    /// A path inside the checkout.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The folder of all build outputs: `CARGO_TARGET_DIR`, else `target`.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where the test Kafka lives: jars, data, log and process id.
    pub(crate) fn kafka(&self) -> PathBuf {
        self.target.join("services/kafka")
    }

    /// Where promtool is unpacked.
    pub(crate) fn prometheus(&self) -> PathBuf {
        self.target.join("services/prometheus")
    }

    /// The Python of the virtual environment that holds the independent readers.
    pub(crate) fn python(&self) -> PathBuf {
        self.target.join("python/bin/python")
    }

    /// The Python of the virtual environment that holds the peers of `bench analytics`.
    pub(crate) fn python_of_benches(&self) -> PathBuf {
        self.target.join("python-bench/bin/python")
    }

    /// `cargo` at the root of the checkout.
    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).args(arguments);
        // What Cargo told this program of itself must not reach build scripts: some (ring's) build anew
        // whenever it changes, and everything above them.
        let ours = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        for (name, _) in env::vars_os() {
            if ours.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command
    }
}
