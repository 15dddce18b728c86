//! Measures: the sampling loop, the processor's workloads, suites, the environment probe, and the
//! spool with its Kafka forwarder. And simulates what a fleet would have measured.
//!
//! Deliberately absent: queries, plots and the lake. The agent that goes to every node stays small.

pub mod agent;
pub mod cpu;
pub mod emit;
pub mod environment;
pub mod fault;
mod kafka_args;
pub mod machine;
pub mod measure;
pub mod session;
pub mod simulate;
pub mod suite;
