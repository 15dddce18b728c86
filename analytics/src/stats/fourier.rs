//! All products of a series with itself shifted, by a fast Fourier transform.

use std::f64::consts::TAU;

/// `Σ xₜ xₜ₊ₖ` for every lag k below n, in O(n log n): the transform of the power spectrum of the series,
/// padded with zeros to twice its length or more (Wiener–Khinchin).
pub(super) fn lagged_products(series: &[f64]) -> Vec<f64> {
    let length = (2 * series.len()).next_power_of_two();
    let mut real = series.to_vec();
    real.resize(length, 0.0);
    let mut imaginary = vec![0.0; length];
    transform(&mut real, &mut imaginary);
    for (real, imaginary) in real.iter_mut().zip(&mut imaginary) {
        *real = *real * *real + *imaginary * *imaginary;
        *imaginary = 0.0;
    }
    // The spectrum is real and even, so that there and back are the same but for the factor.
    transform(&mut real, &mut imaginary);
    real.truncate(series.len());
    let factor = 1.0 / super::location::count(&imaginary);
    real.iter_mut().for_each(|product| *product *= factor);
    real
}

/// The discrete Fourier transform in place, of a length that is a power of two (Cooley and Tukey, *An
/// Algorithm for the Machine Calculation of Complex Fourier Series*, Mathematics of Computation 19, 1965).
fn transform(real: &mut [f64], imaginary: &mut [f64]) {
    let length = real.len();
    for i in 1..length {
        let reversed = i.reverse_bits() >> (usize::BITS - length.trailing_zeros());
        if i < reversed {
            real.swap(i, reversed);
            imaginary.swap(i, reversed);
        }
    }
    let step = -TAU / super::location::count(real);
    #[expect(clippy::cast_precision_loss, reason = "no slice has 2⁵³ values")]
    let roots: Vec<(f64, f64)> = (0..length / 2).map(|k| (step * k as f64).sin_cos()).collect();
    let mut half = 1;
    while half < length {
        let stride = length / (2 * half);
        for start in (0..length).step_by(2 * half) {
            for k in 0..half {
                let (sine, cosine) = roots[k * stride];
                let (even, odd) = (start + k, start + k + half);
                let (re, im) = (real[odd], imaginary[odd]);
                let (re, im) = (re * cosine - im * sine, re * sine + im * cosine);
                (real[odd], imaginary[odd]) = (real[even] - re, imaginary[even] - im);
                real[even] += re;
                imaginary[even] += im;
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each product is the sum that it stands for.
    #[test]
    fn products_are_sums() {
        for n in [1_u32, 2, 3, 64, 1000] {
            let series: Vec<f64> = (0..n).map(|i| f64::from(i * 7919 % 101) - 50.0).collect();
            let products = lagged_products(&series);
            assert_eq!(products.len(), series.len());
            for (lag, product) in products.iter().enumerate() {
                let sum: f64 = series.iter().zip(&series[lag..]).map(|(early, late)| early * late).sum();
                assert!((product - sum).abs() <= 1e-12 * products[0], "{n}, {lag}: {product} {sum}");
            }
        }
    }
}
