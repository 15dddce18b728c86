//! Named steps at which a test can kill, stop or fail this process.
//!
//! `BENCHLAKE_FAULT=STEP[@N]=ACTION` strikes when the step is taken for the `N`th time (1, if not
//! given): `kill` is `kill -9`, `stop` is SIGSTOP until somebody sends SIGCONT, `fail` makes the step
//! return an I/O error once. Debug builds only: in a release build [`step`] is nothing.

use std::io;

/// Every step, in the order of a record's way. The fault harness (`cargo xtask faults`) strikes at
/// each of them.
pub const STEPS: &[&str] = &[
    // Spool: a record is about to be written, is written, is on the disk.
    "spool.append",
    "spool.written",
    "spool.synced",
    // Forwarder: a record is sent, a prefix is acknowledged, the note of it is on the disk.
    "forward.sent",
    "forward.acknowledged",
    "drain.noted",
    // Lander: a record is pending; dead letters are committed; Parquet is written, is on the disk;
    // the commit is made, is on the disk; the source was told.
    "land.pending",
    "land.dead_letters",
    "land.written",
    "land.synced",
    "land.committed",
    "land.durable",
    "land.told",
    // A checkpoint is due, is made.
    "land.checkpoint",
    "land.checkpointed",
    // Compaction: files are written, are on the disk, have taken the place of others.
    "optimize.written",
    "optimize.synced",
    "optimize.committed",
    // Maintenance: a vacuum or a checkpoint is about to begin, is done.
    "maintain.vacuum",
    "maintain.vacuumed",
    "maintain.checkpoint",
    "maintain.checkpointed",
];

/// Takes the step `name`.
///
/// # Errors
/// The injected one.
#[cfg(not(debug_assertions))]
#[inline]
#[expect(clippy::unnecessary_wraps, reason = "a debug build can fail here")]
pub const fn step(_name: &'static str) -> io::Result<()> {
    Ok(())
}

#[cfg(debug_assertions)]
pub use armed::step;

#[cfg(debug_assertions)]
mod armed {
    use super::{STEPS, io};
    use signal_hook::{
        consts::{SIGKILL, SIGSTOP},
        low_level::raise,
    };
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };

    struct Fault {
        step: String,
        left: AtomicU32,
        action: String,
    }

    static FAULT: LazyLock<Option<Fault>> = LazyLock::new(|| {
        let text = std::env::var("BENCHLAKE_FAULT").ok()?;
        let fault = parse(&text);
        if fault.is_none() {
            tracing::error!(text, ?STEPS, "BENCHLAKE_FAULT is not STEP[@N]=kill|stop|fail");
        }
        fault
    });

    fn parse(text: &str) -> Option<Fault> {
        let (place, action) = text.split_once('=')?;
        let (step, count) = place.split_once('@').unwrap_or((place, "1"));
        let known = STEPS.contains(&step) && ["kill", "stop", "fail"].contains(&action);
        known.then_some(Fault {
            step: step.to_owned(),
            left: AtomicU32::new(count.parse().ok()?),
            action: action.to_owned(),
        })
    }

    /// Takes the step `name`.
    ///
    /// # Errors
    /// The injected one.
    pub fn step(name: &'static str) -> io::Result<()> {
        debug_assert!(STEPS.contains(&name), "{name} is missing in STEPS");
        match &*FAULT {
            Some(fault) if fault.step == name => strike(fault),
            _ => Ok(()),
        }
    }

    fn strike(fault: &Fault) -> io::Result<()> {
        let before =
            fault.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if before != Ok(1) {
            return Ok(());
        }
        match fault.action.as_str() {
            "kill" => raise(SIGKILL),
            "stop" => raise(SIGSTOP),
            _ => Err(io::Error::other(format!("injected at {}", fault.step))),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// A fault strikes once, at its count, and unknown ones not at all.
        #[test]
        fn faults_strike_once() {
            let fault = parse("land.synced@2=fail").expect("a fault");
            let results: Vec<bool> = (0..4).map(|_| strike(&fault).is_err()).collect();
            assert_eq!(results, [false, true, false, false]);
            assert!(parse("land.nowhere=kill").is_none() && parse("land.synced=hope").is_none());
        }
    }
}
