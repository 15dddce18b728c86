//! The workloads of NVIDIA GPUs, and their registry.
//!
//! Nothing of CUDA is linked: each library is loaded where a workload needs it, and what is missing skips that
//! workload with the reason. A workload runs on the first device that its process sees
//! (`CUDA_VISIBLE_DEVICES`), on one stream, timed by the device's own events ([`lane`]).
//!
//! A family of workloads is a module with its `SPECS` and a function `open`; what a workload does on the device
//! is a [`Body`](running::Body).

mod alloc;
mod compile;
mod device;
mod dtype;
mod elementwise;
mod error;
mod fft;
mod gemm;
mod inputs;
mod lane;
mod launch;
mod library;
mod memcpy;
mod nvrtc;
mod owned;
mod parameters;
mod registry;
mod running;
mod spmv;
mod watch;

#[doc(hidden)]
pub use nvrtc::compile_all;
pub use parameters::Spec;
pub use registry::specs;
pub(crate) use registry::{open, spec};
