//! Numbers of the kernel that timing depends on.

use super::{Setting, knob::Knob};
use crate::environment::read_u64;
use std::path::Path;

/// A number of the kernel under `/proc/sys`.
pub(super) struct Sysctl {
    name: &'static str,
    pub(super) path: &'static str,
    pub(super) to: &'static str,
    accepts: fn(i64) -> bool,
    shown: fn(&str) -> String,
    wanted: &'static str,
    why: &'static str,
}

pub(super) const SYSCTLS: [Sysctl; 4] = [
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

/// A setting for each of them.
pub(super) fn settings(root: &Path) -> impl Iterator<Item = Setting> {
    SYSCTLS.iter().map(|sysctl| of_sysctl(root, sysctl))
}

fn of_sysctl(root: &Path, sysctl: &Sysctl) -> Setting {
    let Sysctl { name, path, to, accepts, shown, wanted, why } = *sysctl;
    let knob = Knob { name, files: vec![root.join(path)], looked_for: path, to, wanted, why };
    knob.setting(|value| value.parse().is_ok_and(accepts), shown)
}

/// Whether the kernel balances pages over NUMA nodes; `None` where that is not visible.
pub(crate) fn numa_balancing(root: &Path) -> Option<bool> {
    read_u64(&root.join("proc/sys/kernel/numa_balancing")).map(|level| level != 0)
}
