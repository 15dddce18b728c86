//! A comparison as rows of the lake's table `verdicts`.

use super::{Compared, Comparison, Layout, Reason};
use crate::{
    At,
    stats::{Effect, Units},
};
use benchlake_schemas::{BenchmarkId, Micros, Verdict};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value::StrDeserializer},
};
use std::collections::BTreeMap;
use uuid::Uuid;

impl Comparison {
    /// The verdicts as rows, with all of their evidence. The same comparison gives the same ids.
    #[must_use]
    pub fn verdicts(&self, decided_at: Micros) -> Vec<Verdict> {
        let versions = match self.at.parse() {
            Ok(At::Versions(versions)) => {
                versions.iter().map(|(table, version)| (table.to_string(), version.to_string())).collect()
            }
            _ => BTreeMap::new(),
        };
        let (policy, query) = (toml::to_string(&self.options.policy).ok(), self.command());
        let row = |one: &Compared| {
            let interval = one.effect.map(|effect| effect.estimate.interval);
            Some(Verdict {
                verdict_id: self.verdict_id(one),
                decided_at,
                benchmark_id: id(&one.benchmark_id)?,
                benchmark: one.benchmark.clone(),
                parameters: one.parameters.clone(),
                metric: one.metric.clone(),
                baseline: self.base.selector.clone(),
                candidate: self.new.selector.clone(),
                verdict: one.decision.outcome,
                severity: one.decision.severity,
                ratio: one.effect.map(|effect| effect.estimate.value),
                ratio_low: interval.map(|interval| interval.low),
                ratio_high: interval.map(|interval| interval.high),
                level: self.level,
                method: method(self.layout, one),
                policy: policy.clone(),
                query: query.clone(),
                versions: BTreeMap::clone(&versions),
                evidence: self.evidence(one),
            })
        };
        self.compared.iter().filter_map(row).collect()
    }

    fn verdict_id(&self, one: &Compared) -> String {
        let namespace = Uuid::parse_str(&self.id).unwrap_or(Uuid::NAMESPACE_OID);
        Uuid::new_v5(&namespace, format!("{}/{}", one.benchmark_id, one.metric).as_bytes()).to_string()
    }

    /// Every figure that led to the decision, as text that parses back into the same number.
    fn evidence(&self, one: &Compared) -> BTreeMap<String, String> {
        let mut evidence = BTreeMap::new();
        let mut put = |key: &str, value: String| _ = evidence.insert(key.to_owned(), value);
        put("comparison_id", self.id.clone());
        put("reason", one.decision.reason.to_string());
        put("layout", self.layout.to_string());
        put("better", one.better.to_string());
        put("unit", one.unit.clone());
        put("margin", one.decision.margin.to_string());
        put("policy_margin", one.margins.margin.to_string());
        put("warning", one.margins.warning.to_string());
        put("critical", one.margins.critical.to_string());
        put("false_discovery_rate", self.false_discovery_rate.to_string());
        put("compared", self.compared.len().to_string());
        put("procedure", self.procedure.as_str().to_owned());
        put("seed", self.seed(one).to_string());
        for (side, centre, runs) in [("base", one.base, &self.base.runs), ("new", one.new, &self.new.runs)] {
            put(&format!("{side}_centre"), centre.value.to_string());
            put(&format!("{side}_sessions"), centre.sessions.to_string());
            put(&format!("{side}_samples"), centre.samples.to_string());
            put(&format!("{side}_runs"), runs.join(" "));
        }
        if let Some(effect) = &one.effect {
            put("standard_error", effect.error.to_string());
            put("error_between_runs", effect.error_between_runs.to_string());
            put("t", effect.t.to_string());
            put("df", effect.df.to_string());
            put("calibration", effect.calibration.to_string());
            put("resamples", effect.resamples.to_string());
            put("units", effect.units.as_str().to_owned());
            put("replicates", effect.replicates.to_string());
            put("p", effect.p.to_string());
            put("base_sd", effect.sd_first.to_string());
            put("new_sd", effect.sd_second.to_string());
        }
        let mut some = |key: &str, value: Option<String>| value.map(|value| put(key, value));
        some("adjusted_p", one.adjusted_p.map(|p| p.to_string()));
        some("worse", one.decision.worse.map(|worse| worse.to_string()));
        some("noise_floor", one.noise.map(|noise| noise.floor.to_string()));
        some("noise_between_runs", one.noise.map(|noise| noise.between_runs.to_string()));
        some("noise_runs", one.noise.map(|noise| noise.runs.to_string()));
        some("sessions_needed", one.decision.sessions_needed.map(|needed| needed.to_string()));
        some("flags", Some(one.flags.join(" ")).filter(|flags| !flags.is_empty()));
        let across: Vec<&str> = self.across.iter().map(|difference| difference.key.as_str()).collect();
        some("across", Some(across.join(" ")).filter(|across| !across.is_empty()));
        evidence
    }
}

/// An id of the lake, as it is.
fn id(text: &str) -> Option<BenchmarkId> {
    let text: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    BenchmarkId::deserialize(text).ok()
}

/// What decided, with the version of the program that did.
fn method(layout: Layout, one: &Compared) -> String {
    let how = match &one.effect {
        Some(effect) if effect.error <= 0.0 => {
            "exact permutation test of units that agree exactly".to_owned()
        }
        Some(effect) => statistic(layout, effect),
        None => without_ratio(one.decision.reason).to_owned(),
    };
    format!("{how}; benchlake {}", env!("CARGO_PKG_VERSION"))
}

/// The test of a ratio of geometric means of sessions' medians.
fn statistic(layout: Layout, effect: &Effect) -> String {
    let of_units = match (effect.units, layout) {
        (Units::Sessions, Layout::Nodes) => "Welch's t over sessions within blocks",
        (Units::Sessions, _) => "Welch's t over sessions",
        (Units::Pairs, _) => "Student's t over pairs of sessions",
        (Units::Blocks, _) => "Student's t over blocks",
    };
    let calibrated =
        if effect.resamples > 0 { ", calibrated by a studentised hierarchical bootstrap" } else { "" };
    let runs = if effect.error_between_runs > 0.0 { ", noise between runs added" } else { "" };
    format!("{of_units} of the ratio of geometric means of sessions' medians{calibrated}{runs}")
}

/// What decided where there is no ratio.
const fn without_ratio(reason: Reason) -> &'static str {
    match reason {
        Reason::Same => "comparison of sessions that agree exactly",
        Reason::FromZero | Reason::ToZero | Reason::TooFewAgree => {
            "exact permutation test of sessions that agree exactly"
        }
        _ => "none, as there is no ratio",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Replicate, Resampling, paired_session_ratio, session_ratio};

    /// `n` sessions of three samples, each at a place of its own.
    fn sessions(n: u32, scale: f64) -> Vec<Vec<f64>> {
        let level = |i: u32| scale * (1.0 + f64::from(i * 7 % 10) / 100.0);
        (0..n).map(|i| vec![level(i), 1.001 * level(i), 1.002 * level(i)]).collect()
    }

    /// What decided is told: blocks where they did, pairs, resampling only where there was any, noise between runs.
    #[test]
    fn what_decided() {
        const OF: &str = "of the ratio of geometric means of sessions' medians";
        fn side(of: &[Vec<f64>], blocks: usize) -> Vec<Replicate<'_>> {
            of.iter().enumerate().map(|(i, samples)| Replicate { samples, block: i % blocks }).collect()
        }
        let ratio = |n, blocks| {
            let (first, second) = (sessions(n, 1.0), sessions(n + 1, 1.1));
            session_ratio(&side(&first, blocks), &side(&second, blocks), Resampling::default())
                .expect("an effect")
        };
        let blocks = statistic(Layout::Nodes, &ratio(5, 5));
        assert_eq!(blocks, format!("Student's t over blocks {OF}"));
        let few = statistic(Layout::Groups, &ratio(4, 1));
        assert_eq!(few, format!("Welch's t over sessions {OF}"));
        let noisy = ratio(12, 2).with_noise_between_runs(1e-4, 5.0, 0.95);
        assert_eq!(
            statistic(Layout::Nodes, &noisy),
            format!(
                "Welch's t over sessions within blocks {OF}, calibrated by a studentised hierarchical bootstrap, \
                 noise between runs added"
            )
        );
        let pairs = paired_session_ratio(&sessions(4, 1.0), &sessions(4, 1.1), Resampling::default());
        assert_eq!(
            pairs.map(|pairs| statistic(Layout::Pairs, &pairs)),
            Some(format!("Student's t over pairs of sessions {OF}"))
        );
    }
}
