//! Binding memory to a NUMA node.
#![expect(unsafe_code, reason = "one system call that no library wraps")]

use super::{Cpus, PlacementError};
use crate::environment::read_text;
use std::{io, path::Path};

/// Bits of the mask of nodes that the kernel gets: as many as it can be built for.
const NODES: usize = 1024;
const WORD: usize = u64::BITS as usize;

/// The processors of `node`; none, of a node of memory alone.
pub(super) fn cpus(root: &Path, node: u32) -> Result<Cpus, PlacementError> {
    let folder = root.join("sys/devices/system/node");
    let nodes = read_text(&folder.join("online")).ok_or(PlacementError::NoNuma { node })?;
    let nodes = Cpus::of_kernel(&nodes);
    if !usize::try_from(node).is_ok_and(|node| nodes.contains(node)) {
        return Err(PlacementError::NoSuchNode { node, nodes });
    }
    let list = read_text(&folder.join(format!("node{node}/cpulist"))).unwrap_or_default();
    Ok(Cpus::of_kernel(&list))
}

/// Lets the calling thread, and all that it starts later, allocate memory of `node` alone.
pub(super) fn bind(node: u32) -> Result<(), PlacementError> {
    let mut mask = [0_u64; NODES / WORD];
    let index = usize::try_from(node).unwrap_or(usize::MAX);
    if let Some(word) = mask.get_mut(index / WORD) {
        *word |= 1 << (index % WORD);
    }
    // A node beyond the mask leaves it empty, which the kernel refuses as it does an absent node.
    set_policy(&mask).map_err(|error| PlacementError::Memory { node, problem: problem(&error) })
}

#[cfg(target_os = "linux")]
fn set_policy(mask: &[u64; NODES / WORD]) -> io::Result<()> {
    // The kernel takes one bit less than it is told (man 2 set_mempolicy, "BUGS").
    // SAFETY: the mask is live and of the length that is told; the kernel only reads it.
    let done = unsafe { libc::syscall(libc::SYS_set_mempolicy, libc::MPOL_BIND, mask.as_ptr(), NODES + 1) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn set_policy(_mask: &[u64; NODES / WORD]) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}

/// What the kernel's refusal means, and what to do.
fn problem(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOSYS) => "this kernel is built without NUMA: measure without --numa".into(),
        Some(libc::EPERM) => {
            "a container's profile forbids binding memory: give it CAP_SYS_NICE, or measure without --numa".into()
        }
        Some(libc::EINVAL) => {
            "memory of this node is not for this process (`Mems_allowed_list` in /proc/self/status), or there is none".into()
        }
        _ => format!("the kernel refuses to bind memory: {error}; measure without --numa"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Two nodes written as files, the second of memory alone; absent nodes and no nodes are told.
    #[test]
    fn nodes_are_known_or_refused() {
        let root = tempfile::tempdir().expect("a folder");
        let refused = |node| cpus(root.path(), node).expect_err("refused").to_string();
        assert!(refused(0).starts_with("--numa 0: this kernel shows no NUMA nodes"));
        let folder = root.path().join("sys/devices/system/node");
        for (name, list) in [("node0", "0-3,8-11\n"), ("node1", "\n")] {
            fs::create_dir_all(folder.join(name)).expect("a folder");
            fs::write(folder.join(name).join("cpulist"), list).expect("a file");
        }
        fs::write(folder.join("online"), "0-1\n").expect("a file");
        assert_eq!(cpus(root.path(), 0), Ok(Cpus::of_kernel("0-3,8-11")));
        assert_eq!(cpus(root.path(), 1), Ok(Cpus::default()));
        assert_eq!(refused(7), "--numa 7: no such node: this machine has 0,1");
    }

    /// Each refusal of the kernel says what it means.
    #[test]
    fn refusals_are_explained() {
        let text = |code| problem(&io::Error::from_raw_os_error(code));
        assert!(text(libc::ENOSYS).contains("built without NUMA"));
        assert!(text(libc::EPERM).contains("CAP_SYS_NICE"));
        assert!(text(libc::EINVAL).contains("Mems_allowed_list"));
        assert!(text(libc::EIO).contains("refuses to bind memory"));
    }

    /// The kernel binds to a node that is there, and refuses one that is not.
    #[test]
    fn the_kernel_decides() {
        std::thread::spawn(|| {
            let refused = bind(1000).expect_err("no machine has that many nodes").to_string();
            assert!(refused.starts_with("--numa 1000: "), "{refused}");
            assert!(matches!(bind(5000), Err(PlacementError::Memory { node: 5000, .. })));
            match bind(0) {
                Ok(()) => {}
                Err(refused) => eprintln!("skipped: memory cannot be bound here ({refused})"),
            }
        })
        .join()
        .expect("no panic");
    }
}
