//! Hartigan's dip: how far a distribution is from having one mode.

use super::{
    location::{count, has_nan},
    ordered::sort,
};

/// The dip, the largest distance between the empirical distribution function and the unimodal one that
/// is nearest to it (Hartigan and Hartigan, *The Dip Test of Unimodality*, Annals of Statistics 13,
/// 1985). `None` without values. Of n different values it is at least 1/(2n), where there is one mode.
///
/// Not their algorithm but their definition: a distribution function with its mode at x, convex below
/// and concave above, lies within d of the empirical one exactly if the greatest convex minorant of
/// the lower corners below x comes within 2d of the upper corners, and the least concave majorant
/// above x likewise. One of the two distances rises with x and the other falls, so that a binary search
/// finds the best mode.
///
/// ```
/// use benchlake_analytics::stats::dip;
/// assert_eq!(dip(&[1.0, 2.0, 3.0, 4.0]), Some(0.125));
/// assert!(dip(&[1.0, 1.1, 1.2, 9.0, 9.1, 9.2]).is_some_and(|dip| dip > 0.2));
/// ```
#[must_use]
pub fn dip(values: &[f64]) -> Option<f64> {
    dip_in_place(&mut values.to_vec())
}

/// [`dip`], without a copy: the values are sorted.
#[must_use]
pub fn dip_in_place(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    if has_nan(values) || values.iter().any(|value| value.is_infinite()) {
        return Some(f64::NAN);
    }
    sort(values);
    let steps = steps(values);
    let mirrored: Vec<_> = steps.iter().rev().map(Step::mirrored).collect();
    let modes = steps.len();
    let below = |mode: usize| gap(&steps[..=mode]);
    let above = |mode: usize| gap(&mirrored[..modes - mode]);
    // The first mode for which the part below is the worse one, and the mode before it.
    let (mut low, mut high) = (0, modes - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if below(middle) >= above(middle) { high = middle } else { low = middle + 1 }
    }
    let worse = |mode: usize| below(mode).max(above(mode));
    Some(worse(low).min(worse(low.saturating_sub(1))) / 2.0)
}

/// A step of the empirical distribution function.
#[derive(Debug, Clone, Copy)]
struct Step {
    at: f64,
    /// Its height just before.
    lower: f64,
    /// Its height from here.
    upper: f64,
}

impl Step {
    /// The step as seen from the other end.
    fn mirrored(&self) -> Self {
        Self { at: -self.at, lower: 1.0 - self.upper, upper: 1.0 - self.lower }
    }
}

/// The steps of sorted values: one for each that is different.
fn steps(sorted: &[f64]) -> Vec<Step> {
    let n = count(sorted);
    let mut steps: Vec<Step> = Vec::with_capacity(sorted.len());
    let mut before = 0;
    for same in sorted.chunk_by(|a, b| a >= b) {
        let lower = count(&sorted[..before]) / n;
        before += same.len();
        steps.push(Step { at: same[0], lower, upper: count(&sorted[..before]) / n });
    }
    steps
}

/// How far the upper corners of all steps but the last, at which there may be a jump, lie above the
/// greatest convex minorant of the lower corners.
fn gap(steps: &[Step]) -> f64 {
    let hull = convex_minorant(steps);
    let mut gap = 0.0_f64;
    for ends in hull.windows(2) {
        let (left, right) = (&steps[ends[0]], &steps[ends[1]]);
        let slope = (right.lower - left.lower) / (right.at - left.at);
        for step in &steps[ends[0]..ends[1]] {
            gap = gap.max(step.upper - (left.lower + slope * (step.at - left.at)));
        }
    }
    gap
}

/// Which lower corners are the corners of their greatest convex minorant.
fn convex_minorant(steps: &[Step]) -> Vec<usize> {
    let mut hull: Vec<usize> = Vec::new();
    let slope = |a: usize, b: usize| (steps[b].lower - steps[a].lower) / (steps[b].at - steps[a].at);
    for corner in 0..steps.len() {
        while let [.., before, last] = hull[..] {
            if slope(before, last) < slope(before, corner) {
                break;
            }
            hull.pop();
        }
        hull.push(corner);
    }
    hull
}
