//! Emptied caches: a read of more memory than all of them hold.
//!
//! Deliberately not `clflush`: it would have to be told every address of a workload, the C library's
//! included, and not every processor has it.

use crate::environment::Topology;
use std::hint::black_box;

/// Most bytes that are read: a gigabyte takes a tenth of a second.
const MOST: u64 = 1 << 30;
/// Words in a cache line of 64 bytes; on machines with longer ones each line is read twice.
const LINE: usize = 8;

/// Memory that no workload uses, twice as large as the last-level cache.
#[derive(Debug)]
pub(crate) struct Sweep(Box<[u64]>);

impl Sweep {
    /// Bytes of the memory for the machine `topology`: twice the last-level cache, as a cache that
    /// replaces at random keeps e⁻² of its content when as much again passes through it twice; at most
    /// 1 GiB, which it also is where no cache is reported.
    pub(crate) fn bytes(topology: &Topology) -> u64 {
        topology.last_level().unwrap_or(MOST).saturating_mul(2).min(MOST)
    }

    /// The memory for the machine `topology`, written, so that every page is a page of its own and
    /// not the one of zeros.
    pub(crate) fn new(topology: &Topology) -> Self {
        Self((0..Self::bytes(topology) / size_of::<u64>() as u64).collect())
    }

    /// Reads every line once: what the calling thread's caches held before is gone, from its level 1
    /// to the level that it shares with others.
    pub(crate) fn pass(&self) {
        black_box(self.0.iter().step_by(LINE).fold(0, |sum, word| sum ^ word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented size: twice the last-level cache, at most a gibibyte.
    #[test]
    fn twice_the_last_level() {
        let machine = |l3| Topology { l2: Some(1 << 20), l3, ..Topology::default() };
        assert_eq!(Sweep::bytes(&machine(Some(32 << 20))), 64 << 20);
        assert_eq!(Sweep::bytes(&machine(None)), 2 << 20);
        assert_eq!(Sweep::bytes(&machine(Some(700 << 20))), 1 << 30);
        assert_eq!(Sweep::bytes(&Topology::default()), 1 << 30);
    }
}
