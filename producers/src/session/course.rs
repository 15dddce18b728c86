//! Which benchmark comes next: as planned here, or, at ranks other than the first, as rank 0 says.

use super::{SessionError, SessionSpec, Workloads, plan};
use crate::{
    ranks::{Group, RankError},
    suite::{Planned, Suite},
};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde::{Deserialize, Serialize};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
    vec,
};

/// What rank 0 may take longer than a benchmark's limit until it says what comes next: rows are made durable.
const BETWEEN: Duration = Duration::from_secs(120);

/// What rank 0 says between two benchmarks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Next {
    /// This benchmark is measured by the first so many ranks.
    Measure(Box<Planned>, usize),
    /// Nothing: all are measured, or a person interrupted it.
    End { interrupted: bool },
}

/// The benchmarks of a session, one after the other.
pub(super) struct Course {
    group: Group,
    left: vec::IntoIter<Planned>,
    interrupted: bool,
}

impl Course {
    /// The benchmarks of `spec` that are left, in the order of its round.
    pub(super) fn new(
        spec: &SessionSpec,
        suite: &Suite,
        workloads: &dyn Workloads,
        group: Group,
    ) -> Result<Self, SessionError> {
        let mut planned = plan(workloads, suite, &spec.label, spec.filter.as_deref())?;
        let order = spec.seed.wrapping_mul(1_000_003).wrapping_add(spec.round.unwrap_or(spec.position));
        planned.shuffle(&mut StdRng::seed_from_u64(order.cast_unsigned()));
        planned.retain(|planned| !spec.done.contains(&planned.benchmark.id()));
        Ok(Self { group, left: planned.into_iter(), interrupted: false })
    }

    /// How many are left.
    pub(super) fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether the session ended early.
    pub(super) const fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// The next benchmark that this rank has a part in, and the ranks that measure it. `interrupted` counts at
    /// rank 0.
    ///
    /// # Errors
    /// [`RankError`] if a rank is lost.
    pub(super) fn next(
        &mut self,
        workloads: &dyn Workloads,
        interrupted: &AtomicBool,
    ) -> Result<Option<(Planned, Group)>, RankError> {
        loop {
            let next = self.group.broadcast(|| match self.left.next() {
                Some(planned) if !interrupted.load(Ordering::Relaxed) => {
                    let ranks = workloads.ranks(&planned.benchmark);
                    Next::Measure(Box::new(planned), ranks)
                }
                _ => Next::End { interrupted: interrupted.load(Ordering::Relaxed) },
            })?;
            let (planned, ranks) = match next {
                Next::Measure(planned, ranks) => (planned, ranks),
                Next::End { interrupted } => {
                    self.interrupted = interrupted;
                    return Ok(None);
                }
            };
            self.group.wait_at_most(planned.policy.limit() + BETWEEN)?;
            // What needs more ranks than there are is refused by rank 0.
            let part = if ranks > self.group.size() { 1 } else { ranks };
            if let Some(part) = self.group.first(part) {
                return Ok(Some((*planned, part)));
            }
        }
    }
}
