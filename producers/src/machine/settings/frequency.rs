//! How processors are clocked.

use super::{CPUS, Reach, Setting, cpu_folders, knob::Knob};
use crate::environment::read_text;
use std::{
    fs,
    path::{Path, PathBuf},
};

pub(super) const NO_TURBO: &str = "sys/devices/system/cpu/intel_pstate/no_turbo";
pub(super) const BOOST: &str = "sys/devices/system/cpu/cpufreq/boost";

pub(super) fn governor(root: &Path) -> Setting {
    let folders: Vec<PathBuf> = cpu_folders(root).iter().map(|cpu| cpu.join("cpufreq")).collect();
    let knob = Knob {
        name: "governor",
        files: folders.iter().map(|folder| folder.join("scaling_governor")).collect(),
        looked_for: "sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
        to: "performance",
        wanted: "performance",
        why: "others follow the load: the first samples run slower, and short ones all along",
    };
    let setting = knob.setting(|value| value == "performance", str::to_owned);
    let offered = folders.iter().find_map(|folder| read_text(&folder.join("scaling_available_governors")));
    match offered {
        Some(offered) if !offered.split_whitespace().any(|one| one == "performance") => {
            let why = format!("the driver offers only {offered}");
            Setting { reach: Reach::Refused(why), advice: String::new(), changes: Vec::new(), ..setting }
        }
        _ => setting,
    }
}

/// The files that say whether processors may go beyond their base frequency, and what they say then.
fn turbo_files(root: &Path) -> (Vec<PathBuf>, &'static str) {
    if root.join(NO_TURBO).exists() {
        return (vec![root.join(NO_TURBO)], "0");
    }
    if root.join(BOOST).exists() {
        return (vec![root.join(BOOST)], "1");
    }
    // amd_pstate and others have one for each policy.
    let policies = fs::read_dir(root.join(CPUS).join("cpufreq")).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<PathBuf> =
        policies.map(|policy| policy.path().join("boost")).filter(|file| file.exists()).collect();
    files.sort();
    (files, "1")
}

/// Whether any processor may go beyond its base frequency; `None` where that is not visible.
pub(crate) fn turbo(root: &Path) -> Option<bool> {
    let (files, on) = turbo_files(root);
    let values: Vec<String> = files.iter().filter_map(|file| read_text(file)).collect();
    (!values.is_empty()).then(|| values.iter().any(|value| value == on))
}

pub(super) fn turbo_setting(root: &Path) -> Setting {
    let (files, on) = turbo_files(root);
    let off = if on == "0" { "1" } else { "0" };
    let knob = Knob {
        name: "turbo",
        files,
        looked_for: "sys/devices/system/cpu/intel_pstate/no_turbo, …/cpufreq/boost, …/cpufreq/policy*/boost",
        to: off,
        wanted: "off",
        why: "the frequency depends on heat, and on what other cores do; steadiness costs speed",
    };
    knob.setting(|value| value == off, |value| if value == on { "on" } else { "off" }.to_owned())
}
