//! Which processor this is: its own events have numbers that mean something on it alone.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

/// Who made the processor, as far as its events are known here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Vendor {
    Intel,
    Amd,
    #[default]
    Other,
}

/// What decides which events a processor has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Processor {
    pub(super) vendor: Vendor,
    pub(super) family: u32,
    pub(super) model: u32,
    /// Whether it is a virtual machine's.
    pub(super) hypervisor: bool,
    /// Whether its cores are of two kinds, whose events differ.
    pub(super) hybrid: bool,
    /// Whether it has vectors of 512 bits.
    pub(super) avx512: bool,
}

impl Processor {
    /// Reads what the kernel says under `root`; what it does not say is left as it is by default.
    pub(super) fn read(root: &Path) -> Self {
        let mut start = Vec::new();
        if let Ok(file) = File::open(root.join("proc/cpuinfo")) {
            // The first processor stands for all; what cannot be read stays unknown.
            let _ = file.take(8_192).read_to_end(&mut start);
        }
        let text = String::from_utf8_lossy(&start);
        let field = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(key, _)| key.trim() == name).map_or("", |(_, value)| value.trim())
        };
        let flag = |name: &str| field("flags").split_whitespace().any(|flag| flag == name);
        Self {
            vendor: match field("vendor_id") {
                "GenuineIntel" => Vendor::Intel,
                "AuthenticAMD" => Vendor::Amd,
                _ => Vendor::Other,
            },
            family: field("cpu family").parse().unwrap_or(0),
            model: field("model").parse().unwrap_or(0),
            hypervisor: flag("hypervisor"),
            // The kernel names the units of a hybrid processor `cpu_core` and `cpu_atom`.
            hybrid: fs::exists(root.join("sys/bus/event_source/devices/cpu_core")).unwrap_or(false),
            avx512: flag("avx512f"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's text is read: `model` is not `model name`, and nothing is known of nothing.
    #[test]
    fn reads_the_kernels_text() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(Processor::read(root.path()), Processor::default());
        fs::create_dir_all(root.path().join("proc")).expect("a folder");
        let text = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n\
                    model name\t: AMD EPYC\nflags\t\t: fpu hypervisor avx512f\n";
        fs::write(root.path().join("proc/cpuinfo"), text).expect("a file");
        let expected = Processor {
            vendor: Vendor::Amd,
            family: 25,
            model: 17,
            hypervisor: true,
            hybrid: false,
            avx512: true,
        };
        assert_eq!(Processor::read(root.path()), expected);
        let units = root.path().join("sys/bus/event_source/devices/cpu_core");
        fs::create_dir_all(units).expect("a folder");
        assert!(Processor::read(root.path()).hybrid);
    }
}
