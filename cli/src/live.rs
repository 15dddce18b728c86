//! The live line of `benchlake land`: how it goes right now.

use benchlake_pipeline::{Metrics, Report};
use benchlake_schemas::{Table, now};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The rate is of so long: long enough to be steady, short enough to show a stop.
const WINDOW: Duration = Duration::from_secs(5);

/// Rows seen of late.
#[derive(Debug, Default)]
pub(crate) struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    /// Takes in that `rows` were landed in all by `now`; returns the rows per second of the last
    /// seconds.
    pub(crate) fn add(&mut self, now: Instant, rows: u64) -> f64 {
        self.0.push_back((now, rows));
        // One older than the window stays: the window must be covered.
        while self.0.get(1).is_some_and(|(then, _)| now.duration_since(*then) >= WINDOW) {
            self.0.pop_front();
        }
        let Some(&(then, before)) = self.0.front() else { return 0.0 };
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds > 0.0 { rows.saturating_sub(before) as f64 / seconds } else { 0.0 }
    }
}

/// What the line shows.
#[derive(Debug, Default, PartialEq)]
struct View {
    rows: u64,
    rows_per_second: f64,
    lag_offsets: i64,
    lag_seconds: f64,
    /// The newest commit: its table, version, and age in seconds.
    commit: Option<(Table, u64, f64)>,
    dead_letters: u64,
    missing: u64,
    held: i64,
    budget: i64,
}

/// The line now: rows, rows per second of the last seconds, lag, newest commit, what is off, memory.
/// The terminal may cut it, so what matters most comes first.
pub(crate) fn line(report: &Report, metrics: &Metrics, rate: &mut Rate) -> String {
    let seconds_now = now() as f64 / 1e6;
    let age = |table: Table| {
        metrics.last_commit.get(&Metrics::table(table)).map(|last| (seconds_now - last.get()).max(0.0))
    };
    let commits =
        report.versions.iter().filter_map(|(table, version)| Some((*table, *version, age(*table)?)));
    let (lag_offsets, lag_seconds) = metrics.lag();
    text(&View {
        rows: report.counts.rows,
        rows_per_second: rate.add(Instant::now(), report.counts.rows),
        lag_offsets,
        lag_seconds,
        commit: commits.min_by(|(_, _, one), (_, _, other)| one.total_cmp(other)),
        dead_letters: report.counts.dead_letters,
        missing: report.counts.missing,
        held: metrics.held_bytes.get(),
        budget: metrics.budget_bytes.get(),
    })
}

fn text(view: &View) -> String {
    let mut text = format!(
        "{} rows · {:.0} rows/s · lag {} ({:.1} s)",
        view.rows, view.rows_per_second, view.lag_offsets, view.lag_seconds
    );
    text.push_str(&match view.commit {
        Some((table, version, age)) => format!(" · {table} v{version} {age:.0} s ago"),
        None => " · no commit yet".into(),
    });
    for (count, what) in [(view.dead_letters, "dead letters"), (view.missing, "rows MISSING")] {
        if count > 0 {
            text.push_str(&format!(" · {count} {what}"));
        }
    }
    if view.budget > 0 {
        text.push_str(&format!(" · {}/{} MiB", view.held >> 20, view.budget >> 20));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line of a lander at work fits a terminal of 80 columns; what is off is told when it is.
    #[test]
    fn the_line_tells_how_it_goes() {
        let good = View {
            rows: 1_234_567,
            rows_per_second: 12_345.6,
            lag_offsets: 120,
            lag_seconds: 2.14,
            commit: Some((Table::Series, 120, 3.2)),
            held: 12 << 20,
            budget: 256 << 20,
            ..View::default()
        };
        let line = text(&good);
        assert_eq!(line, "1234567 rows · 12346 rows/s · lag 120 (2.1 s) · series v120 3 s ago · 12/256 MiB");
        assert!(line.chars().count() <= 80);
        assert_eq!(text(&View::default()), "0 rows · 0 rows/s · lag 0 (0.0 s) · no commit yet");
        let off = View { dead_letters: 2, missing: 7, budget: 0, ..good };
        assert!(text(&off).ends_with("3 s ago · 2 dead letters · 7 rows MISSING"), "{}", text(&off));
    }

    /// The rate is that of the last seconds: a stop shows, however many rows came before.
    #[test]
    fn the_rate_forgets() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(rate.add(at(0), 0).abs() < 1e-9);
        assert!((rate.add(at(2), 2000) - 1000.0).abs() < 1e-9);
        assert!((rate.add(at(5), 2000) - 400.0).abs() < 1e-9);
        assert!(rate.add(at(8), 2000).abs() < 1e-9);
    }

    /// Report and metrics meet in the line: the newest commit is shown with its version.
    #[test]
    fn the_newest_commit_is_shown() {
        let metrics = Metrics::default();
        let mut report =
            Report { versions: [(Table::Sessions, 4), (Table::Series, 9)].into(), ..Report::default() };
        report.counts.rows = 5;
        let seconds = now() as f64 / 1e6;
        metrics.last_commit.get_or_create(&Metrics::table(Table::Sessions)).set(seconds - 100.0);
        metrics.last_commit.get_or_create(&Metrics::table(Table::Series)).set(seconds - 10.0);
        metrics.lags("t", 0, 3, 1.0);
        let line = line(&report, &metrics, &mut Rate::default());
        assert!(line.starts_with("5 rows · 0 rows/s · lag 3 (1.0 s) · series v9 1"), "{line}");
    }
}
