//! The intervals that benchlake prints, and what each is to hold.

use benchlake_analytics::{
    reproducibility::{self, Options, reproducibility},
    selection::{Measured, Observed, Selected, Selector, Session},
    stats::{
        self, Interval, RESAMPLES, Resampling, SEED, bca_mean, bca_median, hodges_lehmann, mean_interval,
        quantile_interval, ratio_of_means, session_centre,
    },
};
use benchlake_schemas::Better;
use std::collections::BTreeMap;

/// The level of all of them.
const LEVEL: f64 = 0.95;

/// What is true of a distribution.
pub(crate) struct Truth {
    mean: f64,
    geometric_mean: f64,
    median: f64,
    p95: f64,
    cv: f64,
}

impl Truth {
    /// Of a very large sample.
    pub(crate) fn of(values: Vec<f64>) -> Self {
        let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        let of = |value: Option<f64>| value.unwrap_or(f64::NAN);
        Self {
            mean: of(stats::mean(&values)),
            geometric_mean: of(stats::mean(&logs)).exp(),
            median: of(stats::median(&values)),
            p95: of(stats::quantile(&values, 0.95)),
            cv: of(stats::coefficient_of_variation(&values)),
        }
    }
}

/// Values, and the sessions whose medians they are, where they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    pub(crate) values: Vec<f64>,
    pub(crate) sessions: Vec<Vec<f64>>,
}

/// An interval, and the level that it states.
pub(crate) struct Stated {
    pub(crate) interval: Interval,
    pub(crate) level: f64,
}

/// An interval that benchlake prints.
pub(crate) struct Statistic {
    pub(crate) name: &'static str,
    /// Of two samples; a statistic of one takes the first.
    pub(crate) interval: fn(&Sample, &Sample) -> Option<Stated>,
    /// What it is to hold.
    pub(crate) truth: fn(&Truth) -> f64,
}

fn at_level(interval: Option<Interval>) -> Option<Stated> {
    interval.map(|interval| Stated { interval, level: LEVEL })
}

fn of_quantile(values: &[f64], p: f64) -> Option<Stated> {
    quantile_interval(values, p, LEVEL).map(|found| Stated { interval: found.interval, level: found.level })
}

const T: Statistic = Statistic {
    name: "t, mean",
    interval: |sample, _| at_level(mean_interval(&sample.values, LEVEL)),
    truth: |truth| truth.mean,
};
const MEDIAN: Statistic = Statistic {
    name: "order statistics, median",
    interval: |sample, _| of_quantile(&sample.values, 0.5),
    truth: |truth| truth.median,
};
const P95: Statistic = Statistic {
    name: "order statistics, P95",
    interval: |sample, _| of_quantile(&sample.values, 0.95),
    truth: |truth| truth.p95,
};
const BCA_MEAN: Statistic = Statistic {
    name: "BCa, mean",
    interval: |sample, _| at_level(bca_mean(&sample.values, LEVEL, RESAMPLES, SEED)),
    truth: |truth| truth.mean,
};
const BCA_MEDIAN: Statistic = Statistic {
    name: "BCa, median",
    interval: |sample, _| at_level(bca_median(&sample.values, LEVEL, RESAMPLES, SEED)),
    truth: |truth| truth.median,
};
const HODGES_LEHMANN: Statistic = Statistic {
    name: "Hodges–Lehmann",
    interval: |a, b| at_level(hodges_lehmann(&a.values, &b.values, LEVEL).map(|found| found.interval)),
    truth: |_| 0.0,
};
const RATIO: Statistic = Statistic {
    name: "ratio of means",
    interval: |a, b| at_level(ratio_of_means(&a.values, &b.values, LEVEL).map(|found| found.interval)),
    truth: |_| 1.0,
};
const CENTRE: Statistic = Statistic {
    name: "centre of sessions",
    interval: |sample, _| {
        at_level(session_centre(&sample.sessions, Resampling::default()).map(|found| found.estimate.interval))
    },
    truth: |truth| truth.geometric_mean,
};
const CV: Statistic =
    Statistic { name: "session CV", interval: |sample, _| cv(&sample.values), truth: |truth| truth.cv };

/// Of values that are medians of sessions.
pub(crate) const OF_SESSIONS: [Statistic; 8] =
    [T, CENTRE, MEDIAN, BCA_MEAN, BCA_MEDIAN, HODGES_LEHMANN, RATIO, CV];
/// Of independent values.
pub(crate) const OF_SAMPLES: [Statistic; 5] = [T, MEDIAN, P95, BCA_MEAN, BCA_MEDIAN];

/// The interval of `benchlake reproducibility`, of sessions on one node.
fn cv(centres: &[f64]) -> Option<Stated> {
    let id = |i: usize| format!("session-{i}");
    let session = |i: usize| Session { session_id: id(i), node: "node-1".to_owned(), ..a_session() };
    let observed =
        |(i, centre): (usize, &f64)| Observed { session_id: id(i), values: vec![*centre], flags: Vec::new() };
    let selected = Selected {
        selector: Selector::default(),
        sessions: (0..centres.len()).map(session).collect(),
        notes: Vec::new(),
    };
    let measured = Measured { observed: centres.iter().enumerate().map(observed).collect(), ..a_benchmark() };
    let found = reproducibility(&selected, &[measured], &Options::default());
    at_level(found.benchmarks.first()?.spread.map(|spread: reproducibility::Spread| spread.interval))
}

/// A session of which nothing but the id counts.
fn a_session() -> Session {
    Session {
        session_id: String::new(),
        run_id: "run".to_owned(),
        started_at: 0,
        node: "node-1".to_owned(),
        arm: None,
        round: 0,
        commit: None,
        branch: None,
        dirty: None,
        environment: BTreeMap::new(),
    }
}

/// A benchmark that nothing was measured of.
fn a_benchmark() -> Measured {
    Measured {
        benchmark_id: "1".to_owned(),
        benchmark: "cpu.gemm".to_owned(),
        parameters: BTreeMap::new(),
        label: "cpu.gemm".to_owned(),
        metric: "time".to_owned(),
        unit: "s".to_owned(),
        better: Better::Lower,
        observed: Vec::new(),
    }
}
