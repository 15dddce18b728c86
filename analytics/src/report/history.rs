//! What a report shows, as values: the answers of its queries.

use crate::{
    Answer, SqlError,
    format::{self, Format},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use std::collections::BTreeMap;

/// The history of one benchmark: its runs in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History {
    pub(crate) label: String,
    arm: Option<String>,
    pub(crate) benchmark_id: String,
    pub(crate) metric: String,
    pub(crate) unit: String,
    pub(crate) points: Vec<Point>,
}

/// One run of a history: a row of the query `trend`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Point {
    label: String,
    arm: Option<String>,
    benchmark_id: String,
    metric: String,
    unit: String,
    pub(crate) run_id: String,
    pub(crate) started_at: String,
    pub(crate) commit: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(crate) centre: f64,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    #[serde(deserialize_with = "finite")]
    pub(crate) session_centres: Vec<f64>,
}

impl Point {
    /// Two lines for the axis: the commit, or else the end of the run's id, and the date.
    pub(crate) fn label(&self) -> (String, String) {
        let name = match &self.commit {
            Some(commit) => commit.chars().take(7).collect(),
            None => self.run_id.chars().skip(self.run_id.len().saturating_sub(7)).collect(),
        };
        // 2026-11-20T01:01:00Z: month, day, hour and minute.
        let time = self.started_at.get(5..16).unwrap_or_default().replace('T', " ");
        (name, time)
    }
}

/// A row of the query `summary`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Summary {
    label: String,
    pub(crate) arm: Option<String>,
    pub(crate) benchmark_id: String,
    pub(crate) metric: String,
    pub(crate) unit: String,
    pub(crate) sessions: i64,
    pub(crate) samples: i64,
    #[serde(deserialize_with = "number")]
    pub(crate) centre: f64,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) cv_between: Option<f64>,
    pub(crate) rate: Option<String>,
    pub(crate) of_peak: Option<f64>,
    pub(crate) flags: String,
}

impl Summary {
    /// The benchmark and, where `all` rows of the run have several, its arm.
    pub(crate) fn title(&self, all: &[Self]) -> String {
        let same = |row: &&Self| (&row.benchmark_id, &row.metric) == (&self.benchmark_id, &self.metric);
        let several = all.iter().filter(same).count() > 1;
        title(&self.label, self.arm.as_deref().filter(|_| several))
    }
}

/// A label with the arm, where there is one, among its parameters.
pub(crate) fn title(label: &str, arm: Option<&str>) -> String {
    match (arm, label.strip_suffix('}')) {
        (None, _) => label.to_owned(),
        (Some(arm), Some(open)) => format!("{open},arm={arm}}}"),
        (Some(arm), None) => format!("{label}{{arm={arm}}}"),
    }
}

/// A row of the query `reproducibility`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Repeats {
    pub(crate) benchmark_id: String,
    pub(crate) arm: Option<String>,
    pub(crate) metric: String,
    pub(crate) reproducible: String,
}

/// A row of the query `failures`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Missing {
    pub(crate) label: String,
    pub(crate) reason: String,
    pub(crate) error: Option<String>,
    pub(crate) sessions: i64,
}

/// A row of the query `environment`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) sessions: i64,
}

/// A row of the view `runs`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Run {
    pub(crate) run_id: String,
    pub(crate) started_at: String,
    pub(crate) suite: String,
    pub(crate) commit: Option<String>,
    pub(crate) branch: Option<String>,
    pub(crate) dirty: Option<bool>,
    pub(crate) sessions: i64,
    pub(crate) ok: i64,
    pub(crate) failed: i64,
    pub(crate) interrupted: i64,
    pub(crate) running: i64,
    pub(crate) nodes: i64,
}

/// The rows of `answer`.
pub(crate) fn rows<R: DeserializeOwned>(answer: &Answer) -> Result<Vec<R>, SqlError> {
    let mut bytes = Vec::new();
    format::write(answer, Format::Json, &mut bytes).map_err(|error| SqlError::new(error.to_string()))?;
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| SqlError::new(format!("an answer has other columns than expected: {error}")))
}

/// A number; JSON has null for NaN.
fn number<'de, D: Deserializer<'de>>(value: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or(f64::NAN))
}

/// The numbers of a list that a plot can show.
fn finite<'de, D: Deserializer<'de>>(values: D) -> Result<Vec<f64>, D::Error> {
    Ok(Vec::<Option<f64>>::deserialize(values)?.into_iter().flatten().collect())
}

/// The histories in `points`, which are in the order of label and time. A run whose centre is no
/// number has no place in a plot; the summary shows it.
pub(crate) fn histories(mut points: Vec<Point>) -> Vec<History> {
    forget_single_arms(&mut points);
    let mut histories: Vec<History> = Vec::new();
    for point in points.into_iter().filter(|point| point.centre.is_finite()) {
        let of = |history: &History| {
            (&history.benchmark_id, &history.metric, &history.arm)
                == (&point.benchmark_id, &point.metric, &point.arm)
        };
        // Those of several metrics may come in turns.
        match histories.iter_mut().rev().find(|history| of(history)) {
            Some(history) => history.points.push(point),
            None => histories.push(History {
                label: title(&point.label, point.arm.as_deref()),
                arm: point.arm.clone(),
                benchmark_id: point.benchmark_id.clone(),
                metric: point.metric.clone(),
                unit: point.unit.clone(),
                points: vec![point],
            }),
        }
    }
    histories
}

/// An arm tells the sides of one run apart; where a run has one side, it is a part of the history.
fn forget_single_arms(points: &mut [Point]) {
    let key = |point: &Point| (point.run_id.clone(), point.benchmark_id.clone(), point.metric.clone());
    let mut arms: BTreeMap<_, usize> = BTreeMap::new();
    points.iter().for_each(|point| *arms.entry(key(point)).or_default() += 1);
    for point in points.iter_mut().filter(|point| arms.get(&key(point)) == Some(&1)) {
        point.arm = None;
    }
}

impl History {
    /// A name for files: lower-case letters, digits, dots and hyphens, told apart by the id, by the arm
    /// and, where it is not the time, by the metric.
    pub(crate) fn slug(&self) -> String {
        let slug = safe(&self.label);
        let arm = self.arm.as_ref().map_or_else(String::new, |arm| format!("-{}", safe(arm)));
        let id: String = self.benchmark_id.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let metric = if self.metric == "time" { String::new() } else { format!("-{}", self.metric) };
        format!("{slug}-{id}{arm}{metric}")
    }
}

/// The beginning of a text as a part of a file's name.
fn safe(text: &str) -> String {
    let mut slug = String::new();
    for character in text.to_ascii_lowercase().chars().take(60) {
        let safe = character.is_ascii_alphanumeric() || character == '.';
        if safe {
            slug.push(character);
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A history of `n` runs of three sessions around `means`.
    pub(crate) fn example(label: &str, means: &[f64]) -> History {
        let point = |(i, &mean): (usize, &f64)| Point {
            label: label.into(),
            arm: None,
            benchmark_id: "d6292da0edf763de20659b51c8521362".into(),
            metric: "time".into(),
            unit: "s".into(),
            run_id: format!("019aa000-0000-7000-8000-{i:012}"),
            started_at: format!("2026-11-{:02}T10:00:00Z", i % 30 + 1),
            commit: Some(format!("{:07x}", (i + 1) * 0x00ab_cde1 % 0x0fff_ffff)),
            centre: mean,
            low: Some(mean * 0.985),
            high: Some(mean * 1.015),
            session_centres: vec![mean * 0.994, mean, mean * 1.006],
        };
        histories(means.iter().enumerate().map(point).collect()).remove(0)
    }

    /// The arms of one run have a history each, with a title and a file's name of their own.
    #[test]
    fn arms_are_apart() {
        let point = |arm: &str, centre: f64| Point {
            arm: Some(arm.into()),
            ..example("cpu.gemm{n=1}", &[centre]).points.remove(0)
        };
        let alone = Point { run_id: "another".into(), ..point("a", 1.5) };
        let found = histories(vec![point("a", 1.0), alone, point("b", 2.0)]);
        let of = |history: &History| history.points.iter().map(|point| point.centre).collect::<Vec<_>>();
        assert_eq!(found.iter().map(of).collect::<Vec<_>>(), [[1.0], [1.5], [2.0]]);
        let labels = ["cpu.gemm{n=1,arm=a}", "cpu.gemm{n=1}", "cpu.gemm{n=1,arm=b}"];
        assert_eq!(found.iter().map(|history| history.label.as_str()).collect::<Vec<_>>(), labels);
        assert_ne!(found[0].slug(), found[2].slug());
    }

    /// A name of a file is safe whatever a benchmark is called.
    #[test]
    fn slugs() {
        let slug = |label: &str| example(label, &[1.0]).slug();
        assert_eq!(slug("cpu.gemm{dtype=f32,n=512}"), "cpu.gemm-dtype-f32-n-512-d6292da0");
        assert_eq!(slug("../../etc/passwd"), "etc-passwd-d6292da0");
        assert!(slug(&"x".repeat(500)).len() < 80);
    }
}
