//! A sparse matrix that the host and the device make alike, and what its product with a vector is.

use super::super::{dtype::Dtype, error::GpuError, inputs};
use benchlake_schemas::Work;

/// Where the elements of the matrix are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) n: usize,
    pub(super) per_row: usize,
    pub(super) is_random: bool,
    pub(super) seed: u64,
}

impl Pattern {
    /// How many there are.
    ///
    /// # Errors
    /// [`GpuError::Missing`] where a row has no room for its elements, or 32 bits none for their places.
    pub(super) fn elements(self) -> Result<usize, GpuError> {
        let Self { n, per_row, .. } = self;
        if per_row > n {
            return Err(GpuError::Missing(format!(
                "per_row = {per_row}: a row of n = {n} has fewer elements"
            )));
        }
        let elements = n.checked_mul(per_row).filter(|elements| i32::try_from(*elements).is_ok());
        elements.ok_or_else(|| {
            GpuError::Missing(format!(
                "{n} rows of {per_row} elements: at most 2^31 - 1, as their places are of 32 bits"
            ))
        })
    }

    /// The column of element `slot` of `row`, as the kernel computes it.
    fn column(self, row: usize, slot: usize) -> usize {
        let Self { n, per_row, is_random, seed } = self;
        if is_random {
            let (begin, end) = (slot * n / per_row, (slot + 1) * n / per_row);
            let scrambled = scramble(seed, (row * per_row + slot) as u64);
            begin + (scrambled % (end - begin) as u64) as usize
        } else {
            row.saturating_sub(per_row / 2).min(n - per_row) + slot
        }
    }

    /// Element `row` of y in f64, and the root of the sum of its squared products.
    pub(super) fn reference(self, row: usize) -> (f64, f64) {
        let (mut sum, mut squares) = (0.0, 0.0);
        for slot in 0..self.per_row {
            let a = inputs::element(self.seed, (row * self.per_row + slot) as u64);
            let x = inputs::element(!self.seed, self.column(row, slot) as u64);
            sum += a * x;
            squares += a * x * (a * x);
        }
        (sum, squares.sqrt())
    }

    /// Two operations an element; each element, place, row's end and number of the vectors moves once.
    pub(super) fn work(self, dtype: Dtype) -> Work {
        let (n, elements) = (self.n as i64, (self.n * self.per_row) as i64);
        let (bytes, place) = (dtype.bytes() as i64, size_of::<i32>() as i64);
        Work {
            flops: Some(2 * elements),
            bytes: Some(elements * (bytes + place) + (n + 1) * place + 2 * n * bytes),
            items: Some(elements),
            work_model: Some("spmv-2nnz/1".into()),
        }
    }
}

/// The finaliser of SplitMix64, as in `spmv.cu`.
fn scramble(seed: u64, i: u64) -> u64 {
    let mut z = seed.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::{super::SOURCE, *};
    use crate::gpu::{
        device::blocks,
        emulated::{self, Argument},
        nvrtc::any_type,
    };

    const fn pattern(n: usize, per_row: usize, is_random: bool) -> Pattern {
        Pattern { n, per_row, is_random, seed: 42 }
    }

    /// The columns of a row ascend and are within the matrix, whatever the pattern and however full it is.
    #[test]
    fn columns_ascend() {
        for is_random in [false, true] {
            for (n, per_row) in [(1, 1), (7, 7), (100, 33), (1_000, 1)] {
                let pattern = pattern(n, per_row, is_random);
                for row in 0..n {
                    let columns: Vec<usize> = (0..per_row).map(|slot| pattern.column(row, slot)).collect();
                    assert!(columns.is_sorted_by(|a, b| a < b) && columns[per_row - 1] < n, "{pattern:?}");
                }
            }
        }
    }

    /// A band is around the diagonal; what is random reaches both ends, and differs from row to row.
    #[test]
    fn patterns_are_what_they_say() {
        let band = pattern(1_000, 8, false);
        assert_eq!((band.column(500, 0), band.column(500, 7), band.column(999, 7)), (496, 503, 999));
        let random = pattern(1_000, 8, true);
        let firsts: Vec<usize> = (0..1_000).map(|row| random.column(row, 0)).collect();
        assert!(firsts.iter().min() < Some(&5) && firsts.iter().max() > Some(&120) && firsts[0] != firsts[1]);
    }

    /// The kernel computes the columns that the host does.
    #[test]
    fn kernels_place_as_the_host_does() {
        for is_random in [false, true] {
            let pattern = pattern(100, 7, is_random);
            let numbers = [100, 7, u64::from(is_random), 42].map(Argument::Number);
            let arguments: Vec<_> = [Argument::Array(vec![0; 4 * 700])].into_iter().chain(numbers).collect();
            let found = emulated::run(SOURCE, &any_type()[0], "columns", blocks(3, 32), &arguments).remove(0);
            let found = found.as_chunks::<4>().0.iter().map(|four| i32::from_ne_bytes(*four) as usize);
            let wanted = (0..100).flat_map(|row| (0..7).map(move |slot| pattern.column(row, slot)));
            assert!(found.eq(wanted), "{pattern:?}");
        }
    }

    /// Two operations an element; what is beyond 32 bits or fuller than full is refused.
    #[test]
    fn work_is_counted() {
        let work = pattern(1_000, 8, true).work(Dtype::F32);
        assert_eq!(work.flops, Some(16_000));
        assert_eq!(work.bytes, Some(8_000 * 8 + 1_001 * 4 + 2 * 1_000 * 4));
        assert_eq!(pattern(1_000, 8, true).elements(), Ok(8_000));
        assert!(pattern(4, 5, true).elements().is_err_and(|error| error.to_string().contains("fewer")));
        assert!(
            pattern(1 << 28, 8, true).elements().is_err_and(|error| error.to_string().contains("32 bits"))
        );
    }
}
