//! The registered functions as a session's workloads.

use super::{Bencher, Function, Harness};
use crate::{
    measure::{Policy, Workload},
    session::{Refused, Workloads},
    suite::{Planned, Suite, SuiteError},
};
use benchlake_schemas::Benchmark;
use std::{collections::BTreeSet, fmt::Display};

impl Workloads for Harness {
    /// Every function with every combination of its parameters, in the order in which they were added,
    /// the last parameter varying fastest. The suite's own policy has the last word.
    fn plan(&self, suite: &Suite) -> Result<Vec<Planned>, SuiteError> {
        let mut planned = Vec::new();
        let mut seen = BTreeSet::new();
        for function in &self.functions {
            let wrong = |problem: &dyn Display| self.error(&format!("{}: {problem}", function.name));
            let policy = self.policy_of(function);
            let policy = suite.policy_over(&policy).map_err(|error| wrong(&error.problem))?;
            policy.validate().map_err(|error| wrong(&error))?;
            for benchmark in function.benchmarks() {
                if !seen.insert(benchmark.clone()) {
                    return Err(self.error(&format!("{benchmark} is there twice: give one another name")));
                }
                planned.push(Planned { benchmark, policy: policy.clone() });
            }
        }
        Ok(planned)
    }

    fn open(&self, benchmark: &Benchmark, seed: u64) -> Result<Box<dyn Workload>, Refused> {
        let function = self.functions.iter().find(|function| function.benchmarks().contains(benchmark));
        let function = function.ok_or_else(|| format!("{} has no benchmark {benchmark}", self.name))?;
        Ok((function.make)(Bencher::new(benchmark.clone(), seed)))
    }
}

impl Harness {
    fn policy_of(&self, function: &Function) -> Policy {
        let mut policy = Policy::default();
        for change in self.changes.iter().chain(&function.changes) {
            change(&mut policy);
        }
        policy
    }

    fn error(&self, problem: &impl ToString) -> SuiteError {
        SuiteError { file: self.name.clone(), line: None, problem: problem.to_string() }
    }
}

impl Function {
    /// A benchmark per combination of the parameters' values.
    fn benchmarks(&self) -> Vec<Benchmark> {
        let mut benchmarks = vec![Benchmark::new(self.name.as_str())];
        for (name, values) in &self.axes {
            let with = |benchmark: Benchmark| {
                values.iter().map(move |value| benchmark.clone().with(name.as_str(), value))
            };
            benchmarks = benchmarks.into_iter().flat_map(with).collect();
        }
        benchmarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn suite(policy: &str) -> Suite {
        let text = format!("name = \"t\"\n[program]\npath = \"t\"\nharness = true\n[policy]\n{policy}");
        Suite::parse(&text, "t").expect("a suite")
    }

    /// Axes multiply, the last fastest, and each benchmark gets its own parameters back.
    #[test]
    fn axes_make_benchmarks() {
        let mut harness = Harness::new("t");
        harness
            .function("f", |b| {
                let (n, kind): (i64, String) = (b.parameter("n"), b.parameter("kind"));
                b.items(if kind == "b" { -n } else { n }).iter(|| ())
            })
            .axis("n", [1, 20])
            .axis("kind", ["a", "b"]);
        let planned = harness.plan(&suite("")).expect("a plan");
        let labels: Vec<String> = planned.iter().map(|one| one.benchmark.to_string()).collect();
        assert_eq!(labels, ["f{kind=a,n=1}", "f{kind=b,n=1}", "f{kind=a,n=20}", "f{kind=b,n=20}"]);
        let opened = harness.open(&planned[3].benchmark, 1).expect("a workload");
        assert_eq!(opened.work().items, Some(-20));
        assert!(harness.open(&Benchmark::new("g"), 1).is_err());
    }

    /// A function's policy lies over the harness's, and what whoever runs it says over both.
    #[test]
    fn policies_lie_over_each_other() {
        let mut harness = Harness::new("t");
        harness.policy(|policy| {
            policy.min_samples = 40;
            policy.min_time = Duration::from_millis(7);
        });
        harness.function("f", |b| b.iter(|| ())).policy(|policy| policy.min_samples = 50);
        let policy = &harness.plan(&suite("")).expect("a plan")[0].policy;
        assert_eq!((policy.min_samples, policy.min_time), (50, Duration::from_millis(7)));
        let policy = &harness.plan(&suite("min_samples = 3")).expect("a plan")[0].policy;
        assert_eq!((policy.min_samples, policy.min_time), (3, Duration::from_millis(7)));
        harness.function("g", |b| b.iter(|| ())).policy(|policy| policy.min_samples = 0);
        let error = harness.plan(&suite("")).expect_err("it cannot be followed").to_string();
        assert_eq!(error, "t: g: `min_samples` is 0: at least 1");
    }

    /// Two functions that would be one benchmark are refused.
    #[test]
    fn benchmarks_are_unique() {
        let mut harness = Harness::new("t");
        harness.function("f", |b| b.iter(|| ()));
        harness.function("f", |b| b.iter(|| 1));
        let error = harness.plan(&suite("")).expect_err("it is there twice").to_string();
        assert_eq!(error, "t: f is there twice: give one another name");
    }
}
