//! What the machine is set to, what measuring wants, and how far that can be set from here.

mod frequency;
mod kernel;
mod knob;
mod reported;

pub(crate) use frequency::turbo;
pub(crate) use kernel::numa_balancing;

use super::{Change, Cpus};
use crate::environment::read_text;
use std::path::{Path, PathBuf};

const CPUS: &str = "sys/devices/system/cpu";

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

/// Everything that is looked at, under `root`, which is `/` but for tests.
#[must_use]
pub fn settings(root: &Path) -> Vec<Setting> {
    let mut settings = vec![frequency::governor(root), frequency::turbo_setting(root), reported::smt(root)];
    settings.extend(kernel::settings(root));
    settings.extend([reported::huge_pages(root), reported::swap(root), reported::irqbalance(root)]);
    settings.extend([reported::isolated(root), reported::tickless(root)]);
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
    kernel::SYSCTLS.iter().any(|sysctl| sysctl.path == path)
        || [frequency::NO_TURBO, frequency::BOOST].contains(&path)
        || numbered("sys/devices/system/cpu/cpu", "/cpufreq/scaling_governor")
        || numbered("sys/devices/system/cpu/cpufreq/policy", "/boost")
}

/// The folders of the processors that are online.
fn cpu_folders(root: &Path) -> Vec<PathBuf> {
    let folder = root.join(CPUS);
    let online = read_text(&folder.join("online")).map(|list| Cpus::of_kernel(&list)).unwrap_or_default();
    online.iter().map(|cpu| folder.join(format!("cpu{cpu}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        frequency::{BOOST, NO_TURBO},
        kernel::{SYSCTLS, Sysctl},
        *,
    };
    use std::fs;

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
        let guide = include_str!("../../../../docs/machine.md");
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
