//! The precision of a mean while it is being measured, without keeping the samples.

/// Mean, variance and lag-1 autocorrelation of a growing sequence of samples, in constant memory.
///
/// Variance by Welford's recurrence (Technometrics 4, 1962). Samples of one process are not
/// independent, so that the number of them is replaced by the effective number of a first-order
/// autoregression, n (1 − ρ) / (1 + ρ), where ρ > 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunningMean {
    count: u64,
    mean: f64,
    squares: f64,
    /// Sum of products of neighbours, both taken relative to the first sample.
    products: f64,
    first: f64,
    last: f64,
}

impl RunningMean {
    /// Takes in one more sample.
    pub fn add(&mut self, sample: f64) {
        if self.count == 0 {
            self.first = sample;
        } else {
            self.products += (self.last - self.first) * (sample - self.first);
        }
        self.last = sample;
        self.count += 1;
        let before = sample - self.mean;
        self.mean += before / count(self.count);
        self.squares += before * (sample - self.mean);
    }

    /// The arithmetic mean; 0 before the first sample.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance with n − 1; 0 below two samples.
    #[must_use]
    pub fn variance(&self) -> f64 {
        if self.count < 2 { 0.0 } else { self.squares / count(self.count - 1) }
    }

    /// The number of independent samples that would tell as much, between 1 and the true number.
    #[must_use]
    pub fn effective_count(&self) -> f64 {
        let n = count(self.count);
        if self.count < 3 || self.squares <= 0.0 {
            return n;
        }
        // Σ (x_i − m)(x_{i+1} − m), expanded around the first sample.
        let m = self.mean - self.first;
        let without_last = n * m - (self.last - self.first);
        let without_first = n * m;
        let covariance = self.products - m * (without_last + without_first) + (n - 1.0) * m * m;
        let rho = (covariance / self.squares).clamp(0.0, 0.999);
        (n * (1.0 - rho) / (1.0 + rho)).max(1.0)
    }

    /// Half the width of the mean's 95 % interval (Student's t), relative to the mean; infinite
    /// while it cannot be told.
    #[must_use]
    pub fn relative_half_width(&self) -> f64 {
        let n = self.effective_count();
        if self.count < 5 || n < 5.0 || self.mean <= 0.0 {
            return f64::INFINITY;
        }
        student_t_975(n - 1.0) * (self.variance() / n).sqrt() / self.mean
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of samples are far below 2^53")]
fn count(n: u64) -> f64 {
    n as f64
}

/// The 97.5 % quantile of Student's t with `df` ≥ 4 degrees of freedom, by the Cornish–Fisher
/// expansion in 1/df (Abramowitz & Stegun 26.7.5); within 0.1 % there.
#[must_use]
pub fn student_t_975(df: f64) -> f64 {
    let z = 1.959_963_984_540_054_f64;
    let (z3, z5, z7, z9) = (z.powi(3), z.powi(5), z.powi(7), z.powi(9));
    let g1 = (z3 + z) / 4.0;
    let g2 = (5.0 * z5 + 16.0 * z3 + 3.0 * z) / 96.0;
    let g3 = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / 384.0;
    let g4 = (79.0 * z9 + 776.0 * z7 + 1482.0 * z5 - 1920.0 * z3 - 945.0 * z) / 92_160.0;
    z + g1 / df + g2 / df.powi(2) + g3 / df.powi(3) + g4 / df.powi(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The quantile agrees with the published table of Student's t.
    #[test]
    fn student_t_agrees_with_the_table() {
        for (df, t) in
            [(4.0, 2.776_445), (5.0, 2.570_582), (9.0, 2.262_157), (29.0, 2.045_230), (1e6, 1.959_966)]
        {
            assert!((student_t_975(df) / t - 1.0).abs() < 1e-3, "df {df}: {}", student_t_975(df));
        }
    }

    /// Ten known numbers: mean 5.5, variance 55/6, lag-1 autocorrelation 0.7 and so 1.76 effective.
    #[test]
    fn known_numbers() {
        let mut running = RunningMean::default();
        (1..=10).for_each(|x| running.add(f64::from(x)));
        assert!((running.mean() - 5.5).abs() < 1e-12);
        assert!((running.variance() - 55.0 / 6.0).abs() < 1e-12);
        assert!((running.effective_count() - 10.0 * 0.3 / 1.7).abs() < 1e-9);
    }

    proptest! {
        /// The recurrences agree with the definitions in two passes.
        #[test]
        fn agrees_with_two_passes(samples in prop::collection::vec(1e-6_f64..1e-3, 3..200)) {
            let mut running = RunningMean::default();
            samples.iter().for_each(|&x| running.add(x));
            let n = count(samples.len() as u64);
            let mean = samples.iter().sum::<f64>() / n;
            let squares: f64 = samples.iter().map(|x| (x - mean).powi(2)).sum();
            let lagged: f64 = samples.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum();
            let rho = (lagged / squares).clamp(0.0, 0.999);
            prop_assert!((running.mean() / mean - 1.0).abs() < 1e-9);
            prop_assert!((running.variance() * (n - 1.0) / squares - 1.0).abs() < 1e-6);
            prop_assert!((running.effective_count() / (n * (1.0 - rho) / (1.0 + rho)).max(1.0) - 1.0).abs() < 1e-4);
        }
    }
}
