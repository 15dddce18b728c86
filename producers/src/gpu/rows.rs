//! Rows of a matrix, each by a group of threads that keeps it in registers: a warp, or a whole block
//! (`kernels/rows.cuh`).

use super::{
    device::{Device, blocks},
    dtype::Dtype,
    error::GpuError,
    inputs,
    nvrtc::{Defines, defines},
    parameters::Values,
};
use crate::cpu::{Parameter, worst};
use benchlake_schemas::Work;
use cudarc::driver::{CudaSlice, LaunchConfig};
use std::ops::Range;

pub(crate) const ROWS: Parameter = Parameter::number("rows", "rows, such as 16384");
pub(crate) const COLUMNS: Parameter = Parameter::number("columns", "elements of a row, such as 4096");

/// Threads of a block of several warps with a row each.
const BLOCK: usize = 256;
const WARP: usize = 32;
/// Threads of the largest block.
const MOST_THREADS: usize = 1_024;
/// Packs that a thread has at best: with fewer it waits more often than needed for memory.
const PACKS: usize = 4;

/// Work that reads and writes each of `n` elements once.
pub(crate) fn work(model: &str, n: usize, dtype: Dtype) -> Work {
    let (elements, bytes) = (n as i64, dtype.bytes() as i64);
    Work {
        flops: None,
        bytes: Some(2 * elements * bytes),
        items: Some(elements),
        work_model: Some(model.into()),
    }
}

/// A matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Matrix {
    pub(crate) dtype: Dtype,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Matrix {
    /// The one of the parameters `dtype`, `rows` and `columns`.
    ///
    /// # Errors
    /// [`GpuError::Missing`] if its rows are no whole packs.
    pub(crate) fn of(values: &Values) -> Result<Self, GpuError> {
        let dtype = Dtype::of(values.word("dtype"));
        let matrix = Self { dtype, rows: values.size("rows"), columns: values.size("columns") };
        super::elementwise::whole(matrix.columns, dtype.pack(), "columns")?;
        Ok(matrix)
    }

    /// Its elements.
    pub(crate) const fn len(self) -> usize {
        self.rows.saturating_mul(self.columns)
    }

    /// How far a result may be off that takes sixteen roundings and a sum over the row: they add up like random
    /// numbers.
    #[expect(clippy::cast_precision_loss, reason = "a tolerance")]
    pub(crate) fn tolerance(self) -> f64 {
        self.dtype.tolerance(16.0 + (self.columns as f64).sqrt())
    }

    /// The largest error of the rows of `output` that a check looks at: `error` of a row, as where its elements lie,
    /// and what was found there.
    ///
    /// # Errors
    /// [`GpuError`] if they cannot be read.
    pub(crate) fn worst(
        self,
        device: &Device,
        output: &CudaSlice<u8>,
        error: impl Fn(Range<usize>, &[f64]) -> f64,
    ) -> Result<f64, GpuError> {
        let mut largest = 0.0;
        for row in inputs::rows(self.rows, self.columns) {
            let range = row * self.columns..(row + 1) * self.columns;
            let found = inputs::read(device, self.dtype, output, range.clone())?;
            largest = worst(largest, error(range, &found));
        }
        Ok(largest)
    }

    /// Packs of a row, as the kernels take them.
    pub(crate) fn packs(self) -> u32 {
        u32::try_from(self.columns / self.dtype.pack()).unwrap_or(u32::MAX)
    }
}

/// Who has a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Threads of a block.
    threads: usize,
    /// Threads of a row.
    group: usize,
    /// Packs of a thread.
    packs: usize,
}

impl Plan {
    /// For rows of `columns` elements, if registers hold one.
    pub(crate) fn of(dtype: Dtype, columns: usize) -> Option<Self> {
        let packs = columns.div_ceil(dtype.pack());
        if packs <= WARP * PACKS {
            return Some(Self { threads: BLOCK, group: WARP, packs: packs.div_ceil(WARP) });
        }
        let group = packs.div_ceil(PACKS).next_multiple_of(WARP).min(MOST_THREADS);
        let packs = packs.div_ceil(group);
        (packs <= most_packs(dtype)).then_some(Self { threads: group, group, packs })
    }

    /// The same, where there is no other way.
    ///
    /// # Errors
    /// [`GpuError::Missing`] with the longest row.
    pub(crate) fn require(matrix: Matrix) -> Result<Self, GpuError> {
        let Matrix { dtype, columns, .. } = matrix;
        Self::of(dtype, columns).ok_or_else(|| {
            let most = MOST_THREADS * most_packs(dtype) * dtype.pack();
            GpuError::Missing(format!(
                "columns = {columns} is more than registers hold of a row; at most {most}"
            ))
        })
    }

    /// Of rows that no registers hold: one block for each.
    pub(crate) const LONG: Self = Self { threads: MOST_THREADS, group: MOST_THREADS, packs: 1 };

    /// The macros of the kernels.
    pub(crate) fn macros(self, dtype: Dtype) -> Defines {
        defines(dtype, &[("THREADS", self.threads), ("GROUP", self.group), ("PACKS", self.packs)])
    }

    /// The launch for `rows` rows.
    pub(crate) fn config(self, rows: usize) -> LaunchConfig {
        // At most 1,024.
        blocks(rows.div_ceil(self.threads / self.group), self.threads as u32)
    }
}

/// Packs that a thread's registers hold: 32 elements of f32, into which the smaller types are widened.
const fn most_packs(dtype: Dtype) -> usize {
    match dtype {
        Dtype::F32 => 8,
        _ => 4,
    }
}

/// The macros for `dtypes`: with a warp and a block for a row, as small and as large as both get.
pub(crate) fn variants(dtypes: &[Dtype]) -> Vec<Defines> {
    let plans = |dtype: Dtype| {
        [1, WARP * PACKS, WARP * PACKS + 1, MOST_THREADS * most_packs(dtype)]
            .map(|packs| Plan::of(dtype, packs * dtype.pack()))
    };
    let each =
        dtypes.iter().flat_map(|dtype| plans(*dtype).into_iter().flatten().map(|plan| plan.macros(*dtype)));
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(dtype: Dtype, columns: usize) -> Option<(usize, usize, usize)> {
        Plan::of(dtype, columns).map(|Plan { threads, group, packs }| (threads, group, packs))
    }

    /// Short rows have a warp, longer ones a block, and what fits no registers has no plan.
    #[test]
    fn plans_grow_with_the_row() {
        assert_eq!(plan(Dtype::F32, 4), Some((256, 32, 1)));
        assert_eq!(plan(Dtype::F32, 512), Some((256, 32, 4)));
        assert_eq!(plan(Dtype::F32, 4_096), Some((256, 256, 4)));
        assert_eq!(plan(Dtype::Bf16, 4_096), Some((128, 128, 4)));
        assert_eq!(plan(Dtype::F32, 32_768), Some((1_024, 1_024, 8)));
        assert_eq!(plan(Dtype::F32, 32_772), None);
        assert_eq!(plan(Dtype::F16, 32_768), Some((1_024, 1_024, 4)));
        assert_eq!(plan(Dtype::F64, 8_194), None);
    }

    /// Every plan has room for its row, and no group has a block that is not whole warps.
    #[test]
    fn plans_hold_their_rows() {
        for dtype in Dtype::ALL {
            for columns in (1..2_100).map(|packs| packs * dtype.pack()) {
                let (threads, group, packs) = plan(dtype, columns).expect("a short row");
                assert!(group * packs * dtype.pack() >= columns && threads.is_multiple_of(group));
                assert!(group == threads || group == WARP);
                assert!(group.is_multiple_of(WARP) && threads <= MOST_THREADS);
            }
        }
    }

    /// A block of several warps takes as many rows; the last may take fewer.
    #[test]
    fn launches_cover_all_rows() {
        let short = Plan::of(Dtype::F32, 64).expect("a short row");
        assert_eq!((short.config(9).grid_dim.0, short.config(9).block_dim.0), (2, 256));
        assert_eq!(Plan::LONG.config(9).grid_dim.0, 9);
    }
}
