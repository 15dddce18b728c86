//! A team of threads that computes together without asking the system for anything: workers persist,
//! wait by spinning, and own their part of the data, which they allocate and touch first themselves.

use super::sweep::Sweep;
use std::{
    hint::{black_box, spin_loop},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

/// What one thread of a team owns and does.
pub(crate) trait Part: 'static {
    /// One iteration of this thread's share.
    fn run(&mut self);
    /// The largest relative error of this thread's share after one iteration.
    fn check(&mut self) -> f64;
}

/// A command to the workers: this many iterations, or one of the three below.
const CHECK: u64 = 0;
const SWEEP: u64 = u64::MAX - 1;
const STOP: u64 = u64::MAX;
/// The barrier's generation after a panic: everyone who waits is released, and panics too.
const POISONED: u64 = u64::MAX;

/// One cache line (and the neighbour that is prefetched with it) to itself.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

/// A spinning barrier, reusable: the last to arrive opens the next generation.
#[derive(Debug)]
struct Gate {
    size: usize,
    arrived: Line<AtomicUsize>,
    generation: Line<AtomicU64>,
}

impl Gate {
    fn new(size: usize) -> Self {
        Self { size, arrived: Line::default(), generation: Line::default() }
    }

    #[inline]
    fn wait(&self) {
        if self.size == 1 {
            return;
        }
        let generation = self.generation.0.load(Ordering::Acquire);
        if self.arrived.0.fetch_add(1, Ordering::AcqRel) + 1 == self.size {
            self.arrived.0.store(0, Ordering::Relaxed);
            self.generation.0.store(generation.wrapping_add(1), Ordering::Release);
        } else {
            while self.generation.0.load(Ordering::Acquire) == generation {
                spin_loop();
            }
        }
        assert!(self.generation.0.load(Ordering::Acquire) != POISONED, "a thread of the team panicked");
    }

    fn poison(&self) {
        self.generation.0.store(POISONED, Ordering::Release);
    }
}

#[derive(Debug)]
struct Shared {
    /// The command, and a count of the commands given.
    iterations: Line<AtomicU64>,
    commands: Line<AtomicU64>,
    gate: Gate,
    /// Each worker's answer to [`CHECK`], as the bits of an f64.
    errors: Vec<AtomicU64>,
    /// What empties every thread's caches; none where they stay as they are.
    sweep: Option<Sweep>,
}

impl Shared {
    /// Iterations in step: each ends when every thread has ended it, as a parallel loop's does.
    fn run<P: Part>(&self, part: &mut P, iterations: u64) {
        for _ in 0..iterations {
            black_box(&mut *part).run();
            self.gate.wait();
        }
    }

    /// Every thread reads all of it, so that the caches of its own core are emptied too.
    fn sweep(&self) {
        if let Some(sweep) = &self.sweep {
            sweep.pass();
        }
        self.gate.wait();
    }

    fn work<P: Part>(&self, part: &mut P, index: usize) {
        let mut seen = 0;
        loop {
            while self.commands.0.load(Ordering::Acquire) == seen {
                spin_loop();
            }
            seen += 1;
            match self.iterations.0.load(Ordering::Acquire) {
                STOP => return,
                SWEEP => self.sweep(),
                CHECK => {
                    part.run();
                    // Results are compared once all parts, which may be read by others, are there.
                    self.gate.wait();
                    self.errors[index].store(part.check().to_bits(), Ordering::Release);
                    self.gate.wait();
                }
                iterations => self.run(part, iterations),
            }
        }
    }
}

/// The calling thread, which owns part 0, and a worker for each further part.
#[derive(Debug)]
pub(crate) struct Team<P: Part> {
    own: P,
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl<P: Part> Team<P> {
    /// Starts `threads` − 1 workers; `make(i)` builds part i on the thread that will use it. `sweep` is
    /// what [`empty_caches`](Self::empty_caches) reads.
    pub(crate) fn new(
        threads: usize,
        sweep: Option<Sweep>,
        make: impl Fn(usize) -> P + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            iterations: Line::default(),
            commands: Line::default(),
            gate: Gate::new(threads),
            errors: (0..threads).map(|_| AtomicU64::new(0)).collect(),
            sweep,
        });
        let (make, ready) = (Arc::new(make), Arc::new(Barrier::new(threads)));
        let workers = (1..threads)
            .map(|index| {
                let (make, ready, shared) = (Arc::clone(&make), Arc::clone(&ready), Arc::clone(&shared));
                std::thread::spawn(move || {
                    let mut part = make(index);
                    ready.wait();
                    // A worker that panics must not leave the others spinning for ever.
                    if catch_unwind(AssertUnwindSafe(|| shared.work(&mut part, index))).is_err() {
                        shared.gate.poison();
                    }
                })
            })
            .collect();
        let own = make(0);
        ready.wait();
        Self { own, shared, workers }
    }

    fn command(&self, iterations: u64) {
        self.shared.iterations.0.store(iterations, Ordering::Release);
        self.shared.commands.0.fetch_add(1, Ordering::AcqRel);
    }

    /// Runs every part `iterations` times, in step.
    #[inline]
    pub(crate) fn run(&mut self, iterations: u64) {
        if iterations == 0 {
            return;
        }
        if !self.workers.is_empty() {
            self.command(iterations);
        }
        self.shared.run(&mut self.own, iterations);
    }

    /// Empties the caches of all threads, as far as their sweep can; nothing without one.
    pub(crate) fn empty_caches(&mut self) {
        if !self.workers.is_empty() {
            self.command(SWEEP);
        }
        self.shared.sweep();
    }

    /// Runs every part once and returns the largest relative error of any; NaN if one is NaN.
    pub(crate) fn check(&mut self) -> f64 {
        self.command(CHECK);
        self.own.run();
        self.shared.gate.wait();
        let own = self.own.check();
        self.shared.gate.wait();
        let others = self.shared.errors[1..].iter().map(|bits| f64::from_bits(bits.load(Ordering::Acquire)));
        others.fold(own, worst)
    }
}

/// The larger error; NaN is the worst.
pub(crate) fn worst(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

impl<P: Part> Drop for Team<P> {
    fn drop(&mut self) {
        self.command(STOP);
        for worker in self.workers.drain(..) {
            // A worker's panic was already seen at the gate.
            let _ = worker.join();
        }
    }
}

/// The range of part `index` of `parts` about equal ones of `0..n`.
pub(crate) fn share(n: usize, parts: usize, index: usize) -> std::ops::Range<usize> {
    let (each, rest) = (n / parts, n % parts);
    let start = index * each + index.min(rest);
    start..start + each + usize::from(index < rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Topology;
    use std::time::Instant;

    struct Counter {
        total: Arc<AtomicU64>,
        index: usize,
        runs: u64,
    }

    impl Part for Counter {
        fn run(&mut self) {
            self.runs += 1;
            self.total.fetch_add(1, Ordering::Relaxed);
        }
        fn check(&mut self) -> f64 {
            if self.index == 1 { 0.5 } else { 0.1 }
        }
    }

    /// Every part runs every iteration, the worst error is reported, and dropping ends the workers.
    #[test]
    fn every_part_runs() {
        let total = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&total);
        let mut team = Team::new(2, None, move |index| Counter { total: Arc::clone(&count), index, runs: 0 });
        team.run(100);
        team.run(0);
        team.run(3);
        assert_eq!(total.load(Ordering::Relaxed), 206);
        assert!((team.check() - 0.5).abs() < f64::EPSILON);
        assert_eq!(team.own.runs, 104);
        drop(team);
        assert_eq!(Arc::strong_count(&total), 1);
    }

    /// Reads a block and keeps the shortest time that the worker's reading took, in nanoseconds.
    struct Reads {
        block: Vec<u64>,
        index: usize,
        shortest: Arc<AtomicU64>,
    }

    impl Part for Reads {
        fn run(&mut self) {
            let start = Instant::now();
            black_box(self.block.iter().step_by(8).fold(0, |sum, word| sum ^ word));
            if self.index == 1 {
                let time = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.shortest.fetch_min(time, Ordering::Relaxed);
            }
        }
        fn check(&mut self) -> f64 {
            0.0
        }
    }

    /// The caches of a worker's own core are emptied too, not only those of the caller's: what fits in
    /// its L2 takes longer afterwards.
    #[test]
    fn workers_caches_are_emptied() {
        let topology = Topology::read();
        let words = topology.l2.unwrap_or(512 << 10) / 2 / 8;
        let shortest = |sweep: Option<Sweep>, times: u64| {
            let shortest = Arc::new(AtomicU64::new(u64::MAX));
            let kept = Arc::clone(&shortest);
            let make = move |index| Reads { block: (0..words).collect(), index, shortest: Arc::clone(&kept) };
            let mut team = Team::new(2, sweep, make);
            for _ in 0..times {
                team.empty_caches();
                team.run(1);
            }
            drop(team);
            shortest.load(Ordering::Relaxed)
        };
        let (hot, cold) = (shortest(None, 300), shortest(Some(Sweep::new(&topology)), 20));
        assert!(cold > hot * 3 / 2, "cold {cold} ns, hot {hot} ns");
    }

    struct Panics(usize);

    impl Part for Panics {
        fn run(&mut self) {
            assert!(self.0 == 0, "as planned");
        }
        fn check(&mut self) -> f64 {
            0.0
        }
    }

    /// A worker that panics takes the caller with it instead of leaving it spinning for ever.
    #[test]
    #[should_panic(expected = "a thread of the team panicked")]
    fn panics_are_seen() {
        Team::new(2, None, Panics).run(10);
    }

    /// Shares cover everything once and differ by at most one.
    #[test]
    fn shares_partition() {
        for n in [1, 7, 64, 1_000] {
            for parts in 1..8 {
                let shares: Vec<_> = (0..parts).map(|i| share(n, parts, i)).collect();
                assert_eq!(shares[0].start, 0);
                assert_eq!(shares[parts - 1].end, n);
                assert!(shares.windows(2).all(|w| w[0].end == w[1].start && w[0].len() - w[1].len() <= 1));
            }
        }
    }

    /// NaN is the worst error of all.
    #[test]
    fn nan_is_worst() {
        assert!(worst(f64::NAN, 1.0).is_nan() && worst(1.0, f64::NAN).is_nan());
        assert!((worst(1.0, 2.0) - 2.0).abs() < f64::EPSILON);
    }
}
