//! What the table says of a benchmark: the same figures as the query `summary` of a lake, by the same
//! rules. A session is the unit: its centre is the median of its samples, and the interval is taken over
//! the sessions' centres.

use crate::measure::student_t_975;
use benchlake_schemas::{Benchmark, Phase, Series, SessionId, Work};
use std::collections::{BTreeMap, BTreeSet};

/// One benchmark over the sessions of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Summary {
    pub(super) benchmark: Benchmark,
    /// Sessions that measured it.
    pub(super) sessions: usize,
    pub(super) samples: usize,
    /// Mean of the sessions' medians, in seconds an iteration; NaN where nothing was measured.
    pub(super) centre: f64,
    /// The mean's 95 % interval by Student's t; `None` for a single session.
    pub(super) interval: Option<(f64, f64)>,
    /// Coefficient of variation of the sessions' medians; `None` for a single session.
    pub(super) cv_between: Option<f64>,
    /// Mean of the sessions' own coefficients of variation.
    pub(super) cv_within: f64,
    pub(super) work: Work,
    pub(super) flags: BTreeSet<&'static str>,
    /// What went wrong, and in how many sessions.
    pub(super) problems: BTreeMap<String, usize>,
}

/// The summaries of `benchmarks`, in their order, from the `rows` of one run.
pub(super) fn of(benchmarks: &[Benchmark], rows: &[Series]) -> Vec<Summary> {
    benchmarks.iter().map(|benchmark| one(benchmark, rows)).collect()
}

fn one(benchmark: &Benchmark, rows: &[Series]) -> Summary {
    let id = benchmark.id();
    let mut times: BTreeMap<SessionId, Vec<f64>> = BTreeMap::new();
    let (mut work, mut flags, mut problems) = (Work::default(), BTreeSet::new(), BTreeMap::new());
    let wanted =
        |row: &&Series| row.benchmark_id == id && row.phase == Phase::Measure && row.metric == "time";
    for row in rows.iter().filter(wanted) {
        if let Some(error) = &row.error {
            *problems.entry(error.clone()).or_default() += 1;
            continue;
        }
        work = row.work.clone();
        flags.extend(row.flags.iter().map(|flag| flag.as_str()));
        times.entry(row.session_id).or_default().extend(per_iteration(row));
    }
    let medians: Vec<f64> = times.values_mut().map(|times| median(times)).collect();
    let cvs: Vec<f64> = times.values().filter_map(|times| cv(times)).collect();
    let (centre, interval) = (mean(&medians), interval(&medians));
    Summary {
        benchmark: benchmark.clone(),
        sessions: medians.len(),
        samples: times.values().map(Vec::len).sum(),
        centre,
        interval,
        cv_between: cv(&medians),
        cv_within: mean(&cvs),
        work,
        flags,
        problems,
    }
}

/// The samples of `row`, each divided by its iterations.
#[expect(clippy::cast_precision_loss, reason = "iterations are far below 2^53")]
fn per_iteration(row: &Series) -> impl Iterator<Item = f64> + '_ {
    row.samples.iter().zip(&row.iterations).map(|(time, k)| time / *k as f64)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of samples are far below 2^53")]
fn count(values: &[f64]) -> f64 {
    values.len() as f64
}

/// The arithmetic mean; NaN of nothing.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values)
}

/// The median, interpolated; NaN of nothing. Sorts the values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values {
        [] => f64::NAN,
        _ if values.len().is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// The standard deviation with n − 1; `None` below two values.
fn sd(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (count(values) - 1.0)).sqrt())
}

/// The coefficient of variation; `None` below two values.
fn cv(values: &[f64]) -> Option<f64> {
    Some(sd(values)? / mean(values))
}

/// The mean's 95 % interval, mean ± t·s/√n (Student, Biometrika 6, 1908); `None` below two values.
fn interval(values: &[f64]) -> Option<(f64, f64)> {
    let half = t_975(values.len().saturating_sub(1)) * sd(values)? / count(values).sqrt();
    Some((mean(values) - half, mean(values) + half))
}

/// The 97.5 % quantile of Student's t: the published table where the expansion of [`student_t_975`] does
/// not hold.
#[expect(clippy::cast_precision_loss, reason = "numbers of sessions are far below 2^53")]
fn t_975(df: usize) -> f64 {
    match df {
        0 => f64::INFINITY,
        1 => 12.706_204_736,
        2 => 4.302_652_730,
        3 => 3.182_446_305,
        _ => student_t_975(df as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use benchlake_schemas::{Flag, sample_series};

    fn near(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-6, "{found} is not {expected}");
    }

    /// Sessions are the unit, chunks of a series are one. Figures from Python's `statistics` and the published
    /// t of two degrees of freedom.
    #[test]
    fn sessions_are_the_unit() {
        let benchmark = Benchmark::new("f");
        let mut rows: Vec<Series> = [[2.0, 4.0, 9.0], [3.0, 5.0, 4.0], [6.0, 7.0, 6.0]]
            .map(|samples| sample_series(benchmark.clone(), &samples))
            .into();
        let more = Series {
            chunk: 1,
            samples: vec![40.0],
            iterations: vec![10],
            offsets: vec![1],
            ..rows[0].clone()
        };
        rows.push(Series { flags: vec![Flag::Noisy], ..more });
        rows.push(Series { phase: Phase::Warmup, ..rows[0].clone() });
        rows.push(sample_series(Benchmark::new("g"), &[99.0]));
        let failed = sample_series(benchmark.clone(), &[]);
        rows.push(Series { error: Some("it died".into()), ..failed });
        let summary = &of(&[benchmark], &rows)[0];
        assert_eq!((summary.sessions, summary.samples), (3, 10));
        near(summary.centre, 14.0 / 3.0);
        near(summary.cv_between.expect("three"), 0.247_435_829_6);
        let (low, high) = summary.interval.expect("three");
        near(low, 1.798_231_513);
        near(high, 7.535_101_820);
        assert_eq!(summary.flags, BTreeSet::from(["noisy"]));
        assert_eq!(summary.problems, BTreeMap::from([("it died".to_owned(), 1)]));
    }

    /// What was not measured has no figures, and one session no interval.
    #[test]
    fn too_little_says_so() {
        let nothing = &of(&[Benchmark::new("f")], &[])[0];
        assert!(nothing.centre.is_nan() && nothing.interval.is_none() && nothing.sessions == 0);
        let one = &of(&[Benchmark::new("f")], &[sample_series(Benchmark::new("f"), &[2.0, 3.0])])[0];
        near(one.centre, 2.5);
        assert_eq!((one.interval, one.cv_between), (None, None));
    }
}
