//! The workloads of the processor, and their registry.
//!
//! ```
//! use benchlake_producers::{cpu, environment::Topology};
//! use std::collections::BTreeMap;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let given = BTreeMap::from([("n".to_owned(), "1024".to_owned())]);
//! let benchmark = cpu::plan("cpu.triad", &given, &Topology::read())?;
//! assert_eq!(benchmark.to_string(), "cpu.triad{dtype=f64,n=1024,threads=1}");
//! let mut workload = cpu::open(&benchmark, 1)?;
//! workload.check()?;
//! workload.run(10);
//! assert_eq!(workload.work().bytes, Some(3 * 1024 * 8));
//! # Ok(())
//! # }
//! ```

pub(crate) mod add;
pub(crate) mod alloc;
mod buffer;
mod element;
mod error;
mod fma;
pub(crate) mod gemm;
mod latency;
pub(crate) mod memcpy;
mod parameters;
pub(crate) mod reduce;
mod registry;
mod size;
mod streaming;
mod sweep;
mod team;
pub(crate) mod triad;

pub use error::WorkloadError;
pub(crate) use error::hint;
pub use parameters::{Parameter, Spec};
pub use registry::{WORKLOADS, open, plan, spec};
#[cfg(feature = "gpu")]
pub(crate) use team::worst;
