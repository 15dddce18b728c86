//! Single bins of a discrete Fourier transform, summed in f64 from the inputs themselves.

use super::super::inputs::element;
use std::f64::consts::TAU;

/// Terms between two exact angles, and of one partial sum.
const BLOCK: usize = 8;

/// A transform of `points` per dimension in `rank` dimensions, of inputs that [`element`] makes: the real part of
/// point i is element 2i, its imaginary part element 2i + 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) points: usize,
    pub(super) rank: u32,
    pub(super) batch: usize,
}

impl Shape {
    /// Points of one transform.
    pub(super) const fn len(self) -> usize {
        self.points.pow(self.rank)
    }

    /// Points of all transforms, if they can be counted.
    pub(super) fn total(self) -> Option<usize> {
        self.points.checked_pow(self.rank)?.checked_mul(self.batch)
    }

    /// Bin `bin` of transform `index`: Σ x(j)·exp(−2πi·Σ j_d·k_d / points), with the root of Σ |x(j)|².
    ///
    /// The angle turns by a constant along the innermost dimension; it is set anew every few terms, and sums are
    /// made of partial ones, so that the result is exact to a few units in the last place of its parts.
    pub(super) fn bin(self, seed: u64, index: usize, bin: usize) -> ([f64; 2], f64) {
        let first = index * self.len();
        let step = turn(bin % self.points, self.points);
        let (mut sums, mut squares) = ([Sum::default(); 2], Sum::default());
        for row in (0..self.len()).step_by(self.points) {
            for start in (row..row + self.points).step_by(BLOCK) {
                let mut angle = turn(self.phase(start, bin), self.points);
                let (mut part, mut square) = ([0.0; 2], 0.0);
                for j in start..(start + BLOCK).min(row + self.points) {
                    let place = 2 * (first + j) as u64;
                    let x = [element(seed, place), element(seed, place + 1)];
                    let term = product(x, angle);
                    part = [part[0] + term[0], part[1] + term[1]];
                    square += x[0] * x[0] + x[1] * x[1];
                    angle = product(angle, step);
                }
                sums[0].add(part[0]);
                sums[1].add(part[1]);
                squares.add(square);
            }
        }
        (sums.map(Sum::total), squares.total().sqrt())
    }

    /// Σ j_d·k_d modulo `points`, of the coordinates of point `j` and bin `k`, both counted by rows.
    fn phase(self, mut j: usize, mut k: usize) -> usize {
        let mut phase = 0;
        for _ in 0..self.rank {
            let product = (j % self.points) as u128 * (k % self.points) as u128;
            let product = (product % self.points as u128) as usize;
            phase = (phase + product) % self.points;
            j /= self.points;
            k /= self.points;
        }
        phase
    }
}

/// exp(−2πi·`part`/`whole`), of a part less than the whole; more than half a turn is one back, as an angle is the
/// less exact the larger it is.
#[expect(clippy::cast_precision_loss, reason = "points of a transform are below 2^53")]
fn turn(part: usize, whole: usize) -> [f64; 2] {
    let part = if 2 * part > whole { part as f64 - whole as f64 } else { part as f64 };
    let (sine, cosine) = (TAU * part / whole as f64).sin_cos();
    [cosine, -sine]
}

/// The product of two complex numbers.
fn product(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

/// A sum that keeps what its rounding loses (Neumaier, ZAMM 54, 1974).
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        let (large, small) = if self.sum.abs() >= x.abs() { (self.sum, x) } else { (x, self.sum) };
        self.lost += large - sum + small;
        self.sum = sum;
    }

    fn total(self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, each angle and the sum as exact as can be.
    fn definition(shape: Shape, seed: u64, index: usize, bin: usize) -> [f64; 2] {
        let n = shape.points;
        let coordinate = |i: usize, d: u32| i / n.pow(d) % n;
        let mut sums = [Sum::default(); 2];
        for j in 0..shape.len() {
            let phase: usize = (0..shape.rank).map(|d| coordinate(j, d) * coordinate(bin, d)).sum();
            let place = 2 * (index * shape.len() + j) as u64;
            let term = product([element(seed, place), element(seed, place + 1)], turn(phase % n, n));
            sums[0].add(term[0]);
            sums[1].add(term[1]);
        }
        sums.map(Sum::total)
    }

    /// Bins are those of the definition, in one to three dimensions, of any transform of a batch.
    #[test]
    fn bins_are_those_of_the_definition() {
        for (points, rank, batch) in [(1, 1, 1), (7, 1, 3), (1_000, 1, 1), (12, 2, 2), (100, 2, 1), (9, 3, 2)]
        {
            let shape = Shape { points, rank, batch };
            for bin in [0, shape.len() / 3, shape.len() - 1] {
                let (found, scale) = shape.bin(5, batch - 1, bin);
                let wanted = definition(shape, 5, batch - 1, bin);
                let error = (found[0] - wanted[0]).hypot(found[1] - wanted[1]);
                assert!(error <= 4.0 * f64::EPSILON * scale, "{shape:?} {bin}: {found:?} {wanted:?}");
            }
        }
    }

    /// Of all bins of a transform, the squares sum to the points times those of its inputs (Parseval).
    #[test]
    fn squares_are_kept() {
        let shape = Shape { points: 6, rank: 3, batch: 1 };
        let bins = (0..shape.len()).map(|bin| shape.bin(11, 0, bin));
        let (sum, scale) =
            bins.fold((0.0, 0.0), |(sum, _), (bin, scale)| (sum + bin[0] * bin[0] + bin[1] * bin[1], scale));
        assert!((sum / (scale * scale * 216.0) - 1.0).abs() < 1e-12);
    }

    /// Angles are exact to the last place near a whole turn too: the first and the last root of unity mirror.
    #[test]
    fn turns_mirror() {
        for whole in [3, 32, 1_000, 65_537] {
            let (first, last) = (turn(1, whole), turn(whole - 1, whole));
            assert_eq!([last[0], -last[1]].map(f64::to_bits), first.map(f64::to_bits), "{whole}");
        }
    }

    /// What rounding loses is kept.
    #[test]
    fn sums_keep_what_is_lost() {
        let mut sum = Sum::default();
        for x in [1.0, 1e100, 1.0, -1e100] {
            sum.add(x);
        }
        assert_eq!(sum.total().to_bits(), 2.0_f64.to_bits());
    }
}
