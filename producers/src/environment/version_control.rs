//! The commit that is measured.

use serde::{Deserialize, Serialize};
use std::{path::Path, process::Command};

/// State of the checkout that a folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionControl {
    /// The commit checked out, in full.
    pub commit: String,
    /// The branch; `None` when detached.
    pub branch: Option<String>,
    /// Whether tracked files differ from the commit.
    pub dirty: bool,
}

/// State of the checkout that `dir` belongs to, by the `git` command; `None` without the command,
/// outside a checkout, and before the first commit.
#[must_use]
pub fn version_control(dir: &Path) -> Option<VersionControl> {
    let output = Command::new("git")
        .args(["status", "--porcelain=v2", "--branch", "--untracked-files=no"])
        .current_dir(dir)
        // Looking must not write the index beside someone who commits.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output()
        .ok()?;
    output.status.success().then(|| parse(&String::from_utf8_lossy(&output.stdout)))?
}

/// Reads `git status --porcelain=v2 --branch`.
fn parse(status: &str) -> Option<VersionControl> {
    let header = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let commit = header("# branch.oid ").filter(|commit| !commit.starts_with('('))?;
    let branch = header("# branch.head ").filter(|branch| !branch.starts_with('('));
    Some(VersionControl {
        commit: commit.to_owned(),
        branch: branch.map(str::to_owned),
        dirty: status.lines().any(|line| !line.is_empty() && !line.starts_with('#')),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a branch with a change; detached and clean; before the first commit.
    #[test]
    fn status_is_parsed() {
        let dirty =
            "# branch.oid 0123\n# branch.head main\n# branch.upstream o/main\n1 .M N... 1 1 1 a b c.rs\n";
        let expected = VersionControl { commit: "0123".into(), branch: Some("main".into()), dirty: true };
        assert_eq!(parse(dirty), Some(expected));
        let detached = parse("# branch.oid 0123\n# branch.head (detached)\n").expect("a commit");
        assert_eq!((detached.branch, detached.dirty), (None, false));
        assert_eq!(parse("# branch.oid (initial)\n# branch.head main\n"), None);
        assert_eq!(parse(""), None);
    }

    /// A folder outside any checkout has none, and that is no error.
    #[test]
    fn outside_a_checkout() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(version_control(folder.path()), None);
        assert_eq!(version_control(&folder.path().join("missing")), None);
    }
}
