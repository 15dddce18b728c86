//! When to commit what is pending.

use std::time::Duration;

/// Commits are due when they are large enough or old enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlushPolicy {
    /// Arrow bytes pending in one table at which it is committed.
    pub max_bytes: usize,
    /// Age of the oldest pending row at which its table is committed; bounds latency.
    pub max_age: Duration,
    /// Arrow bytes that were read and are not durable at which reading pauses, until half of them
    /// are; bounds memory.
    pub max_held: usize,
    /// Bytes that a client may fetch ahead.
    pub max_fetched: usize,
}

impl Default for FlushPolicy {
    fn default() -> Self {
        Self::within(256 << 20, 64 << 20, Duration::from_secs(5))
    }
}

impl FlushPolicy {
    /// Commits of at most `batch` bytes, at least every `max_age`, within a budget of `memory` bytes:
    /// an eighth for what a client fetches ahead, half for what is not durable, the rest for encoders
    /// and for what the allocator cannot give back. A commit takes at most half of what may be held, so that the next one is read
    /// meanwhile.
    #[must_use]
    pub fn within(memory: usize, batch: usize, max_age: Duration) -> Self {
        let max_held = memory / 2;
        Self { max_bytes: batch.min(max_held / 2).max(1), max_age, max_held, max_fetched: memory / 8 }
    }

    /// Whether to read on with `held` bytes that are not durable: no at the bound, yes below its half,
    /// in between as before.
    #[must_use]
    pub fn paused(&self, held: usize, paused: bool) -> bool {
        held >= self.max_held || (paused && held > self.max_held / 2)
    }

    /// Whether a table with `bytes` pending, the oldest for `age`, is to be committed now. `ending`
    /// says that nothing more will come.
    #[must_use]
    pub fn due(&self, bytes: usize, age: Option<Duration>, ending: bool) -> bool {
        age.is_some_and(|age| ending || age >= self.max_age || bytes >= self.max_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Size, age and the end make a commit due; nothing pending never does.
    #[test]
    fn due_by_size_age_or_end() {
        let policy =
            FlushPolicy { max_bytes: 100, max_age: Duration::from_secs(5), ..FlushPolicy::default() };
        let young = Some(Duration::from_secs(1));
        assert!(!policy.due(99, young, false));
        assert!(policy.due(100, young, false));
        assert!(policy.due(0, Some(Duration::from_secs(5)), false));
        assert!(policy.due(0, young, true));
        assert!(!policy.due(0, None, true));
    }

    /// Reading pauses at the bound and goes on only at its half, so that it does not flutter.
    #[test]
    fn pauses_with_hysteresis() {
        let policy = FlushPolicy { max_held: 100, ..FlushPolicy::default() };
        let states = [10, 99, 100, 150, 60, 51, 50, 80, 99, 100].iter().scan(false, |paused, held| {
            *paused = policy.paused(*held, *paused);
            Some(*paused)
        });
        let expected = [false, false, true, true, true, true, false, false, false, true];
        assert_eq!(states.collect::<Vec<_>>(), expected);
    }
}
