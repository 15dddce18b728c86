//! A Go that builds today's modules, also where the system's is old.

use crate::step::output;
use anyhow::{Context as _, Result};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// What an old Go is replaced by.
const VERSION: &str = "go1.25.8";
/// The first minor version that fetches by itself what a module asks for.
const FETCHES_ITSELF: u32 = 21;

/// `go`. One older than 1.21 (Debian 12 has 1.19) fetches a newer one first, as the module it is
/// published as, and that one is returned.
pub(crate) fn command() -> Result<Command> {
    let remedy = "install Go (Debian: golang-go)";
    let version = output(Command::new("go").arg("version"), remedy)?;
    if minor(&version).is_some_and(|minor| minor >= FETCHES_ITSELF) {
        return Ok(Command::new("go"));
    }
    eprintln!("setup: fetching {VERSION}, as this Go is old ({})", version.trim());
    let machine = output(Command::new("go").args(["env", "GOOS", "GOARCH"]), remedy)?;
    let machine = machine.split_whitespace().collect::<Vec<_>>().join("-");
    let module = format!("golang.org/toolchain@v0.0.1-{VERSION}.{machine}");
    let remedy = "Go must reach a module proxy (`go env GOPROXY` names it)";
    // Not inside a module: there an old Go would refuse the checkout's own.
    let told =
        output(Command::new("go").current_dir("/").args(["mod", "download", "-json", &module]), remedy)?;
    let root = told.lines().find_map(|line| line.trim().strip_prefix("\"Dir\": \"")?.split('"').next());
    let root = PathBuf::from(root.with_context(|| format!("`go mod download {module}` names no folder"))?);
    for folder in [root.join("bin"), root.join(format!("pkg/tool/{}", machine.replace('-', "_")))] {
        make_executable(&folder)?;
    }
    let mut command = Command::new(root.join("bin/go"));
    command.env("GOROOT", &root).env("GOTOOLCHAIN", "local");
    Ok(command)
}

/// The files of a module are not executable; Go's own programs must be.
fn make_executable(folder: &Path) -> Result<()> {
    let programs = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for program in programs.flatten() {
        let path = program.path();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {} executable", path.display()))?;
    }
    Ok(())
}

/// 25 of `go version go1.25.8 linux/amd64`.
fn minor(version: &str) -> Option<u32> {
    let rest = version.split("go1.").nth(1)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Releases, candidates and what is not Go.
    #[test]
    fn reads_the_version() {
        assert_eq!(minor("go version go1.19.8 linux/amd64"), Some(19));
        assert_eq!(minor("go version go1.26rc1 linux/amd64"), Some(26));
        assert_eq!(minor("gccgo (Debian) 12"), None);
    }
}
