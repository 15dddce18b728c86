//! A power cut, from what a process asked of the disk: strace shows which bytes and names were made
//! durable; the rest is taken away, as the worst disk would.

use crate::Result;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const CALLS: &str = "openat,open,creat,write,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,ftruncate";

/// A process's calls, as they are written down.
pub(crate) struct Trace {
    log: PathBuf,
    root: PathBuf,
    /// What was there before, all of it durable: a cut ended every earlier process.
    before: BTreeMap<PathBuf, Durable>,
}

/// What is durable of one path.
#[derive(Debug, Clone, Copy, Default)]
struct Durable {
    /// Its name in its folder.
    name: bool,
    /// How long it is.
    length: u64,
    /// How much of that is on the disk.
    durable: u64,
}

impl Trace {
    /// Of a process that works below `root`.
    pub(crate) fn start(root: &Path) -> Result<Self> {
        let mut before = BTreeMap::new();
        list(root, &mut before)?;
        let log = tempfile::Builder::new().prefix("strace-").tempfile_in(root)?.keep()?.1;
        Ok(Self { log, root: root.to_owned(), before })
    }

    /// `command` under strace.
    pub(crate) fn of(&self, command: &Command) -> Command {
        let mut strace = Command::new("strace");
        strace.args([
            "-f",
            "-y",
            "-qq",
            "--string-limit=0",
            "-e",
            &format!("trace={CALLS}"),
            "-e",
            "signal=none",
            "-o",
        ]);
        strace.arg(&self.log).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => strace.env(name, value),
                None => strace.env_remove(name),
            };
        }
        strace
    }

    /// Takes away what was not made durable.
    pub(crate) fn cut(self) -> Result<()> {
        let (root, mut paths) = (self.root, self.before);
        let mut unfinished: BTreeMap<String, String> = BTreeMap::new();
        for line in fs::read_to_string(&self.log)?.lines() {
            let Some((pid, call)) = line.split_once(' ') else { continue };
            let call = call.trim();
            if let Some(begun) = call.strip_suffix("<unfinished ...>") {
                unfinished.insert(pid.to_owned(), begun.to_owned());
                continue;
            }
            let whole = match call.split_once("resumed>") {
                Some((_, rest)) => unfinished.remove(pid).unwrap_or_default() + rest,
                None => call.to_owned(),
            };
            follow(&whole, &root, &mut paths);
        }
        // A call that never returned may have been done: what it wrote is not durable either way.
        for begun in unfinished.values() {
            if !begun.starts_with("fsync") && !begun.starts_with("fdatasync") {
                follow(&format!("{begun}) = 0"), &root, &mut paths);
            }
        }
        // Deepest last: a folder whose name is gone takes its files along.
        for (path, durable) in paths {
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            match (durable.name, found.is_dir()) {
                (false, true) => fs::remove_dir_all(&path)?,
                (false, false) => fs::remove_file(&path)?,
                (true, false) if found.len() > durable.durable => {
                    fs::File::options().write(true).open(&path)?.set_len(durable.durable)?;
                }
                (true, _) => {}
            }
        }
        Ok(())
    }
}

fn list(folder: &Path, paths: &mut BTreeMap<PathBuf, Durable>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let (path, found) = {
            let entry = entry?;
            (entry.path(), entry.metadata()?)
        };
        if found.is_dir() {
            list(&path, paths)?;
        }
        paths.insert(path, Durable { name: true, length: found.len(), durable: found.len() });
    }
    Ok(())
}

/// Takes in one call that has returned.
fn follow(call: &str, root: &Path, paths: &mut BTreeMap<PathBuf, Durable>) {
    let Some((call, result)) = call.rsplit_once(" = ") else { return };
    if result.starts_with('-') {
        return;
    }
    let name = call.split('(').next().unwrap_or_default();
    let ours = |path: &str| -> Option<PathBuf> {
        let path = PathBuf::from(path);
        (path.starts_with(root) && !path.to_string_lossy().contains("/strace-")).then_some(path)
    };
    // Paths in quotes, and the path of the descriptor that comes first.
    let quoted: Vec<_> = call.split('"').skip(1).step_by(2).collect();
    let of_descriptor = call.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| path);
    match name {
        "openat" | "open" | "creat" if call.contains("O_CREAT") || name == "creat" => {
            if let Some(path) = quoted.first().copied().and_then(ours) {
                let file = paths.entry(path).or_default();
                if call.contains("O_TRUNC") {
                    (file.length, file.durable) = (0, 0);
                }
            }
        }
        "mkdir" | "mkdirat" => {
            if let Some(path) = quoted.last().copied().and_then(ours) {
                paths.insert(path, Durable::default());
            }
        }
        "write" | "writev" | "ftruncate" => {
            let number = |text: &str| text.trim().parse::<u64>().unwrap_or(0);
            if let Some(file) = of_descriptor.and_then(ours).and_then(|path| paths.get_mut(&path)) {
                if name == "ftruncate" {
                    let length = call.trim_end_matches(')').rsplit(',').next().map_or(0, number);
                    (file.length, file.durable) = (length, file.durable.min(length));
                } else {
                    file.length += number(result);
                }
            }
        }
        "fsync" | "fdatasync" => {
            let Some(path) = of_descriptor.and_then(ours) else { return };
            if path.is_dir() {
                for (child, durable) in paths.iter_mut() {
                    if child.parent() == Some(&path) {
                        durable.name = true;
                    }
                }
            } else if let Some(durable) = paths.get_mut(&path) {
                durable.durable = durable.length;
            }
        }
        "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
            let [from, to] = quoted[..] else { return };
            let (Some(from), Some(to)) = (ours(from), ours(to)) else { return };
            let renamed = name.starts_with("rename");
            let file = if renamed { paths.remove(&from) } else { paths.get(&from).copied() };
            // A rename over a durable name leaves the old or the new file there.
            let name = renamed && paths.get(&to).is_some_and(|old| old.name);
            paths.insert(to, Durable { name, ..file.unwrap_or_default() });
        }
        _ => {}
    }
}
