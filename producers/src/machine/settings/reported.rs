//! Settings that are reported, and left to a person.

use super::{Cpus, Reach, Setting, cpu_folders};
use crate::environment::read_text;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A setting that is reported, and left to a person. `now` is `None` where it is not visible.
fn reported(
    name: &'static str,
    (now, looked_for): (Option<String>, &'static str),
    fit: Option<bool>,
    wanted: &'static str,
    why: &'static str,
    advice: String,
) -> Setting {
    let reach = if now.is_some() { Reach::Reported } else { Reach::Absent(looked_for.to_owned()) };
    let (fit, advice) = if now.is_some() { (fit, advice) } else { (None, String::new()) };
    Setting { name, now, wanted, fit, why, advice, reach, changes: Vec::new() }
}

/// Never written: threads that were pinned to what goes offline lose their place, and cpusets do not
/// get it back, so that it could not be undone.
pub(super) fn smt(root: &Path) -> Setting {
    let path = "sys/devices/system/cpu/smt/control";
    let now = read_text(&root.join(path));
    let on = now.as_deref() == Some("on");
    let cores = one_of_each_core(root);
    let advice = match (on, cores.is_empty()) {
        (false, _) => String::new(),
        (true, true) => "pin to one thread of each core with --pin".into(),
        (true, false) => format!("pin to one thread of each core: --pin {cores}"),
    };
    let why = "threads of one core share its units: what one does slows the other";
    reported("smt", (now, path), Some(!on), "off, or one thread of a core used", why, advice)
}

/// The first thread of each core.
fn one_of_each_core(root: &Path) -> Cpus {
    let first = |folder: &PathBuf| {
        let siblings = read_text(&folder.join("topology/thread_siblings_list"))?;
        Cpus::of_kernel(&siblings).iter().next()
    };
    cpu_folders(root).iter().filter_map(first).collect()
}

pub(super) fn huge_pages(root: &Path) -> Setting {
    let path = "sys/kernel/mm/transparent_hugepage/enabled";
    let text = read_text(&root.join(path));
    let now = text.map(|text| {
        let chosen = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        chosen.map_or_else(|| text.clone(), |(chosen, _)| chosen.to_owned())
    });
    let always = now.as_deref() == Some("always");
    let advice = if always { format!("write madvise to /{path}") } else { String::new() };
    let why = "with always, pages are gathered in the background while others are measured";
    reported("huge pages", (now, path), Some(!always), "madvise or never", why, advice)
}

pub(super) fn swap(root: &Path) -> Setting {
    let path = "proc/swaps";
    let areas = read_text(&root.join(path)).map(|text| text.lines().count().saturating_sub(1));
    let now = areas.map(|areas| if areas == 0 { "none".to_owned() } else { format!("{areas} areas") });
    let none = areas == Some(0);
    let advice = if none { String::new() } else { "swapoff -a, while there is memory enough".into() };
    let why = "memory that was written out is measured as a slow disk";
    reported("swap", (now, path), Some(none), "none", why, advice)
}

pub(super) fn irqbalance(root: &Path) -> Setting {
    let processes = fs::read_dir(root.join("proc")).into_iter().flatten().filter_map(Result::ok);
    let mut visible = false;
    let runs = processes.filter_map(|process| read_text(&process.path().join("comm"))).any(|name| {
        visible = true;
        name == "irqbalance"
    });
    let now = visible.then(|| if runs { "running" } else { "not running" }.to_owned());
    let advice = if runs { "systemctl stop irqbalance, while measuring" } else { "" };
    let why = "it moves interrupts to processors that were quiet";
    reported("irqbalance", (now, "proc/*/comm"), Some(!runs), "not running", why, advice.into())
}

/// A list that the kernel got at its boot: `now` for people, and the list.
fn boot_list(root: &Path, path: &str) -> (Option<String>, Cpus) {
    let text = fs::read_to_string(root.join(path)).ok();
    let list = text.as_deref().map(Cpus::of_kernel).unwrap_or_default();
    let shown = if list.is_empty() { "none".to_owned() } else { list.to_string() };
    (text.map(|_| shown), list)
}

pub(super) fn isolated(root: &Path) -> Setting {
    let path = "sys/devices/system/cpu/isolated";
    let (now, list) = boot_list(root, path);
    let advice = if list.is_empty() {
        "where that is worth a boot: isolcpus=LIST nohz_full=LIST, then --pin LIST".to_owned()
    } else {
        format!("measure there: --pin {list}")
    };
    let fit = (!list.is_empty()).then_some(true);
    let why = "the scheduler keeps other work off processors that are isolated";
    reported("isolated", (now, path), fit, "some, set at boot", why, advice)
}

pub(super) fn tickless(root: &Path) -> Setting {
    let path = "sys/devices/system/cpu/nohz_full";
    let (now, list) = boot_list(root, path);
    let fit = (!list.is_empty()).then_some(true);
    let why = "without the tick nothing interrupts a thread that is alone on its processor";
    reported("tickless", (now, path), fit, "those isolated, set at boot", why, String::new())
}
