//! Axes as arithmetic: ranges, ticks.

use crate::stats;

/// What of the values an axis shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The range that shows `values` and as much of `intervals` as does not squash them. Values far from
/// the others (beyond five interquartile ranges, from eight values on) stay outside and are marked
/// at the edge; nothing is dropped from any statistic. A constant gets some room.
pub(crate) fn range(values: &[f64], intervals: &[f64]) -> Range {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let (Some(q1), Some(middle), Some(q3)) =
        (stats::quantile(&finite, 0.25), stats::median(&finite), stats::quantile(&finite, 0.75))
    else {
        return Range { low: 0.0, high: 1.0 };
    };
    let reach = 5.0 * (q3 - q1).max(middle.abs() * 0.02);
    let seen = |value: &f64| finite.len() < 8 || (*value >= q1 - reach && *value <= q3 + reach);
    let shown: Vec<f64> = finite.iter().copied().filter(seen).collect();
    let low = shown.iter().copied().fold(middle, f64::min);
    let high = shown.iter().copied().fold(middle, f64::max);
    // Less than half a per cent is drawn as the constant it nearly is.
    let span = (high - low).max(middle.abs() * 0.005).max(f64::MIN_POSITIVE);
    let ends = intervals.iter().copied().filter(|end| end.is_finite());
    let (mut bottom, mut top) = (low, high);
    for end in ends {
        bottom = bottom.min(end.max(low - span));
        top = top.max(end.min(high + span));
    }
    let least = if middle == 0.0 { 1.0 } else { middle.abs() * 0.02 };
    let room = ((top - bottom) * 0.08).max((least - (top - bottom)) / 2.0).max(f64::MIN_POSITIVE);
    let floor = if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    Range { low: (bottom - room).max(floor), high: top + room }
}

/// What rounding may take a tick across the end of a range, in steps.
const SLACK: f64 = 1e-6;

/// Ticks at multiples of 1, 2 or 5 × 10ᵏ within `range`, about `wanted` of them, and how many
/// decimals their labels need.
pub(crate) fn ticks(range: Range, wanted: u32) -> (Vec<f64>, usize) {
    let rough = (range.high - range.low) / f64::from(wanted.max(1));
    if !(rough.is_finite() && rough > 0.0) {
        return (vec![range.low], 0);
    }
    let power = rough.log10().floor();
    let base = 10_f64.powf(power);
    let (factor, carried) = match rough / base {
        r if r <= 1.0 + SLACK => (1.0, 0.0),
        r if r <= 2.0 + SLACK => (2.0, 0.0),
        r if r <= 5.0 + SLACK => (5.0, 0.0),
        _ => (1.0, 1.0),
    };
    let step = factor * base * 10_f64.powf(carried);
    let first = (range.low / step - SLACK).ceil();
    let ticks = (0..=2 * wanted)
        .map(|i| (first + f64::from(i)) * step)
        .take_while(|tick| *tick <= range.high + SLACK * step);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 17")]
    let decimals = (-(power + carried)).clamp(0.0, 17.0) as usize;
    (ticks.collect(), decimals)
}

/// Every how many of `count` labels, each `width` wide, one is shown in `room`.
pub(crate) fn every(count: usize, width: f64, room: f64) -> usize {
    let fitting = (1..=count).take_while(|&n| (0..n).map(|_| width).sum::<f64>() <= room).last().unwrap_or(1);
    count.div_ceil(fitting)
}

/// `text`, or as much of it as fits `room` at `size`, with an ellipsis.
pub(crate) fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if width(&kept, size) + width("…", size) > room {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

/// About how wide `text` is at `size`, in the font of the plots.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let share = |character| match character {
        'i' | 'j' | 'l' | ' ' | '.' | ',' | ':' | ';' | '|' | '[' | ']' | '(' | ')' => 0.31,
        'f' | 't' | 'r' => 0.39,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '=' | '…' => 0.78,
        '0'..='9' | 'A'..='Z' => 0.56,
        _ => 0.51,
    };
    text.chars().map(|character| size * share(character)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks are round, inside the range, and their labels differ.
    #[test]
    fn round_ticks() {
        let cases = [(0.0, 1.0), (0.95, 1.05), (987.0, 1013.0), (0.0, 3.3e5), (1.0, 1.000_01)];
        for (low, high) in cases {
            let (ticks, decimals) = ticks(Range { low, high }, 5);
            assert!((3..=11).contains(&ticks.len()), "{low} {high}: {ticks:?}");
            let slack = (high - low) * SLACK;
            assert!(
                ticks.iter().all(|tick| (low - slack..=high + slack).contains(tick)),
                "{low} {high}: {ticks:?}"
            );
            let mut labels: Vec<_> = ticks.iter().map(|tick| format!("{tick:.decimals$}")).collect();
            labels.dedup();
            assert_eq!(labels.len(), ticks.len(), "{labels:?}");
        }
    }

    /// One value, a constant and zero have room around them; an outlier does not squash the rest.
    #[test]
    fn ranges() {
        for values in [vec![5.0], vec![5.0; 9], vec![0.0, 0.0]] {
            let range = range(&values, &[]);
            assert!(range.low <= values[0] && values[0] < range.high, "{range:?}");
        }
        let mut values = vec![1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0, 1.0];
        values.push(100.0);
        assert!(range(&values, &[]).high < 3.0);
        // A wide interval of two sessions reaches out of the picture.
        assert!(range(&[1.0, 1.1], &[-5.0, 8.0]).high < 1.3);
        assert_eq!(range(&[], &[]), Range { low: 0.0, high: 1.0 });
    }

    /// Labels are thinned until they fit; texts are cut.
    #[test]
    fn fitting() {
        assert_eq!(every(50, 60.0, 600.0), 5);
        assert_eq!(every(3, 60.0, 600.0), 1);
        assert_eq!(every(1, 60.0, 10.0), 1);
        assert_eq!(fitted("abcdefgh", 10.0, 30.0), "abcd…");
        assert_eq!(fitted("abc", 10.0, 30.0), "abc");
        assert!(width(&fitted(&"m".repeat(90), 10.0, 200.0), 10.0) <= 200.0);
    }
}
