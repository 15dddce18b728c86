//! Sampling as another process says: the same samples, timed here.

use super::{
    Clock, Measurement, Policy, Samples, Workload,
    sampler::{remark, resolution_ns, timed},
};
use benchlake_schemas::{StopReason, now};
use serde::{Deserialize, Serialize};

/// What the process that decides says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Take a sample of so many iterations.
    Sample(u64),
    /// Warm-up is over: what comes counts.
    WarmedUp,
    /// Sampling is over.
    End {
        /// Why warm-up ended.
        warmup_stop: StopReason,
        /// Why sampling ended.
        stop: StopReason,
    },
}

/// Takes the samples of `workload` that `next` says, until it says that it is over: as many of either phase as the process
/// that decides has. Of `policy` it needs only what flags and room go by.
///
/// # Errors
/// What `next` returns.
pub fn follow<E>(
    workload: &mut dyn Workload,
    policy: &Policy,
    clock: &Clock,
    mut next: impl FnMut() -> Result<Step, E>,
) -> Result<Measurement, E> {
    let timer = workload.timer();
    let mut warmup = Samples::with_capacity(policy.max_samples.max(1_024) + policy.max_samples);
    if timer.is_some() {
        warmup.with_host();
    }
    let timer = timer.unwrap_or_else(|| clock.timer());
    let resolution_ns = resolution_ns(&timer, clock);
    let (begin, mut length) = (clock.now(), 0);
    warmup.started_at = now();
    loop {
        match next()? {
            Step::Sample(iterations) => {
                timed(workload, iterations, clock, begin, &mut warmup);
            }
            Step::WarmedUp => {
                length = warmup.samples.len();
                workload.warmed_up();
            }
            Step::End { warmup_stop, stop } => {
                let measure = split(&mut warmup, length);
                let mut flags = Vec::new();
                remark(&mut flags, policy, &measure, warmup_stop, stop, resolution_ns);
                return Ok(Measurement { warmup, measure, warmup_stop, stop, flags, timer });
            }
        }
    }
}

/// Takes away the samples after the first `length`, as a phase of their own.
fn split(samples: &mut Samples, length: usize) -> Samples {
    let length = length.min(samples.samples.len());
    let mut rest = Samples {
        started_at: samples.started_at,
        offsets: samples.offsets.split_off(length),
        samples: samples.samples.split_off(length),
        iterations: samples.iterations.split_off(length),
        host: samples.host.split_off(length.min(samples.host.len())),
    };
    let first = rest.offsets.first().copied().unwrap_or_default();
    rest.started_at += first / 1_000;
    rest.offsets.iter_mut().for_each(|offset| *offset -= first);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::WrongResult;
    use benchlake_schemas::{Check, Flag, Work};

    /// What was asked of it.
    struct Asked(Vec<u64>);

    impl Workload for Asked {
        fn run(&mut self, iterations: u64) {
            self.0.push(iterations);
        }
        fn check(&mut self) -> Result<Check, WrongResult> {
            Ok(Check::default())
        }
        fn work(&self) -> Work {
            Work::default()
        }
    }

    /// The samples are those that were said, in the phases that were said, and offsets begin with each phase.
    #[test]
    fn the_same_samples() {
        let end = Step::End { warmup_stop: StopReason::MaxTime, stop: StopReason::Enough };
        let samples = [1, 8, 8, 8].map(Step::Sample);
        let (warmed_up, end) = ([Step::WarmedUp], [end]);
        let mut steps = samples[..2].iter().chain(&warmed_up).chain(&samples[2..]).chain(&end).copied();
        let mut asked = Asked(Vec::new());
        let followed =
            follow(&mut asked, &Policy::default(), &Clock::calibrate(), || steps.next().ok_or("no more"));
        let Measurement { warmup, measure, flags, .. } = followed.expect("it ends");
        assert_eq!(asked.0, [1, 8, 8, 8]);
        assert_eq!((warmup.iterations, measure.iterations), (vec![1, 8], vec![8, 8]));
        assert!(measure.offsets[0] == 0 && measure.offsets[1] > 0 && measure.started_at >= warmup.started_at);
        assert!(flags.contains(&Flag::Unsteady), "{flags:?}");
    }

    /// A process that is told nothing more ends with the reason.
    #[test]
    fn a_lost_leader_ends_it() {
        let mut steps = [Step::Sample(1)].into_iter();
        let mut asked = Asked(Vec::new());
        let followed =
            follow(&mut asked, &Policy::default(), &Clock::calibrate(), || steps.next().ok_or("lost"));
        assert_eq!(followed, Err("lost"));
    }
}
