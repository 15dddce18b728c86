//! Whether a lander lives, and whether it lands: what probes ask.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A loop that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(60);

/// The health of one lander; a clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<Signs>>);

#[derive(Debug, Clone)]
struct Signs {
    beat: Instant,
    joined: bool,
    failing: Option<String>,
}

impl Default for Health {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Signs { beat: Instant::now(), joined: false, failing: None })))
    }
}

impl Health {
    /// The loop goes round.
    pub fn beat(&self) {
        self.signs().beat = Instant::now();
    }

    /// Whether the lander has its source: partitions are assigned or the spool was scanned.
    pub fn joined(&self, joined: bool) {
        self.signs().joined = joined;
    }

    /// Why the lake cannot be committed to at present, in one line; `None` when it can.
    pub fn failing(&self, why: Option<String>) {
        self.signs().failing = why;
    }

    /// Whether the loop goes round: if not, only a new start helps.
    ///
    /// # Errors
    /// Why not, in one line.
    pub fn live(&self) -> Result<(), String> {
        self.signs().live(Instant::now())
    }

    /// Whether rows are landed: live, with a source, and the lake takes commits.
    ///
    /// # Errors
    /// Why not, in one line.
    pub fn ready(&self) -> Result<(), String> {
        self.signs().ready(Instant::now())
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signs {
    fn live(&self, now: Instant) -> Result<(), String> {
        let silent = now.saturating_duration_since(self.beat);
        if silent < SILENCE {
            Ok(())
        } else {
            Err(format!("the landing loop has hung for {} s", silent.as_secs()))
        }
    }

    fn ready(&self, now: Instant) -> Result<(), String> {
        self.live(now)?;
        if !self.joined {
            return Err("no partition is assigned yet".into());
        }
        match &self.failing {
            Some(why) => Err(format!("the lake takes no commit: {why}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loop that beat within a minute lives; after that it says for how long it hangs.
    #[test]
    fn silence_is_death() {
        let start = Instant::now();
        let signs = Signs { beat: start, joined: true, failing: None };
        assert_eq!(signs.ready(start + Duration::from_secs(59)), Ok(()));
        let late = start + Duration::from_secs(75);
        assert_eq!(signs.live(late), Err("the landing loop has hung for 75 s".into()));
        assert_eq!(signs.ready(late), signs.live(late));
    }

    /// Live is not ready: that needs a source, and a lake that takes commits.
    #[test]
    fn live_is_not_ready() {
        let health = Health::default();
        assert!(health.live().is_ok() && health.ready().is_err());
        health.joined(true);
        assert_eq!(health.ready(), Ok(()));
        health.failing(Some("s3://bucket: 503".into()));
        assert_eq!(health.ready(), Err("the lake takes no commit: s3://bucket: 503".into()));
        assert!(health.live().is_ok());
        health.failing(None);
        health.beat();
        assert_eq!(health.ready(), Ok(()));
    }
}
