//! Pinning to processors. The kernel silently leaves out what a cpuset does not allow: what was set
//! is read back, and less than what was asked for is a refusal.

use super::{Cpus, PlacementError};
use crate::environment::read_text;
use rustix::{
    io,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use std::path::Path;

/// Lets the calling thread run on `cpus` alone.
pub(super) fn pin(root: &Path, cpus: &Cpus) -> Result<(), PlacementError> {
    set_exactly(cpus).map_err(|problem| {
        let list = |name: &str| {
            let text = read_text(&root.join("sys/devices/system/cpu").join(name));
            text.map(|text| Cpus::of_kernel(&text))
        };
        refusal(cpus, list("present"), list("online"), most(), problem)
    })
}

/// Lets the calling thread run on those of a node's processors that this process may use.
pub(super) fn pin_to_node(node: u32, cpus: &Cpus) -> Result<(), PlacementError> {
    // A node of memory alone has none: the processors stay as they are.
    if cpus.is_empty() {
        return Ok(());
    }
    let refused = |problem: io::Errno| PlacementError::Memory {
        node,
        problem: format!("its processors {cpus} cannot be pinned to: {problem}; choose some with --pin"),
    };
    let allowed = Cpus::of_mask(&sched_getaffinity(None).map_err(refused)?);
    let shared = cpus.shared_with(&allowed);
    if shared.is_empty() {
        return Err(PlacementError::NodeNotAllowed { node, cpus: cpus.clone(), allowed });
    }
    set_exactly(&shared).map_err(|problem| refused(problem.unwrap_or(io::Errno::INVAL)))
}

/// Sets the affinity, and takes it back where not all of it was granted. The error is `None` where
/// the kernel granted less without an error of its own.
fn set_exactly(cpus: &Cpus) -> Result<(), Option<io::Errno>> {
    let before = sched_getaffinity(None)?;
    sched_setaffinity(None, &cpus.mask())?;
    if Cpus::of_mask(&sched_getaffinity(None)?) == *cpus {
        return Ok(());
    }
    sched_setaffinity(None, &before)?;
    Err(None)
}

/// All that this process may use: asked for every processor, the kernel grants what it allows.
fn most() -> Option<Cpus> {
    let before = sched_getaffinity(None).ok()?;
    let every: Cpus = (0..CpuSet::MAX_CPU).collect();
    sched_setaffinity(None, &every.mask()).ok()?;
    let granted = sched_getaffinity(None).ok();
    sched_setaffinity(None, &before).ok()?;
    granted.map(|granted| Cpus::of_mask(&granted))
}

/// Why `cpus` were refused, from what is there (`present`), what is on (`online`) and what this
/// process may use (`allowed`); each `None` where that is not visible.
fn refusal(
    cpus: &Cpus,
    present: Option<Cpus>,
    online: Option<Cpus>,
    allowed: Option<Cpus>,
    problem: Option<io::Errno>,
) -> PlacementError {
    let missing = |known: &Cpus| Some(cpus.without(known)).filter(|missing| !missing.is_empty());
    if let Some((present, cpus)) = present.and_then(|all| missing(&all).map(|cpus| (all, cpus))) {
        return PlacementError::NoSuchCpu { cpus, present };
    }
    if let Some((online, cpus)) = online.and_then(|all| missing(&all).map(|cpus| (all, cpus))) {
        return PlacementError::Offline { cpus, online };
    }
    if let Some((allowed, cpus)) = allowed.and_then(|all| missing(&all).map(|cpus| (all, cpus))) {
        return PlacementError::NotAllowed { cpus, allowed };
    }
    let problem = problem.map_or_else(|| "it granted less than was asked for".into(), |e| e.to_string());
    PlacementError::NoPinning { cpus: cpus.clone(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(text: &str) -> Cpus {
        text.parse().expect("a list")
    }

    /// Each refusal says which processors are meant, and which are possible.
    #[test]
    fn refusals_are_explained() {
        let text = |wanted: &str, present: Option<&str>, online: Option<&str>, allowed: Option<&str>| {
            let known = |list: Option<&str>| list.map(cpus);
            let invalid = Some(io::Errno::INVAL);
            refusal(&cpus(wanted), known(present), known(online), known(allowed), invalid).to_string()
        };
        assert_eq!(
            text("2,9", Some("0-7"), Some("0-7"), Some("0-7")),
            "--pin 9: no such processor: this machine has 0-7"
        );
        assert_eq!(
            text("2-4", Some("0-7"), Some("0-2,5-7"), Some("0-2,5-7")),
            "--pin 3,4: offline: choose of 0-2,5-7, or write 1 to /sys/devices/system/cpu/cpu3/online"
        );
        assert_eq!(
            text("0-3", Some("0-7"), Some("0-7"), Some("2,3")),
            "--pin 0,1: not for this process: its cpuset (a container's, or a service's) allows 2,3"
        );
        assert_eq!(
            text("9", None, None, Some("0,1")),
            "--pin 9: not for this process: its cpuset (a container's, or a service's) allows 0,1"
        );
        let refused = text("1", None, None, None);
        assert!(refused.starts_with("--pin 1: the system refuses: ") && refused.ends_with("without --pin"));
    }

    /// A thread that is pinned runs where it was told; a refusal leaves it as it was.
    #[test]
    fn pinning_is_exact_or_refused() {
        std::thread::spawn(|| {
            let all = Cpus::allowed().expect("an affinity");
            let first: Cpus = all.iter().take(1).collect();
            pin(Path::new("/"), &first).expect("allowed");
            assert_eq!(Cpus::allowed().expect("an affinity"), first);
            assert!(most().is_some_and(|most| all.without(&most).is_empty()));
            let beyond: Cpus = first.iter().chain([1023]).collect();
            let refused = pin(Path::new("/"), &beyond).expect_err("no machine has that many");
            assert!(refused.to_string().contains("--pin 1023: "), "{refused}");
            assert_eq!(Cpus::allowed().expect("an affinity"), first);
        })
        .join()
        .expect("no panic");
    }

    /// A node without any processor for this process is refused; one of memory alone changes nothing.
    #[test]
    fn nodes_need_a_processor() {
        let refused = pin_to_node(1, &cpus("1023")).expect_err("not allowed").to_string();
        assert!(
            refused.starts_with("--numa 1: none of its processors 1023 is for this process"),
            "{refused}"
        );
        assert_eq!(pin_to_node(1, &Cpus::default()), Ok(()));
    }
}
