//! Rules of a policy: how much worse is how bad, for which metrics, benchmarks and platforms.

use super::{Compared, Policy, PolicyError, glob::fits};
use benchlake_schemas::{Better, Metric};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// How much worse is how bad, as fractions: 0.05, or `"5 %"`. A metric of which less is better is worse
/// by new / base − 1, one of which more is better by 1 − new / base.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Margins {
    /// What is less does not matter.
    #[serde(deserialize_with = "fraction")]
    pub margin: f64,
    /// From here on a regression is a warning.
    #[serde(deserialize_with = "fraction")]
    pub warning: f64,
    /// From here on it is critical.
    #[serde(deserialize_with = "fraction")]
    pub critical: f64,
}

/// Margins of what fits it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The metric, with `*` and `?`; any where it is not given, as for the rest.
    pub metric: Option<String>,
    /// The benchmark's label.
    pub benchmark: Option<String>,
    /// The platform.
    pub platform: Option<String>,
    /// `lower` or `higher`: only metrics of which less, or more, is better.
    pub better: Option<Better>,
    /// As in [`Margins`].
    #[serde(deserialize_with = "perhaps")]
    pub margin: Option<f64>,
    /// As in [`Margins`].
    #[serde(deserialize_with = "perhaps")]
    pub warning: Option<f64>,
    /// As in [`Margins`].
    #[serde(deserialize_with = "perhaps")]
    pub critical: Option<f64>,
}

impl Default for Margins {
    fn default() -> Self {
        Self { margin: 0.01, warning: 0.05, critical: 0.10 }
    }
}

impl Policy {
    /// Checks what the rules that fit give together.
    ///
    /// ```
    /// use benchlake_analytics::decide::Policy;
    /// use benchlake_schemas::Better;
    /// let text = "[[rule]]\nwarning = 0.3\ncritical = 0.4\n[[rule]]\nmetric = 'time'\ncritical = 0.2";
    /// let policy = Policy::parse(text, "policy.toml")?;
    /// let error = policy.check_margins("time", Better::Lower, "w", "AMD", Some("policy.toml")).unwrap_err();
    /// assert!(error.to_string().contains("warning 0.3 (rule 1) and critical 0.2 (rule 2)"), "{error}");
    /// # Ok::<(), benchlake_analytics::decide::PolicyError>(())
    /// ```
    ///
    /// # Errors
    /// [`PolicyError`], with the rules that contradict each other.
    pub fn check_margins(
        &self,
        metric: &str,
        better: Better,
        label: &str,
        platform: &str,
        file: Option<&str>,
    ) -> Result<(), PolicyError> {
        let margins = self.margins(metric, better, label, platform);
        if margins.is_ordered() {
            return Ok(());
        }
        let from = |key: fn(&Rule) -> Option<f64>| {
            let sets = |rule: &Rule| rule.fits(metric, better, label, platform) && key(rule).is_some();
            let rule = self.rules.iter().rposition(sets);
            rule.map_or_else(|| "[default]".to_owned(), |place| format!("rule {}", place + 1))
        };
        let Margins { margin, warning, critical } = margins;
        let problem = format!(
            "{label} {metric} has margin {margin} ({}), warning {warning} ({}) and critical {critical} ({}), which must not \
             fall in this order: set them in one rule",
            from(|rule| rule.margin),
            from(|rule| rule.warning),
            from(|rule| rule.critical)
        );
        Err(PolicyError::new(file.unwrap_or("policy"), problem))
    }

    /// The rules that fit nothing of what was compared by a metric (`all`: by every one) on a platform, each with its
    /// patterns: perhaps a typo. Those of other metrics that benchlake knows are not meant.
    #[must_use]
    pub fn idle_rules(&self, compared: &[Compared], metric: &str, platform: &str) -> Vec<String> {
        let fits = |rule: &Rule, one: &Compared| rule.fits(&one.metric, one.better, &one.label, platform);
        let idle = |(_, rule): &(usize, &Rule)| {
            !compared.iter().any(|one| fits(rule, one)) && !rule.is_of_another(metric, compared)
        };
        let named = |(place, rule): (usize, &Rule)| format!("rule {} ({})", place + 1, rule.patterns());
        self.rules.iter().enumerate().filter(idle).map(named).collect()
    }
}

impl Rule {
    pub(super) fn fits(&self, metric: &str, better: Better, label: &str, platform: &str) -> bool {
        let glob =
            |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| fits(pattern, text));
        glob(&self.metric, metric)
            && glob(&self.benchmark, label)
            && glob(&self.platform, platform)
            && self.better.is_none_or(|wanted| wanted == better)
    }

    /// Whether it is for metrics of which none was asked for.
    fn is_of_another(&self, metric: &str, compared: &[Compared]) -> bool {
        let other_metric = self.metric.as_ref().is_some_and(|pattern| {
            !fits(pattern, metric) && Metric::ALL.iter().any(|known| fits(pattern, known.as_str()))
        });
        let other_direction =
            self.better.is_some_and(|better| compared.iter().all(|one| one.better != better));
        metric != "all" && (other_metric || other_direction)
    }

    /// `metric *_memory, platform AMD*`.
    fn patterns(&self) -> String {
        let Self { metric, benchmark, platform, better, .. } = self;
        let better = better.map(|better| better.to_string());
        let parts =
            [("metric", metric), ("benchmark", benchmark), ("platform", platform), ("better", &better)];
        let given = |(key, pattern): (&str, &Option<String>)| Some(format!("{key} {}", pattern.as_ref()?));
        parts.into_iter().filter_map(given).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn over(&self, below: Margins) -> Margins {
        Margins {
            margin: self.margin.unwrap_or(below.margin),
            warning: self.warning.unwrap_or(below.warning),
            critical: self.critical.unwrap_or(below.critical),
        }
    }
}

impl Margins {
    fn is_ordered(self) -> bool {
        self.margin > 0.0 && self.margin <= self.warning && self.warning <= self.critical
    }

    pub(super) fn checked(self, place: &str) -> Result<(), String> {
        let Self { margin, warning, critical } = self;
        if !self.is_ordered() {
            return Err(format!(
                "{place}: margin {margin}, warning {warning} and critical {critical} must be above 0 and not fall in this order"
            ));
        }
        Ok(())
    }
}

/// 0.05, or "5 %".
#[derive(Deserialize)]
#[serde(untagged)]
enum Fraction {
    Number(f64),
    Text(String),
}

impl Fraction {
    fn get(self) -> Result<f64, String> {
        let (number, text) = match self {
            Self::Number(number) => (Some(number), number.to_string()),
            Self::Text(text) => {
                let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
                (percent.map(|percent| percent / 100.0), text)
            }
        };
        let number = number.filter(|number| number.is_finite() && *number >= 0.0);
        number.ok_or_else(|| format!("{text:?} is no fraction; write 0.05 or \"5 %\""))
    }
}

pub(super) fn fraction<'de, D: Deserializer<'de>>(value: D) -> Result<f64, D::Error> {
    let wrong = || D::Error::custom("not a fraction; write 0.05 or \"5 %\"");
    Fraction::deserialize(value).map_err(|_| wrong())?.get().map_err(D::Error::custom)
}

fn perhaps<'de, D: Deserializer<'de>>(value: D) -> Result<Option<f64>, D::Error> {
    fraction(value).map(Some)
}
