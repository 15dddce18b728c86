//! `cargo test --benches`: each benchmark is set up, checked and run once, in this process.

use super::Harness;
use crate::{
    session::{Workloads, said},
    suite::Planned,
};
use benchlake_schemas::Benchmark;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many did well and how many did not.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

/// Runs each of `planned` once, and says of each how it went.
pub(super) fn run(harness: &Harness, planned: &[Planned], seed: u64, say: &mut dyn FnMut(&str)) -> Tally {
    let mut tally = Tally::default();
    for Planned { benchmark, .. } in planned {
        match one(harness, benchmark, seed) {
            Ok(()) => {
                tally.passed += 1;
                say(&format!("test {benchmark} ... ok"));
            }
            Err(problem) => {
                tally.failed += 1;
                say(&format!("test {benchmark} ... FAILED: {problem}"));
            }
        }
    }
    tally
}

fn one(harness: &Harness, benchmark: &Benchmark, seed: u64) -> Result<(), String> {
    let work = AssertUnwindSafe(|| {
        let mut workload = harness.open(benchmark, seed).map_err(|refused| refused.to_string())?;
        workload.check().map_err(|wrong| wrong.to_string())?;
        let iterations = workload.fixed_iterations().unwrap_or(1);
        workload.prepare(iterations);
        workload.run(iterations);
        workload.settle();
        Ok(())
    });
    catch_unwind(work).unwrap_or_else(|panic| Err(said(panic.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Suite;
    use std::{cell::Cell, rc::Rc};

    /// A benchmark that panics or is wrong fails alone; what is right runs once.
    #[test]
    fn each_runs_once() {
        let runs = Rc::new(Cell::new(0));
        let count = runs.clone();
        let mut harness = Harness::new("t");
        harness.function("panics", |b| b.iter(|| assert_eq!(b'1', b'2', "no")));
        harness.function("wrong", |b| b.iter(|| 3).check("4", |three| *three == 4));
        harness.function("right", move |b| {
            let count = count.clone();
            b.iter(move || count.set(count.get() + 1))
        });
        let suite =
            Suite::parse("name = \"t\"\n[program]\npath = \"t\"\nharness = true", "t").expect("a suite");
        let planned = harness.plan(&suite).expect("a plan");
        let mut lines = Vec::new();
        let tally = run(&harness, &planned, 1, &mut |line| lines.push(line.to_owned()));
        assert_eq!(tally, Tally { passed: 1, failed: 2 });
        assert!(lines[0].starts_with("test panics ... FAILED: panicked: "), "{}", lines[0]);
        assert!(lines[1].starts_with("test wrong ... FAILED: wrong: wrong result"), "{}", lines[1]);
        assert_eq!((lines[2].as_str(), runs.get()), ("test right ... ok", 1));
    }
}
