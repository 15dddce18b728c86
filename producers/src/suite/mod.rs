//! A suite: a named list of benchmarks with their parameter axes and sampling policy, in TOML.
//!
//! ```
//! use benchlake_producers::{environment::Topology, suite::Suite};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = r#"
//! name = "mine"
//! [policy]
//! min_time = "200ms"
//! [[benchmark]]
//! workload = "cpu.gemm"
//! dtype = ["f32", "f64"]
//! n = [64, 128]
//! "#;
//! let planned = Suite::parse(text, "suite.toml")?.expand(&Topology::read())?;
//! assert_eq!(planned.len(), 4);
//! assert_eq!(planned[1].benchmark.to_string(), "cpu.gemm{dtype=f32,k=128,m=128,n=128,threads=1}");
//! # Ok(())
//! # }
//! ```

mod error;
mod expand;
mod read;

pub use error::SuiteError;
pub use expand::Planned;

use crate::measure::Policy;
use sha2::{Digest, Sha256};
use std::path::Path;

/// A suite that covers every workload in a few seconds; fixed sizes, so that it is the same on
/// every node.
pub const DEMO: &str = include_str!("../../suites/demo.toml");

/// A machine's own peaks: what it computes at most in registers, what each level of its memory moves at
/// most, and how long each takes to answer. The fraction of peak of every other benchmark hangs on it.
pub const ROOFLINE: &str = include_str!("../../suites/roofline.toml");

/// Every workload of a GPU: its own peaks, and what libraries, copies and launches reach.
pub const GPU: &str = include_str!("../../suites/gpu.toml");

/// The suites that are built in: name and text.
pub const BUILTIN: [(&str, &str); 3] = [("demo", DEMO), ("roofline", ROOFLINE), ("gpu", GPU)];

/// A suite as it was written, its keys and types checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The policy of the benchmarks that do not have their own.
    pub policy: Policy,
    /// The program that is measured, or that measures.
    pub program: Option<Program>,
    entries: Vec<Entry>,
    label: String,
    text: String,
}

/// The table `[program]`: a program that the workload `program` runs, or one that measures its own
/// functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it is once it is built, as it is written; the file's name is the benchmarks'.
    pub path: String,
    /// The command that builds it, as `sh -c` understands it, in the suite's folder; `None` where it is
    /// built already.
    pub build: Option<String>,
    /// Whether it brings its own benchmarks (see [`harness`](crate::harness)): the suite has none then.
    pub harness: bool,
}

/// A `[[benchmark]]` with its axes.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    workload: String,
    policy: Policy,
    /// Parameters in the order of the file, each with its values.
    axes: Vec<Axis>,
    /// Whether what a machine cannot measure, or would measure twice, is left out.
    optional: bool,
    line: usize,
}

/// A parameter and the values it takes.
#[derive(Debug, Clone, PartialEq)]
struct Axis {
    name: String,
    values: Vec<String>,
    line: usize,
}

impl Suite {
    /// Reads the file `path`.
    ///
    /// # Errors
    /// [`SuiteError`] if it cannot be read, or as [`Suite::parse`].
    pub fn load(path: &Path) -> Result<Self, SuiteError> {
        let label = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| SuiteError::unreadable(&label, &error))?;
        Self::parse(&text, &label)
    }

    /// Reads the suite `text`; errors name the place as `label:line`.
    ///
    /// # Errors
    /// [`SuiteError`] for malformed TOML, an unknown key, a value of the wrong type, or a policy that
    /// contradicts itself.
    pub fn parse(text: &str, label: &str) -> Result<Self, SuiteError> {
        read::suite(text, label)
    }

    /// `base` with what the suite's own `[policy]` says over it: a program's policies, as whoever runs
    /// it wants them.
    ///
    /// # Errors
    /// [`SuiteError`] if both together cannot be followed.
    pub fn policy_over(&self, base: &Policy) -> Result<Policy, SuiteError> {
        read::policy_over(&self.text, &self.label, base)
    }

    /// The SHA-256 of its text, in lower-case hex: what tells two suites of one name apart.
    #[must_use]
    pub fn hash(&self) -> String {
        Sha256::digest(self.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
