//! The memory that is resident while a sample runs: its peak as the kernel keeps it, and its mean over
//! time as a thread beside the workload sees it.

use super::{Read, pass::Source};
use benchlake_schemas::Metric;
use rustix::param::page_size;
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Readings of a sample that the mean is made of, where it is long enough …
const READINGS: f64 = 20.0;
/// … for readings no closer than this, and none further apart than a millisecond.
const CLOSEST: Duration = Duration::from_micros(50);
const FURTHEST: Duration = Duration::from_millis(1);

/// Peak and mean of the resident memory.
#[derive(Debug)]
pub(super) struct Memory {
    watch: Watch,
}

impl Memory {
    /// Starts the thread that looks, often enough for samples of `sample` seconds.
    ///
    /// # Errors
    /// Why the memory cannot be watched here.
    pub(super) fn new(sample: f64) -> Result<Self, String> {
        let between = Duration::try_from_secs_f64(sample / READINGS).unwrap_or(FURTHEST);
        let watch = Watch::start(between.clamp(CLOSEST, FURTHEST));
        Ok(Self { watch: watch.map_err(|error| format!("/proc/self/statm cannot be read: {error}"))? })
    }

    /// Whether the kernel keeps a peak that can be set back.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn probe() -> Result<(), String> {
        forget_peak()?;
        peak().map(drop)
    }
}

impl Source for Memory {
    fn metrics(&self) -> Vec<Metric> {
        vec![Metric::PeakMemory, Metric::MeanMemory]
    }

    fn begin(&mut self) -> Result<(), String> {
        forget_peak()?;
        self.watch.begin().map_err(|error| error.to_string())
    }

    fn end(&mut self) -> Read {
        let mean = self.watch.end().map_err(|error| error.to_string())?;
        // The kernel rounds its peak to whole kibibytes, and may count pages of the last moment late.
        Ok(vec![peak()?.max(mean), mean])
    }
}

/// Sets the peak back to what is resident now (`proc(5)`, `clear_refs`).
fn forget_peak() -> Result<(), String> {
    fs::write("/proc/self/clear_refs", "5").map_err(|error| {
        format!(
            "the kernel's peak cannot be set back (/proc/self/clear_refs: {error}): mount /proc writable, on a \
             kernel with CONFIG_PROC_PAGE_MONITOR"
        )
    })
}

/// The most that was resident since it was set back, in bytes.
fn peak() -> Result<f64, String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    high_water(&status).ok_or_else(|| "/proc/self/status has no VmHWM here".to_owned())
}

fn high_water(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// What is resident now, in bytes; reads without opening, and allocates nothing.
#[derive(Debug)]
struct Resident {
    statm: File,
    page: f64,
}

impl Resident {
    #[expect(clippy::cast_precision_loss, reason = "pages are small")]
    fn open() -> io::Result<Self> {
        Ok(Self { statm: File::open("/proc/self/statm")?, page: page_size() as f64 })
    }

    fn read(&self) -> io::Result<f64> {
        let mut text = [0; 128];
        let len = self.statm.read_at(&mut text, 0)?;
        let pages = std::str::from_utf8(&text[..len]).ok().and_then(|text| text.split(' ').nth(1));
        let pages: Option<f64> = pages.and_then(|pages| pages.parse().ok());
        Ok(pages.ok_or(io::ErrorKind::InvalidData)? * self.page)
    }
}

/// A level over time, by the trapezoidal rule.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Level {
    begin: f64,
    last: (f64, f64),
    /// Level × seconds.
    area: f64,
}

impl Level {
    fn new(at: f64, level: f64) -> Self {
        Self { begin: at, last: (at, level), area: 0.0 }
    }

    /// The level is `level` at the time `at`, which is not before the last one.
    fn add(&mut self, at: f64, level: f64) {
        let (before, was) = self.last;
        self.area += (at - before) * (was + level) / 2.0;
        self.last = (at, level);
    }

    /// The mean over time; the last level where no time has passed.
    fn mean(&self) -> f64 {
        let time = self.last.0 - self.begin;
        if time > 0.0 { self.area / time } else { self.last.1 }
    }
}

#[derive(Debug)]
struct Shared {
    resident: Resident,
    origin: Instant,
    /// The sample that is being watched.
    sample: Mutex<Option<Level>>,
    over: AtomicBool,
}

impl Shared {
    fn sample(&self) -> MutexGuard<'_, Option<Level>> {
        self.sample.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) -> io::Result<(f64, f64)> {
        Ok((self.origin.elapsed().as_secs_f64(), self.resident.read()?))
    }
}

/// A thread that looks at what is resident, while a sample runs.
#[derive(Debug)]
struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    fn start(between: Duration) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            resident: Resident::open()?,
            origin: Instant::now(),
            sample: Mutex::new(None),
            over: AtomicBool::new(false),
        });
        shared.look()?;
        let seen = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("memory".into()).spawn(move || {
            while !seen.over.load(Ordering::Relaxed) {
                if let Some(level) = seen.sample().as_mut()
                    && let Ok((at, bytes)) = seen.look()
                {
                    level.add(at, bytes);
                }
                std::thread::sleep(between);
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    fn begin(&self) -> io::Result<()> {
        let mut sample = self.shared.sample();
        let (at, bytes) = self.shared.look()?;
        *sample = Some(Level::new(at, bytes));
        Ok(())
    }

    /// The mean since [`Watch::begin`].
    fn end(&self) -> io::Result<f64> {
        let mut sample = self.shared.sample();
        let (at, bytes) = self.shared.look()?;
        let mut level = sample.take().unwrap_or_else(|| Level::new(at, bytes));
        level.add(at, bytes);
        Ok(level.mean())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and has nothing to say.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A mean over time lies between the lowest and the highest level, and looking more often at a
        /// level that does not change changes nothing.
        #[test]
        fn means_lie_between(levels in prop::collection::vec((0.001_f64..1.0, 0.0_f64..1e12), 1..50)) {
            let (lowest, highest) = levels.iter().fold((f64::MAX, 0.0_f64), |(low, high), (_, level)| {
                (low.min(*level), high.max(*level))
            });
            let mut at = 0.0;
            let mut watched = Level::new(at, levels[0].1);
            let mut constant = Level::new(at, 5.0);
            for (time, level) in &levels {
                at += time;
                watched.add(at, *level);
                constant.add(at, 5.0);
            }
            prop_assert!(watched.mean() >= lowest * (1.0 - 1e-9) && watched.mean() <= highest * (1.0 + 1e-9));
            prop_assert!((constant.mean() - 5.0).abs() < 1e-9);
        }
    }

    /// A level counts for as long as it lasted, not for as often as it was looked at.
    #[test]
    fn levels_are_weighted_by_time() {
        let mut level = Level::new(0.0, 10.0);
        for at in [0.1, 0.2, 0.3, 9.0] {
            level.add(at, 10.0);
        }
        level.add(10.0, 30.0);
        assert!((level.mean() - (9.0 * 10.0 + 20.0) / 10.0).abs() < 1e-9);
        assert!((Level::new(1.0, 7.0).mean() - 7.0).abs() < 1e-12);
    }

    /// The kernel's peak is read from its line alone.
    #[test]
    fn peaks_are_read() {
        assert_eq!(high_water("VmPeak:\t 9 kB\nVmHWM:\t    1024 kB\nVmRSS:\t 1 kB\n"), Some(1_048_576.0));
        assert_eq!(high_water("VmPeak:\t 9 kB\n"), None);
    }
}
