//! What the kernel accounts to a process: processor time, page faults and switches. `getrusage` needs no
//! permission, counts every thread and every child that was waited for, and is exact; the software events
//! of perf count the same but leave out what happens in the kernel where it may not be watched.
#![expect(unsafe_code, reason = "one call into the C library")]

use super::{Read, pass::Source};
use benchlake_schemas::Metric;
use std::{io, mem::MaybeUninit};

/// Processor time in seconds, minor faults, major faults, switches.
pub(super) const METRICS: [Metric; 4] =
    [Metric::CpuTime, Metric::MinorFaults, Metric::MajorFaults, Metric::ContextSwitches];

/// The accounts as they stood when the sample began.
#[derive(Debug, Default)]
pub(super) struct Usage {
    before: [f64; 4],
}

impl Source for Usage {
    fn metrics(&self) -> Vec<Metric> {
        METRICS.to_vec()
    }

    fn begin(&mut self) -> Result<(), String> {
        self.before = accounts()?;
        Ok(())
    }

    fn end(&mut self) -> Read {
        let after = accounts()?;
        Ok(after.iter().zip(&self.before).map(|(after, before)| after - before).collect())
    }
}

/// This process and its children that have ended, in the order of [`METRICS`].
fn accounts() -> Result<[f64; 4], String> {
    let (own, children) = (account(libc::RUSAGE_SELF)?, account(libc::RUSAGE_CHILDREN)?);
    Ok(std::array::from_fn(|i| own[i] + children[i]))
}

#[expect(clippy::cast_precision_loss, reason = "seconds and counts of a process are far below 2^53")]
fn account(who: libc::c_int) -> Result<[f64; 4], String> {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the pointer is to a `rusage` of this frame, which the call only writes.
    if unsafe { libc::getrusage(who, usage.as_mut_ptr()) } != 0 {
        return Err(format!("the kernel gives no account of this process: {}", io::Error::last_os_error()));
    }
    // SAFETY: a call that succeeds has written all of it.
    let usage = unsafe { usage.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok([
        seconds(usage.ru_utime) + seconds(usage.ru_stime),
        usage.ru_minflt as f64,
        usage.ru_majflt as f64,
        (usage.ru_nvcsw + usage.ru_nivcsw) as f64,
    ])
}
