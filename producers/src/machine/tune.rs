//! Setting what can be set, and setting it back.
//!
//! What was there before is noted and on the disk before the first file is written, so that it can be
//! set back whatever happens in between. The note is of one boot of one machine: a restart sets
//! everything back by itself, and a home that machines share holds one note for each.

use super::{Reach, Setting, settings::may_set};
use crate::{emit::replace, environment::read_text};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// One file to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The setting that it belongs to.
    pub setting: String,
    /// The file.
    pub file: PathBuf,
    /// What it held, as it was read.
    pub from: String,
    /// What it is to hold.
    pub to: String,
}

/// What would be changed, and what cannot be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What would be written.
    pub changes: Vec<Change>,
    /// Settings that are not as wanted and cannot be written from here, with the reason.
    pub refused: Vec<(String, String)>,
}

impl Plan {
    /// What makes `settings` as measuring wants them.
    #[must_use]
    pub fn of(settings: &[Setting]) -> Self {
        let mut plan = Self::default();
        for setting in settings.iter().filter(|setting| setting.fit == Some(false)) {
            match &setting.reach {
                Reach::Settable => plan.changes.extend_from_slice(&setting.changes),
                Reach::Refused(why) => plan.refused.push((setting.name.to_owned(), why.clone())),
                Reach::Reported | Reach::Absent(_) => {}
            }
        }
        plan
    }
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was to be done: when undone, `from` and `to` are the other way round.
    pub change: Change,
    /// Why the file does not hold what it should.
    pub problem: Option<String>,
}

/// Why nothing was set, or set back.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// The note of what was there cannot be kept: nothing is set without it.
    #[error("{path}: {source}: nothing was set, as what was there before cannot be noted", path = path.display())]
    Note {
        /// The note.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The note cannot be read.
    #[error("{path}: {problem}: it should note what was set before; set it by hand, then delete the file", path = path.display())]
    Unreadable {
        /// The note.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no note.
    #[error("nothing to undo: nothing was set since this machine was started ({path} is not there)", path = path.display())]
    NothingToUndo {
        /// The note.
        path: PathBuf,
    },
}

/// What is noted: the files as they were before the first change, in the order of the changes.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    before: Vec<Change>,
}

/// Where what was there is noted: in the folder `state`, by the machine's current boot.
#[must_use]
pub fn state_file(root: &Path, state: &Path) -> PathBuf {
    let boot = read_text(&root.join("proc/sys/kernel/random/boot_id")).unwrap_or_default();
    let boot: String = boot.chars().filter(|c| c.is_ascii_hexdigit() || *c == '-').collect();
    state.join(if boot.is_empty() { "tuned.json".to_owned() } else { format!("tuned-{boot}.json") })
}

/// Writes what `plan` says, after noting in the file `note` what was there. Noting again keeps what was
/// there first. A file that cannot be written is told, and the others are written all the same.
///
/// # Errors
/// [`TuneError`] if that cannot be noted; then nothing was written.
pub fn apply(plan: &Plan, note: &Path) -> Result<Vec<Outcome>, TuneError> {
    if plan.changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut noted = read(note)?.unwrap_or_default();
    for change in &plan.changes {
        if noted.before.iter().all(|before| before.file != change.file) {
            noted.before.push(change.clone());
        }
    }
    write(note, &noted)?;
    let done = |change: &Change| Outcome { change: change.clone(), problem: set(&change.file, &change.to) };
    Ok(plan.changes.iter().map(done).collect())
}

/// Sets back what the file `note` says, last change first, in files of settings under `root` alone. What
/// could not be set back stays noted.
///
/// # Errors
/// [`TuneError`] if nothing is noted, or the note cannot be read or kept.
pub fn undo(root: &Path, note: &Path) -> Result<Vec<Outcome>, TuneError> {
    let noted = read(note)?.ok_or_else(|| TuneError::NothingToUndo { path: note.to_owned() })?;
    let back = |before: &Change| {
        let problem = if may_set(root, &before.file) {
            set(&before.file, &before.from)
        } else {
            Some("not a file that benchlake sets: left alone".to_owned())
        };
        let change = Change { from: before.to.clone(), to: before.from.clone(), ..before.clone() };
        Outcome { change, problem }
    };
    let outcomes: Vec<Outcome> = noted.before.iter().rev().map(back).collect();
    let failed = |file: &Path| outcomes.iter().any(|o| o.change.file == file && o.problem.is_some());
    let left: Vec<Change> = noted.before.into_iter().filter(|change| failed(&change.file)).collect();
    if left.is_empty() {
        fs::remove_file(note).map_err(|source| TuneError::Note { path: note.to_owned(), source })?;
    } else {
        write(note, &Note { before: left })?;
    }
    Ok(outcomes)
}

fn read(note: &Path) -> Result<Option<Note>, TuneError> {
    let unreadable = |problem: String| TuneError::Unreadable { path: note.to_owned(), problem };
    match fs::read_to_string(note) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| unreadable(error.to_string())),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// Puts the note on the disk, its folder too.
fn write(note: &Path, noted: &Note) -> Result<(), TuneError> {
    let written = note.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
        let text = serde_json::to_string_pretty(noted).map_err(io::Error::other)?;
        replace(note, &text)
    });
    written.map_err(|source| TuneError::Note { path: note.to_owned(), source })
}

/// Writes `value` and reads it back; tells what is wrong. The kernel may take a value and not follow it.
fn set(file: &Path, value: &str) -> Option<String> {
    let held = || -> io::Result<String> {
        // A file that does not end is none of the kernel's.
        let mut text = String::new();
        fs::File::open(file)?.take(4_096).read_to_string(&mut text)?;
        Ok(text)
    };
    let put = || -> io::Result<String> {
        let now = held()?;
        if now.trim() == value.trim() {
            return Ok(now);
        }
        let mut open = OpenOptions::new().write(true).truncate(true).open(file)?;
        open.write_all(value.as_bytes())?;
        drop(open);
        held()
    };
    match put() {
        Ok(now) if now.trim() == value.trim() => None,
        Ok(now) => Some(format!("it was taken, and holds {:?} all the same", now.trim())),
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::settings;
    use proptest::prelude::*;

    const ASLR: &str = "proc/sys/kernel/randomize_va_space";
    const BALANCING: &str = "proc/sys/kernel/numa_balancing";
    const WATCHDOG: &str = "proc/sys/kernel/nmi_watchdog";

    fn machine(values: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("proc/sys/kernel")).expect("a folder");
        for (path, value) in values {
            fs::write(root.path().join(path), value).expect("a file");
        }
        root
    }

    fn held(root: &Path, path: &str) -> String {
        fs::read_to_string(root.join(path)).expect("a file")
    }

    fn problems(outcomes: &[Outcome]) -> Vec<&str> {
        outcomes.iter().filter_map(|outcome| outcome.problem.as_deref()).collect()
    }

    /// What was applied is undone to the byte, and then there is nothing to undo.
    #[test]
    fn undo_restores() -> Result<(), TuneError> {
        let root = machine(&[(ASLR, "0\n"), (BALANCING, "1\n"), (WATCHDOG, "0\n")]);
        let note = root.path().join("state/tuned.json");
        let plan = Plan::of(&settings(root.path()));
        assert_eq!(plan.changes.len(), 2);
        assert!(problems(&apply(&plan, &note)?).is_empty());
        assert_eq!((held(root.path(), ASLR), held(root.path(), BALANCING)), ("2".into(), "0".into()));
        assert!(Plan::of(&settings(root.path())).changes.is_empty(), "as wanted now");
        let undone = undo(root.path(), &note)?;
        assert_eq!((undone.len(), problems(&undone).len()), (2, 0));
        assert_eq!((held(root.path(), ASLR), held(root.path(), BALANCING)), ("0\n".into(), "1\n".into()));
        let nothing = undo(root.path(), &note).expect_err("undone").to_string();
        assert!(nothing.starts_with("nothing to undo: ") && nothing.contains("tuned.json"), "{nothing}");
        Ok(())
    }

    /// A change that fails is told; the others are made, and all that were made are undone.
    #[test]
    fn part_of_it_fails() -> Result<(), TuneError> {
        let root = machine(&[(ASLR, "0\n"), (BALANCING, "1\n")]);
        let note = root.path().join("tuned.json");
        let mut plan = Plan::of(&settings(root.path()));
        let missing = root.path().join(WATCHDOG);
        let gone =
            Change { setting: "gone".into(), file: missing.clone(), from: "1\n".into(), to: "0".into() };
        plan.changes.insert(1, gone);
        let outcomes = apply(&plan, &note)?;
        assert_eq!(problems(&outcomes).len(), 1);
        assert_eq!(outcomes.iter().position(|outcome| outcome.problem.is_some()), Some(1));
        assert_eq!((held(root.path(), ASLR), held(root.path(), BALANCING)), ("2".into(), "0".into()));
        // What cannot be set back yet stays noted, alone.
        assert_eq!(problems(&undo(root.path(), &note)?).len(), 1);
        assert_eq!((held(root.path(), ASLR), held(root.path(), BALANCING)), ("0\n".into(), "1\n".into()));
        fs::write(&missing, "0\n").expect("a file");
        assert_eq!(undo(root.path(), &note)?.len(), 1);
        assert_eq!((held(root.path(), WATCHDOG), note.exists()), ("1\n".into(), false));
        Ok(())
    }

    /// The kernel may take a value and keep its own: that is read back and told.
    #[test]
    fn what_is_not_followed_is_told() -> Result<(), TuneError> {
        let root = machine(&[]);
        let file = root.path().join(ASLR);
        std::os::unix::fs::symlink("/dev/null", &file).expect("a link");
        let change = Change { setting: "aslr".into(), file, from: String::new(), to: "2".into() };
        let plan = Plan { changes: vec![change], refused: Vec::new() };
        let outcomes = apply(&plan, &root.path().join("tuned.json"))?;
        assert_eq!(problems(&outcomes), ["it was taken, and holds \"\" all the same"]);
        Ok(())
    }

    /// Without a note nothing is written.
    #[test]
    fn no_note_no_change() {
        let root = machine(&[(ASLR, "0\n"), ("file", "")]);
        let note = root.path().join("file/tuned.json");
        let error = apply(&Plan::of(&settings(root.path())), &note).expect_err("no folder").to_string();
        assert!(error.contains("file/tuned.json") && error.contains("nothing was set"), "{error}");
        assert_eq!(held(root.path(), ASLR), "0\n");
    }

    /// A damaged note is told with the way out, and is not overwritten.
    #[test]
    fn damaged_notes_are_told() {
        let root = machine(&[(ASLR, "0\n"), ("tuned.json", "{")]);
        let note = root.path().join("tuned.json");
        let plan = Plan::of(&settings(root.path()));
        for error in [apply(&plan, &note).err(), undo(root.path(), &note).err()] {
            let error = error.expect("unreadable").to_string();
            assert!(error.contains("tuned.json") && error.contains("by hand"), "{error}");
        }
        assert_eq!((held(root.path(), ASLR), held(root.path(), "tuned.json")), ("0\n".into(), "{".into()));
    }

    /// A note that names other files, as whoever can write it might, makes nothing of theirs written.
    #[test]
    fn notes_do_not_reach_other_files() -> Result<(), TuneError> {
        let root = machine(&[("passwd", "root\n")]);
        let (note, file) = (root.path().join("tuned.json"), root.path().join("passwd"));
        let change = Change { setting: "aslr".into(), file, from: "mine\n".into(), to: String::new() };
        fs::write(&note, serde_json::json!({ "before": [change] }).to_string()).expect("a file");
        assert_eq!(problems(&undo(root.path(), &note)?), ["not a file that benchlake sets: left alone"]);
        assert_eq!(held(root.path(), "passwd"), "root\n");
        Ok(())
    }

    /// Each boot of each machine has a note of its own.
    #[test]
    fn notes_are_of_a_boot() {
        let root = machine(&[]);
        let state = Path::new("/state");
        assert_eq!(state_file(root.path(), state), Path::new("/state/tuned.json"));
        fs::create_dir_all(root.path().join("proc/sys/kernel/random")).expect("a folder");
        fs::write(root.path().join("proc/sys/kernel/random/boot_id"), "0a-1b/../\n").expect("a file");
        assert_eq!(state_file(root.path(), state), Path::new("/state/tuned-0a-1b.json"));
    }

    /// Only what is not as wanted and can be written is planned; what cannot be is told.
    #[test]
    fn plans() {
        let root = machine(&[(ASLR, "0\n"), (WATCHDOG, "0\n")]);
        let mut settings = settings(root.path());
        assert_eq!(Plan::of(&settings).changes.len(), 1);
        for setting in &mut settings {
            setting.reach = Reach::Refused("permission denied".into());
        }
        let plan = Plan::of(&settings);
        assert_eq!(plan.refused, [("aslr".to_owned(), "permission denied".to_owned())]);
        assert!(plan.changes.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        /// However often it is applied, in whichever parts, and whatever others set in between: an undo
        /// restores what was there before the first time.
        #[test]
        fn originals_are_kept(
            aslr in "[012]\n?", balancing in "[01]\n?", watchdog in "[01]\n?",
            rounds in proptest::collection::vec((0_usize..3, "[01]"), 0..6),
        ) {
            let files = [(ASLR, aslr.as_str()), (BALANCING, &balancing), (WATCHDOG, &watchdog)];
            let root = machine(&files);
            let note = root.path().join("tuned.json");
            let first = Plan::of(&settings(root.path()));
            apply(&first, &note).expect("noted");
            for (which, value) in &rounds {
                let touched = files[*which].0;
                // Only what was noted is benchlake's to restore.
                if first.changes.iter().any(|change| change.file.ends_with(touched)) {
                    fs::write(root.path().join(touched), value).expect("a file");
                }
                let mut plan = Plan::of(&settings(root.path()));
                plan.changes.truncate(*which);
                apply(&plan, &note).expect("noted");
            }
            match undo(root.path(), &note) {
                Ok(outcomes) => prop_assert!(problems(&outcomes).is_empty()),
                Err(error) => prop_assert!(first.changes.is_empty(), "{}", error),
            }
            for (path, value) in files {
                let now = held(root.path(), path);
                prop_assert_eq!(now.trim(), value.trim());
            }
            prop_assert!(!note.exists());
        }
    }
}
