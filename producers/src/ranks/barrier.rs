//! `ranks.barrier`: how long it takes until every rank knows that all have come.

use super::{Group, RANKS, RankError};
use crate::{
    cpu::{WorkloadError, hint},
    measure::{Workload, WrongResult},
    session::Refused,
};
use benchlake_schemas::{Benchmark, Check, Work, now};
use std::{collections::BTreeMap, panic::resume_unwind, time::Duration};

pub(crate) const NAME: &str = "ranks.barrier";
const REFERENCE: &str = "no rank leaves before the last one enters, by the node's clock";

/// The canonical benchmark of the parameters `given`.
///
/// # Errors
/// [`WorkloadError`] for what is unknown, missing or not understood.
pub(crate) fn plan(given: &BTreeMap<String, String>) -> Result<Benchmark, WorkloadError> {
    if let Some(parameter) = given.keys().find(|key| key.as_str() != RANKS.name) {
        let hint = hint(parameter, [RANKS.name].into_iter());
        return Err(WorkloadError::UnknownParameter { workload: NAME, parameter: parameter.clone(), hint });
    }
    let text = given.get(RANKS.name).ok_or(WorkloadError::MissingParameter {
        workload: NAME,
        parameter: RANKS.name,
        meaning: RANKS.meaning,
    })?;
    match text.parse::<u64>() {
        Ok(ranks @ 2..) => Ok(Benchmark::new(NAME).with(RANKS.name, ranks)),
        _ => Err(WorkloadError::BadValue {
            parameter: RANKS.name,
            value: text.clone(),
            problem: "is no number of processes that could wait for each other: 2 or more".into(),
        }),
    }
}

/// The workload, whose ranks do not know each other yet.
pub(crate) fn open(benchmark: &Benchmark) -> Box<dyn Workload> {
    Box::new(Barrier { group: Group::alone(), label: benchmark.to_string() })
}

struct Barrier {
    group: Group,
    label: String,
}

impl Barrier {
    fn cross(&self, times: u64) -> Result<(), RankError> {
        (0..times).try_for_each(|_| self.group.barrier())
    }

    /// The share of the ranks that left a barrier before the last one had entered it.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn early(&self) -> Result<f64, RankError> {
        self.group.barrier()?;
        // The later a rank, the longer the others would have to be caught leaving.
        std::thread::sleep(Duration::from_millis(2 * self.group.rank() as u64));
        let entered = now();
        self.group.barrier()?;
        let times = self.group.gather(&(entered, now()))?;
        self.group.broadcast(|| {
            let last = times.iter().map(|(entered, _)| *entered).max().unwrap_or_default();
            times.iter().filter(|(_, left)| *left < last).count() as f64 / times.len() as f64
        })
    }
}

/// A rank that is lost ends the session, not the benchmark.
fn lost(error: RankError) -> ! {
    resume_unwind(Box::new(error))
}

impl Workload for Barrier {
    fn join(&mut self, group: &Group) -> Result<(), Refused> {
        self.group = group.clone();
        Ok(())
    }

    fn run(&mut self, iterations: u64) {
        self.cross(iterations).unwrap_or_else(|error| lost(error));
    }

    fn check(&mut self) -> Result<Check, WrongResult> {
        let early = self.early().unwrap_or_else(|error| lost(error));
        WrongResult::judge(&self.label, REFERENCE, early, 0.0)
    }

    fn work(&self) -> Work {
        Work { items: Some(1), work_model: Some("barrier/1".into()), ..Work::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), value.to_owned())])
    }

    /// A benchmark says how many ranks; mistakes are named.
    #[test]
    fn plans() {
        assert_eq!(plan(&given("ranks", "4")).expect("a plan").to_string(), "ranks.barrier{ranks=4}");
        let text = |key: &str, value: &str| plan(&given(key, value)).expect_err("a mistake").to_string();
        assert_eq!(text("rank", "2"), "unknown parameter \"rank\" of ranks.barrier; did you mean \"ranks\"?");
        assert!(text("ranks", "1").contains("2 or more"));
        assert!(
            plan(&BTreeMap::new()).expect_err("a mistake").to_string().starts_with("ranks.barrier needs")
        );
    }
}
