//! Where values lie: sums, means, quantiles.

use super::ordered::{keyed, value};

/// The arithmetic mean, `Σx / n`; `None` without values.
///
/// The sum is compensated (Ogita, Rump and Oishi, *Accurate Sum and Dot Product*, SIAM Journal on
/// Scientific Computing 26, 2005, algorithm Sum2, in eight lanes), so that its error does not grow
/// with n. A sum that is beyond the largest double is taken of scaled values.
///
/// ```
/// use benchlake_analytics::stats::mean;
/// assert_eq!(mean(&[1e16, 1.0, -1e16]), Some(1.0 / 3.0));
/// assert_eq!(mean(&[1e308, 1.5e308]), Some(1.25e308));
/// assert_eq!(mean(&[]), None);
/// ```
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    /// A power of two: scaling by it is exact.
    const SCALE: f64 = 1.0 / 18_446_744_073_709_551_616.0;
    if values.is_empty() {
        return None;
    }
    let n = count(values);
    let mean = sum(values) / n;
    if mean.is_infinite() && values.iter().all(|value| value.is_finite()) {
        return Some(sum_by(values, |value| value * SCALE) / n / SCALE);
    }
    Some(mean)
}

/// The geometric mean, `exp(Σ ln x / n)`; `None` without values or where one is not positive.
///
/// ```
/// use benchlake_analytics::stats::geometric_mean;
/// assert!((geometric_mean(&[1.0, 100.0]).unwrap() - 10.0).abs() < 1e-14);
/// assert_eq!(geometric_mean(&[1.0, 0.0]), None);
/// ```
#[must_use]
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    if has_nan(values) {
        return Some(f64::NAN);
    }
    if values.is_empty() || values.iter().any(|&value| value <= 0.0) {
        return None;
    }
    Some((sum_by(values, f64::ln) / count(values)).exp())
}

/// The least value; NaN where there is one, `None` without values.
#[must_use]
pub fn minimum(values: &[f64]) -> Option<f64> {
    if has_nan(values) {
        return Some(f64::NAN);
    }
    values.iter().copied().reduce(f64::min)
}

/// The median: the quantile at 1/2; `None` without values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The quantile at `p`, linear between the order statistics around `(n − 1)·p`: type 7 of Hyndman
/// and Fan, *Sample Quantiles in Statistical Packages*, The American Statistician 50, 1996; the
/// default of NumPy and R. `None` without values or for a `p` outside [0, 1].
///
/// ```
/// use benchlake_analytics::stats::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.25), Some(1.75));
/// ```
#[must_use]
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    quantile_in_place(&mut values.to_vec(), p)
}

/// [`quantile`], without a copy: the values are put in another order.
#[must_use]
pub fn quantile_in_place(values: &mut [f64], p: f64) -> Option<f64> {
    if values.is_empty() || !(0.0..=1.0).contains(&p) {
        return None;
    }
    if has_nan(values) {
        return Some(f64::NAN);
    }
    Some(selected(values, p))
}

/// [`quantile`] at `p` and at `q`, `p` ≤ `q`.
pub(super) fn two_quantiles(values: &mut [f64], p: f64, q: f64) -> Option<[f64; 2]> {
    if values.is_empty() {
        return None;
    }
    if has_nan(values) {
        return Some([f64::NAN; 2]);
    }
    Some(two_places(values, p, q).map(|(at, step)| at + step))
}

/// Of two quantiles, `p` ≤ `q`, the order statistics below them and how far they are beyond those. The
/// second is sought above the first alone.
pub(super) fn two_places(values: &mut [f64], p: f64, q: f64) -> [(f64, f64); 2] {
    let (first, fraction) = place(values.len(), p);
    let (second, further) = place(values.len(), q);
    keyed(values, |keys| {
        [between(keys, first, fraction), between(&mut keys[first..], second - first, further)]
    })
}

/// The quantile at `p` of values without a NaN, of which there are some.
pub(super) fn selected(values: &mut [f64], p: f64) -> f64 {
    let (below, fraction) = place(values.len(), p);
    let (at, step) = keyed(values, |keys| between(keys, below, fraction));
    at + step
}

/// The quantile at `p` of sorted values, of which there are some.
pub(super) fn quantile_of_sorted(values: &[f64], p: f64) -> f64 {
    let (below, fraction) = place(values.len(), p);
    values[below] + step(values[below], values.get(below + 1).copied(), fraction)
}

/// The order statistic below the quantile at `p` of `n` values, and how far the quantile is beyond it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place between 0 and n − 1"
)]
fn place(n: usize, p: f64) -> (usize, f64) {
    let position = (n - 1) as f64 * p;
    (position.floor() as usize, position.fract())
}

/// The order statistic `below`, and the step of `fraction` from it towards the next.
fn between(keys: &mut [i64], below: usize, fraction: f64) -> (f64, f64) {
    let (_, &mut at, above) = keys.select_nth_unstable(below);
    let next = if fraction > 0.0 { above.iter().min() } else { None };
    let at = value(at);
    (at, step(at, next.copied().map(value), fraction))
}

fn step(at: f64, next: Option<f64>, fraction: f64) -> f64 {
    match next {
        // Equal neighbours may be infinite, where the difference would be NaN.
        Some(next) if next > at && fraction > 0.0 => {
            let whole = next - at;
            // Of values beyond half of the largest double the difference overflows, its part may not.
            if whole.is_infinite() { next * fraction - at * fraction } else { whole * fraction }
        }
        _ => 0.0,
    }
}

/// Whether one of the values is NaN. Without a branch for each value, which would be slower.
pub(super) fn has_nan(values: &[f64]) -> bool {
    values.iter().fold(false, |found, value| found | value.is_nan())
}

/// The compensated sum.
pub(super) fn sum(values: &[f64]) -> f64 {
    sum_by(values, |value| value)
}

/// The compensated sum of what `of` makes of each value.
#[inline]
pub(super) fn sum_by(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    const LANES: usize = 8;
    let (mut sums, mut lost) = ([0.0; LANES], [0.0; LANES]);
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            let (sum, error) = two_sum(sums[lane], of(chunk[lane]));
            sums[lane] = sum;
            lost[lane] += error;
        }
    }
    let (mut sum, mut error) = (0.0, lost.iter().sum::<f64>());
    for value in sums.into_iter().chain(rest.iter().map(|&value| of(value))) {
        let (next, missing) = two_sum(sum, value);
        sum = next;
        error += missing;
    }
    // Once the sum is infinite the compensation is NaN and has nothing to add.
    if sum.is_finite() { sum + error } else { values.iter().map(|&value| of(value)).sum() }
}

/// The rounded sum and its error (Knuth, *The Art of Computer Programming*, volume 2, 4.2.2, theorem B).
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The number of values as a float.
pub(super) fn count<T>(values: &[T]) -> f64 {
    real(values.len())
}

/// n as a float; exact below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "no slice has 2⁵³ values, no run as many sessions")]
pub(crate) fn real(n: usize) -> f64 {
    n as f64
}
