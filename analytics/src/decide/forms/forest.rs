//! A forest plot in text: one line a benchmark, one scale for all.

use crate::decide::Compared;

/// The scale of a forest plot: from −`limit` to +`limit`, 0 in the middle, + is worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    /// As a fraction.
    pub(super) limit: f64,
}

/// What is drawn of a benchmark, as fractions; + is worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) margin: f64,
}

impl Mark {
    /// `None` where there is no interval.
    pub(super) fn of(one: &Compared) -> Option<Self> {
        let (low, high) = super::words::worse_interval(one)?;
        Some(Self { value: one.decision.worse?, low, high, margin: one.decision.margin })
    }
}

/// Up to so many benchmarks all of their intervals lie on the scale.
const FEW: usize = 12;
/// Of more of them, so many ends of intervals do.
const SHARE: f64 = 0.9;

impl Axis {
    /// A scale that holds the margins and all intervals of up to twelve benchmarks; of more of them nine tenths of the
    /// ends, so that one that is far out does not squash the others.
    pub(super) fn over(marks: &[Mark]) -> Self {
        let ends = marks.iter().flat_map(|mark| [mark.low.abs(), mark.high.abs()]);
        // An end at infinity lies on no scale.
        let ends: Vec<f64> = ends.filter(|end| end.is_finite()).collect();
        let share = if marks.len() <= FEW { 1.0 } else { SHARE };
        let margins: Vec<f64> = marks.iter().map(|mark| 1.5 * mark.margin).collect();
        let most = |values: &[f64], share| crate::stats::quantile(values, share).unwrap_or(0.01);
        Self { limit: rounded_up(most(&ends, share).max(most(&margins, 0.5)).clamp(1e-6, 1e3)) }
    }

    /// Where `value` lies, −1 to 1 on the scale.
    pub(super) fn place(self, value: f64) -> f64 {
        value / self.limit
    }
}

/// The least of 1, 1.5, 2, 3, 5 and 7 times a power of ten that is not less.
fn rounded_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= value * (1.0 - 1e-9)).unwrap_or(value)
}

/// The line of a benchmark, `width` letters wide: `├──●──┤`, the margins as `┊`, 0 as `│`; `◂` and `▸` where
/// it goes on beyond the scale.
pub(super) fn line(axis: Axis, mark: &Mark, width: usize) -> String {
    let mut letters = vec![' '; width];
    let half = width.saturating_sub(1) / 2;
    let at = |value: f64| cell(axis.place(value), half);
    for margin in [at(-mark.margin), at(mark.margin)].into_iter().flatten() {
        letters[margin] = '┊';
    }
    letters[half] = '│';
    let first = at(mark.low).unwrap_or(if mark.low < 0.0 { 0 } else { 2 * half });
    let last = at(mark.high).unwrap_or(if mark.high < 0.0 { 0 } else { 2 * half });
    letters[first..=last].fill('─');
    if first < half && half < last {
        letters[half] = '┼';
    }
    letters[first] = if at(mark.low).is_none() && mark.low < 0.0 { '◂' } else { '├' };
    letters[last] = if at(mark.high).is_none() && mark.high > 0.0 { '▸' } else { '┤' };
    match at(mark.value) {
        // What goes on beyond the scale is pointed to, even where the change lies at its very end.
        Some(place) if matches!(letters[place], '◂' | '▸') => {}
        Some(place) => letters[place] = '●',
        None if mark.value < 0.0 => letters[0] = '◂',
        None => letters[2 * half] = '▸',
    }
    letters.into_iter().collect::<String>()
}

/// The letter at a place between −1 and 1.
fn cell(place: f64, half: usize) -> Option<usize> {
    (place.abs() <= 1.0).then(|| ((place + 1.0) * half as f64).round() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(low: f64, value: f64, high: f64) -> Mark {
        Mark { value, low, high, margin: 0.02 }
    }

    /// Interval, margins and 0 lie where the scale has them; what lies beyond it is pointed to.
    #[test]
    fn lines() {
        let axis = Axis { limit: 0.05 };
        let drawn = |low, value, high| line(axis, &mark(low, value, high), 21);
        assert_eq!(drawn(0.03, 0.04, 0.05), "      ┊   │   ┊ ├─●─┤");
        assert_eq!(drawn(-0.01, 0.0, 0.01), "      ┊ ├─●─┤ ┊      ");
        assert_eq!(drawn(-0.03, -0.01, 0.03), "    ├───●─┼─────┤    ");
        assert_eq!(drawn(-0.09, -0.03, 0.2), "◂───●─────┼─────────▸");
        assert_eq!(drawn(0.2, 0.3, 0.4), "      ┊   │   ┊     ▸");
        assert_eq!(drawn(-0.4, -0.3, -0.2), "◂     ┊   │   ┊      ");
        assert_eq!(drawn(0.01, 0.01, 0.01), "      ┊   │ ● ┊      ");
        assert_eq!(drawn(0.03, 0.05, 0.07), "      ┊   │   ┊ ├───▸");
    }

    /// The scale holds margins and the intervals, of many benchmarks most of them: one that is far out stretches the
    /// scale of few, not of many, nor does an end at infinity.
    #[test]
    fn scales() {
        let reaches = |marks: &[Mark], limit: f64| {
            let found = Axis::over(marks).limit;
            assert!((found - limit).abs() < 1e-9, "{found} instead of {limit}");
        };
        let mut marks = vec![mark(-0.01, 0.0, 0.012); 11];
        reaches(&marks, 0.03);
        marks.push(mark(0.2, 0.24, 0.26));
        reaches(&marks, 0.3);
        marks.extend(vec![mark(-0.01, 0.0, 0.012); 11]);
        reaches(&marks, 0.03);
        reaches(&[mark(0.2, 0.3, 0.35), mark(0.1, 0.2, f64::INFINITY)], 0.5);
        assert!((rounded_up(0.001) - 0.001).abs() < 1e-12 && (rounded_up(0.0011) - 0.0015).abs() < 1e-12);
    }
}
