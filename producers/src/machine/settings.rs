//! What the machine is set to, what measuring wants, and how far that can be set from here.

use super::{Change, Cpus};
use crate::environment::{read_text, read_u64};
use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

const CPUS: &str = "sys/devices/system/cpu";
const NO_TURBO: &str = "sys/devices/system/cpu/intel_pstate/no_turbo";
const BOOST: &str = "sys/devices/system/cpu/cpufreq/boost";

/// One thing that a machine is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// What it is called.
    pub name: &'static str,
    /// What it is now, for people; `None` where that is not visible.
    pub now: Option<String>,
    /// What measuring wants.
    pub wanted: &'static str,
    /// Whether it is so; `None` where that is not visible, or a matter of taste.
    pub fit: Option<bool>,
    /// Why it matters.
    pub why: &'static str,
    /// What to do by hand; empty where there is nothing to do.
    pub advice: String,
    /// How far it can be set from here.
    pub reach: Reach,
    /// What makes it as wanted.
    pub changes: Vec<Change>,
}

/// How far something can be set from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// This process may write it.
    Settable,
    /// It could be written, but not by this process: why, and what to do.
    Refused(String),
    /// It is reported, and left to a person.
    Reported,
    /// It is not visible here: the files that were looked for.
    Absent(String),
}

/// A number of the kernel under `/proc/sys`.
struct Sysctl {
    name: &'static str,
    path: &'static str,
    to: &'static str,
    accepts: fn(i64) -> bool,
    shown: fn(&str) -> String,
    wanted: &'static str,
    why: &'static str,
}

const SYSCTLS: [Sysctl; 4] = [
    Sysctl {
        name: "aslr",
        path: "proc/sys/kernel/randomize_va_space",
        to: "2",
        accepts: |level| level == 2,
        shown: |level| match level {
            "0" => "off".into(),
            "1" => "all but the heap".into(),
            "2" => "full".into(),
            other => other.into(),
        },
        wanted: "full",
        // Curtsinger and Berger, "Stabilizer", ASPLOS 2013: one fixed layout is a bias that repetition
        // does not average out.
        why: "each session draws a memory layout of its own, so that no lucky one decides",
    },
    Sysctl {
        name: "perf events",
        path: "proc/sys/kernel/perf_event_paranoid",
        to: "2",
        accepts: |level| level <= 2,
        shown: |level| format!("perf_event_paranoid {level}"),
        wanted: "at most 2",
        why: "a process may count its own instructions and cycles",
    },
    Sysctl {
        name: "numa balance",
        path: "proc/sys/kernel/numa_balancing",
        to: "0",
        accepts: |level| level == 0,
        shown: switch,
        wanted: "off",
        why: "the kernel moves pages, and makes them fault, while they are measured",
    },
    Sysctl {
        name: "nmi watchdog",
        path: "proc/sys/kernel/nmi_watchdog",
        to: "0",
        accepts: |level| level == 0,
        shown: switch,
        wanted: "off",
        why: "it interrupts, and takes a hardware counter of each processor",
    },
];

fn switch(level: &str) -> String {
    if level == "0" { "off" } else { "on" }.to_owned()
}

/// Everything that is looked at, under `root`, which is `/` but for tests.
#[must_use]
pub fn settings(root: &Path) -> Vec<Setting> {
    let mut settings = vec![governor(root), turbo_setting(root), smt(root)];
    settings.extend(SYSCTLS.iter().map(|sysctl| of_sysctl(root, sysctl)));
    settings.extend([huge_pages(root), swap(root), irqbalance(root)]);
    settings.extend([isolated(root), tickless(root)]);
    settings
}

/// Whether `file` is one that a setting may write: what is undone is held against this, as the note of
/// what was there may lie where others can write.
pub(super) fn may_set(root: &Path, file: &Path) -> bool {
    let Some(path) = file.strip_prefix(root).ok().and_then(Path::to_str) else { return false };
    let numbered = |prefix: &str, suffix: &str| {
        let number = path.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    SYSCTLS.iter().any(|sysctl| sysctl.path == path)
        || [NO_TURBO, BOOST].contains(&path)
        || numbered("sys/devices/system/cpu/cpu", "/cpufreq/scaling_governor")
        || numbered("sys/devices/system/cpu/cpufreq/policy", "/boost")
}

/// A setting that is written: files that hold the same thing, of which `accepts` says whether a value
/// will do, and `to` what will.
struct Knob {
    name: &'static str,
    files: Vec<PathBuf>,
    looked_for: &'static str,
    to: &'static str,
    wanted: &'static str,
    why: &'static str,
}

impl Knob {
    fn setting(self, accepts: impl Fn(&str) -> bool, shown: impl Fn(&str) -> String) -> Setting {
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

fn of_sysctl(root: &Path, sysctl: &Sysctl) -> Setting {
    let Sysctl { name, path, to, accepts, shown, wanted, why } = *sysctl;
    let knob = Knob { name, files: vec![root.join(path)], looked_for: path, to, wanted, why };
    knob.setting(|value| value.parse().is_ok_and(accepts), shown)
}

/// The folders of the processors that are online.
fn cpu_folders(root: &Path) -> Vec<PathBuf> {
    let folder = root.join(CPUS);
    let online = read_text(&folder.join("online")).map(|list| Cpus::of_kernel(&list)).unwrap_or_default();
    online.iter().map(|cpu| folder.join(format!("cpu{cpu}"))).collect()
}

fn governor(root: &Path) -> Setting {
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

fn turbo_setting(root: &Path) -> Setting {
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
fn smt(root: &Path) -> Setting {
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

fn huge_pages(root: &Path) -> Setting {
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

fn swap(root: &Path) -> Setting {
    let path = "proc/swaps";
    let areas = read_text(&root.join(path)).map(|text| text.lines().count().saturating_sub(1));
    let now = areas.map(|areas| if areas == 0 { "none".to_owned() } else { format!("{areas} areas") });
    let none = areas == Some(0);
    let advice = if none { String::new() } else { "swapoff -a, while there is memory enough".into() };
    let why = "memory that was written out is measured as a slow disk";
    reported("swap", (now, path), Some(none), "none", why, advice)
}

fn irqbalance(root: &Path) -> Setting {
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

fn isolated(root: &Path) -> Setting {
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

fn tickless(root: &Path) -> Setting {
    let path = "sys/devices/system/cpu/nohz_full";
    let (now, list) = boot_list(root, path);
    let fit = (!list.is_empty()).then_some(true);
    let why = "without the tick nothing interrupts a thread that is alone on its processor";
    reported("tickless", (now, path), fit, "those isolated, set at boot", why, String::new())
}

/// Whether the kernel balances pages over NUMA nodes; `None` where that is not visible.
pub(crate) fn numa_balancing(root: &Path) -> Option<bool> {
    read_u64(&root.join("proc/sys/kernel/numa_balancing")).map(|level| level != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Root(tempfile::TempDir);

    impl Root {
        fn of(files: &[(&str, &str)]) -> Self {
            let root = tempfile::tempdir().expect("a folder");
            for (path, text) in files {
                let path = root.path().join(path);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                fs::write(path, text).expect("a file");
            }
            Self(root)
        }

        fn setting(&self, name: &str) -> Setting {
            let all = settings(self.0.path());
            all.into_iter().find(|setting| setting.name == name).expect("a setting of this name")
        }
    }

    /// A machine that shows nothing is not guessed at: every setting says what was looked for.
    #[test]
    fn absent_is_told() {
        let root = Root::of(&[]);
        for setting in settings(root.0.path()) {
            assert!(matches!(&setting.reach, Reach::Absent(files) if files.contains('/')), "{setting:?}");
            assert_eq!((setting.now, setting.fit, setting.changes), (None, None, Vec::new()));
            assert_eq!(setting.advice, "");
        }
    }

    /// Two processors of which one saves power: both values are told, one file is to be changed.
    #[test]
    fn governors() {
        let files = [
            ("sys/devices/system/cpu/online", "0-1\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
        ];
        let setting = Root::of(&files).setting("governor");
        assert_eq!((setting.now.as_deref(), setting.fit), (Some("performance, powersave"), Some(false)));
        assert_eq!(setting.reach, Reach::Settable);
        let [Change { file, from, to, .. }] = &setting.changes[..] else { panic!("{setting:?}") };
        assert!(file.ends_with("cpu0/cpufreq/scaling_governor"));
        assert_eq!((from.as_str(), to.as_str()), ("powersave\n", "performance"));
        let offered = ("sys/devices/system/cpu/cpu0/cpufreq/scaling_available_governors", "schedutil\n");
        let setting = Root::of(&[files[0], files[1], offered]).setting("governor");
        assert_eq!(setting.reach, Reach::Refused("the driver offers only schedutil".into()));
        assert!(setting.changes.is_empty());
    }

    /// Turbo is told by whichever file the driver has, and each is written in its own sense.
    #[test]
    fn turbo_has_three_places() {
        for (path, on, off) in [
            (NO_TURBO, "0", "1"),
            (BOOST, "1", "0"),
            ("sys/devices/system/cpu/cpufreq/policy0/boost", "1", "0"),
        ] {
            let root = Root::of(&[(path, on)]);
            assert_eq!(turbo(root.0.path()), Some(true), "{path}");
            let setting = root.setting("turbo");
            assert_eq!((setting.now.as_deref(), setting.fit), (Some("on"), Some(false)));
            assert_eq!(setting.changes[0].to, off);
            assert!(may_set(root.0.path(), &setting.changes[0].file), "{path}");
            let root = Root::of(&[(path, off)]);
            assert_eq!(turbo(root.0.path()), Some(false));
            assert_eq!(root.setting("turbo").fit, Some(true));
        }
        assert_eq!(turbo(Root::of(&[]).0.path()), None);
    }

    /// Numbers of the kernel: what will do, and what is changed to what.
    #[test]
    fn kernel_numbers() {
        for (name, path, unfit, fit) in [
            ("aslr", "proc/sys/kernel/randomize_va_space", "0", "2"),
            ("perf events", "proc/sys/kernel/perf_event_paranoid", "3", "-1"),
            ("numa balance", "proc/sys/kernel/numa_balancing", "1", "0"),
            ("nmi watchdog", "proc/sys/kernel/nmi_watchdog", "1", "0"),
        ] {
            let setting = Root::of(&[(path, unfit)]).setting(name);
            assert_eq!((setting.fit, setting.changes.len()), (Some(false), 1), "{name}");
            let root = Root::of(&[(path, fit)]);
            assert_eq!(root.setting(name).fit, Some(true), "{name}");
            assert!(may_set(root.0.path(), &root.0.path().join(path)), "{name}");
        }
    }

    /// What is only reported has advice where it is not as wanted, and no changes.
    #[test]
    fn reports() {
        let root = Root::of(&[
            ("sys/devices/system/cpu/online", "0-3\n"),
            ("sys/devices/system/cpu/smt/control", "on\n"),
            ("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2\n"),
            ("sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1,3\n"),
            ("sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "0,2\n"),
            ("sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "1,3\n"),
            ("sys/devices/system/cpu/isolated", "\n"),
            ("sys/devices/system/cpu/nohz_full", "2-3\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"),
            ("proc/swaps", "Filename Type Size Used Priority\n/swap file 1 0 -2\n"),
            ("proc/77/comm", "irqbalance\n"),
        ]);
        let told = |name| {
            let setting = root.setting(name);
            assert!(setting.changes.is_empty() && setting.reach == Reach::Reported, "{setting:?}");
            (setting.now.unwrap_or_default(), setting.fit, setting.advice)
        };
        let smt = ("on".into(), Some(false), "pin to one thread of each core: --pin 0,1".into());
        assert_eq!(told("smt"), smt);
        assert_eq!(told("isolated").0, "none");
        assert_eq!(told("isolated").1, None);
        assert_eq!(told("tickless"), ("2,3".into(), Some(true), String::new()));
        assert_eq!(told("huge pages").0, "always");
        assert_eq!(told("swap").0, "1 areas");
        assert_eq!((told("irqbalance").0, told("irqbalance").1), ("running".into(), Some(false)));
    }

    /// Nothing but what a setting writes may be written by an undo.
    #[test]
    fn other_files_are_never_set() {
        let root = Path::new("/");
        for path in [
            "/etc/passwd",
            "/proc/sys/kernel/core_pattern",
            "/sys/devices/system/cpu/cpu0/../../x/cpufreq/scaling_governor",
            "/sys/devices/system/cpu/cpu/cpufreq/scaling_governor",
            "/sys/devices/system/cpu/cpu0/online",
            "/proc/sys/kernel/../kernel/randomize_va_space",
            "proc/sys/kernel/randomize_va_space",
        ] {
            assert!(!may_set(root, Path::new(path)), "{path}");
        }
        assert!(may_set(root, Path::new("/sys/devices/system/cpu/cpu17/cpufreq/scaling_governor")));
    }

    /// `docs/machine.md` has a row for each setting, with what is wanted and whether it can be written.
    #[test]
    fn the_documentation_has_every_setting() {
        let guide = include_str!("../../../docs/machine.md");
        for Setting { name, .. } in settings(Root::of(&[]).0.path()) {
            let row = guide.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
            assert!(row.is_some(), "{name}");
        }
        for Sysctl { path, to, .. } in SYSCTLS {
            let number = path.replace("proc/sys/", "").replace('/', ".");
            assert!(guide.contains(&format!("`{number}` = {to}")), "{number}");
        }
    }

    /// This machine is read whatever it shows.
    #[test]
    fn this_machine_is_read() {
        for setting in settings(Path::new("/")) {
            let absent = matches!(setting.reach, Reach::Absent(_));
            assert_eq!(setting.now.is_none(), absent, "{setting:?}");
            assert!(setting.fit != Some(true) || setting.changes.is_empty(), "{setting:?}");
        }
    }
}
