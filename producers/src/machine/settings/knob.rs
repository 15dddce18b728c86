//! A setting that can be written.

use super::{Change, Reach, Setting};
use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// A setting that is written: files that hold the same thing, of which `accepts` says whether a value
/// will do, and `to` what will.
pub(super) struct Knob {
    pub(super) name: &'static str,
    pub(super) files: Vec<PathBuf>,
    pub(super) looked_for: &'static str,
    pub(super) to: &'static str,
    pub(super) wanted: &'static str,
    pub(super) why: &'static str,
}

impl Knob {
    pub(super) fn setting(self, accepts: impl Fn(&str) -> bool, shown: impl Fn(&str) -> String) -> Setting {
        let Self { name, files, looked_for, to, wanted, why } = self;
        let values: Vec<(PathBuf, String)> = files
            .into_iter()
            .filter_map(|file| fs::read_to_string(&file).ok().map(|text| (file, text)))
            .collect();
        let now: BTreeSet<String> = values.iter().map(|(_, text)| shown(text.trim())).collect();
        let changes: Vec<Change> = values
            .iter()
            .filter(|(_, text)| !accepts(text.trim()))
            .map(|(file, text)| Change {
                setting: name.to_owned(),
                file: file.clone(),
                from: text.clone(),
                to: to.to_owned(),
            })
            .collect();
        let refused = changes.iter().find_map(|change| not_writable(&change.file));
        let advice = changes.first().map_or_else(String::new, |change| {
            let more = if changes.len() > 1 { ", and to those beside it" } else { "" };
            format!("write {to} to {}{more}", change.file.display())
        });
        Setting {
            name,
            now: (!now.is_empty()).then(|| now.into_iter().collect::<Vec<_>>().join(", ")),
            wanted,
            fit: (!values.is_empty()).then_some(changes.is_empty()),
            why,
            advice,
            reach: match refused {
                _ if values.is_empty() => Reach::Absent(looked_for.to_owned()),
                Some(why) => Reach::Refused(why),
                None => Reach::Settable,
            },
            changes,
        }
    }
}

/// Why this process cannot write `file`. Opening a file of sysfs or procfs changes nothing.
fn not_writable(file: &Path) -> Option<String> {
    let error = OpenOptions::new().write(true).open(file).err()?;
    Some(match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied: run it as root".into(),
        io::ErrorKind::ReadOnlyFilesystem => "read-only here, as in a container: set it on the host".into(),
        _ => error.to_string(),
    })
}
