//! A product of matrices: how its operands are stored, what it costs, and what it is.

use super::{SCALES, precision::Precision};
use crate::gpu::error::GpuError;
use benchlake_schemas::Work;

/// The longest sum of products of two numbers within 127 that 32 bits hold.
const LONGEST_INT8: usize = (i32::MAX / (127 * 127)) as usize;

/// What is multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) precision: Precision,
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
}

/// A matrix as a library of column-major matrices sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// The distance of two columns, in elements.
    pub(super) leading: usize,
}

impl Product {
    /// # Errors
    /// [`GpuError::Missing`] where a library or a device of this compute capability cannot compute it.
    pub(super) fn possible(self, capability: (i32, i32)) -> Result<(), GpuError> {
        let Self { precision, m, n, k } = self;
        let refuse = |text: String| Err(GpuError::Missing(text));
        let multiple = precision.multiple();
        if let Some(side) = [m, n, k].into_iter().find(|side| !side.is_multiple_of(multiple)) {
            return refuse(format!(
                "{side} is no multiple of {multiple}, as {precision:?} needs of m, n and k"
            ));
        }
        if [m, n, k].into_iter().any(|side| i32::try_from(side).is_err()) {
            return refuse(format!("{m} × {n} × {k}: sides of 2^31 and more are beyond the libraries"));
        }
        match precision {
            Precision::Fp8 if capability < (8, 9) => {
                refuse(format!("fp8 needs compute capability 8.9: this is {}.{}", capability.0, capability.1))
            }
            Precision::Tf32 | Precision::Bf16 if capability < (8, 0) => refuse(format!(
                "{precision:?} needs compute capability 8.0: this is {}.{}",
                capability.0, capability.1
            )),
            Precision::Int8 if k > LONGEST_INT8 => {
                refuse(format!("k = {k}: sums of more than {LONGEST_INT8} products overflow 32 bits"))
            }
            _ => Ok(()),
        }
    }

    /// The first and the second operand of a library of column-major matrices, and its result. C by rows is its
    /// transpose by columns: Cᵀ = Bᵀ·Aᵀ, so B comes first. B is stored by rows, and so its transpose by columns;
    /// where [`Precision::has_columns`] it is B by columns, which the library transposes.
    pub(super) const fn stored(self) -> [Stored; 3] {
        let Self { m, n, k, .. } = self;
        let b = if self.precision.has_columns() {
            Stored { rows: k, columns: n, leading: k }
        } else {
            Stored { rows: n, columns: k, leading: n }
        };
        [b, Stored { rows: k, columns: m, leading: k }, Stored { rows: n, columns: m, leading: n }]
    }

    /// Where element (p, j) of B is in memory.
    const fn place_in_b(self, p: usize, j: usize) -> usize {
        if self.precision.has_columns() { j * self.k + p } else { p * self.n + j }
    }

    pub(super) fn work(self) -> Work {
        let [m, n, k] = [self.m as i64, self.n as i64, self.k as i64];
        let (input, out) = (self.precision.input_bytes() as i64, self.precision.out().bytes() as i64);
        Work {
            flops: m.checked_mul(n).and_then(|mn| mn.checked_mul(k)?.checked_mul(2)),
            bytes: Some((m * k + k * n) * input + m * n * out),
            items: None,
            work_model: Some("gemm-2mnk/1".into()),
        }
    }

    /// What a library multiplies the result with beside alpha.
    fn scale(self) -> f64 {
        if self.precision == Precision::Fp8 { f64::from(SCALES[0] * SCALES[1]) } else { 1.0 }
    }

    /// Element (i, j) of C in f64, and the root of the sum of its squared products.
    pub(super) fn reference(self, seed: u64, i: usize, j: usize) -> (f64, f64) {
        let (mut sum, mut squares) = (0.0, 0.0);
        for p in 0..self.k {
            let a = self.precision.element(seed, (i * self.k + p) as u64);
            let b = self.precision.element(!seed, self.place_in_b(p, j) as u64);
            sum += a * b;
            squares += a * b * (a * b);
        }
        (sum * self.scale(), squares.sqrt() * self.scale())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Precision; 7] = [
        Precision::F64,
        Precision::F32,
        Precision::Tf32,
        Precision::F16,
        Precision::Bf16,
        Precision::Int8,
        Precision::Fp8,
    ];

    fn product(precision: Precision, [m, n, k]: [usize; 3]) -> Product {
        Product { precision, m, n, k }
    }

    /// What a library of column-major matrices computes from the operands as they are stored is C by rows.
    #[test]
    fn operands_make_c_by_rows() {
        for precision in ALL {
            let product = product(precision, [16, 32, 48]);
            let [first, second, result] = product.stored();
            let (a, b) =
                (|i: usize| precision.element(3, i as u64), |i: usize| precision.element(!3, i as u64));
            // op(first) is n × k, second k × m, the result n × m.
            let first_at = |row: usize, p: usize| match precision.has_columns() {
                true => b(p + row * first.leading),
                false => b(row + p * first.leading),
            };
            let second_at = |p: usize, column: usize| a(p + column * second.leading);
            for (i, j) in [(0, 0), (15, 31), (7, 11)] {
                let sum: f64 = (0..product.k).map(|p| first_at(j, p) * second_at(p, i)).sum();
                let (c, _) = product.reference(3, i, j);
                assert!((sum * product.scale() - c).abs() <= 1e-12 * c.abs(), "{precision:?}: {sum} {c}");
                // Its element (j, i) by columns is element (i, j) of C by rows.
                assert_eq!(j + i * result.leading, i * product.n + j);
            }
            let kept = |stored: Stored| stored.columns * stored.leading;
            assert_eq!([kept(first), kept(second), kept(result)], [48 * 32, 16 * 48, 16 * 32]);
        }
    }

    /// What a type needs of its sides and of the device is refused with the way out.
    #[test]
    fn impossible_products_are_refused() {
        let refusal = |precision, sides, capability| {
            product(precision, sides).possible(capability).map_err(|error| error.to_string())
        };
        assert_eq!(refusal(Precision::F32, [1, 7, 13], (7, 0)), Ok(()));
        assert!(refusal(Precision::Fp8, [16, 16, 24], (9, 0)).is_err_and(|text| text.contains("of 16")));
        assert!(refusal(Precision::Fp8, [16; 3], (8, 6)).is_err_and(|text| text.contains("8.9")));
        assert_eq!(refusal(Precision::Fp8, [16; 3], (8, 9)), Ok(()));
        assert!(refusal(Precision::Tf32, [16; 3], (7, 5)).is_err_and(|text| text.contains("8.0")));
        assert!(refusal(Precision::Int8, [4, 4, 200_000], (9, 0)).is_err_and(|text| text.contains("133144")));
        assert!(refusal(Precision::F64, [1 << 31, 1, 1], (9, 0)).is_err_and(|text| text.contains("2^31")));
    }

    /// 2mnk operations; each matrix moves once, in its own type.
    #[test]
    fn work_is_counted() {
        let work = product(Precision::Fp8, [16, 32, 64]).work();
        assert_eq!(work.flops, Some(2 * 16 * 32 * 64));
        assert_eq!(work.bytes, Some(16 * 64 + 64 * 32 + 2 * 16 * 32));
    }
}
