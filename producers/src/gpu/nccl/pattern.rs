//! What the ranks put into a collective, and what must come out: whole numbers whose sums every element type
//! holds exactly.

/// Numbers of a period at most: no power of two, so that a shift by a block shows.
const LONGEST: usize = 13;
/// The largest whole number below which bf16 holds all.
const EXACT: usize = 256;

/// The numbers that the ranks of a group have: element i of rank q is (i + 3·q + seed) modulo the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) period: usize,
    seed: usize,
}

impl Pattern {
    /// The pattern of `ranks` ranks; `None` where their sums would be too large to be exact.
    pub(super) fn new(ranks: usize, seed: u64) -> Option<Self> {
        let period = (EXACT / ranks.max(1) + 1).min(LONGEST);
        let seed = usize::try_from(seed % LONGEST as u64).unwrap_or_default();
        (period > 2).then_some(Self { period, seed })
    }

    fn value(self, rank: usize, place: usize) -> usize {
        (place + 3 * rank + self.seed) % self.period
    }

    /// The sums over `ranks` at the places 0 to `period` - 1, after which they repeat.
    pub(super) fn sums(self, ranks: &[usize]) -> Vec<u16> {
        let sum = |place| ranks.iter().map(|rank| self.value(*rank, place)).sum::<usize>();
        // At most 256 by the choice of the period.
        (0..self.period).map(|place| u16::try_from(sum(place)).unwrap_or(u16::MAX)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums are exact in every type for as many ranks as are allowed, and tell one rank from another.
    #[test]
    fn sums_are_small_and_differ() {
        for ranks in 1..=128 {
            let pattern = Pattern::new(ranks, 42).expect("a pattern");
            let all: Vec<usize> = (0..ranks).collect();
            assert!(pattern.sums(&all).iter().all(|sum| usize::from(*sum) <= EXACT), "{ranks}: {pattern:?}");
        }
        assert_eq!(Pattern::new(129, 42), None);
        let pattern = Pattern::new(8, 42).expect("a pattern");
        assert_eq!(pattern.period, LONGEST);
        let alone: Vec<_> = (0..8).map(|rank| pattern.sums(&[rank])).collect();
        assert!(alone.windows(2).all(|pair| pair[0] != pair[1]), "{alone:?}");
        assert_eq!(pattern.sums(&[0])[..3], [3, 4, 5]);
        assert_eq!(pattern.sums(&[0, 1])[0], 3 + 6);
    }
}
