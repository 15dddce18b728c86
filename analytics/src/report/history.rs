//! What a report shows, as values: the answers of its queries.

use crate::{
    Answer, SqlError,
    format::{self, Format},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// The history of one benchmark: its runs in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History {
    pub(crate) label: String,
    pub(crate) benchmark_id: String,
    pub(crate) metric: String,
    pub(crate) unit: String,
    pub(crate) points: Vec<Point>,
}

/// One run of a history: a row of the query `trend`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Point {
    label: String,
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
    pub(crate) label: String,
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

/// A row of the query `reproducibility`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Repeats {
    pub(crate) benchmark_id: String,
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
pub(crate) fn histories(points: Vec<Point>) -> Vec<History> {
    let mut histories: Vec<History> = Vec::new();
    for point in points.into_iter().filter(|point| point.centre.is_finite()) {
        match histories.last_mut() {
            Some(last) if last.benchmark_id == point.benchmark_id && last.metric == point.metric => {
                last.points.push(point);
            }
            _ => histories.push(History {
                label: point.label.clone(),
                benchmark_id: point.benchmark_id.clone(),
                metric: point.metric.clone(),
                unit: point.unit.clone(),
                points: vec![point],
            }),
        }
    }
    histories
}

impl History {
    /// A name for files: lower-case letters, digits, dots and hyphens, told apart by the id and, where
    /// it is not the time, by the metric.
    pub(crate) fn slug(&self) -> String {
        let mut slug = String::new();
        for character in self.label.to_ascii_lowercase().chars().take(60) {
            let safe = character.is_ascii_alphanumeric() || character == '.';
            if safe {
                slug.push(character);
            } else if !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let id: String = self.benchmark_id.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let metric = if self.metric == "time" { String::new() } else { format!("-{}", self.metric) };
        format!("{}-{id}{metric}", slug.trim_matches(['-', '.']))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A history of `n` runs of three sessions around `means`.
    pub(crate) fn example(label: &str, means: &[f64]) -> History {
        let point = |(i, &mean): (usize, &f64)| Point {
            label: label.into(),
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

    /// A name of a file is safe whatever a benchmark is called.
    #[test]
    fn slugs() {
        let slug = |label: &str| example(label, &[1.0]).slug();
        assert_eq!(slug("cpu.gemm{dtype=f32,n=512}"), "cpu.gemm-dtype-f32-n-512-d6292da0");
        assert_eq!(slug("../../etc/passwd"), "etc-passwd-d6292da0");
        assert!(slug(&"x".repeat(500)).len() < 80);
    }
}
