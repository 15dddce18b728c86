//! How much one sample tells about the next.

use super::{
    fourier::lagged_products,
    location::{count, has_nan, mean, sum_by},
};

/// How many values make a series long.
const LONG: usize = 4096;

/// The autocorrelation at `lag`, `Σ (xₜ − x̄)(xₜ₊ₖ − x̄) / Σ (xₜ − x̄)²` (Box, Jenkins and Reinsel, *Time Series
/// Analysis*, 3rd edition, 1994, section 2.1.5; as `statsmodels.tsa.stattools.acf`). `None` where there
/// are not more values than `lag`, or without spread.
///
/// ```
/// use benchlake_analytics::stats::autocorrelation;
/// assert_eq!(autocorrelation(&[1.0, 2.0, 3.0, 4.0, 5.0], 1), Some(0.4));
/// assert_eq!(autocorrelation(&[1.0, 2.0], 2), None);
/// ```
#[must_use]
pub fn autocorrelation(values: &[f64], lag: usize) -> Option<f64> {
    if lag >= values.len() {
        return None;
    }
    let centred = centred(values)?;
    if centred[0].is_nan() {
        return Some(f64::NAN);
    }
    Some(product(&centred, lag) / product(&centred, 0))
}

/// How many independent values tell as much about the mean: `n / τ`, with
/// `τ = −1 + 2 Σ Γₘ / γ₀` over the initial monotone sequence of `Γₘ = γ₂ₘ + γ₂ₘ₊₁`, the sums of neighbouring
/// autocovariances: those before the first that is not positive, none counted higher than the one before
/// it (Geyer, *Practical Markov Chain Monte Carlo*, Statistical Science 7, 1992, section 3.3). At most n,
/// although values that alternate would tell more. `None` below four values or without spread.
///
/// ```
/// use benchlake_analytics::stats::effective_sample_size;
/// let drift: Vec<f64> = (0..100).map(f64::from).collect();
/// assert!(effective_sample_size(&drift).is_some_and(|n| n < 3.0));
/// ```
#[must_use]
pub fn effective_sample_size(values: &[f64]) -> Option<f64> {
    if values.len() < 4 {
        return None;
    }
    let n = count(values);
    let centred = centred(values)?;
    if centred[0].is_nan() {
        return Some(f64::NAN);
    }
    let variance = product(&centred, 0);
    // Of a long series all products at once are found sooner than those that a drift needs one by one.
    let products = if values.len() > LONG { lagged_products(&centred) } else { Vec::new() };
    let product = |lag: usize| products.get(lag).copied().unwrap_or_else(|| product(&centred, lag));
    let (mut total, mut last) = (0.0, f64::INFINITY);
    for even in (0..values.len() - 1).step_by(2) {
        let pair = (product(even) + product(even + 1)) / variance;
        if pair <= 0.0 {
            break;
        }
        last = pair.min(last);
        total += last;
    }
    Some(n / (2.0 * total - 1.0).max(1.0))
}

/// The differences from the mean, over a power of two; NaN where a value is not finite, `None` without
/// spread.
fn centred(values: &[f64]) -> Option<Vec<f64>> {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if has_nan(values) || largest.is_infinite() {
        return Some(vec![f64::NAN]);
    }
    if largest <= 0.0 {
        return None;
    }
    let factor = (-largest.log2().floor()).exp2();
    let centre = mean(values)? * factor;
    // The centre is rounded; what is left of the mean matters to values far from zero.
    let rest = sum_by(values, |value| value * factor - centre) / count(values);
    let centred: Vec<f64> = values.iter().map(|value| value * factor - centre - rest).collect();
    (product(&centred, 0) > 0.0).then_some(centred)
}

/// `Σ xₜ xₜ₊ₖ`.
fn product(centred: &[f64], lag: usize) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (early, _) = centred[..centred.len() - lag].as_chunks::<LANES>();
    let (late, _) = centred[lag..].as_chunks::<LANES>();
    for (early, late) in early.iter().zip(late) {
        (0..LANES).for_each(|lane| sums[lane] += early[lane] * late[lane]);
    }
    let done = early.len() * LANES;
    let rest = centred[done..].iter().zip(&centred[done + lag..]);
    rest.map(|(early, late)| early * late).sum::<f64>() + sums.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A long series, however it drifts, is done at once, and finds what the shorter way finds.
    #[test]
    fn long_series() {
        let drift = |n: u32| -> Vec<f64> {
            (0..n).map(|i| f64::from(i) / f64::from(n) + f64::from(i * 7919 % 1009) / 1009.0).collect()
        };
        let long = effective_sample_size(&drift(300_000)).expect("a series");
        assert!((1.0..30.0).contains(&long), "{long}");
        let (below, above) = (drift(4096), drift(4097));
        let [below, above] = [below, above].map(|series| effective_sample_size(&series).expect("a series"));
        assert!((below / above - 1.0).abs() < 0.01, "{below} {above}");
    }
}
