//! A benchmark: one workload with one fixed set of parameters, and its stable id.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt};

/// One workload with one fixed set of parameters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Benchmark {
    /// The workload, such as `cpu.gemm`.
    pub name: String,
    /// The parameters, in canonical (byte-wise) order of their names.
    pub parameters: BTreeMap<String, String>,
}

impl Benchmark {
    /// A benchmark of `name` without parameters.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), parameters: BTreeMap::new() }
    }

    /// The same benchmark with one more parameter.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.parameters.insert(key.into(), value.to_string());
        self
    }

    /// The id: equal on every node and in every year.
    #[must_use]
    pub fn id(&self) -> BenchmarkId {
        BenchmarkId::of(&self.name, &self.parameters)
    }
}

/// `cpu.gemm{dtype=f32,n=512}`: the form used on screen.
impl fmt::Display for Benchmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.parameters.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, (key, value)) in self.parameters.iter().enumerate() {
            write!(f, "{}{key}={value}", if i == 0 { "" } else { "," })?;
        }
        f.write_str("}")
    }
}

/// The first 128 bits, in lower-case hex, of the SHA-256 of the name and the parameters in
/// canonical order, each text preceded by its length in bytes as a little-endian u64, so that no
/// two benchmarks share an encoding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BenchmarkId(String);

impl BenchmarkId {
    /// The id of the workload `name` with `parameters`.
    #[must_use]
    pub fn of(name: &str, parameters: &BTreeMap<String, String>) -> Self {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        add(name);
        for (key, value) in parameters {
            add(key);
            add(value);
        }
        Self(hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for BenchmarkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The id of a benchmark never changes: years of history hang on it.
    #[test]
    fn id_is_stable() {
        let gemm = Benchmark::new("cpu.gemm").with("n", 512).with("dtype", "f32");
        assert_eq!(gemm.id().to_string(), "d6292da0edf763de20659b51c8521362");
        assert_eq!(gemm.to_string(), "cpu.gemm{dtype=f32,n=512}");
    }

    /// The order in which parameters are given does not matter; where they are split does.
    #[test]
    fn id_is_canonical() {
        let ab = Benchmark::new("w").with("a", 1).with("b", 2);
        let ba = Benchmark::new("w").with("b", 2).with("a", 1);
        assert_eq!(ab.id(), ba.id());
        assert_ne!(Benchmark::new("w").with("a", "1b").id(), Benchmark::new("w").with("a1", "b").id());
    }
}
