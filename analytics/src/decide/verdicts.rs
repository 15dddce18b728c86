//! A comparison as rows of the lake's table `verdicts`.

use super::{Compared, Comparison, Layout};
use crate::At;
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
                method: method(self.layout),
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
        put("resamples", self.options.policy.resamples.to_string());
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

/// The rule with the version of the program that applied it.
fn method(layout: Layout) -> String {
    let how = match layout {
        Layout::Pairs => "paired",
        Layout::Nodes => "nodes as blocks",
        Layout::Groups => "two groups",
    };
    format!(
        "studentised hierarchical bootstrap of the ratio of geometric means of sessions' medians, {how}; benchlake {}",
        env!("CARGO_PKG_VERSION")
    )
}
