//! Values with their units, as people read them.

/// A unit with an SI prefix, and what to divide by to come to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    /// `µs`, `kB`; empty for counts.
    pub(crate) unit: String,
    pub(crate) divisor: f64,
}

const PREFIXES: [(f64, &str); 8] =
    [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")];

/// The scale in which `largest` lies between 1 and 1000, as far as there are prefixes. Seconds have
/// none above 1, counts none at all.
pub(crate) fn scale(largest: f64, unit: &str) -> Scale {
    if unit == "1" {
        return Scale { unit: String::new(), divisor: 1.0 };
    }
    let largest = largest.abs();
    let usable = PREFIXES.iter().filter(|(factor, _)| unit != "s" || *factor <= 1.0);
    // A little tolerance: 999.9999 µs of rounding is 1 ms.
    let found = usable.clone().find(|(factor, _)| largest >= factor * 0.999_999);
    let (divisor, prefix) = match found {
        Some(&found) => found,
        None if largest > 0.0 => (1e-9, "n"),
        None => (1.0, ""),
    };
    Scale { unit: format!("{prefix}{unit}"), divisor }
}

/// `value` to four significant digits in its own scale: `1.234 ms`.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    let Scale { unit, divisor } = scale(value, unit);
    let text = digits(value / divisor);
    if unit.is_empty() { text } else { format!("{text} {unit}") }
}

/// `value` to four significant digits.
pub(crate) fn digits(value: f64) -> String {
    let magnitude = value.abs();
    let decimals = match magnitude {
        m if m >= 999.95 => 0,
        m if m >= 99.995 => 1,
        m if m >= 9.9995 => 2,
        m if m >= 0.1 || m <= 0.0 => 3,
        _ => 5,
    };
    format!("{value:.decimals$}")
}

/// `1 session`, `3 sessions`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The decimals that give a percentage three significant digits.
pub(crate) fn percent_decimals(percent: f64) -> usize {
    match percent.abs() {
        p if p >= 99.95 => 0,
        p if p >= 9.995 => 1,
        _ => 2,
    }
}

/// `5 %`: a share that somebody chose, as it was written.
pub(crate) fn chosen_share(share: f64) -> String {
    format!("{} %", super::number(100.0 * share))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A figure has a unit in which it reads well.
    #[test]
    fn quantities() {
        let cases = [
            (0.001, "s", "1.000 ms"),
            (1.5e-6, "s", "1.500 µs"),
            (123.456, "s", "123.5 s"),
            (4000.0, "s", "4000 s"),
            (2e-11, "s", "0.02000 ns"),
            (0.0, "s", "0.000 s"),
            (-2.5e-3, "s", "-2.500 ms"),
            (3e9, "B", "3.000 GB"),
            (42.0, "1", "42.00"),
        ];
        for (value, unit, text) in cases {
            assert_eq!(quantity(value, unit), text);
        }
    }
}
