//! A table for people: columns aligned, units chosen for reading.
//!
//! By hand, as a dependency would be every user's: some columns of text, padded.

use super::summary::Summary;

/// The columns, named as in the query `summary`.
const HEADER: [&str; 10] =
    ["benchmark", "sessions", "samples", "centre", "low", "high", "cv_between", "cv_within", "rate", "flags"];

/// The columns that are text, and so begin at the left.
const TEXT: [usize; 2] = [0, 9];
/// What stands for a figure that there is not.
const NONE: &str = "–";

/// Escape sequences of a terminal.
const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

/// The table of `summaries`, a line each, without the last line feed; `colours` for a terminal.
pub(super) fn table(summaries: &[Summary], colours: bool) -> String {
    let rows: Vec<_> = summaries.iter().map(cells).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEADER[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; HEADER.len()] = std::array::from_fn(width);
    let header = line(&HEADER.map(str::to_owned), &widths);
    let painted = |colour: &str, text: String| if colours { format!("{colour}{text}{RESET}") } else { text };
    let mut lines = vec![painted(BOLD, header)];
    for (summary, row) in summaries.iter().zip(&rows) {
        let text = line(row, &widths);
        lines.push(if summary.problems.is_empty() { text } else { painted(RED, text) });
    }
    lines.join("\n")
}

fn line(cells: &[String; HEADER.len()], widths: &[usize; HEADER.len()]) -> String {
    let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, &width))| {
        if TEXT.contains(&column) { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    });
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn cells(summary: &Summary) -> [String; HEADER.len()] {
    let (low, high) = summary.interval.unzip();
    let some = |value: Option<f64>, text: fn(f64) -> String| value.map_or_else(|| NONE.to_owned(), text);
    let mut flags: Vec<&str> = summary.flags.iter().copied().collect();
    if !summary.problems.is_empty() {
        flags.insert(0, "FAILED");
    }
    [
        summary.benchmark.to_string(),
        summary.sessions.to_string(),
        summary.samples.to_string(),
        time(summary.centre),
        some(low, time),
        some(high, time),
        some(summary.cv_between, percent),
        percent(summary.cv_within),
        rate(summary).unwrap_or_default(),
        flags.join(" "),
    ]
}

/// Seconds with four significant digits: `1.828 ms`.
fn time(seconds: f64) -> String {
    scaled(seconds, "s", &[(1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p")])
}

fn percent(fraction: f64) -> String {
    if fraction.is_finite() { format!("{:.2} %", fraction * 100.0) } else { NONE.to_owned() }
}

/// Work per second: flop/s where there are at least as many as bytes, B/s where bytes are known, else
/// items.
#[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
fn rate(summary: &Summary) -> Option<String> {
    let work = &summary.work;
    let (amount, unit) = match (work.flops, work.bytes) {
        (Some(flops), Some(bytes)) if flops >= bytes => (flops, "FLOP/s"),
        (_, Some(bytes)) => (bytes, "B/s"),
        (Some(flops), None) => (flops, "FLOP/s"),
        (None, None) => (work.items?, "items/s"),
    };
    let rate = amount as f64 / summary.centre;
    Some(scaled(rate, unit, &[(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")]))
}

/// `value` in the first of `prefixes`, largest first, that leaves at least 1 of it; the last for what is
/// smaller still.
fn scaled(value: f64, unit: &str, prefixes: &[(f64, &str)]) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    // What rounds up to the next thousand is shown in the next prefix.
    let fits = |(scale, _): &&(f64, &str)| value.abs() >= 0.999_95 * scale;
    let Some((scale, prefix)) = prefixes.iter().find(fits).or(prefixes.last()) else {
        return value.to_string();
    };
    let value = value / scale;
    let digits = match value.abs() {
        0.0..9.9995 => 3,
        9.9995..99.995 => 2,
        99.995..999.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {prefix}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::summary::of;
    use benchlake_schemas::{Benchmark, Flag, Series, Work, sample_series};

    /// Four digits, in the unit that people would choose, also where rounding reaches the next.
    #[test]
    fn units_are_for_people() {
        for (seconds, text) in [
            (1.234_56, "1.235 s"),
            (0.012_345, "12.35 ms"),
            (1.828e-3, "1.828 ms"),
            (999.96e-6, "1.000 ms"),
            (999.94e-6, "999.9 µs"),
            (5.5e-9, "5.500 ns"),
            (0.25e-9, "250.0 ps"),
            (0.0, "0.000 ps"),
            (125.0, "125.0 s"),
            (12_345.0, "12345 s"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(time(seconds), text);
        }
        assert_eq!(percent(0.0123), "1.23 %");
    }

    /// Columns stand under their names; what failed says so and has no figures; colours are asked for.
    #[test]
    fn columns_are_aligned() {
        let (fast, slow, dead) =
            (Benchmark::new("fast").with("n", 10), Benchmark::new("slow"), Benchmark::new("dead"));
        let work = Work { items: Some(10), ..Work::default() };
        let row = |benchmark: &Benchmark, time: f64| {
            sample_series(benchmark.clone(), &[time, time * 1.1, time * 1.2])
        };
        let rows = [
            Series { work: work.clone(), ..row(&fast, 1e-8) },
            Series { work, ..row(&fast, 1.01e-8) },
            Series { flags: vec![Flag::Noisy], ..row(&slow, 2.0) },
            Series { error: Some("panicked: no".into()), ..sample_series(dead.clone(), &[]) },
        ];
        let summaries = of(&[fast, slow, dead], &rows);
        let expected = "\
benchmark   sessions  samples    centre       low      high  cv_between  cv_within            rate  flags
fast{n=10}         2        6  11.05 ns  10.36 ns  11.75 ns      0.70 %     9.09 %  904.6 Mitems/s
slow               1        3   2.200 s         –         –           –     9.09 %                  noisy
dead               0        0         –         –         –           –          –                  FAILED";
        assert_eq!(table(&summaries, false), expected);
        let painted = table(&summaries, true);
        assert!(painted.starts_with(BOLD) && painted.ends_with(RESET) && painted.contains(RED));
    }
}
