//! What the kernel accounts to a process: processor time, page faults and switches. `getrusage` needs no
//! permission and counts every thread, and every child that was waited for; the software events of perf
//! count the same but leave out what happens in the kernel where it may not be watched.
#![expect(unsafe_code, reason = "two calls into the C library")]

use super::{Read, pass::Source};
use benchlake_schemas::Metric;
use std::{fs, io, mem::MaybeUninit};

/// Processor time in seconds, minor faults, major faults, switches.
const METRICS: [Metric; 4] =
    [Metric::CpuTime, Metric::MinorFaults, Metric::MajorFaults, Metric::ContextSwitches];

/// The accounts as they stood when the sample began, and the threads that there were.
#[derive(Debug, Default)]
pub(super) struct Usage {
    threads: Vec<libc::pid_t>,
    before: [f64; 4],
}

impl Source for Usage {
    fn metrics(&self) -> Vec<Metric> {
        METRICS.to_vec()
    }

    fn begin(&mut self) -> Result<(), String> {
        self.threads = threads();
        self.before = accounts(&self.threads)?;
        Ok(())
    }

    fn end(&mut self) -> Read {
        let after = accounts(&self.threads)?;
        Ok(after.iter().zip(&self.before).map(|(after, before)| after - before).collect())
    }
}

/// The threads of this process.
fn threads() -> Vec<libc::pid_t> {
    let folder = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    folder.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// This process and its children that have ended, in the order of [`METRICS`].
fn accounts(threads: &[libc::pid_t]) -> Result<[f64; 4], String> {
    // The account of a thread that runs is as old as the last tick of its processor, which may be as long
    // as a sample. Who asks for the thread's clock has it brought up to date.
    for thread in threads {
        // One that has ended is in the account already.
        let _ = clock(*thread);
    }
    let (own, children) = (account(libc::RUSAGE_SELF)?, account(libc::RUSAGE_CHILDREN)?);
    Ok(std::array::from_fn(|i| own[i] + children[i]))
}

/// The processor time of a thread of this process, in seconds.
#[expect(clippy::cast_precision_loss, reason = "seconds of a process are far below 2^53")]
fn clock(thread: libc::pid_t) -> io::Result<f64> {
    // The kernel's number for a thread's clock, as `pthread_getcpuclockid` makes it.
    let number = (!thread << 3) | 6;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a `timespec` of this frame, which the call only writes.
    if unsafe { libc::clock_gettime(number, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        time::{Duration, Instant},
    };

    /// The time of a worker that runs beside the caller is not as old as its processor's last tick, which
    /// is up to 4 ms: what a millisecond costs agrees with the threads' own clocks.
    #[test]
    fn running_workers_are_up_to_date() {
        let over = Arc::new(AtomicBool::new(false));
        let its_over = over.clone();
        let worker = std::thread::spawn(move || {
            while !its_over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let mut differences: Vec<f64> = (0..200).filter_map(|_| difference()).collect();
        over.store(true, Ordering::Relaxed);
        worker.join().expect("the worker ends");
        differences.sort_unstable_by(f64::total_cmp);
        assert!(differences.len() >= 20, "only {} undisturbed rounds", differences.len());
        // Threads of other tests come and go meanwhile.
        assert!(differences[differences.len() * 9 / 10] < 5e-4, "{differences:?}");
    }

    /// What a millisecond cost by the account, less what it cost by the threads' clocks; `None` where
    /// something else ran between the readings.
    fn difference() -> Option<f64> {
        let clocks = || {
            let threads = threads();
            let sum = threads.iter().filter_map(|thread| clock(*thread).ok()).sum::<f64>();
            (sum, threads, Instant::now())
        };
        let mut usage = Usage::default();
        let (before, threads_before, at) = clocks();
        usage.begin().expect("an account");
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(1) {}
        let end = Instant::now();
        let counted = usage.end().expect("an account")[0];
        let (after, threads_after, late) = clocks();
        let quick = Duration::from_micros(300);
        let undisturbed = start - at < quick && late - end < quick && threads_before == threads_after;
        undisturbed.then(|| (counted - (after - before)).abs())
    }
}
