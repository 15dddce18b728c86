//! Arrays that start on a cache line, and the numbers they are filled with.

use super::element::Element;
use pulp::bytemuck::Pod;
use std::ops::{Deref, DerefMut};

/// The widest vector and a cache line, in bytes.
const ALIGNMENT: usize = 64;

/// A fixed-length array whose first element lies on a cache line, so that no vector load is split.
#[derive(Debug)]
pub(crate) struct Buffer<T> {
    room: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Pod> Buffer<T> {
    /// `len` elements, each by `next`; the calling thread touches every page first.
    pub(crate) fn from_fn(len: usize, mut next: impl FnMut() -> T) -> Self {
        let spare = ALIGNMENT / size_of::<T>();
        let mut room = vec![T::zeroed(); len + spare];
        let start = room.as_ptr().align_offset(ALIGNMENT).min(spare);
        room[start..start + len].fill_with(&mut next);
        Self { room, start, len }
    }
}

impl<T: Element> Buffer<T> {
    /// `len` elements of the seeded sequence `numbers`.
    pub(crate) fn random(len: usize, numbers: &mut Numbers) -> Self {
        Self::from_fn(len, || T::from_f64(numbers.normal()))
    }

    /// `len` ones: for results, so that their pages are there.
    pub(crate) fn ones(len: usize) -> Self {
        Self::from_fn(len, || T::from_f64(1.0))
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.room[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.room[self.start..self.start + self.len]
    }
}

/// A seeded sequence, equal on every machine and in every year: SplitMix64 (Steele, Lea and Flood,
/// OOPSLA 2014).
#[derive(Debug, Clone)]
pub(crate) struct Numbers(u64);

impl Numbers {
    /// The sequence of `seed` for part `stream` of a benchmark.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut mixed = Self(seed ^ stream.wrapping_mul(0xa076_1d64_78bd_642f));
        mixed.next();
        mixed
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// About normal, mean 0, variance 1, within ±3.5 and never 0: four 16-bit numbers added
    /// (Irwin–Hall), as gigabytes of it are needed.
    pub(crate) fn normal(&mut self) -> f64 {
        let bits = self.next();
        let sum: f64 = [0, 16, 32, 48].map(|shift| f64::from((bits >> shift) as u16)).iter().sum();
        // The sum is whole with mean 131 070 and variance (65 536² − 1) / 3.
        (sum - 131_069.5) / 37_837.227
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: the first outputs of SplitMix64 from seed 1234567 (Vigna's splitmix64.c).
    #[test]
    fn splitmix_is_the_published_one() {
        let mut numbers = Numbers(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([numbers.next(), numbers.next(), numbers.next()], expected);
    }

    /// Inputs look normal and are never zero; another stream is another sequence.
    #[test]
    fn numbers_are_about_normal() {
        let mut numbers = Numbers::new(1, 0);
        let values: Vec<f64> = (0..100_000).map(|_| numbers.normal()).collect();
        let mean = values.iter().sum::<f64>() / 1e5;
        let variance = values.iter().map(|x| x * x).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        assert!(values.iter().all(|x| x.abs() > 1e-6 && x.abs() < 3.5));
        assert_ne!(Numbers::new(1, 1).next(), Numbers::new(1, 0).next());
    }

    /// Buffers start on a cache line and hold what they were filled with.
    #[test]
    fn buffers_are_aligned() {
        for len in [1, 5, 1_000] {
            let buffer = Buffer::<f32>::random(len, &mut Numbers::new(7, 0));
            assert_eq!((buffer.len(), buffer.as_ptr() as usize % ALIGNMENT), (len, 0));
            assert!(buffer.iter().all(|&x| x != 0.0));
        }
    }
}
