//! `cpu.latency`: a chase through a random cycle, each load's address the result of the one before,
//! so that one iteration takes that many times the latency of the level that the block fits in.
//!
//! A block that is larger than what the translation buffers reach shows their misses too, as programs
//! see them: with pages of 4 KiB those of level 1 reach a few hundred KiB, with huge pages far more.
//! The session's environment says which the kernel hands out (`kernel.hugepages`).

use super::{
    buffer::{Buffer, Numbers},
    parameters::Values,
    team::Part,
};
use benchlake_schemas::Work;
use std::hint::black_box;

/// Dependent loads in one iteration.
pub(crate) const LOADS: i64 = 1_024;
/// Words of a node: one cache line, so that no two loads share one.
const NODE: usize = 8;
/// Bytes of a node.
pub(crate) const NODE_BYTES: u64 = (NODE * size_of::<u64>()) as u64;

/// The block, and the place in it where the chase has come to.
pub(crate) struct Latency {
    /// The first word of each node is the place of the next node's first word.
    words: Buffer<usize>,
    at: usize,
}

impl Latency {
    pub(crate) fn new(values: &Values, seed: u64) -> Self {
        let nodes = values.size[1] / (NODE * size_of::<u64>());
        Self { words: cycle(nodes, &mut Numbers::new(seed, 0)), at: 0 }
    }
}

/// A cycle through all of `nodes`, each of those cycles as probable as any other (Sattolo, Information
/// Processing Letters 22, 1986).
fn cycle(nodes: usize, numbers: &mut Numbers) -> Buffer<usize> {
    let mut words = Buffer::from_fn(nodes * NODE, || 0);
    for node in 0..nodes {
        words[node * NODE] = node * NODE;
    }
    for last in (1..nodes).rev() {
        let other = usize::try_from(numbers.next() % last as u64).unwrap_or(0);
        words.swap(last * NODE, other * NODE);
    }
    words
}

/// Work of one iteration: its loads. Bytes are not counted, as most of each line is not used.
pub(crate) fn work() -> Work {
    Work { flops: None, bytes: None, items: Some(LOADS), work_model: Some("latency-1/1".into()) }
}

impl Part for Latency {
    #[inline]
    fn run(&mut self) {
        let mut at = self.at;
        for _ in 0..LOADS {
            at = self.words[at];
        }
        self.at = black_box(at);
    }

    /// The share of nodes that the cycle misses, or visits twice.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn check(&mut self) -> f64 {
        let nodes = self.words.len() / NODE;
        let mut visited = 0;
        let mut at = self.at;
        while let Some(&next) = self.words.get(at).filter(|_| visited <= nodes) {
            visited += 1;
            at = next;
            if at == self.at {
                break;
            }
        }
        nodes.abs_diff(visited) as f64 / nodes as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chase(words: Buffer<usize>) -> Latency {
        Latency { words, at: 0 }
    }

    proptest! {
        /// Whatever the seed, the cycle visits every node once, from wherever the chase stands.
        #[test]
        fn every_node_is_visited_once(nodes in 2_usize..2_000, seed: u64) {
            let mut latency = chase(cycle(nodes, &mut Numbers::new(seed, 0)));
            prop_assert!(latency.check() <= 0.0);
            latency.run();
            prop_assert!(latency.check() <= 0.0);
            let mut places: Vec<usize> = latency.words.iter().copied().step_by(NODE).collect();
            places.sort_unstable();
            prop_assert!(places.iter().enumerate().all(|(node, &place)| place == node * NODE));
        }
    }

    /// Two cycles instead of one, a dead end and a place outside are wrong.
    #[test]
    fn broken_cycles_are_wrong() {
        let broken = |change: fn(&mut Buffer<usize>)| {
            let mut words = cycle(100, &mut Numbers::new(1, 0));
            change(&mut words);
            chase(words).check()
        };
        assert!(broken(|words| words.swap(0, 5 * NODE)) > 0.0);
        assert!(broken(|words| words[7 * NODE] = 7 * NODE) > 0.0);
        assert!(broken(|words| words[7 * NODE] = usize::MAX) > 0.0);
    }

    /// The same seed gives the same cycle, another one another.
    #[test]
    fn the_seed_decides() {
        let order = |seed| cycle(50, &mut Numbers::new(seed, 0)).to_vec();
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
