//! Collectives of several devices, one process each, through NCCL.
//!
//! `bytes` is the size as nccl-tests counts it (PERFORMANCE.md of nccl-tests): what one rank holds of an
//! all-reduce, a broadcast, a reduce or a send, and what all ranks hold together of an all-gather, a
//! reduce-scatter or an all-to-all. The work of an iteration is that size, so that its rate is nccl-tests' algbw;
//! the query `busbw` multiplies by the factor of the collective. Every rank keeps its own times, by its own
//! device's events; before the first event of a sample all devices meet in a small all-reduce, so that no rank's
//! time holds the others' delay.

mod buffer;
mod collective;
mod communicator;
mod data_parallel;
mod element;
mod operation;
mod pattern;
mod workload;

use super::{
    device::Device,
    error::GpuError,
    nvrtc::{Defines, Source, text},
    parameters::{Spec, Values},
};
use crate::{cpu::Parameter, measure::Workload, ranks::RANKS};

pub(crate) const SOURCE: Source =
    Source { name: "collective.cu", parts: &[("collective.cu", text!("collective.cu"))] };

/// Every set of macros that the kernels are compiled with.
pub(crate) fn variants(_capability: (i32, i32)) -> Vec<Defines> {
    [2, 4, 8].map(|bytes| vec![format!("BYTES={bytes}")]).to_vec()
}

/// Threads of a block.
const THREADS: u32 = 256;

const BYTES: Parameter = Parameter::number(
    "bytes",
    "the size as nccl-tests counts it, such as 8 or \"1GiB\"; rounded down to whole elements of every rank",
);
const DTYPE: Parameter = Parameter::word(
    "dtype",
    "element type, f32, f64, f16, bf16 or i32",
    &["f32", "f64", "f16", "bf16", "i32"],
);
const PLACE: Parameter = Parameter::word("place", "out: into another array; in: in place", &["out", "in"]);
const MODE: Parameter = Parameter::word(
    "mode",
    "batch: many iterations back to back; graph: many, as one CUDA graph",
    &["batch", "graph"],
);
const WITH_PLACE: &[Parameter] = &[BYTES, DTYPE, PLACE, MODE, RANKS];
const WITHOUT_PLACE: &[Parameter] = &[BYTES, DTYPE, MODE, RANKS];

/// One collective.
const fn collective(name: &'static str, summary: &'static str, parameters: &'static [Parameter]) -> Spec {
    Spec { name, summary, parameters }
}

pub(crate) const SPECS: &[Spec] = &[
    collective("nccl.all_reduce", "the sum over all ranks, at every rank", WITH_PLACE),
    collective("nccl.all_gather", "what every rank has, at every rank", WITH_PLACE),
    collective("nccl.reduce_scatter", "the sum over all ranks, a part of it at each rank", WITH_PLACE),
    collective("nccl.broadcast", "what rank 0 has, at every rank", WITH_PLACE),
    collective("nccl.reduce", "the sum over all ranks, at rank 0", WITH_PLACE),
    collective("nccl.all_to_all", "a part of what each rank has, at each other rank", WITHOUT_PLACE),
    collective(
        "nccl.send_recv",
        "what the rank before has: each rank sends to the next, in a ring",
        WITHOUT_PLACE,
    ),
    Spec {
        name: data_parallel::NAME,
        summary: "a = b + s·c, split over the ranks, then the mean of their gradients, at every rank",
        parameters: &[
            Parameter::number("n", "elements of one array, such as 268435456: of all ranks, or of each"),
            Parameter::number("bytes", "bytes of the gradients of one rank, such as \"256MiB\""),
            Parameter::word(
                "scaling",
                "strong: n is split over the ranks; weak: each rank has n",
                &["strong", "weak"],
            ),
            MODE,
            RANKS,
        ],
    },
];

/// Sets the workload `name` up, except for what needs the other ranks.
///
/// # Errors
/// [`GpuError`] if this machine lacks something, or it fails.
pub(super) fn open(
    name: &'static str,
    label: String,
    values: &Values,
    seed: u64,
) -> Result<Box<dyn Workload>, GpuError> {
    let device = Device::shared()?;
    communicator::require()?;
    let part: Box<dyn workload::Part> = if name == data_parallel::NAME {
        Box::new(data_parallel::Step::new(device.clone(), values, seed)?)
    } else {
        Box::new(collective::Collective::new(device.clone(), name, values, seed)?)
    };
    Ok(Box::new(workload::OfRanks::new(device, label, values.clone(), part)))
}
