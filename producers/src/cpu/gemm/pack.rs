//! Copies of parts of A and B in the order in which the kernel reads them.

use crate::cpu::element::Element;

/// Packs `depth` columns of `rows` rows of A (leading dimension `stride`) into panels of `height`
/// rows: within a panel column by column; the last panel is filled up with zeros.
#[inline(always)]
pub(super) fn rows<T: Element>(
    to: &mut [T],
    a: &[T],
    stride: usize,
    depth: usize,
    rows: usize,
    height: usize,
) {
    for (panel, first) in to.chunks_exact_mut(height * depth).zip((0..rows).step_by(height)) {
        let full = height.min(rows - first);
        for (l, column) in panel.chunks_exact_mut(height).enumerate() {
            let from = &a[l * stride + first..][..full];
            column[..full].copy_from_slice(from);
            column[full..].fill(T::ZERO);
        }
    }
}

/// Packs `depth` rows of `columns` columns of B (leading dimension `stride`) into panels of `NR`
/// columns: within a panel row by row; the last panel is filled up with zeros.
#[inline(always)]
pub(super) fn columns<T: Element, const NR: usize>(
    to: &mut [T],
    b: &[T],
    stride: usize,
    depth: usize,
    columns: usize,
) {
    for (panel, first) in to.chunks_exact_mut(NR * depth).zip((0..columns).step_by(NR)) {
        let (lines, _) = panel.as_chunks_mut::<NR>();
        if first + NR <= columns {
            let from: [&[T]; NR] = std::array::from_fn(|j| &b[(first + j) * stride..][..depth]);
            for (l, line) in lines.iter_mut().enumerate() {
                *line = std::array::from_fn(|j| from[j][l]);
            }
        } else {
            for (l, line) in lines.iter_mut().enumerate() {
                *line = std::array::from_fn(|j| {
                    if first + j < columns { b[(first + j) * stride + l] } else { T::ZERO }
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 3 × 2 part of a matrix of leading dimension 4, in panels of 2 rows.
    #[test]
    fn rows_are_packed_by_panel() {
        let a: Vec<f64> = (0..8).map(f64::from).collect();
        let mut to = vec![9.0; 8];
        rows(&mut to, &a, 4, 2, 3, 2);
        assert_eq!(to, [0.0, 1.0, 4.0, 5.0, 2.0, 0.0, 6.0, 0.0]);
    }

    /// A 2 × 3 part of a matrix of leading dimension 4, in panels of 2 columns.
    #[test]
    fn columns_are_packed_by_panel() {
        let b: Vec<f64> = (0..12).map(f64::from).collect();
        let mut to = vec![9.0; 8];
        columns::<f64, 2>(&mut to, &b, 4, 2, 3);
        assert_eq!(to, [0.0, 4.0, 1.0, 5.0, 8.0, 0.0, 9.0, 0.0]);
    }
}
