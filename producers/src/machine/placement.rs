//! Where a session runs: its processors, and the memory that it allocates from.

use super::{Cpus, CpusError, numa, pin};
use std::{path::Path, thread};

/// Where a session runs: `--pin` and `--numa`. Both hold for the thread that applies them and for
/// every thread and process that it starts later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    cpus: Option<Cpus>,
    node: Option<u32>,
}

/// Why a session cannot run where it was told to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// The list of processors.
    #[error("--pin: {0}")]
    List(#[from] CpusError),
    /// Processors that the machine does not have.
    #[error("--pin {cpus}: no such processor: this machine has {present}")]
    NoSuchCpu {
        /// Those that are not there.
        cpus: Cpus,
        /// Those that are.
        present: Cpus,
    },
    /// Processors that are switched off.
    #[error("--pin {cpus}: offline: choose of {online}, or write 1 to /sys/devices/system/cpu/cpu{first}/online", first = cpus.iter().next().unwrap_or_default())]
    Offline {
        /// Those that are off.
        cpus: Cpus,
        /// Those that are on.
        online: Cpus,
    },
    /// Processors that this process may not use.
    #[error(
        "--pin {cpus}: not for this process: its cpuset (a container's, or a service's) allows {allowed}"
    )]
    NotAllowed {
        /// Those that were asked for.
        cpus: Cpus,
        /// Those that it may use.
        allowed: Cpus,
    },
    /// The system refuses to pin at all.
    #[error("--pin {cpus}: the system refuses: {problem}; measure without --pin")]
    NoPinning {
        /// Those that were asked for.
        cpus: Cpus,
        /// What the system said.
        problem: String,
    },
    /// The kernel tells of no nodes.
    #[error(
        "--numa {node}: this kernel shows no NUMA nodes (/sys/devices/system/node is not there): measure without --numa"
    )]
    NoNuma {
        /// The node that was asked for.
        node: u32,
    },
    /// A node that the machine does not have.
    #[error("--numa {node}: no such node: this machine has {nodes}")]
    NoSuchNode {
        /// The node that was asked for.
        node: u32,
        /// Those that are there.
        nodes: Cpus,
    },
    /// None of the node's processors is for this process.
    #[error(
        "--numa {node}: none of its processors {cpus} is for this process, which may use {allowed}: choose processors with --pin"
    )]
    NodeNotAllowed {
        /// The node that was asked for.
        node: u32,
        /// Its processors.
        cpus: Cpus,
        /// Those that the process may use.
        allowed: Cpus,
    },
    /// The kernel does not bind memory.
    #[error("--numa {node}: {problem}")]
    Memory {
        /// The node that was asked for.
        node: u32,
        /// Why, and what to do.
        problem: String,
    },
}

impl Placement {
    /// Processors as in `0-3,8`, and the number of a NUMA node; `None` leaves each as it is.
    ///
    /// # Errors
    /// [`PlacementError::List`] if `pin` is no list.
    pub fn new(pin: Option<&str>, numa: Option<u32>) -> Result<Self, PlacementError> {
        Ok(Self { cpus: pin.map(str::parse).transpose()?, node: numa })
    }

    /// Puts the calling thread there, and all that it starts later. With a node alone, the processors
    /// are the node's, as far as this process may use them.
    ///
    /// # Errors
    /// [`PlacementError`], which names what is possible.
    pub fn apply(&self) -> Result<(), PlacementError> {
        let root = Path::new("/");
        let of_node = self.node.map(|node| numa::cpus(root, node)).transpose()?;
        match (&self.cpus, self.node, of_node) {
            (Some(cpus), _, _) => pin::pin(root, cpus)?,
            (None, Some(node), Some(cpus)) => pin::pin_to_node(node, &cpus)?,
            _ => {}
        }
        self.node.map_or(Ok(()), numa::bind)
    }

    /// Tries it on a thread of its own, so that a refusal is known before anything is started, and
    /// tells the processors that a session would run on.
    ///
    /// # Errors
    /// As of [`Placement::apply`].
    pub fn try_out(&self) -> Result<Cpus, PlacementError> {
        let tried = thread::scope(|scope| {
            scope.spawn(|| self.apply().map(|()| Cpus::allowed().unwrap_or_default())).join()
        });
        tried.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
