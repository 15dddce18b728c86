//! The folder of links in which sessions find libraries that their loader would not.

use super::places::Places;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
    process::Command,
};

/// What our folders lie in, below the user's cache.
const FOLDER: &str = "benchlake/libraries";
const PATH: &str = "LD_LIBRARY_PATH";

/// Lets the process that `command` starts find the libraries of CUDA that lie where the loader does not look.
/// Where they cannot be linked it finds them as far as the loader does: its benchmarks say what is missing.
pub(crate) fn give(command: &mut Command) {
    let links = Places::of_machine().links();
    if links.is_empty() {
        return;
    }
    let Some(cache) = cache() else { return };
    match folder(&cache, &links) {
        Ok(folder) => {
            command.env(PATH, with(std::env::var_os(PATH).as_deref(), &folder));
        }
        Err(error) => {
            tracing::warn!(%error, "libraries of CUDA cannot be linked in {}", cache.join(FOLDER).display());
        }
    }
}

/// Keeps our folder from a program that is measured: it has libraries of its own.
pub(crate) fn take(command: &mut Command) {
    let (Some(path), Some(cache)) = (std::env::var_os(PATH), cache()) else { return };
    match without(&path, &cache.join(FOLDER)) {
        Some(rest) if rest.is_empty() => command.env_remove(PATH),
        Some(rest) => command.env(PATH, rest),
        None => return,
    };
}

/// The user's cache.
fn cache() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))
}

/// `path` with `folder` at its end. An empty part of it would be the working directory.
fn with(path: Option<&OsStr>, folder: &Path) -> OsString {
    let mut all = path.filter(|path| !path.is_empty()).map(OsStr::to_owned).unwrap_or_default();
    if !all.is_empty() {
        all.push(":");
    }
    all.push(folder);
    all
}

/// `path` without what lies in `ours`; `None` where nothing does.
fn without(path: &OsStr, ours: &Path) -> Option<OsString> {
    let parts = || path.as_bytes().split(|byte| *byte == b':').map(OsStr::from_bytes);
    let kept: Vec<&OsStr> = parts().filter(|part| !Path::new(part).starts_with(ours)).collect();
    (kept.len() < parts().count()).then(|| kept.join(OsStr::new(":")))
}

/// The folder of `links`. Its name is that of its content, so that launchers with other libraries have other
/// folders; it appears whole.
fn folder(cache: &Path, links: &BTreeMap<String, PathBuf>) -> io::Result<PathBuf> {
    let mut hash = Sha256::new();
    for (name, file) in links {
        hash.update([name.as_bytes(), file.as_os_str().as_bytes()].join(&0));
        hash.update([b'\n']);
    }
    let name: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let folder = cache.join(FOLDER).join(&name);
    if folder.is_dir() {
        return Ok(folder);
    }
    let draft = cache.join(FOLDER).join(format!(".{name}-{}", std::process::id()));
    fs::create_dir_all(&draft)?;
    for (name, file) in links {
        symlink(file, draft.join(name))?;
    }
    fs::rename(&draft, &folder).or_else(|error| {
        // Another launcher was faster.
        fs::remove_dir_all(&draft)?;
        if folder.is_dir() { Ok(()) } else { Err(error) }
    })?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The user's folders stay first, and no part of the path is empty.
    #[test]
    fn our_folder_is_last() {
        let ours = Path::new("/home/x/.cache/benchlake/libraries");
        let folder = ours.join("00ff");
        assert_eq!(with(None, &folder), folder);
        assert_eq!(with(Some(OsStr::new("")), &folder), folder);
        let both = with(Some(OsStr::new("/a:/b")), &folder);
        assert_eq!(both, "/a:/b:/home/x/.cache/benchlake/libraries/00ff");
        assert_eq!(without(&both, ours).as_deref(), Some(OsStr::new("/a:/b")));
        assert_eq!(without(folder.as_os_str(), ours).as_deref(), Some(OsStr::new("")));
        assert_eq!(without(OsStr::new("/a:/b"), ours), None);
    }

    /// Two launchers of one machine share a folder; other links have another one.
    #[test]
    fn a_folder_is_its_content() {
        let cache = tempfile::tempdir().expect("a folder");
        let links = |file: &str| BTreeMap::from([("libnccl.so".to_owned(), PathBuf::from(file))]);
        let first = folder(cache.path(), &links("/lib/libnccl.so.2")).expect("a folder");
        assert_eq!(first, folder(cache.path(), &links("/lib/libnccl.so.2")).expect("the same"));
        let target = fs::read_link(first.join("libnccl.so")).expect("a link");
        assert_eq!(target, Path::new("/lib/libnccl.so.2"));
        assert_ne!(first, folder(cache.path(), &links("/opt/libnccl.so.2")).expect("another"));
        let left = fs::read_dir(cache.path().join(FOLDER)).expect("a folder").count();
        assert_eq!(left, 2, "no drafts are left");
    }
}
