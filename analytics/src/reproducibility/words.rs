//! Numbers in words, the same in every form.

use super::laboratories::Kind;
pub(super) use crate::format::{chosen_share as level, counted as many};
use crate::{
    format::{digits, percent_decimals, quantity},
    report::history,
    selection::titled,
};

/// `4.2 %`, with three significant digits.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        return if percent > 0.0 { "∞ %".into() } else { "– %".into() };
    }
    let decimals = percent_decimals(percent);
    format!("{percent:.decimals$} %")
}

/// `+4.2 %`.
pub(super) fn signed_percent(share: f64) -> String {
    if share >= 0.0 { format!("+{}", percent(share)) } else { format!("−{}", percent(-share)) }
}

/// `2.1 × as wide`.
pub(super) fn wider(k: f64) -> String {
    format!("{k:.1} × as wide")
}

/// `1.2–4.5 %`; an end that is open as `1.2 % and more`.
pub(super) fn range(low: f64, high: f64) -> String {
    if high.is_finite() {
        format!("{}–{}", percent(low).trim_end_matches(" %"), percent(high))
    } else {
        format!("{} and more", percent(low))
    }
}

/// A p-value: `0.013`, `below 1e-6`.
pub(super) fn p(value: f64) -> String {
    match value {
        value if value < 1e-6 => "less than 1e-6".into(),
        value if value < 1e-3 => format!("{value:.1e}"),
        value => format!("{value:.3}"),
    }
}

/// `12 min 39 s`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and bounded")]
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return quantity(seconds, "s");
    }
    let whole = seconds.min(1e12).round() as u64;
    match (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60) {
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

/// A label with its arm among the parameters and, where it is not the time, the metric.
pub(super) fn title(label: &str, arm: Option<&str>, metric: &str) -> String {
    titled(&history::title(label, arm), metric)
}

/// A node by its name, a session as what it is.
pub(super) fn called(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Node => name.to_owned(),
        Kind::Session => format!("session {name}"),
    }
}

/// A node by its name, a session by the end of its id, which tells it from others.
pub(super) fn short(kind: Kind, name: &str) -> &str {
    match kind {
        Kind::Node => name,
        Kind::Session => name.rsplit_once('-').map_or(name, |(_, last)| last),
    }
}

/// A figure with its share of the centre: `1.20 µs (1.2 %)`.
pub(super) fn with_share(value: f64, centre: f64, unit: &str) -> String {
    format!("{} ({})", quantity(value, unit), percent(value / centre.abs()))
}

/// A statistic.
pub(super) fn figure(value: f64) -> String {
    if value.is_finite() { digits(value) } else { "–".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures read well at every magnitude.
    #[test]
    fn figures() {
        assert_eq!([percent(0.05), percent(0.1234), percent(2.0)], ["5.00 %", "12.3 %", "200 %"]);
        assert_eq!([signed_percent(0.01), signed_percent(-0.01)], ["+1.00 %", "−1.00 %"]);
        assert_eq!([range(0.01, 0.2), range(0.1, f64::INFINITY)], ["1.00–20.0 %", "10.0 % and more"]);
        let times = [0.5, 75.0, 3_700.0, 90_000.0].map(duration);
        assert_eq!(times, ["500.0 ms", "1 min 15 s", "1 h 1 min", "1 d 1 h"]);
        assert_eq!([p(1e-9), p(0.0004), p(0.25)], ["less than 1e-6", "4.0e-4", "0.250"]);
        assert_eq!(title("w{n=1}", Some("a"), "cycles"), "w{n=1,arm=a} cycles");
        assert_eq!(short(Kind::Session, "019b76da-b36f-7059-bf64-45ce60752ffb"), "45ce60752ffb");
        assert_eq!(short(Kind::Node, "gpu-07"), "gpu-07");
    }
}
