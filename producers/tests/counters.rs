//! What is counted is exact: made-up workloads that cost what is known beforehand.
#![expect(unsafe_code, reason = "fresh pages and a thread's processor come from the system alone")]

use benchlake_producers::{
    counters::{Counted, Counters, CountingAllocator, counting},
    cpu,
    environment::Topology,
    measure::{Clock, Policy, Samples, Workload, WrongResult, measure},
};
use benchlake_schemas::{Check, Metric, StopReason, Work};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::BTreeMap,
    hint::black_box,
    ptr,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::system();

const PAGE: usize = 4_096;
/// Fresh pages that a body touches: half of them on a worker, where it has one.
const PAGES: usize = 100;

/// A workload that is its body.
struct Body<F>(F);

impl<F: FnMut()> Workload for Body<F> {
    fn run(&mut self, iterations: u64) {
        (0..iterations).for_each(|_| (self.0)());
    }
    fn check(&mut self) -> Result<Check, WrongResult> {
        Ok(Check::default())
    }
    fn work(&self) -> Work {
        Work::default()
    }
}

/// What is counted of `workload`, `iterations` a sample.
fn counted(workload: &mut dyn Workload, iterations: u64) -> BTreeMap<Metric, Counted> {
    let policy = Policy {
        iterations: Some(iterations),
        warmup: Duration::from_millis(5),
        warmup_max: Duration::from_millis(20),
        min_samples: 5,
        min_time: Duration::from_millis(50),
        ..Policy::default()
    };
    let (clock, interrupted) = (Clock::calibrate(), AtomicBool::new(false));
    let times = measure(workload, &policy, &clock, &interrupted).measure;
    let time = Duration::from_secs(20);
    let counted = Counters::open().pass(workload, &times, time, &clock, &interrupted);
    counted.into_iter().map(|counted| (counted.metric, counted)).collect()
}

/// The samples of `metric`; `None`, and a word, where this machine does not count it.
fn samples(counted: &BTreeMap<Metric, Counted>, metric: Metric) -> Option<&Samples> {
    let Some(counted) = counted.get(&metric) else {
        eprintln!("skipped: {metric}: {:?}", Counters::open().facts().get(&format!("counters.{metric}")));
        return None;
    };
    assert_eq!((counted.stop, &counted.error), (StopReason::Enough, &None), "{metric}");
    assert!((3..=10).contains(&counted.samples.samples.len()), "{metric}");
    Some(&counted.samples)
}

/// Asks the system for `pages` fresh pages, touches each, gives them back.
fn touch(pages: usize) {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, of which no byte is read or written outside its length, and which is given
    // back after its last use.
    unsafe {
        let start = libc::mmap(ptr::null_mut(), pages * PAGE, protection, flags, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        // A huge page would be one fault for many.
        libc::madvise(start, pages * PAGE, libc::MADV_NOHUGEPAGE);
        for page in 0..pages {
            start.cast::<u8>().add(page * PAGE).write_volatile(1);
        }
        libc::munmap(start, pages * PAGE);
    }
}

/// A worker that exists before anything is counted, and touches pages when it is told to.
struct Worker {
    gate: Arc<(Barrier, Barrier)>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn new() -> Self {
        let gate = Arc::new((Barrier::new(2), Barrier::new(2)));
        let over = Arc::new(AtomicBool::new(false));
        let (its_gate, its_over) = (gate.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            loop {
                its_gate.0.wait();
                if its_over.load(Ordering::Relaxed) {
                    return;
                }
                touch(PAGES / 2);
                its_gate.1.wait();
            }
        });
        Self { gate, over, thread: Some(thread) }
    }

    fn touch_together(&self) {
        self.gate.0.wait();
        touch(PAGES / 2);
        self.gate.1.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.gate.0.wait();
        self.thread.take().expect("a thread").join().expect("the worker ends");
    }
}

/// `value` an iteration in every sample.
fn assert_each(samples: &Samples, value: f64, what: &str) {
    for (sample, iterations) in samples.samples.iter().zip(&samples.iterations) {
        let expected = value * *iterations as f64;
        assert!((sample - expected).abs() < 1e-6, "{what}: {sample} instead of {expected}");
    }
}

/// Page faults are exact, on one thread and on two.
fn faults() {
    let one = counted(&mut Body(|| touch(PAGES)), 7);
    let worker = Worker::new();
    let two = counted(&mut Body(|| worker.touch_together()), 7);
    for (counted, threads) in [(one, 1), (two, 2)] {
        let faults = samples(&counted, Metric::MinorFaults).expect("faults need no permission");
        assert_eq!(faults.iterations[0], 7);
        assert_each(faults, PAGES as f64, &format!("faults on {threads} threads"));
        assert_each(&counted[&Metric::MajorFaults].samples, 0.0, "major faults");
    }
}

/// This thread's processor time, in seconds.
fn processor_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a `timespec` of this frame, which the call only writes.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A body that waits is taken off its processor at least once for each time that it does; one that spins
/// costs the processor time that it spins for, and hardly more.
fn switches_and_time() {
    let waiting = counted(&mut Body(|| std::thread::sleep(Duration::from_millis(2))), 3);
    let switches = samples(&waiting, Metric::ContextSwitches).expect("switches need no permission");
    assert!(switches.samples.iter().all(|switches| *switches >= 3.0), "{switches:?}");
    let spin = || {
        let start = processor_time();
        while processor_time() - start < 0.002 {}
    };
    let spinning = counted(&mut Body(spin), 3);
    let time = samples(&spinning, Metric::CpuTime).expect("time needs no permission");
    assert!(time.samples.iter().all(|time| *time > 0.006 - 1e-5 && *time < 0.007), "{time:?}");
}

/// Blocks and bytes are exact: what is allocated on two threads, grown, and taken zeroed.
fn allocations() {
    let body = || {
        let mut grown: Vec<u8> = Vec::with_capacity(100);
        grown.resize(100, black_box(1));
        grown.reserve_exact(200);
        drop(black_box(grown));
        drop(black_box(vec![0_u8; 1_000]));
    };
    let counted = counted(&mut Body(body), 5);
    let blocks = samples(&counted, Metric::Allocations).expect("this program's allocator counts");
    assert_each(blocks, 3.0, "blocks");
    assert_each(&counted[&Metric::AllocatedBytes].samples, 100.0 + 300.0 + 1_000.0, "bytes");
    let (ours, theirs) = counting(|| black_box(Box::new([1_u8; 64])));
    assert_eq!((theirs.blocks, theirs.bytes), (1, 64));
    drop(ours);
    let before = counting(|| ()).1;
    assert_eq!((before.blocks, before.bytes), (0, 0), "what came while nobody counted does not count");
}

/// Peak and mean of a body that holds 64 MiB are levels: not divided, and beside one iteration. The next
/// workload's peak knows nothing of it.
fn memory() {
    const SIZE: usize = 64 << 20;
    let hold = || {
        let block = black_box(vec![1_u8; SIZE]);
        // Long enough for the thread that looks to get a processor on a busy machine.
        std::thread::sleep(Duration::from_millis(50));
        drop(block);
    };
    let counted = counted(&mut Body(hold), 1);
    let Some(peak) = samples(&counted, Metric::PeakMemory) else { return };
    let mean = &counted[&Metric::MeanMemory].samples;
    for (peak, mean) in peak.samples.iter().zip(&mean.samples) {
        assert!(*peak >= SIZE as f64 && *peak < 2.0 * SIZE as f64, "a peak of {peak}");
        assert!(mean <= peak, "a mean of {mean} above the peak of {peak}");
    }
    let mean = mean.samples.iter().sum::<f64>() / mean.samples.len() as f64;
    assert!(mean > 0.3 * SIZE as f64, "a mean of {mean}");
    assert!(peak.iterations.iter().all(|iterations| *iterations == 1));
    let next = self::counted(&mut Body(|| std::thread::sleep(Duration::from_millis(1))), 1);
    let peak = samples(&next, Metric::PeakMemory).expect("as before");
    assert!(peak.samples.iter().all(|peak| *peak < 0.5 * SIZE as f64), "{peak:?}");
}

/// A thread that is sent from one processor to another and back is moved twice.
fn migrations() {
    let cpus = usable();
    let [first, second, ..] = cpus[..] else {
        eprintln!("skipped: migrations: one processor");
        return;
    };
    let there_and_back = || {
        stay_on(&[second]);
        stay_on(&[first]);
    };
    stay_on(&[first]);
    let counted = counted(&mut Body(there_and_back), 5);
    stay_on(&cpus);
    if let Some(migrations) = samples(&counted, Metric::Migrations) {
        assert_each(migrations, 2.0, "migrations");
    }
}

fn usable() -> Vec<usize> {
    // SAFETY: the set is this frame's, all zeroes are a valid one, and the call writes no more than it.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        assert_eq!(libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set), 0);
        set
    };
    // SAFETY: only places within the set are asked for.
    (0..libc::CPU_SETSIZE as usize).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).collect()
}

fn stay_on(cpus: &[usize]) {
    // SAFETY: the set is this frame's, all zeroes are a valid one, and only places within it are set.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        cpus.iter().for_each(|cpu| libc::CPU_SET(*cpu, &mut set));
        assert_eq!(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set), 0);
    }
}

/// Every metric is counted or explained, for a workload with workers of its own, and none says both.
fn every_metric() {
    let topology = Topology::read();
    let given = BTreeMap::from([
        ("n".to_owned(), "10000".to_owned()),
        ("threads".to_owned(), topology.cpus.min(2).to_string()),
    ]);
    let benchmark = cpu::plan("cpu.triad", &given, &topology).expect("a benchmark");
    let mut workload = cpu::open(&benchmark, 1).expect("a workload");
    let counted = counted(workload.as_mut(), 100);
    let facts = Counters::open().facts().clone();
    for metric in Metric::ALL.iter().filter(|metric| !metric.is_of_devices()) {
        let fact = facts.get(&format!("counters.{metric}"));
        match counted.get(metric) {
            Some(counted) => {
                assert!(fact.is_none_or(|fact| fact.starts_with("multiplexed")), "{metric}");
                assert_eq!(counted.samples.samples.is_empty(), counted.error.is_some(), "{metric}");
                assert!(counted.samples.samples.iter().all(|sample| sample.is_finite() && *sample >= 0.0));
            }
            None if *metric == Metric::Time => assert!(fact.is_none()),
            None => assert!(fact.is_some_and(|fact| fact.starts_with("skipped: ")), "{metric}"),
        }
    }
}

/// What is counted is what a body costs. One test, as counts are those of the whole process, which the
/// threads of other tests would share.
#[test]
fn counts_are_exact() {
    faults();
    switches_and_time();
    allocations();
    memory();
    migrations();
    every_metric();
}

/// Nanoseconds of taking a block from `allocator` and giving it back: the least of many rounds.
fn nanoseconds(allocator: &impl GlobalAlloc) -> f64 {
    const PAIRS: u32 = 100_000;
    let layout = Layout::new::<[u64; 8]>();
    let start = Instant::now();
    for _ in 0..PAIRS {
        // SAFETY: the layout is not empty, and the block is given back as it was taken.
        unsafe {
            let block = allocator.alloc(black_box(layout));
            allocator.dealloc(black_box(block), layout);
        }
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(PAIRS)
}

/// What counting costs, for `docs/counters.md`:
/// `cargo test --release -p benchlake-producers --test counters -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement of a minute, not a check"]
fn what_counting_costs() {
    let counting_allocator = CountingAllocator::system();
    let (mut without, mut off, mut on) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..500 {
        without = without.min(nanoseconds(&System));
        off = off.min(nanoseconds(&counting_allocator));
        on = on.min(counting(|| nanoseconds(&counting_allocator)).0);
    }
    eprintln!("a block taken and given back: {without:.2} ns; not counting {off:.2} ns; counting {on:.2} ns");
    assert!(off < on);
}
