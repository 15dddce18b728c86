//! Means that extreme values cannot move far.

use super::{
    location::{count, has_nan, mean},
    ordered::select,
};

/// The mean of what is left when `share` of the values is cut from each end, `⌊share · n⌋` of them,
/// 0 ≤ share < 1/2 (Tukey, *The Future of Data Analysis*, Annals of Mathematical Statistics 33, 1962;
/// as `scipy.stats.trim_mean`). `None` without values or for another `share`.
///
/// ```
/// use benchlake_analytics::stats::trimmed_mean;
/// assert_eq!(trimmed_mean(&[1.0, 2.0, 3.0, 4.0, 100.0], 0.2), Some(3.0));
/// ```
#[must_use]
pub fn trimmed_mean(values: &[f64], share: f64) -> Option<f64> {
    trimmed_mean_in_place(&mut values.to_vec(), share)
}

/// [`trimmed_mean`], without a copy: the values are put in another order.
#[must_use]
pub fn trimmed_mean_in_place(values: &mut [f64], share: f64) -> Option<f64> {
    let cut = cut(values, share)?;
    if has_nan(values) {
        return Some(f64::NAN);
    }
    mean(middle(values, cut))
}

/// The mean where the `⌊share · n⌋` lowest values are replaced by the lowest that is kept, and as many
/// of the highest by the highest that is kept, 0 ≤ share < 1/2 (Dixon, *Simplified Estimation from
/// Censored Normal Samples*, Annals of Mathematical Statistics 31, 1960; as
/// `scipy.stats.mstats.winsorize`). `None` without values or for another `share`.
///
/// ```
/// use benchlake_analytics::stats::winsorized_mean;
/// assert_eq!(winsorized_mean(&[1.0, 2.0, 3.0, 4.0, 100.0], 0.2), Some(3.0));
/// ```
#[must_use]
pub fn winsorized_mean(values: &[f64], share: f64) -> Option<f64> {
    winsorized_mean_in_place(&mut values.to_vec(), share)
}

/// [`winsorized_mean`], without a copy: the values are lost.
#[must_use]
pub fn winsorized_mean_in_place(values: &mut [f64], share: f64) -> Option<f64> {
    let cut = cut(values, share)?;
    if has_nan(values) {
        return Some(f64::NAN);
    }
    let kept = middle(values, cut);
    let low = kept.iter().copied().reduce(f64::min)?;
    let high = kept.iter().copied().reduce(f64::max)?;
    let above = values.len() - cut;
    values[..cut].fill(low);
    values[above..].fill(high);
    mean(values)
}

/// How many values are cut from each end.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to below n / 2")]
fn cut(values: &[f64], share: f64) -> Option<usize> {
    (!values.is_empty() && (0.0..0.5).contains(&share)).then(|| (share * count(values)) as usize)
}

/// All but the `cut` lowest and the `cut` highest values, of which there are some.
fn middle(values: &mut [f64], cut: usize) -> &mut [f64] {
    let kept = values.len() - 2 * cut;
    if cut == 0 {
        return values;
    }
    select(values, cut);
    let above = &mut values[cut..];
    select(above, kept - 1);
    &mut above[..kept]
}
