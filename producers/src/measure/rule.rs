//! When to stop, as values: `rule.add(…); if let Some(reason) = rule.done()`.

use super::{policy::nanoseconds, precision::RunningMean, trend::has_trend};
use crate::measure::Policy;
use benchlake_schemas::StopReason;

/// Decides when sampling ends. Precision is looked at on a schedule fixed beforehand (after
/// `min_samples` and then whenever a quarter more samples are there), not after every sample:
/// looking until it fits makes intervals too short.
#[derive(Debug, Clone)]
pub struct StoppingRule {
    min_samples: usize,
    max_samples: usize,
    min_ns: u64,
    max_ns: u64,
    precision: Option<f64>,
    running: RunningMean,
    samples: usize,
    elapsed_ns: u64,
    last_ns: u64,
    next_look: usize,
    precise: bool,
}

impl StoppingRule {
    /// The rule of `policy`, before the first sample.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        Self {
            min_samples: policy.min_samples,
            max_samples: policy.max_samples,
            min_ns: nanoseconds(policy.min_time),
            max_ns: nanoseconds(policy.max_time),
            precision: policy.precision,
            running: RunningMean::default(),
            samples: 0,
            elapsed_ns: 0,
            last_ns: 0,
            next_look: policy.min_samples,
            precise: false,
        }
    }

    /// Takes in a sample of `seconds`, ended `elapsed_ns` after sampling began.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a schedule in whole samples"
    )]
    pub fn add(&mut self, seconds: f64, elapsed_ns: u64) {
        self.samples += 1;
        self.last_ns = elapsed_ns.saturating_sub(self.elapsed_ns);
        self.elapsed_ns = elapsed_ns;
        let Some(precision) = self.precision else { return };
        self.running.add(seconds);
        if self.samples >= self.next_look && self.elapsed_ns >= self.min_ns {
            self.precise = self.running.relative_half_width() <= precision;
            self.next_look = (self.samples as f64 * 1.25).ceil() as usize;
        }
    }

    /// Why to stop, or `None` to go on. The longest time also ends sampling where one more sample
    /// like the last would exceed it.
    #[must_use]
    pub fn done(&self) -> Option<StopReason> {
        let enough = self.samples >= self.min_samples && self.elapsed_ns >= self.min_ns;
        if self.precision.is_none() && enough {
            Some(StopReason::Enough)
        } else if self.precise {
            Some(StopReason::Precision)
        } else if self.samples >= self.max_samples {
            Some(StopReason::MaxSamples)
        } else if self.samples > 0 && self.elapsed_ns.saturating_add(self.last_ns) > self.max_ns {
            Some(StopReason::MaxTime)
        } else {
            None
        }
    }
}

/// Decides when warm-up ends: the minimum time has passed and the later half of its samples has no
/// trend, looked at whenever a tenth more samples are there; or its cap.
#[derive(Debug, Clone)]
pub struct WarmupRule {
    min_ns: u64,
    max_ns: u64,
    elapsed_ns: u64,
    last_ns: u64,
    next_look: usize,
    steady: bool,
}

impl WarmupRule {
    /// Fewest samples that a trend is looked for in.
    const WINDOW: usize = 16;

    /// The rule of `policy`, before the first sample.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        Self {
            min_ns: nanoseconds(policy.warmup),
            max_ns: nanoseconds(policy.warmup_max),
            elapsed_ns: 0,
            last_ns: 0,
            next_look: Self::WINDOW,
            steady: false,
        }
    }

    /// Takes in a sample that ended `elapsed_ns` after warm-up began; `samples` are all those of
    /// equal iterations so far, this one the last.
    pub fn add(&mut self, samples: &[f64], elapsed_ns: u64) {
        self.last_ns = elapsed_ns.saturating_sub(self.elapsed_ns);
        self.elapsed_ns = elapsed_ns;
        if samples.len() >= self.next_look && elapsed_ns >= self.min_ns {
            let window = (samples.len() / 2).max(Self::WINDOW);
            self.steady = !has_trend(&samples[samples.len() - window..]);
            self.next_look = samples.len() + samples.len().div_ceil(10);
        }
    }

    /// Begins the look for a trend anew: samples now have other iterations, and their list begins again.
    pub(crate) fn restart(&mut self) {
        (self.next_look, self.steady) = (Self::WINDOW, false);
    }

    /// Why to stop ([`StopReason::Steady`] or [`StopReason::MaxTime`]), or `None` to go on.
    #[must_use]
    pub fn done(&self) -> Option<StopReason> {
        if self.steady {
            Some(StopReason::Steady)
        } else if self.out_of_time() {
            Some(StopReason::MaxTime)
        } else {
            None
        }
    }

    /// Whether one more sample like the last would exceed the cap.
    pub(crate) fn out_of_time(&self) -> bool {
        self.elapsed_ns.saturating_add(self.last_ns) > self.max_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const MS: u64 = 1_000_000;

    /// Feeds samples of `ms` milliseconds each until the rule is done.
    fn stop_after(policy: &Policy, ms: impl Fn(usize) -> u64) -> (usize, u64, StopReason) {
        let (mut rule, mut elapsed) = (StoppingRule::new(policy), 0);
        for i in 0.. {
            elapsed += ms(i) * MS;
            rule.add(ms(i) as f64 * 1e-3, elapsed);
            if let Some(reason) = rule.done() {
                return (i + 1, elapsed / MS, reason);
            }
        }
        unreachable!("every policy has a cap")
    }

    /// Without a precision sampling ends when both minima are reached.
    #[test]
    fn enough() {
        assert_eq!(stop_after(&Policy::default(), |_| 1), (500, 500, StopReason::Enough));
        assert_eq!(stop_after(&Policy::default(), |_| 100), (30, 3_000, StopReason::Enough));
    }

    /// Slow iterations never exceed the longest time, save the first.
    #[test]
    fn slow_iterations_keep_to_the_time() {
        let policy = Policy { max_time: Duration::from_secs(10), ..Policy::default() };
        assert_eq!(stop_after(&policy, |_| 3_000), (3, 9_000, StopReason::MaxTime));
        assert_eq!(stop_after(&policy, |_| 60_000), (1, 60_000, StopReason::MaxTime));
    }

    /// A precision that constant samples have is found at the first look; one that noisy samples
    /// cannot have ends at a cap.
    #[test]
    fn precision_or_a_cap() {
        let wanted = Policy { precision: Some(0.01), min_time: Duration::ZERO, ..Policy::default() };
        assert_eq!(stop_after(&wanted, |_| 10), (30, 300, StopReason::Precision));
        let noisy = |i: usize| if i.is_multiple_of(7) { 100 } else { 1 };
        assert_eq!(
            stop_after(&Policy { max_samples: 40, ..wanted.clone() }, noisy).2,
            StopReason::MaxSamples
        );
        let short = Policy { max_time: Duration::from_secs(1), ..wanted };
        assert_eq!(stop_after(&short, noisy).2, StopReason::MaxTime);
    }

    /// Warm-up ends when a decay has died out, not at its minimum time, and at the cap if it never does.
    #[test]
    fn warmup_waits_for_the_decay() {
        let run = |policy: &Policy, sample: &dyn Fn(usize) -> f64| {
            let (mut rule, mut samples) = (WarmupRule::new(policy), Vec::new());
            for i in 0.. {
                samples.push(sample(i));
                rule.add(&samples, (i as u64 + 1) * MS);
                if let Some(reason) = rule.done() {
                    return (i + 1, reason);
                }
            }
            unreachable!("every policy has a cap")
        };
        let policy = Policy { warmup: Duration::from_millis(20), ..Policy::default() };
        assert_eq!(run(&policy, &|_| 1.0), (20, StopReason::Steady));
        let (samples, reason) = run(&policy, &|i| 1.0 + (-(i as f64) / 60.0).exp());
        assert!((200..900).contains(&samples) && reason == StopReason::Steady, "{samples} {reason}");
        let capped = Policy { warmup_max: Duration::from_millis(100), ..policy };
        assert_eq!(run(&capped, &|i| 1.0 + i as f64), (100, StopReason::MaxTime));
    }

    proptest! {
        /// Whatever the samples, the caps hold and a rule that says `enough` has enough.
        #[test]
        fn caps_always_hold(
            min_samples in 1_usize..50, extra in 0_usize..50, min_ms in 0_u64..200, more_ms in 0_u64..500,
            precision in prop::option::of(0.001_f64..0.5), times in prop::collection::vec(1_u64..50, 1..20),
        ) {
            let policy = Policy {
                min_samples, max_samples: min_samples + extra, precision,
                min_time: Duration::from_millis(min_ms), max_time: Duration::from_millis(min_ms + more_ms),
                ..Policy::default()
            };
            let (samples, elapsed, reason) = stop_after(&policy, |i| times[i % times.len()]);
            prop_assert!(samples <= policy.max_samples);
            // The prediction is the last sample's time, so that the cap holds up to one sample.
            prop_assert!(samples == 1 || elapsed <= min_ms + more_ms + 50);
            if matches!(reason, StopReason::Enough | StopReason::Precision) {
                prop_assert!(samples >= min_samples && elapsed >= min_ms);
            }
            prop_assert_eq!(reason == StopReason::Precision && precision.is_none(), false);
        }
    }
}
