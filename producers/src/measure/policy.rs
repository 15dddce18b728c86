//! How long and how often to sample.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most samples that buffers are ever made for (24 bytes each, for either phase).
const MOST_SAMPLES: usize = 10_000_000;

/// How long and how often to sample. [`Default`] reads no environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Shortest warm-up; it goes on from here until no trend is left.
    #[serde(with = "readable")]
    pub warmup: Duration,
    /// Longest warm-up; reached, the series is flagged `unsteady`.
    #[serde(with = "readable")]
    pub warmup_max: Duration,
    /// Fewest samples.
    pub min_samples: usize,
    /// Most samples; buffers for all of them are allocated beforehand.
    pub max_samples: usize,
    /// Shortest sampling time.
    #[serde(with = "readable")]
    pub min_time: Duration,
    /// Longest sampling time: no sample is started that would probably end after it, save the first.
    #[serde(with = "readable")]
    pub max_time: Duration,
    /// Shortest sample; the iterations in one are chosen for it, and for 1000 steps of the clock. Short
    /// enough that most samples pass between two interrupts of the system's timer.
    #[serde(with = "readable")]
    pub sample_time: Duration,
    /// Half-width of the mean's 95 % interval, relative to the mean, to go on for; `None` stops at
    /// the minima.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    /// Iterations in a sample, frozen, instead of calibrated: equal in the arms of a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u64>,
    /// How long a benchmark may take in all, from its setup to its last sample, before its process is
    /// killed; `None` is [`Policy::limit`]'s default.
    #[serde(with = "readable_option", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            warmup: Duration::from_millis(100),
            warmup_max: Duration::from_secs(3),
            min_samples: 30,
            max_samples: 100_000,
            min_time: Duration::from_millis(500),
            max_time: Duration::from_secs(30),
            sample_time: Duration::from_micros(250),
            precision: None,
            iterations: None,
            timeout: None,
        }
    }
}

/// A policy that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {problem}")]
pub struct PolicyError {
    /// The key, as in a suite.
    pub key: &'static str,
    /// What is wrong with it and what is allowed.
    pub problem: String,
}

impl Policy {
    /// The keys, as in a suite.
    pub const KEYS: [&str; 10] = [
        "warmup",
        "warmup_max",
        "min_samples",
        "max_samples",
        "min_time",
        "max_time",
        "sample_time",
        "precision",
        "iterations",
        "timeout",
    ];

    /// How long a benchmark may take in all: its `timeout`, or twice what warm-up and sampling may
    /// take and a minute for setup and check.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.timeout.unwrap_or_else(|| 2 * (self.warmup_max + self.max_time) + Duration::from_secs(60))
    }

    /// Checks that the policy can be followed.
    ///
    /// # Errors
    /// [`PolicyError`] for the first key that contradicts itself or another.
    pub fn validate(&self) -> Result<(), PolicyError> {
        let refuse = |key, problem: String| Err(PolicyError { key, problem });
        if self.min_samples == 0 {
            return refuse("min_samples", "is 0: at least 1".into());
        }
        if self.max_samples < self.min_samples {
            let problem = format!("is {}, less than `min_samples` = {}", self.max_samples, self.min_samples);
            return refuse("max_samples", problem);
        }
        if self.max_samples > MOST_SAMPLES {
            return refuse("max_samples", format!("is {}: at most {MOST_SAMPLES}", self.max_samples));
        }
        for (key, most, least_key, least) in [
            ("max_time", self.max_time, "min_time", self.min_time),
            ("warmup_max", self.warmup_max, "warmup", self.warmup),
        ] {
            if most < least {
                let (most, least) = (humantime::format_duration(most), humantime::format_duration(least));
                return refuse(key, format!("is {most}, less than `{least_key}` = {least}"));
            }
        }
        if self.timeout == Some(Duration::ZERO) {
            return refuse("timeout", "is 0: such as \"2min\", or leave it out".into());
        }
        match (self.precision, self.iterations) {
            (Some(precision), _) if !(precision > 0.0 && precision < 1.0) => {
                refuse("precision", format!("is {precision}: between 0 and 1, such as 0.01 for ±1 %"))
            }
            (_, Some(0)) => refuse("iterations", "is 0: at least 1, or leave it out to calibrate".into()),
            _ => Ok(()),
        }
    }
}

/// A duration in nanoseconds, saturating after 584 years.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Durations as people write them: `500ms`, `2s`.
mod readable {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_duration(*duration))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(from)?;
        humantime::parse_duration(&text).map_err(|error| D::Error::custom(format!("{text:?}: {error}")))
    }
}

/// The same where there may be none.
mod readable_option {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    #[derive(Deserialize)]
    struct Readable(#[serde(with = "super::readable")] Duration);

    pub(super) fn serialize<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::readable::serialize(duration, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Readable>::deserialize(from)?.map(|Readable(duration)| duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy survives being written as JSON, durations readable, and its keys are the listed ones.
    #[test]
    fn policy_round_trips() {
        let policy = Policy {
            precision: Some(0.01),
            iterations: Some(7),
            timeout: Some(Duration::from_secs(5)),
            ..Policy::default()
        };
        let json = serde_json::to_value(&policy).expect("a policy is JSON");
        assert_eq!(json["min_time"], "500ms");
        let mut keys: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut known = Policy::KEYS;
        keys.sort_unstable();
        known.sort_unstable();
        assert_eq!(keys, known);
        assert_eq!(serde_json::from_value::<Policy>(json).expect("it reads back"), policy);
    }

    /// The default can be followed; contradictions name the key and what it contradicts.
    #[test]
    fn contradictions_are_refused() {
        assert_eq!(Policy::default().validate(), Ok(()));
        let short = Policy { max_time: Duration::from_millis(1), ..Policy::default() };
        let text = short.validate().expect_err("it contradicts itself").to_string();
        assert_eq!(text, "`max_time` is 1ms, less than `min_time` = 500ms");
        for precision in [0.0, 1.0, f64::NAN] {
            assert!(Policy { precision: Some(precision), ..Policy::default() }.validate().is_err());
        }
        assert!(Policy { max_samples: 3, ..Policy::default() }.validate().is_err());
    }
}
