//! When to commit what is pending.

use std::time::Duration;

/// Commits are due when they are large enough or old enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlushPolicy {
    /// Arrow bytes pending in one table at which it is committed; bounds memory.
    pub max_bytes: usize,
    /// Age of the oldest pending row at which its table is committed; bounds latency.
    pub max_age: Duration,
}

impl Default for FlushPolicy {
    fn default() -> Self {
        Self { max_bytes: 64 << 20, max_age: Duration::from_secs(5) }
    }
}

impl FlushPolicy {
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
        let policy = FlushPolicy { max_bytes: 100, max_age: Duration::from_secs(5) };
        let young = Some(Duration::from_secs(1));
        assert!(!policy.due(99, young, false));
        assert!(policy.due(100, young, false));
        assert!(policy.due(0, Some(Duration::from_secs(5)), false));
        assert!(policy.due(0, young, true));
        assert!(!policy.due(0, None, true));
    }
}
