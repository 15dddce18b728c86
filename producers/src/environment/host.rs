//! Processor, memory, kernel and container, from sysfs and procfs.

use super::{Facts, Topology, parse_cpu_list, read_text, read_u64};
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
    let no_turbo = read_u64(&cpu.join("intel_pstate/no_turbo")).map(|off| off == 0);
    let turbo = no_turbo.or_else(|| read_u64(&cpu.join("cpufreq/boost")).map(|on| on != 0));
    facts.put("cpu.turbo", turbo.map(|on| if on { "on" } else { "off" }));
    facts.put("cpu.smt", read_u64(&cpu.join("smt/active")).map(|on| if on != 0 { "on" } else { "off" }));
    let nodes = read_text(&root.join("sys/devices/system/node/online"));
    facts.put("numa.nodes", nodes.map(|list| parse_cpu_list(&list).len()));
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
    facts.put("container.cpus", read_text(&group.join("cpu.max")).and_then(|limit| cpu_limit(&limit)));
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

/// `150000 100000`: processors that a cgroup may use, quota over period; `None` for `max`.
fn cpu_limit(limit: &str) -> Option<f64> {
    let (quota, period) = limit.split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.trim().parse().ok()?);
    (period > 0.0).then(|| quota / period)
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
}
