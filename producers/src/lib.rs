//! Measures: the sampling loop, the processor's workloads, suites, the environment probe, and the
//! spool with its Kafka forwarder. And simulates what a fleet would have measured.
//!
//! Deliberately absent: queries, plots and the lake. The agent that goes to every node stays small.

#[cfg(feature = "kafka")]
pub mod agent;
mod catalog;
pub mod counters;
pub mod cpu;
pub mod emit;
pub mod environment;
pub mod fault;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod harness;
#[cfg(feature = "kafka")]
mod kafka_args;
pub mod machine;
pub mod measure;
pub mod process;
mod program;
pub mod ranks;
pub mod session;
#[cfg(feature = "kafka")]
pub mod simulate;
pub mod suite;
