//! Whether the machine stayed quiet while a benchmark was measured: counters of the kernel, read before
//! and after, never meanwhile.

use super::{Cpus, LIMIT, Ticks, ticks::ratio};
use crate::environment::{read_text, read_u64};
use benchlake_schemas::Flag;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Counters as they were before something was measured.
#[derive(Debug)]
pub struct Watch {
    root: PathBuf,
    cpus: Option<Cpus>,
    before: Counters,
}

/// What happened since.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Watched {
    /// How often processors or packages reduced their clocks for heat; `None` where that is not visible.
    pub throttled: Option<u64>,
    /// The share of the processors' time that the hypervisor gave to others.
    pub steal: Option<f64>,
    /// The share of this process's time in which its threads were ready and another one ran.
    pub waited: Option<f64>,
}

impl Watch {
    /// Notes the counters of the processors that the calling thread may use, and of this process.
    #[must_use]
    pub fn start() -> Self {
        Self::start_under(Path::new("/"), Cpus::allowed().ok())
    }

    fn start_under(root: &Path, cpus: Option<Cpus>) -> Self {
        let before = Counters::read(root, cpus.as_ref());
        Self { root: root.to_owned(), cpus, before }
    }

    /// What the counters say now. The threads that were measured are to be there still.
    #[must_use]
    pub fn end(&self) -> Watched {
        let (before, after) = (&self.before, Counters::read(&self.root, self.cpus.as_ref()));
        let events = |throttles: Throttles| throttles.core + throttles.package;
        Watched {
            throttled: before
                .throttles
                .zip(after.throttles)
                .map(|(before, after)| events(after).saturating_sub(events(before))),
            steal: before.ticks.zip(after.ticks).and_then(|(before, after)| after.steal_since(before)),
            waited: waited(&before.threads, &after.threads),
        }
    }
}

impl Watched {
    /// The doubts about what was measured: `throttled` at the first event; `noisy` where more than
    /// [`LIMIT`] of the time was stolen or waited for.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        let beyond = |share: Option<f64>| share.is_some_and(|share| share > LIMIT);
        let throttled = self.throttled.is_some_and(|events| events > 0).then_some(Flag::Throttled);
        let noisy = (beyond(self.steal) || beyond(self.waited)).then_some(Flag::Noisy);
        throttled.into_iter().chain(noisy).collect()
    }
}

#[derive(Debug, Default)]
struct Counters {
    throttles: Option<Throttles>,
    ticks: Option<Ticks>,
    /// Of each thread of this process, by its id.
    threads: BTreeMap<String, Scheduled>,
}

impl Counters {
    fn read(root: &Path, cpus: Option<&Cpus>) -> Self {
        Self {
            throttles: Throttles::read(root, cpus),
            ticks: Ticks::read(root, cpus),
            threads: threads(root),
        }
    }
}

/// Since boot: how often clocks were reduced for heat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Throttles {
    /// Events of all processors.
    pub(crate) core: u64,
    /// Events of all packages.
    pub(crate) package: u64,
}

impl Throttles {
    /// Those of `cpus`, or of all; `None` where no processor shows any.
    pub(crate) fn read(root: &Path, cpus: Option<&Cpus>) -> Option<Self> {
        let folder = root.join("sys/devices/system/cpu");
        let all = || read_text(&folder.join("online")).map(|list| Cpus::of_kernel(&list));
        let cpus = cpus.cloned().or_else(all)?;
        let (mut sum, mut packages, mut seen) = (Self::default(), BTreeSet::new(), false);
        for cpu in cpus.iter().map(|cpu| folder.join(format!("cpu{cpu}"))) {
            let Some(core) = read_u64(&cpu.join("thermal_throttle/core_throttle_count")) else { continue };
            seen = true;
            sum.core += core;
            // Every processor of a package shows the package's own count.
            if packages.insert(read_u64(&cpu.join("topology/physical_package_id"))) {
                sum.package += read_u64(&cpu.join("thermal_throttle/package_throttle_count")).unwrap_or(0);
            }
        }
        seen.then_some(sum)
    }
}

/// What the scheduler counts of a thread, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Scheduled {
    ran: u64,
    waited: u64,
}

/// Time on a processor, time ready and waiting for one, and slices (kernel, `sched-stats.rst`).
fn scheduled(text: &str) -> Option<Scheduled> {
    let mut columns = text.split_whitespace().map(str::parse);
    let (ran, waited) = (columns.next()?.ok()?, columns.next()?.ok()?);
    Some(Scheduled { ran, waited })
}

fn threads(root: &Path) -> BTreeMap<String, Scheduled> {
    let Ok(tasks) = fs::read_dir(root.join("proc/self/task")) else { return BTreeMap::new() };
    let of_task = |task: fs::DirEntry| {
        let counts = scheduled(&read_text(&task.path().join("schedstat"))?)?;
        Some((task.file_name().to_string_lossy().into_owned(), counts))
    };
    tasks.filter_map(Result::ok).filter_map(of_task).collect()
}

/// The share of the threads' time since `before` in which they waited for a processor.
fn waited(before: &BTreeMap<String, Scheduled>, after: &BTreeMap<String, Scheduled>) -> Option<f64> {
    let (mut ran, mut waited) = (0, 0);
    for (id, now) in after {
        let then = before.get(id).copied().unwrap_or_default();
        ran += now.ran.saturating_sub(then.ran);
        waited += now.waited.saturating_sub(then.waited);
    }
    (ran + waited > 0).then(|| ratio(waited, ran + waited))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root in which files are written by their paths.
    struct Root(tempfile::TempDir);

    impl Root {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }

        fn throttles(&self, cpu: usize, core: u64, package: u64) {
            let folder = format!("sys/devices/system/cpu/cpu{cpu}");
            self.write(&format!("{folder}/thermal_throttle/core_throttle_count"), &format!("{core}\n"));
            self.write(&format!("{folder}/thermal_throttle/package_throttle_count"), &format!("{package}\n"));
            self.write(&format!("{folder}/topology/physical_package_id"), "0\n");
        }
    }

    /// One throttling, a twentieth stolen and a tenth waited: each is told and flags the series.
    #[test]
    fn what_moves_is_told() {
        let root = Root::new();
        root.throttles(0, 3, 5);
        root.throttles(1, 4, 5);
        root.write("proc/stat", "cpu  0 0 0 0 0 0 0 0\ncpu0 1 0 0 99 0 0 0 0\ncpu1 0 0 0 100 0 0 0 0\n");
        root.write("proc/self/task/7/schedstat", "1000 500 3\n");
        let cpus: Cpus = [0, 1].into_iter().collect();
        let watch = Watch::start_under(root.0.path(), Some(cpus));
        assert_eq!(watch.end(), Watched { throttled: Some(0), steal: None, waited: None });
        assert!(watch.end().flags().is_empty());
        root.throttles(1, 5, 5);
        root.write("proc/stat", "cpu0 91 0 0 99 0 0 0 10\ncpu1 0 0 0 200 0 0 0 0\n");
        root.write("proc/self/task/7/schedstat", "1800 550 9\n");
        root.write("proc/self/task/8/schedstat", "100 50 1\n");
        let watched = watch.end();
        assert_eq!(watched, Watched { throttled: Some(1), steal: Some(0.05), waited: Some(0.1) });
        assert_eq!(watched.flags(), [Flag::Throttled, Flag::Noisy]);
    }

    /// What is within the limit raises no doubt; what is not visible neither.
    #[test]
    fn limits() {
        let within = Watched { throttled: Some(0), steal: Some(LIMIT), waited: Some(LIMIT) };
        assert!(within.flags().is_empty());
        let waited = Watched { waited: Some(2.0 * LIMIT), ..within };
        assert_eq!(waited.flags(), [Flag::Noisy]);
        let nothing = Watch::start_under(Root::new().0.path(), None).end();
        assert_eq!((nothing, nothing.flags()), (Watched::default(), Vec::new()));
    }

    /// A package's count is counted once, however many processors show it.
    #[test]
    fn packages_count_once() {
        let root = Root::new();
        root.write("sys/devices/system/cpu/online", "0-1\n");
        assert_eq!(Throttles::read(root.0.path(), None), None);
        root.throttles(0, 3, 5);
        root.throttles(1, 4, 5);
        assert_eq!(Throttles::read(root.0.path(), None), Some(Throttles { core: 7, package: 5 }));
    }

    /// On this machine a watch sees its own thread run.
    #[test]
    fn this_process_is_seen() {
        let watch = Watch::start();
        let began = std::time::Instant::now();
        while began.elapsed().as_millis() < 30 {}
        let watched = watch.end();
        if Path::new("/proc/self/schedstat").exists() {
            assert!(watched.waited.is_some_and(|share| (0.0..=1.0).contains(&share)), "{watched:?}");
        }
    }
}
