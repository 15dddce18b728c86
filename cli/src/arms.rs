//! The sides of a comparison: two builds of a program, each a file or a commit that is built.

use crate::{args::Global, deliver::state_folder, failure::Failure, output};
use benchlake_producers::{
    environment::{VersionControl, version_control},
    suite::{Program, Suite},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// One side of a comparison, ready to be measured.
#[derive(Debug, Clone)]
pub(crate) struct Arm {
    /// Its name; empty where there is only one side.
    pub(crate) name: String,
    /// The program whose processes are the sessions.
    pub(crate) process: PathBuf,
    /// What the workload `program` runs.
    pub(crate) program: Option<PathBuf>,
    /// The commit that was built.
    pub(crate) version_control: Option<VersionControl>,
    /// What tells its build from others: kept with the environment of its sessions.
    pub(crate) facts: BTreeMap<String, String>,
}

impl Arm {
    /// The only side of a run without arms: this build of benchlake, and the suite's own program.
    pub(crate) fn only(suite: &Suite, folder: &Path) -> Result<Self, Failure> {
        let vcs = version_control(folder);
        let Some(program) = &suite.program else {
            return Self::of(String::new(), None, None, vcs);
        };
        let built = find(folder, &program.path).map_err(|problem| {
            let build = program.build.as_ref().map(|build| format!(" (`{build}`)")).unwrap_or_default();
            Failure::usage(format!("the suite's program {}: {problem}: build it first{build}", program.path))
        })?;
        Self::of(String::new(), Some(program), Some(built), vcs)
    }

    /// The side `name`, whose build is the file or commit `what`.
    fn named(name: &str, what: &str, suite: &Suite, folder: &Path, global: &Global) -> Result<Self, Failure> {
        let refuse = |problem: String| Failure::usage(format!("--arm {name}={what}: {problem}"));
        let path = Path::new(what);
        if path.is_file() {
            let path = path.canonicalize()?;
            return Self::of(name.to_owned(), suite.program.as_ref(), Some(path), None);
        }
        let Some(commit) = commit(folder, what) else {
            let place = folder.display();
            return Err(refuse(format!("is neither a file nor a commit of the repository of {place}")));
        };
        let Some((program, build)) = suite.program.as_ref().and_then(|it| Some((it, it.build.as_ref()?)))
        else {
            let way = "[program] path = \"target/release/mine\", build = \"cargo build --release\"";
            return Err(refuse(format!("the suite does not say how a commit is built: add {way}")));
        };
        let built = build_commit(&commit, program, build, folder, global).map_err(refuse)?;
        let branch = is_branch(folder, what).then(|| what.to_owned());
        let vcs = VersionControl { commit, branch, dirty: false };
        Self::of(name.to_owned(), Some(program), Some(built), Some(vcs))
    }

    fn of(
        name: String,
        program: Option<&Program>,
        built: Option<PathBuf>,
        version_control: Option<VersionControl>,
    ) -> Result<Self, Failure> {
        let mut facts = BTreeMap::new();
        if let Some(built) = &built {
            facts.insert("program.path".to_owned(), built.display().to_string());
            facts.insert("program.sha256".to_owned(), sha256(built)?);
        }
        // A program that measures itself is its own session; any other one is run by this build.
        let (process, program) = match (program, built) {
            (Some(program), Some(built)) if !program.harness => (std::env::current_exe()?, Some(built)),
            (_, Some(built)) => (built, None),
            (_, None) => (std::env::current_exe()?, None),
        };
        Ok(Self { name, process, program, version_control, facts })
    }
}

/// The sides that `given` names, or the only one.
pub(crate) fn arms(
    given: &[(String, String)],
    suite: &Suite,
    folder: &Path,
    global: &Global,
) -> Result<Vec<Arm>, Failure> {
    if given.is_empty() {
        return Ok(vec![Arm::only(suite, folder)?]);
    }
    let mut names = BTreeSet::new();
    if let Some((name, _)) = given.iter().find(|(name, _)| !names.insert(name)) {
        return Err(Failure::usage(format!("--arm {name} is there twice: give each side a name of its own")));
    }
    given.iter().map(|(name, what)| Arm::named(name, what, suite, folder, global)).collect()
}

/// The SHA-256 of a file.
fn sha256(path: &Path) -> io::Result<String> {
    let (mut file, mut part, mut hash) = (File::open(path)?, vec![0; 64 << 10], Sha256::new());
    loop {
        match file.read(&mut part)? {
            0 => break,
            read => hash.update(&part[..read]),
        }
    }
    Ok(hexadecimal(&hash.finalize()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Variables with which git tells its hooks where they are.
const GIT_VARIABLES: [&str; 3] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];

/// What `git` says in `folder`.
fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(arguments);
    // Where this runs under a hook, these mean another repository.
    GIT_VARIABLES.iter().for_each(|name| _ = git.env_remove(name));
    let output = git.output();
    let output = output.map_err(|error| format!("git: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(last_line(&output))
    }
}

fn last_line(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    said.trim().lines().next_back().unwrap_or("it gave no reason").to_owned()
}

/// The commit that `name` stands for in the repository that `folder` belongs to.
fn commit(folder: &Path, name: &str) -> Option<String> {
    git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")]).ok()
}

fn is_branch(folder: &Path, name: &str) -> bool {
    git(folder, &["show-ref", "--verify", "--quiet", &format!("refs/heads/{name}")]).is_ok()
}

/// Builds `commit` in a worktree of its own and keeps the program; what was built before is taken from
/// there.
fn build_commit(
    commit: &str,
    program: &Program,
    build: &str,
    folder: &Path,
    global: &Global,
) -> Result<PathBuf, String> {
    let text = |error: io::Error| error.to_string();
    let prefix = git(folder, &["rev-parse", "--show-prefix"])?;
    // Another compiler makes another program.
    let compiler = Command::new("rustc").arg("-vV").current_dir(folder).output();
    let compiler = compiler.map_or_else(|_| Vec::new(), |output| output.stdout);
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let compiler = String::from_utf8_lossy(&compiler);
    let how = Sha256::digest(format!("{build}\0{}\0{prefix}\0{compiler}\0{flags}", program.path));
    let kept = state_folder().join("builds").join(format!("{commit}-{}", hexadecimal(&how[..4])));
    let name = Path::new(&program.path).file_name().ok_or("the program's `path` names no file")?;
    let kept_program = kept.join(name.to_string_lossy().replace('*', ""));
    if kept_program.is_file() {
        return Ok(kept_program);
    }
    output::remark(global, &format!("building {} with `{build}`", &commit[..commit.len().min(12)]));
    fs::create_dir_all(&kept).map_err(text)?;
    Worktree::clear(folder, &kept);
    let worktree = Worktree::add(folder, commit, &kept)?;
    let place = worktree.path.join(&prefix);
    let log = kept.join("build.log");
    let out = File::create(&log).map_err(text)?;
    let mut shell = Command::new("sh");
    shell.args(["-c", build]).current_dir(&place);
    // With these, both sides would build into one place.
    shell.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_BUILD_TARGET_DIR");
    GIT_VARIABLES.iter().for_each(|name| _ = shell.env_remove(name));
    let status = shell.stderr(out.try_clone().map_err(text)?).stdout(out).status().map_err(text)?;
    if !status.success() {
        let said = fs::read_to_string(&log).unwrap_or_default();
        let last = said.trim().lines().next_back().unwrap_or_default().to_owned();
        return Err(format!("`{build}` ended with {status}: {last}; all of it is in {}", log.display()));
    }
    let built = find(&place, &program.path).map_err(|problem| {
        format!("`{build}` left no program {}: {problem}; what it said is in {}", program.path, log.display())
    })?;
    // Another run may build the same: the whole file is there or none.
    let partial = kept.join(format!("partial-{}", std::process::id()));
    fs::copy(built, &partial).map_err(text)?;
    File::open(&partial).and_then(|file| file.sync_all()).map_err(text)?;
    fs::rename(&partial, &kept_program).map_err(text)?;
    Ok(kept_program)
}

/// A worktree of a commit, gone when it is dropped.
struct Worktree {
    repository: PathBuf,
    path: PathBuf,
}

impl Worktree {
    /// Removes what builds left that were killed.
    fn clear(folder: &Path, kept: &Path) {
        let entries = fs::read_dir(kept).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in entries {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Some(process) = name.strip_prefix("worktree-") else { continue };
            if !Path::new("/proc").join(process).exists() {
                drop(Self { repository: folder.to_owned(), path });
            }
        }
    }

    fn add(folder: &Path, commit: &str, beside: &Path) -> Result<Self, String> {
        let path = beside.join(format!("worktree-{}", std::process::id()));
        let worktree = Self { repository: folder.to_owned(), path };
        let path = worktree.path.to_string_lossy().into_owned();
        git(folder, &["worktree", "add", "--force", "--detach", &path, commit])?;
        Ok(worktree)
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        let path = self.path.to_string_lossy().into_owned();
        if let Err(error) = git(&self.repository, &["worktree", "remove", "--force", &path]) {
            tracing::debug!(error, path, "a worktree could not be removed");
        }
    }
}

/// The program at `path` below `folder`. A `*` in the file's name stands for what a build puts there:
/// of several files the newest that can be run is meant.
fn find(folder: &Path, path: &str) -> Result<PathBuf, String> {
    let path = folder.join(path);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some((start, end)) = name.split_once('*') else {
        return path.is_file().then(|| path.canonicalize().unwrap_or(path)).ok_or("is not there".into());
    };
    let parent = path.parent().unwrap_or(folder);
    let entries = fs::read_dir(parent).map_err(|_| format!("{} is not there", parent.display()))?;
    let fits = entries.flatten().filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    });
    let newest = fits
        .map(|entry| entry.path())
        .filter(|file| is_program(file))
        .max_by_key(|file| file.metadata().and_then(|data| data.modified()).ok());
    newest.and_then(|file| file.canonicalize().ok()).ok_or("no program fits it".into())
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
