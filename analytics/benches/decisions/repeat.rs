//! Repeating an experiment on all cores, the same way each time.

use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

/// What an experiment draws from.
pub(crate) type Random = Xoshiro256PlusPlus;

/// How often each of `N` things happened in `repeats` experiments. Experiment i draws from a stream of its own,
/// by `name` and i, so that neither the number of cores nor other experiments change it.
pub(crate) fn counts<const N: usize>(
    name: &str,
    repeats: u64,
    experiment: impl Fn(u64, &mut Random) -> [u64; N] + Sync,
) -> [u64; N] {
    let next = AtomicU64::new(0);
    let work = || {
        let mut counts = [0; N];
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= repeats {
                return counts;
            }
            let happened = experiment(i, &mut stream(name, i));
            counts.iter_mut().zip(happened).for_each(|(count, happened)| *count += happened);
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut total = [0; N];
        for thread in threads {
            // A panic in a thread is a panic of the bench.
            let counts = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            total.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
        }
        total
    })
}

/// The stream of experiment `i` of `name`.
pub(crate) fn stream(name: &str, i: u64) -> Random {
    // FNV-1a, 64 bits.
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = name.as_bytes().iter().chain(&i.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, step);
    Random::seed_from_u64(hash)
}
