//! A process that measures one session: what the agent and every program with its own functions do when
//! a launcher starts them.

use crate::{
    machine::Placement,
    ranks::RankError,
    session::{self, SessionError, SessionEvent, SessionSpec, Workloads},
};
use benchlake_schemas::Status;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::{
    error::Error,
    io::{self, Write},
    sync::{Arc, atomic::AtomicBool},
};

/// Exit codes of every program that measures; `benchlake` has the same.
pub mod exit {
    /// Everything was done.
    pub const OK: u8 = 0;
    /// A fault of the program or its surroundings.
    pub const INTERNAL: u8 = 1;
    /// The command, a suite or a query is wrong.
    pub const USAGE: u8 = 2;
    /// A regression was found, and asked for.
    pub const REGRESSION: u8 = 3;
    /// Nothing matched.
    pub const NOTHING: u8 = 4;
    /// Part of what was to be measured failed.
    pub const PARTLY: u8 = 5;
    /// The lake or Kafka cannot be reached.
    pub const UNREACHABLE: u8 = 6;
    /// A lake is not whole.
    pub const DAMAGED: u8 = 7;
    /// Another rank of its session is lost.
    pub const ABANDONED: u8 = 8;
    /// Interrupted; what was measured is kept.
    pub const INTERRUPTED: u8 = 130;
}

/// A flag that SIGINT and SIGTERM set. A second SIGINT ends the process at once.
///
/// # Errors
/// What the system reports.
pub fn interrupt_flag() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register_conditional_shutdown(SIGINT, exit::INTERRUPTED.into(), flag.clone())?;
    signal_hook::flag::register(SIGINT, flag.clone())?;
    signal_hook::flag::register(SIGTERM, flag.clone())?;
    Ok(flag)
}

/// The specification of the session to measure, from standard input.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read_spec() -> Result<SessionSpec, Box<dyn Error>> {
    serde_json::from_reader(io::stdin().lock()).map_err(|error| {
        format!("the session's specification on standard input is not valid: {error}").into()
    })
}

/// Measures the session `spec` of what `workloads` has; what happens goes as JSON lines to standard
/// output.
///
/// # Errors
/// What kept it from measuring.
pub(crate) fn measure_session(spec: &SessionSpec, workloads: &dyn Workloads) -> Result<u8, Box<dyn Error>> {
    let interrupted = interrupt_flag()?;
    // A launcher that is gone must not leave a machine busy, least of all with a benchmark that hangs.
    // What was spooled survives it. Where that cannot be said, it may.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // Before any thread is started: each inherits where it runs.
    Placement::new(spec.pin.as_deref(), spec.numa)
        .and_then(|placement| placement.apply())
        .map_err(SessionError::from)?;
    if let Some(bytes) = spec.memory_limit {
        let bytes = getrlimit(Resource::Data).maximum.map_or(bytes, |most| bytes.min(most));
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        setrlimit(Resource::Data, limit)
            .map_err(|error| SessionError::MemoryLimit { bytes, problem: error.to_string() })?;
    }
    let status = session::run(spec, workloads, &interrupted, &mut |event| tell(&event))?;
    Ok(match status {
        Status::Ok | Status::Running => exit::OK,
        Status::Failed => exit::PARTLY,
        Status::Interrupted => exit::INTERRUPTED,
    })
}

/// A launcher that went away must not stop the session: the spool is what counts.
fn tell(event: &SessionEvent) {
    if let Ok(line) = serde_json::to_string(event) {
        // A line of its own, whatever a workload has written before.
        let _ = writeln!(io::stdout(), "\n{line}");
    }
}

/// The exit code for what kept a session from measuring.
pub(crate) const fn exit_code(error: &SessionError) -> u8 {
    match error {
        SessionError::NothingMatched { .. } => exit::NOTHING,
        SessionError::Suite(_) | SessionError::Filter { .. } | SessionError::Placement(_) => exit::USAGE,
        SessionError::Ranks(RankError::Died { .. } | RankError::Silent { .. }) => exit::ABANDONED,
        SessionError::Ranks(_)
        | SessionError::Spool(_)
        | SessionError::MemoryLimit { .. }
        | SessionError::Start { .. } => exit::INTERNAL,
    }
}
