//! Caches, processors and memory of this machine, as far as sizes of benchmarks depend on them.

use super::{parse_cpu_list, read_text, read_u64};
use std::{collections::BTreeMap, path::Path};

/// Caches, processors and memory of this machine. Unknown things are `None` or 0, never guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// Processors that this process may use (affinity and cgroup quota respected); at least 1.
    pub cpus: usize,
    /// Physical cores of the machine.
    pub cores: Option<usize>,
    /// Level-1 data cache of one core, in bytes.
    pub l1d: Option<u64>,
    /// Level-2 cache of one core, in bytes.
    pub l2: Option<u64>,
    /// Level-3 cache shared by the cores around processor 0, in bytes, as the machine claims.
    pub l3: Option<u64>,
    /// Memory installed, in bytes.
    pub memory_total: u64,
    /// Memory that can be used without swapping, in bytes; the cgroup's limit respected.
    pub memory_available: u64,
}

impl Topology {
    /// Reads sysfs and procfs.
    #[must_use]
    pub fn read() -> Self {
        Self::read_under(Path::new("/"))
    }

    /// Reads sysfs and procfs under another root; for tests.
    #[must_use]
    pub fn read_under(root: &Path) -> Self {
        let meminfo = read_text(&root.join("proc/meminfo")).unwrap_or_default();
        let limit = read_u64(&root.join("sys/fs/cgroup/memory.max")).unwrap_or(u64::MAX);
        let used = read_u64(&root.join("sys/fs/cgroup/memory.current")).unwrap_or(0);
        let cache = |level, kind| cache_bytes(root, level, kind);
        Self {
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            cores: core_count(root),
            l1d: cache(1, "Data"),
            l2: cache(2, "Unified"),
            l3: cache(3, "Unified"),
            memory_total: meminfo_bytes(&meminfo, "MemTotal").unwrap_or(0),
            memory_available: meminfo_bytes(&meminfo, "MemAvailable")
                .unwrap_or(0)
                .min(limit.saturating_sub(used)),
        }
    }

    /// The largest cache, in bytes.
    #[must_use]
    pub fn last_level(&self) -> Option<u64> {
        self.l3.or(self.l2).or(self.l1d)
    }
}

/// The size of processor 0's cache of `level` and `kind`.
fn cache_bytes(root: &Path, level: u64, kind: &str) -> Option<u64> {
    let folder = root.join("sys/devices/system/cpu/cpu0/cache");
    (0..8).map(|i| folder.join(format!("index{i}"))).find_map(|index| {
        let matches = read_u64(&index.join("level")) == Some(level)
            && read_text(&index.join("type")).is_some_and(|found| found == kind);
        matches.then(|| parse_size(&read_text(&index.join("size"))?)).flatten()
    })
}

/// `48K`, `2M`, `1024`: sysfs's sizes, in bytes.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, factor) = match text.chars().last()? {
        'K' => (&text[..text.len() - 1], 1 << 10),
        'M' => (&text[..text.len() - 1], 1 << 20),
        'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// The value of a line such as `MemTotal:  1024 kB`, in bytes.
fn meminfo_bytes(meminfo: &str, key: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Distinct pairs of package and core among the processors online.
fn core_count(root: &Path) -> Option<usize> {
    let folder = root.join("sys/devices/system/cpu");
    let online = parse_cpu_list(&read_text(&folder.join("online"))?);
    let cores: BTreeMap<(u64, u64), ()> = online
        .into_iter()
        .filter_map(|cpu| {
            let topology = folder.join(format!("cpu{cpu}/topology"));
            let package = read_u64(&topology.join("physical_package_id"))?;
            Some(((package, read_u64(&topology.join("core_id"))?), ()))
        })
        .collect();
    (!cores.is_empty()).then_some(cores.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Sizes are read as sysfs writes them; nonsense is unknown.
    #[test]
    fn sizes() {
        assert_eq!(parse_size("48K\n"), Some(49_152));
        assert_eq!(parse_size("266240K"), Some(272_629_760));
        assert_eq!(parse_size("2M"), Some(2_097_152));
        assert_eq!(parse_size("big"), None);
        assert_eq!(parse_size(""), None);
    }

    /// A machine with two hyper-threaded cores, written as files.
    #[test]
    fn reads_a_fixture() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write("proc/meminfo", "MemTotal:       16384000 kB\nMemFree: 1 kB\nMemAvailable:    8192000 kB\n");
        write("sys/devices/system/cpu/online", "0-3\n");
        for cpu in 0..4 {
            write(&format!("sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id"), "0\n");
            write(&format!("sys/devices/system/cpu/cpu{cpu}/topology/core_id"), &format!("{}\n", cpu % 2));
        }
        let caches = [
            ("1", "Data", "32K"),
            ("1", "Instruction", "64K"),
            ("2", "Unified", "1M"),
            ("3", "Unified", "8M"),
        ];
        for (index, (level, kind, size)) in caches.into_iter().enumerate() {
            let folder = format!("sys/devices/system/cpu/cpu0/cache/index{index}");
            write(&format!("{folder}/level"), level);
            write(&format!("{folder}/type"), kind);
            write(&format!("{folder}/size"), size);
        }
        let found = Topology::read_under(root.path());
        assert_eq!((found.l1d, found.l2, found.l3), (Some(32 << 10), Some(1 << 20), Some(8 << 20)));
        assert_eq!((found.cores, found.last_level()), (Some(2), Some(8 << 20)));
        assert_eq!((found.memory_total, found.memory_available), (16_384_000 << 10, 8_192_000 << 10));
        write("sys/fs/cgroup/memory.max", "1073741824\n");
        write("sys/fs/cgroup/memory.current", "73741824\n");
        assert_eq!(Topology::read_under(root.path()).memory_available, 1_000_000_000);
    }
}
