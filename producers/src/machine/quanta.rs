//! A fixed quantum of work, done again and again: on an undisturbed processor it takes the same time
//! each time, and what it takes more was taken by something else.
//!
//! Source: the fixed work quantum of Petrini, Kerbyson and Pakin, "The Case of the Missing
//! Supercomputer Performance", SC'03, and Sottile and Minnich, "Analysis of Microbenchmarks for
//! Performance Tuning of Clusters", Cluster 2004.

use crate::measure::Clock;
use std::{hint::black_box, time::Duration};

/// What a quantum is calibrated to, in nanoseconds: a thousand times a clock's step, and far below a
/// time slice.
const QUANTUM: u64 = 20_000;
/// Rounds of the first guess, and trials of each.
const FIRST_ROUNDS: u64 = 2_000;
const TRIALS: usize = 20;

/// Times of a fixed quantum of work in registers. All memory is taken before the first quantum.
#[derive(Debug)]
pub struct Quanta {
    clock: Clock,
    rounds: u64,
    times: Vec<u64>,
    taken: usize,
}

impl Quanta {
    /// Calibrates the quantum on the processor where the calling thread runs, and takes memory for
    /// as many as fit into `time`.
    #[must_use]
    pub fn calibrated(clock: Clock, time: Duration) -> Self {
        let capacity = nanoseconds(time) / (QUANTUM / 2) + 1;
        // Written to, so that no page is missing later.
        let times = vec![1; usize::try_from(capacity).unwrap_or(usize::MAX)];
        let mut quanta = Self { clock, rounds: FIRST_ROUNDS, times, taken: 0 };
        // Twice: the first time a clock that saves power may still be waking up.
        for _ in 0..2 {
            let fastest = (0..TRIALS).map(|_| quanta.one()).min().unwrap_or(QUANTUM).max(1);
            quanta.rounds = (quanta.rounds.saturating_mul(QUANTUM) / fastest).max(1);
        }
        quanta
    }

    /// Does quanta for `time`, one right after the other, and returns what each took, in nanoseconds.
    /// Nothing is allocated and no system call is made.
    pub fn take(&mut self, time: Duration) -> &[u64] {
        self.taken = 0;
        let mut before = self.clock.now();
        let end = before.saturating_add(nanoseconds(time));
        while before < end && self.taken < self.times.len() {
            black_box(work(black_box(self.rounds)));
            let after = self.clock.now();
            self.times[self.taken] = after - before;
            self.taken += 1;
            before = after;
        }
        &self.times[..self.taken]
    }

    fn one(&self) -> u64 {
        let before = self.clock.now();
        black_box(work(black_box(self.rounds)));
        self.clock.now() - before
    }
}

/// Work in registers alone, each step waiting for the one before: Marsaglia's xorshift64.
#[inline(never)]
fn work(rounds: u64) -> u64 {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..rounds {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    state
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quantum takes about as long as it is meant to, and quanta fill the time that is given.
    #[test]
    fn quanta_fill_the_time() {
        let time = Duration::from_millis(20);
        let mut quanta = Quanta::calibrated(Clock::calibrate(), time);
        let fastest = (0..10).filter_map(|_| quanta.take(time).iter().copied().min()).min();
        assert!(fastest.is_some_and(|fastest| (10_000..40_000).contains(&fastest)), "{fastest:?}");
        let total: u64 = quanta.take(time).iter().sum();
        assert!(total >= 10_000_000, "{total}");
    }

    /// The work depends on how often it is done: nothing of it is folded away.
    #[test]
    fn work_is_done() {
        assert_ne!(work(1), work(2));
    }
}
