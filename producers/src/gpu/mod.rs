//! The workloads of NVIDIA GPUs, and their registry.
//!
//! Nothing of CUDA is linked: each library is loaded where a workload needs it, and what is missing skips that
//! workload with the reason. A workload runs on the first device that its process sees
//! (`CUDA_VISIBLE_DEVICES`), on one stream, timed by the device's own events (`lane`).
//!
//! A family of workloads is a module with its `SPECS` and a function `open`; what a workload does on the device
//! is a `Body` (`running`).

mod alloc;
mod attention;
mod compile;
mod condition;
mod device;
mod dtype;
mod elementwise;
#[cfg(test)]
mod emulated;
mod error;
mod facts;
mod fft;
mod fma;
mod gemm;
mod inputs;
mod kept;
mod lane;
mod launch;
mod layer_norm;
mod library;
mod links;
mod memcpy;
mod nccl;
mod nvml;
mod nvrtc;
mod owned;
mod parameters;
mod places;
mod pool;
mod quantise;
mod reading;
mod reduce;
mod registry;
mod rows;
mod running;
mod softmax;
mod spmv;
mod topology;
mod transpose;
mod visible;
mod watch;

pub use condition::{Condition, conditions};
pub(crate) use device::visible;
pub use facts::{Clock, DeviceFacts, Devices, EccErrors, Link, LinkEnd, Pair, Pcie, Slowdown};
pub use kept::devices;
pub(crate) use kept::environment;
pub(crate) use links::{give, take};
#[doc(hidden)]
pub use nvrtc::compile_all;
pub use parameters::Spec;
pub use registry::specs;
pub(crate) use registry::{open, spec};
pub use topology::Ancestor;
