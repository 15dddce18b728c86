//! Sizes: numbers, numbers with a unit, or the name of a level of the memory hierarchy.
//!
//! A symbol is resolved to a plain number on the machine that plans, so that a benchmark's id is
//! always that of a plain size. The working set (all arrays together) of
//! - `L1` and `L2` is half of the caches of the cores used: other things live there too;
//! - `L3` is half of it, but at most 8 × L2 per thread: the cores of a virtual machine share, with
//!   neighbours they do not see, an L3 whose full size is advertised to each of them;
//! - `memory` is four times the last-level cache, but at most 1 GiB and a quarter of the memory
//!   available, and at least 64 MiB.

use super::{error::WorkloadError, latency::NODE_BYTES};
use crate::environment::Topology;

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// The symbols, smallest first.
const SYMBOLS: &[&str] = &["L1", "L2", "L3", "memory"];
/// A GEMM never grows beyond this by a symbol: 2 n³ flops would take minutes, not memory.
const LARGEST_SYMBOLIC_GEMM: u64 = 4_096;

/// How a workload's memory follows from its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Footprint {
    /// This many arrays of n elements, shared out among the threads.
    Arrays(u64),
    /// One block of n bytes in each thread.
    PerThread,
    /// Matrices of m·k, k·n and m·n elements.
    Matrices,
    /// One block of n bytes, in whole cache lines.
    Lines,
    /// Nothing: it computes in registers.
    Registers,
}

impl Footprint {
    /// Bytes of all buffers; `None` on overflow.
    pub(crate) fn bytes(self, [m, n, k]: [u64; 3], element: u64, threads: usize) -> Option<u64> {
        match self {
            Self::Arrays(arrays) => n.checked_mul(element)?.checked_mul(arrays),
            Self::PerThread => n.checked_mul(threads as u64),
            Self::Matrices => {
                let sum = m.checked_mul(k)?.checked_add(k.checked_mul(n)?)?.checked_add(m.checked_mul(n)?)?;
                sum.checked_mul(element)
            }
            Self::Lines => Some(n),
            Self::Registers => Some(0),
        }
    }

    /// The size whose buffers take about `bytes`.
    fn size_of(self, bytes: u64, element: u64, threads: usize) -> u64 {
        match self {
            // A whole number of cache lines for each thread.
            Self::Arrays(arrays) => {
                let grain = 64 / element * threads as u64;
                (bytes / arrays / element / grain * grain).max(grain)
            }
            Self::PerThread => (bytes / threads as u64).max(1),
            Self::Matrices => ((bytes / 3 / element).isqrt() / 16 * 16).clamp(16, LARGEST_SYMBOLIC_GEMM),
            Self::Lines => (bytes / NODE_BYTES * NODE_BYTES).max(2 * NODE_BYTES),
            Self::Registers => 0,
        }
    }

    /// Why a block or array of `n` cannot be, if so.
    pub(crate) fn refuses(self, n: u64, threads: usize) -> Option<String> {
        match self {
            Self::Arrays(_) | Self::Matrices if n < threads as u64 => {
                Some(format!("is less than one for each of {threads} threads: choose a larger size"))
            }
            Self::Lines if n < 2 * NODE_BYTES || !n.is_multiple_of(NODE_BYTES) => Some(format!(
                "is not a number of cache lines: a multiple of {NODE_BYTES}, at least two of them"
            )),
            _ => None,
        }
    }
}

/// The number that `value` of `parameter` stands for on the machine `topology`.
pub(crate) fn resolve(
    parameter: &'static str,
    value: &str,
    footprint: Footprint,
    element: u64,
    threads: usize,
    topology: &Topology,
) -> Result<u64, WorkloadError> {
    let refuse = |problem: &str| WorkloadError::BadValue {
        parameter,
        value: value.to_owned(),
        problem: problem.into(),
    };
    if SYMBOLS.contains(&value) {
        let bytes = working_set(value, threads, topology)
            .ok_or_else(|| WorkloadError::NoCache { parameter, value: value.to_owned() })?;
        return Ok(footprint.size_of(bytes, element, threads));
    }
    let split = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (digits, unit) = value.split_at(split);
    let factor = match unit.trim() {
        "" => Some(1),
        "KiB" if parameter == "bytes" => Some(1 << 10),
        "MiB" if parameter == "bytes" => Some(MIB),
        "GiB" if parameter == "bytes" => Some(GIB),
        _ => None,
    };
    let (Some(factor), false) = (factor, digits.is_empty()) else {
        return Err(refuse("is not a size: a positive whole number, \"L1\", \"L2\", \"L3\" or \"memory\""));
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    match number.filter(|&number| i64::try_from(number).is_ok()) {
        Some(0) => Err(refuse("is empty: at least 1")),
        Some(number) => Ok(number),
        None => Err(refuse("is larger than any memory: at most 2^63 - 1")),
    }
}

/// Bytes of all arrays together for a symbol; `None` where the machine reports no such cache.
fn working_set(symbol: &str, threads: usize, topology: &Topology) -> Option<u64> {
    let threads = threads as u64;
    match symbol {
        "L1" => Some(topology.l1d? / 2 * threads),
        "L2" => Some(topology.l2? / 2 * threads),
        "L3" => Some((topology.l3? / 2).min(topology.l2.unwrap_or(MIB) * 8 * threads)),
        _ => {
            let several = topology.last_level().unwrap_or(GIB).saturating_mul(4);
            Some(several.min(GIB).min(topology.memory_available / 4).max(64 * MIB))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn machine() -> Topology {
        Topology {
            cpus: 4,
            l1d: Some(48 << 10),
            l2: Some(2 * MIB),
            l3: Some(260 * MIB),
            memory_total: 32 * GIB,
            memory_available: 16 * GIB,
            ..Topology::default()
        }
    }

    /// The documented sizes: half of L2, L3 capped by what a thread can have, memory by 1 GiB.
    #[test]
    fn symbols_are_resolved_as_documented() {
        let triad = |value, threads| resolve("n", value, Footprint::Arrays(3), 8, threads, &machine());
        assert_eq!(triad("L2", 1), Ok(43_688));
        assert_eq!(triad("L3", 2), Ok(2 * 16 * MIB / 24 / 16 * 16));
        assert_eq!(triad("memory", 1), Ok(GIB / 24 / 8 * 8));
        assert_eq!(resolve("n", "L2", Footprint::Matrices, 4, 1, &machine()), Ok(288));
        assert_eq!(resolve("bytes", "4MiB", Footprint::Arrays(2), 1, 1, &machine()), Ok(4 * MIB));
        let unknown = Topology { l3: None, ..machine() };
        assert!(resolve("n", "L3", Footprint::Arrays(3), 8, 1, &unknown).is_err());
    }

    /// Nonsense is refused in one line that says what is allowed.
    #[test]
    fn nonsense_is_refused() {
        for value in ["0", "", "-1", "1.5", "L4", "4MiB", "99999999999999999999", "18446744073709551615"] {
            let error =
                resolve("n", value, Footprint::Arrays(3), 8, 1, &machine()).expect_err(value).to_string();
            assert!(error.starts_with("n = ") && !error.contains('\n'), "{error}");
        }
    }

    proptest! {
        /// A symbolic size's buffers never exceed the working set asked for.
        #[test]
        fn sizes_fit(bytes in 100_000_u64..GIB, threads in 1_usize..8, wide: bool, arrays in 1_u64..4) {
            let element = if wide { 8 } else { 4 };
            for footprint in [Footprint::Arrays(arrays), Footprint::Matrices, Footprint::PerThread, Footprint::Lines] {
                let single = matches!(footprint, Footprint::PerThread | Footprint::Lines);
                let element = if single { 1 } else { element };
                let size = footprint.size_of(bytes, element, threads);
                prop_assert!(footprint.bytes([size; 3], element, threads).is_some_and(|needed| needed <= bytes));
            }
        }
    }
}
