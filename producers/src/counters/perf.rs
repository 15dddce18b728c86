//! Counters of the processor and the kernel, by `perf_event_open`: a group on every thread of the
//! process, so that a workload's workers are counted too, and what they start later inherits it.

use super::{
    Read,
    events::{Event, Wanted, groups},
    pass::Source,
    processor::Processor,
    refusal::{Place, is_missing, refusal},
};
use benchlake_schemas::{Flag, Metric};
use perf_event::{Builder, Counter, Group, events::Hardware};
use std::{
    collections::BTreeMap,
    fs,
    hint::black_box,
    io::{self, ErrorKind},
    path::Path,
};

/// Events that are counted together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Set {
    events: Vec<(Metric, Event)>,
    /// Whether they have their counters for as long as they are on.
    pinned: bool,
}

/// What became of the events that a processor has.
#[derive(Debug, Default)]
pub(super) struct Probed {
    /// Those that can be counted.
    pub(super) sets: Vec<Set>,
    /// Why a metric cannot be counted, and what to set.
    pub(super) skipped: BTreeMap<Metric, String>,
    /// Metrics whose counters others use too, so that they take turns.
    pub(super) multiplexed: Vec<Metric>,
}

/// Tries every event once, on this process.
pub(super) fn probe(root: &Path) -> Probed {
    let processor = Processor::read(root);
    let paranoid = fs::read_to_string(root.join("proc/sys/kernel/perf_event_paranoid"));
    let paranoid = paranoid.ok().and_then(|text| text.trim().parse().ok());
    // A virtual machine may have part of a unit: only one without cycles has none.
    let no_unit = processor.hypervisor
        && Builder::new(Hardware::CPU_CYCLES).build().is_err_and(|error| is_missing(&error));
    let place = |event: &Event| Place { no_unit, paranoid, in_kernel: event.in_kernel() };
    let mut probed = Probed::default();
    for group in groups(&processor) {
        let events = probed.known(group, &|event, error| refusal(error, place(event)));
        probed.fit(events);
    }
    probed
}

impl Probed {
    /// The events of `group` that can be opened one by one; what is known of the others is noted.
    fn known(
        &mut self,
        group: Vec<Wanted>,
        refused: &dyn Fn(&Event, &io::Error) -> String,
    ) -> Vec<(Metric, Event)> {
        let mut events = Vec::new();
        for (metric, event) in group {
            let event = event.and_then(|event| match event.builder().build() {
                Ok(_) => Ok(event),
                Err(error) => Err(refused(&event, &error)),
            });
            match event {
                Ok(event) => events.push((metric, event)),
                Err(why) => {
                    self.skipped.insert(metric, why);
                }
            }
        }
        events
    }

    /// Finds out how `events` can be counted: together and pinned, taking turns with others, or in two
    /// halves where they are more than the processor has counters for.
    fn fit(&mut self, events: Vec<(Metric, Event)>) {
        if events.is_empty() {
            return;
        }
        let set = Set { events, pinned: true };
        let metrics = set.metrics();
        let problem = match set.runs() {
            Ok(true) => return self.sets.push(set),
            Ok(false) => {
                "other programs hold the processor's counters; `sysctl kernel.nmi_watchdog=0` frees \
                          one of them"
                    .to_owned()
            }
            Err(error) => format!("the kernel refused to count them together: {error}"),
        };
        let turns = Set { pinned: false, ..set };
        if matches!(turns.runs(), Ok(true)) {
            self.multiplexed.extend(metrics);
            self.sets.push(turns);
        } else if turns.events.len() > 1 {
            let mut first = turns.events;
            let second = first.split_off(first.len() / 2);
            self.fit(first);
            self.fit(second);
        } else {
            self.skipped.extend(metrics.into_iter().map(|metric| (metric, problem.clone())));
        }
    }
}

impl Set {
    pub(super) fn metrics(&self) -> Vec<Metric> {
        self.events.iter().map(|(metric, _)| *metric).collect()
    }

    /// Whether these events are counted at all, by a try of some microseconds.
    fn runs(&self) -> io::Result<bool> {
        let mut thread = Thread::open(self, 0)?;
        thread.group.enable()?;
        // Work of a few microseconds, so that the counters have a time to run in.
        let mut sum = 1_u64;
        for i in 0..20_000 {
            sum = black_box(sum.wrapping_mul(31).wrapping_add(i));
        }
        thread.group.disable()?;
        match thread.read() {
            Ok(reading) => Ok(reading.running > 0),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Opens these events on every thread of this process.
    ///
    /// # Errors
    /// What the kernel said to the first thread that it refused.
    pub(super) fn open(&self) -> io::Result<Counting> {
        let mut threads = Vec::new();
        for entry in fs::read_dir("/proc/self/task")? {
            let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            match Thread::open(self, id) {
                Ok(thread) => threads.push(thread),
                // It ended after the folder was read.
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Counting { metrics: self.metrics(), threads, multiplexed: false })
    }
}

/// What a group of counters of one thread showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Reading {
    /// For how long it was on, in nanoseconds.
    enabled: u64,
    /// For how long of that it had counters, in nanoseconds.
    running: u64,
    counts: Vec<u64>,
}

/// The counters of one thread.
struct Thread {
    group: Group,
    counters: Vec<Counter>,
    last: Reading,
}

impl Thread {
    /// Opens `set` on the thread `id`, 0 for the calling one; off.
    fn open(set: &Set, id: i32) -> io::Result<Self> {
        let mut leader = Group::builder();
        // All of a group inherit or none; a leader alone is pinned, and its group with it.
        let mut group = leader.observe_pid(id).inherit(true).pinned(set.pinned).build_group()?;
        let mut counters = Vec::with_capacity(set.events.len());
        for (_, event) in &set.events {
            counters.push(group.add(event.builder().observe_pid(id).inherit(true))?);
        }
        let last = Reading { counts: vec![0; counters.len()], ..Reading::default() };
        Ok(Self { group, counters, last })
    }

    fn read(&mut self) -> io::Result<Reading> {
        let data = self.group.read()?;
        let nanoseconds = |time: Option<std::time::Duration>| {
            time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        };
        Ok(Reading {
            enabled: nanoseconds(data.time_enabled()),
            running: nanoseconds(data.time_running()),
            counts: self.counters.iter().map(|counter| data[counter]).collect(),
        })
    }

    /// What was counted since the last time. Counters are never set back, as the kernel would keep the
    /// times that belong to them.
    fn since_last(&mut self) -> io::Result<Reading> {
        let now = self.read()?;
        let counts = now.counts.iter().zip(&self.last.counts).map(|(now, last)| now.wrapping_sub(*last));
        let since = Reading {
            enabled: now.enabled.saturating_sub(self.last.enabled),
            running: now.running.saturating_sub(self.last.running),
            counts: counts.collect(),
        };
        self.last = now;
        Ok(since)
    }
}

/// A set of events that is being counted on every thread.
pub(super) struct Counting {
    metrics: Vec<Metric>,
    threads: Vec<Thread>,
    multiplexed: bool,
}

impl Counting {
    /// The events' counts since the last time, over all threads.
    fn sum(&mut self) -> Result<Vec<f64>, String> {
        let mut sums = vec![0.0; self.metrics.len()];
        for thread in &mut self.threads {
            let since = thread.since_last().map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => "another program took the processor's counters meanwhile: \
                                             measure without it"
                    .to_owned(),
                _ => format!("its counters cannot be read: {error}"),
            })?;
            self.multiplexed |= since.running < since.enabled;
            for (sum, count) in sums.iter_mut().zip(&since.counts) {
                *sum += scaled(*count, since.enabled, since.running).ok_or_else(|| {
                    "its counters never ran, as others hold them: measure without other profilers, or longer \
                     samples"
                        .to_owned()
                })?;
            }
        }
        Ok(sums)
    }
}

impl Source for Counting {
    fn metrics(&self) -> Vec<Metric> {
        self.metrics.clone()
    }

    fn begin(&mut self) -> Result<(), String> {
        // The calling thread comes last of all: it has the least to count before the sample.
        let all = self.threads.iter_mut().rev().try_for_each(|thread| thread.group.enable());
        all.map_err(|error| format!("its counters cannot be turned on: {error}"))
    }

    fn end(&mut self) -> Read {
        let all = self.threads.iter_mut().try_for_each(|thread| thread.group.disable());
        all.map_err(|error| format!("its counters cannot be turned off: {error}"))?;
        self.sum()
    }

    fn flags(&self) -> Vec<Flag> {
        if self.multiplexed { vec![Flag::Multiplexed] } else { Vec::new() }
    }
}

/// What `count` would have been, had its counter run for all of the time that it was on:
/// count × enabled / running (`perf_event_open(2)`). `None` where it was on and never ran: nothing is
/// known then, least of all that it is 0.
#[expect(clippy::cast_precision_loss, reason = "counts of a sample are far below 2^53")]
fn scaled(count: u64, enabled_ns: u64, running_ns: u64) -> Option<f64> {
    if running_ns >= enabled_ns {
        return Some(count as f64);
    }
    (running_ns > 0).then(|| count as f64 * (enabled_ns as f64 / running_ns as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use perf_event::events::Software;
    use proptest::prelude::*;
    use std::{
        sync::{
            Arc, Barrier,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
    };

    proptest! {
        /// A counter that ran all the time is exact, one that ran a part of it counts for the whole, and
        /// one that never ran is not 0.
        #[test]
        fn scaling(count in 0_u64..1 << 50, enabled in 1_u64..1 << 40, part in 0.001_f64..1.0) {
            prop_assert_eq!(scaled(count, enabled, enabled), Some(count as f64));
            prop_assert_eq!(scaled(count, enabled, 0), None);
            prop_assert_eq!(scaled(count, 0, 0), Some(count as f64));
            let running = ((enabled as f64 * part) as u64).max(1);
            let value = scaled(count, enabled, running).expect("it ran");
            prop_assert!(value >= count as f64);
            let back = value * running as f64 / enabled as f64;
            prop_assert!((back - count as f64).abs() <= 1e-9 * count as f64);
        }
    }

    fn task_clock() -> Set {
        Set { events: vec![(Metric::Cycles, Event::Software(Software::TASK_CLOCK))], pinned: true }
    }

    /// Who spins in a round of [`Worker`].
    const WORKER: usize = 0;
    const CHILD: usize = 1;
    const OVER: usize = 2;

    /// A thread that exists before anything is counted, and spins as it is told to.
    struct Worker {
        gate: Arc<(Barrier, Barrier)>,
        order: Arc<AtomicUsize>,
        thread: thread::JoinHandle<()>,
    }

    impl Worker {
        fn new() -> Self {
            let gate = Arc::new((Barrier::new(2), Barrier::new(2)));
            let order = Arc::new(AtomicUsize::new(WORKER));
            let (its_gate, its_order) = (gate.clone(), order.clone());
            let thread = thread::spawn(move || {
                loop {
                    its_gate.0.wait();
                    match its_order.load(Ordering::Relaxed) {
                        WORKER => spin(),
                        CHILD => thread::spawn(spin).join().expect("the child ends"),
                        _ => return,
                    }
                    its_gate.1.wait();
                }
            });
            Self { gate, order, thread }
        }

        fn round(&self, order: usize) {
            self.order.store(order, Ordering::Relaxed);
            self.gate.0.wait();
            self.gate.1.wait();
        }

        fn end(self) {
            self.order.store(OVER, Ordering::Relaxed);
            self.gate.0.wait();
            self.thread.join().expect("the worker ends");
        }
    }

    /// Until 20 ms of the thread's own processor time are over, however busy the machine is.
    fn spin() {
        let mut clock = Builder::new(Software::TASK_CLOCK);
        let mut clock = clock.include_kernel().enabled(true).build().expect("a clock");
        while clock.read().expect("a time") < 20_000_000 {}
    }

    /// Workers that exist before the counters, and threads that they start later, are counted;
    /// what runs while the counters are off is not.
    #[test]
    fn every_thread_is_counted() {
        let worker = Worker::new();
        let mut counting = match task_clock().open() {
            Ok(counting) => counting,
            Err(error) => {
                eprintln!("skipped: no software events here ({error})");
                return worker.end();
            }
        };
        for order in [WORKER, CHILD, WORKER] {
            counting.begin().expect("on");
            worker.round(order);
            let on = counting.end().expect("a count")[0];
            worker.round(order);
            let off = counting.end().expect("a count")[0];
            // Other tests of this process run for some of the time, on threads that are counted, too.
            assert!(on >= 20e6, "{on} ns");
            assert!(off.abs() < 1.0, "{off} ns although off");
        }
        assert!(!counting.multiplexed);
        worker.end();
    }

    /// A machine's events are each counted or skipped with a reason, and a software event is counted
    /// wherever one may look into the kernel.
    #[test]
    fn every_event_is_counted_or_explained() {
        let probed = probe(Path::new("/"));
        let counted: usize = probed.sets.iter().map(|set| set.events.len()).sum();
        assert_eq!(counted + probed.skipped.len(), 15);
        assert!(probed.skipped.values().all(|why| why.len() > 20));
    }
}
