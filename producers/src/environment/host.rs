//! Processor, memory, kernel and container, from sysfs and procfs.

use super::{Facts, Topology, parse_cpu_list, read_text, read_u64};
use crate::machine::{Throttles, Ticks, numa_balancing, turbo};
use std::{fs::File, io::Read, path::Path};

/// Instruction sets that decide which kernels run.
const FLAGS: [&str; 14] = [
    "sse4_2",
    "avx",
    "f16c",
    "fma",
    "avx2",
    "avx512f",
    "avx512_bf16",
    "avx512_fp16",
    "avx512_vnni",
    "amx_tile",
    "amx_bf16",
    "asimd",
    "sve",
    "sve2",
];

/// The processor and how it is clocked.
pub(super) fn processor(facts: &mut Facts, root: &Path) {
    let info = cpuinfo(root);
    let field = |key: &str| cpuinfo_field(&info, key);
    let cpu = root.join("sys/devices/system/cpu");
    facts.put("cpu.model", field("model name").or_else(|| field("CPU part")));
    facts.put("cpu.microcode", field("microcode"));
    if let Some(flags) = field("flags").or_else(|| field("Features")) {
        let found: Vec<&str> = flags.split_whitespace().filter(|flag| FLAGS.contains(flag)).collect();
        facts.put("cpu.flags", Some(found.join(" ")));
        if flags.split_whitespace().any(|flag| flag == "hypervisor") {
            let product = read_text(&root.join("sys/class/dmi/id/product_name"));
            facts.put("virtualization", Some(product.unwrap_or_else(|| "hypervisor".into())));
        }
    }
    let online = read_text(&cpu.join("online")).map(|list| parse_cpu_list(&list).len());
    facts.put("cpu.threads", online);
    facts.put("cpu.governor", read_text(&cpu.join("cpu0/cpufreq/scaling_governor")));
    facts.put(
        "cpu.frequency.max",
        read_u64(&cpu.join("cpu0/cpufreq/cpuinfo_max_freq")).map(|khz| khz * 1_000),
    );
    facts.put("cpu.driver", read_text(&cpu.join("cpu0/cpufreq/scaling_driver")));
    facts.put("cpu.turbo", turbo(root).map(on_off));
    facts.put("cpu.smt", read_u64(&cpu.join("smt/active")).map(|on| on_off(on != 0)));
    facts.put("cpu.isolated", read_text(&cpu.join("isolated")));
    // Without the boot option the kernel prints a null pointer.
    facts.put("cpu.nohz_full", read_text(&cpu.join("nohz_full")).filter(|list| list != "(null)"));
    facts.put("cpu.affinity", text_after(root, "proc/self/status", "Cpus_allowed_list:"));
}

const fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// What follows `key` on its line of a file.
fn text_after(root: &Path, path: &str, key: &str) -> Option<String> {
    let text = read_text(&root.join(path))?;
    text.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned())
}

/// The nodes of memory, and the processors of each.
pub(super) fn numa(facts: &mut Facts, root: &Path) {
    let folder = root.join("sys/devices/system/node");
    let nodes = read_text(&folder.join("online")).map(|list| parse_cpu_list(&list));
    facts.put("numa.nodes", nodes.as_ref().map(Vec::len));
    for node in nodes.unwrap_or_default() {
        let cpus = read_text(&folder.join(format!("node{node}/cpulist")));
        facts.put(&format!("numa.cpus.{node}"), cpus);
    }
    facts.put("numa.balancing", numa_balancing(root).map(on_off));
}

/// Heat, and time that a hypervisor gave to others: both since boot.
pub(super) fn condition(facts: &mut Facts, root: &Path) {
    facts.put("thermal.max", hottest(root).map(|kelvin| format!("{kelvin:.2}")));
    let throttles = Throttles::read(root, None);
    facts.put("thermal.throttled.core", throttles.map(|throttles| throttles.core));
    facts.put("thermal.throttled.package", throttles.map(|throttles| throttles.package));
    let steal = Ticks::read(root, None).and_then(|ticks| ticks.steal_since(Ticks::default()));
    facts.put("cpu.steal", steal.map(|share| format!("{share:.5}")));
}

/// The temperature of the hottest zone, in kelvin.
#[expect(clippy::cast_precision_loss, reason = "thousandths of a degree")]
fn hottest(root: &Path) -> Option<f64> {
    let zones = std::fs::read_dir(root.join("sys/class/thermal")).ok()?.filter_map(Result::ok);
    let zones = zones.filter(|zone| zone.file_name().to_string_lossy().starts_with("thermal_zone"));
    // Thousandths of a degree Celsius, below zero too.
    let temperatures = zones.filter_map(|zone| read_text(&zone.path().join("temp"))?.parse::<i64>().ok());
    temperatures.max().map(|millicelsius| millicelsius as f64 / 1e3 + 273.15)
}

/// Caches and memory, in bytes.
pub(super) fn memory(facts: &mut Facts, topology: &Topology) {
    facts.put("cpu.cores", topology.cores);
    facts.put("cpu.usable", Some(topology.cpus));
    facts.put("cache.l1d", topology.l1d);
    facts.put("cache.l2", topology.l2);
    facts.put("cache.l3", topology.l3);
    facts.put("memory.total", Some(topology.memory_total).filter(|bytes| *bytes > 0));
}

/// Kernel and operating system, with the settings that timing depends on.
pub(super) fn system(facts: &mut Facts, root: &Path) {
    let text = |path: &str| read_text(&root.join(path));
    facts.put("node", text("proc/sys/kernel/hostname"));
    facts.put("kernel", text("proc/sys/kernel/osrelease"));
    facts.put("os", text("etc/os-release").and_then(|release| os_name(&release)));
    facts.put("load.1m", text("proc/loadavg").and_then(|load| load.split(' ').next().map(str::to_owned)));
    let clock = text("sys/devices/system/clocksource/clocksource0/current_clocksource");
    facts.put("kernel.clocksource", clock);
    let aslr =
        text("proc/sys/kernel/randomize_va_space").map(|level| if level == "0" { "off" } else { "on" });
    facts.put("kernel.aslr", aslr);
    let pages = text("sys/kernel/mm/transparent_hugepage/enabled");
    facts.put("kernel.hugepages", pages.and_then(|choice| chosen(&choice)));
}

/// What limits a container, if this is one.
pub(super) fn container(facts: &mut Facts, root: &Path) {
    let group = root.join("sys/fs/cgroup");
    let limit = read_text(&group.join("cpu.max")).or_else(|| {
        // Of version 1, where no limit is −1.
        let number = |name: &str| read_text(&group.join("cpu").join(name));
        Some(format!("{} {}", number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?))
    });
    facts.put("container.cpus", limit.and_then(|limit| cpu_limit(&limit)));
    facts.put("container.memory", read_u64(&group.join("memory.max")));
}

/// The name of the file that the command `name` is a link to, such as `gcc-12`: its version without
/// running it.
pub(super) fn compiler(name: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())?;
    let target = std::fs::canonicalize(found).ok()?;
    target.file_name().map(|name| name.to_string_lossy().into_owned())
}

/// The beginning of `/proc/cpuinfo`: the first processor stands for all, and where there are
/// hundreds, the kernel takes long to write the rest.
fn cpuinfo(root: &Path) -> String {
    let mut start = Vec::new();
    if let Ok(file) = File::open(root.join("proc/cpuinfo")) {
        // What cannot be read stays unknown.
        let _ = file.take(8_192).read_to_end(&mut start);
    }
    String::from_utf8_lossy(&start).into_owned()
}

fn cpuinfo_field(info: &str, key: &str) -> Option<String> {
    info.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

fn os_name(release: &str) -> Option<String> {
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

/// `always [madvise] never`: the word in brackets.
fn chosen(choice: &str) -> Option<String> {
    let (_, rest) = choice.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// `150000 100000`: processors that a cgroup may use, quota over period; `None` for `max` and
/// −1.
fn cpu_limit(limit: &str) -> Option<f64> {
    let (quota, period) = limit.split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.trim().parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files' formats, as kernels write them.
    #[test]
    fn formats() {
        let info = "processor\t: 0\nmodel name\t: A CPU @ 2GHz\nflags\t\t: fpu fma avx2 hypervisor\n";
        assert_eq!(cpuinfo_field(info, "model name").as_deref(), Some("A CPU @ 2GHz"));
        assert_eq!(cpuinfo_field(info, "model"), None);
        assert_eq!(os_name("NAME=x\nPRETTY_NAME=\"Debian 12\"\n").as_deref(), Some("Debian 12"));
        assert_eq!(chosen("always [madvise] never").as_deref(), Some("madvise"));
        assert_eq!(cpu_limit("150000 100000"), Some(1.5));
        assert_eq!(cpu_limit("max 100000"), None);
        assert_eq!(cpu_limit("-1 100000"), None);
    }

    /// A machine written as files; what is not there is left out.
    #[test]
    fn reads_a_fixture() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        write("proc/cpuinfo", "model name\t: A CPU\nflags\t: fpu fma hypervisor avx2\n");
        write("sys/devices/system/cpu/online", "0-7\n");
        write("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
        write("sys/fs/cgroup/cpu.max", "200000 100000\n");
        let mut facts = Facts::default();
        processor(&mut facts, root.path());
        container(&mut facts, root.path());
        let found: Vec<_> = facts.0.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let expected = [
            ("container.cpus", "2"),
            ("cpu.flags", "fma avx2"),
            ("cpu.model", "A CPU"),
            ("cpu.threads", "8"),
            ("cpu.turbo", "off"),
            ("virtualization", "hypervisor"),
        ];
        assert_eq!(found, expected);
    }

    /// Two nodes, two zones, two processors that were throttled, a limit of cgroup version 1.
    #[test]
    fn reads_the_condition() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        let found = || {
            let mut facts = Facts::default();
            processor(&mut facts, root.path());
            numa(&mut facts, root.path());
            condition(&mut facts, root.path());
            container(&mut facts, root.path());
            facts.0.into_iter().map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>()
        };
        assert_eq!(found(), [""; 0], "nothing is guessed");
        write("sys/devices/system/cpu/online", "0,1\n");
        write("sys/devices/system/cpu/isolated", "1\n");
        write("sys/devices/system/cpu/nohz_full", "(null)\n");
        write("sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "intel_pstate\n");
        write("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "2\n");
        write("sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "3\n");
        write("sys/devices/system/node/online", "0-1\n");
        write("sys/devices/system/node/node0/cpulist", "0-1\n");
        write("sys/devices/system/node/node1/cpulist", "\n");
        write("proc/sys/kernel/numa_balancing", "1\n");
        write("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-1\n");
        write("proc/stat", "cpu  10 0 10 70 0 0 0 10 0 0\n");
        write("sys/class/thermal/thermal_zone0/temp", "-1000\n");
        write("sys/class/thermal/thermal_zone1/temp", "51500\n");
        write("sys/class/thermal/cooling_device0/temp", "99000\n");
        write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n");
        write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
        let expected = [
            "container.cpus 1.5",
            "cpu.affinity 0-1",
            "cpu.driver intel_pstate",
            "cpu.isolated 1",
            "cpu.steal 0.10000",
            "cpu.threads 2",
            "numa.balancing on",
            "numa.cpus.0 0-1",
            "numa.nodes 2",
            "thermal.max 324.65",
            "thermal.throttled.core 5",
            "thermal.throttled.package 0",
        ];
        assert_eq!(found(), expected);
        write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
        assert!(!found().iter().any(|fact| fact.starts_with("container")));
    }
}
