//! How far values lie apart.

use super::location::{count, has_nan, mean, quantile_in_place, selected, two_places};

/// The sample variance, `Σ(x − x̄)² / (n − 1)`; `None` below two values.
///
/// The corrected two-pass algorithm of Chan, Golub and LeVeque, *Algorithms for Computing the
/// Sample Variance*, The American Statistician 37, 1983.
#[must_use]
pub fn variance(values: &[f64]) -> Option<f64> {
    let (deviation, scale) = scaled_deviation(values, mean(values)?)?;
    Some(deviation * deviation * scale * scale)
}

/// The sample standard deviation, `√(Σ(x − x̄)² / (n − 1))`; `None` below two values. It does not
/// overflow where the [`variance`] would.
///
/// ```
/// use benchlake_analytics::stats::standard_deviation;
/// assert_eq!(standard_deviation(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]), Some(1.0));
/// assert_eq!(standard_deviation(&[1.0]), None);
/// ```
#[must_use]
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    deviation_from(values, mean(values)?)
}

/// The [`standard_deviation`] of values whose mean is known.
pub(super) fn deviation_from(values: &[f64], mean: f64) -> Option<f64> {
    let (deviation, scale) = scaled_deviation(values, mean)?;
    Some(deviation * scale)
}

/// The standard error of the mean, `s / √n`; `None` below two values.
#[must_use]
pub fn standard_error(values: &[f64]) -> Option<f64> {
    Some(standard_deviation(values)? / count(values).sqrt())
}

/// The coefficient of variation, `s / |x̄|`; `None` below two values or where the mean is zero.
#[must_use]
pub fn coefficient_of_variation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let deviation = deviation_from(values, mean)?;
    let centre = mean.abs();
    (centre > 0.0 || centre.is_nan()).then(|| deviation / centre)
}

/// The sample standard deviation over a power of two, and that power: 1 unless squares would leave
/// the range of doubles.
fn scaled_deviation(values: &[f64], centre: f64) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let freedom = count(values) - 1.0;
    let squares = squares(values, centre, 1.0);
    if (1e-280..1e280).contains(&squares) {
        return Some(((squares / freedom).sqrt(), 1.0));
    }
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if centre.is_nan() || largest.is_infinite() {
        return Some((f64::NAN, 1.0));
    }
    if largest <= 0.0 {
        return Some((0.0, 1.0));
    }
    let scale = largest.log2().floor().exp2();
    Some(((self::squares(values, centre, scale) / freedom).sqrt(), scale))
}

/// `Σ((x − centre) / scale)²`, corrected for the rounding of the centre. Dividing by a power of two
/// is exact.
fn squares(values: &[f64], centre: f64, scale: f64) -> f64 {
    const LANES: usize = 8;
    let (mut squares, mut residues) = ([0.0; LANES], [0.0; LANES]);
    let factor = 1.0 / scale;
    let centre = centre * factor;
    let mut add = |lane: usize, value: f64| {
        let difference = value * factor - centre;
        squares[lane] += difference * difference;
        residues[lane] += difference;
    };
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        (0..LANES).for_each(|lane| add(lane, chunk[lane]));
    }
    rest.iter().enumerate().for_each(|(lane, &value)| add(lane, value));
    let (squares, residue) = (squares.iter().sum::<f64>(), residues.iter().sum::<f64>());
    let corrected = squares - residue * residue / count(values);
    // Not `max`, which would make a NaN 0.
    if corrected < 0.0 { 0.0 } else { corrected }
}

/// The median absolute deviation, the median of `|x − median|`, not scaled; `None` without values
/// (Hampel, *The Influence Curve and its Role in Robust Estimation*, Journal of the American
/// Statistical Association 69, 1974).
///
/// ```
/// use benchlake_analytics::stats::median_absolute_deviation;
/// assert_eq!(median_absolute_deviation(&[1.0, 2.0, 3.0, 4.0, 100.0]), Some(1.0));
/// ```
#[must_use]
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    median_absolute_deviation_in_place(&mut values.to_vec())
}

/// [`median_absolute_deviation`], without a copy: the values are lost.
#[must_use]
pub fn median_absolute_deviation_in_place(values: &mut [f64]) -> Option<f64> {
    let centre = quantile_in_place(values, 0.5)?;
    if centre.is_nan() {
        return Some(f64::NAN);
    }
    values.iter_mut().for_each(|value| *value = distance(*value, centre));
    Some(selected(values, 0.5))
}

/// How far apart two values are; 0 for the same infinity, where the difference would be NaN.
pub(super) fn distance(a: f64, b: f64) -> f64 {
    if a.is_infinite() && a.total_cmp(&b).is_eq() { 0.0 } else { (a - b).abs() }
}

/// How the median absolute deviation relates to the standard deviation of normal values: 1 / Φ⁻¹(3/4).
pub const NORMAL_SCALE: f64 = 1.482_602_218_505_602;

/// The interquartile range, the difference of the [`quantile`](super::quantile)s at 3/4 and 1/4;
/// `None` without values.
#[must_use]
pub fn interquartile_range(values: &[f64]) -> Option<f64> {
    interquartile_range_in_place(&mut values.to_vec())
}

/// [`interquartile_range`], without a copy: the values are put in another order.
#[must_use]
pub fn interquartile_range_in_place(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    if has_nan(values) {
        return Some(f64::NAN);
    }
    // The quartiles themselves would be rounded, which matters to values far from zero.
    let [(low, to_low), (high, to_high)] = two_places(values, 0.25, 0.75);
    Some(distance(high, low) + (to_high - to_low))
}
