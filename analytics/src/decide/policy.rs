//! What counts as a change, and how bad it is: a policy, kept as TOML.

use super::{Margins, Rule, rules::fraction};
use crate::{
    queries::hint,
    stats::{benjamini_hochberg, benjamini_yekutieli, real},
};
use benchlake_schemas::Better;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The rules of a comparison.
///
/// ```
/// use benchlake_analytics::decide::Policy;
/// use benchlake_schemas::Better;
/// let policy = Policy::parse("[[rule]]\nmetric = 'time'\nmargin = '2 %'\ncritical = 0.25", "policy.toml")?;
/// let margins = policy.margins("time", Better::Lower, "cpu.gemm{n=512}", "AMD EPYC");
/// assert_eq!((margins.margin, margins.warning, margins.critical), (0.02, 0.05, 0.25));
/// let error = Policy::parse("[default]\nmargn = 0.02", "policy.toml").unwrap_err();
/// assert_eq!(error.to_string(), "policy.toml:2: unknown key `margn`; did you mean `margin`?");
/// # Ok::<(), benchlake_analytics::decide::PolicyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The level of intervals.
    #[serde(deserialize_with = "fraction")]
    pub level: f64,
    /// The largest expected share of false ones among the changes that a comparison reports.
    #[serde(deserialize_with = "fraction")]
    pub false_discovery_rate: f64,
    /// How that share is controlled.
    pub procedure: Procedure,
    /// Draws of the bootstrap.
    pub resamples: usize,
    /// What holds where no rule says anything else.
    pub default: Margins,
    /// Margins of some metrics, benchmarks and platforms; of those that fit, later ones win, key by key.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
    /// When a baseline moves.
    pub baseline: BaselinePolicy,
}

/// How the share of false discoveries is controlled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Procedure {
    /// For benchmarks that are independent, or disturbed alike.
    #[default]
    BenjaminiHochberg,
    /// However they depend on each other; finds less.
    BenjaminiYekutieli,
}

impl Procedure {
    /// Its name, as in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BenjaminiHochberg => "benjamini-hochberg",
            Self::BenjaminiYekutieli => "benjamini-yekutieli",
        }
    }
}

/// When a comparison moves the baseline that it was made with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BaselinePolicy {
    /// After which outcomes.
    pub moves: super::Moves,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            level: 0.95,
            false_discovery_rate: 0.05,
            procedure: Procedure::default(),
            resamples: 2_000,
            default: Margins::default(),
            rules: Vec::new(),
            baseline: BaselinePolicy::default(),
        }
    }
}

/// What is wrong with a policy: file, line, what, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {problem}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct PolicyError {
    file: String,
    line: Option<usize>,
    problem: String,
}

impl PolicyError {
    pub(super) fn new(file: &str, problem: String) -> Self {
        Self { file: file.to_owned(), line: None, problem }
    }
}

impl Policy {
    /// Reads a policy from a file.
    ///
    /// # Errors
    /// [`PolicyError`] if it cannot be read, or as [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| PolicyError {
            file: file.clone(),
            line: None,
            problem: format!("the policy cannot be read: {error}"),
        })?;
        Self::parse(&text, &file)
    }

    /// Reads a policy from its text; `file` is how errors call it.
    ///
    /// # Errors
    /// [`PolicyError`] for malformed TOML, an unknown key, a value out of range.
    pub fn parse(text: &str, file: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text).map_err(|error| PolicyError {
            file: file.to_owned(),
            line: error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1),
            problem: problem(error.message()),
        })?;
        policy.checked().map_err(|problem| PolicyError::new(file, problem))?;
        Ok(policy)
    }

    /// What holds for a metric of a benchmark on a platform.
    #[must_use]
    pub fn margins(&self, metric: &str, better: Better, label: &str, platform: &str) -> Margins {
        self.rules
            .iter()
            .filter(|rule| rule.fits(metric, better, label, platform))
            .fold(self.default, |margins, rule| rule.over(margins))
    }

    /// The values of p of all that are compared, adjusted by the procedure.
    #[must_use]
    pub fn adjusted(&self, ps: &[f64]) -> Vec<f64> {
        match self.procedure {
            Procedure::BenjaminiHochberg => benjamini_hochberg(ps),
            Procedure::BenjaminiYekutieli => benjamini_yekutieli(ps),
        }
    }

    /// The p that one more benchmark would have to have to be discovered, beside `discovered` of `all`.
    pub(super) fn discovering_p(&self, discovered: usize, all: usize) -> f64 {
        let dependence = match self.procedure {
            Procedure::BenjaminiHochberg => 1.0,
            Procedure::BenjaminiYekutieli => (1..=all).map(|i| 1.0 / real(i)).sum(),
        };
        let share = real((discovered + 1).min(all)) / real(all.max(1));
        self.false_discovery_rate * share / dependence
    }

    fn checked(&self) -> Result<(), String> {
        if !(self.level > 0.5 && self.level < 1.0) {
            return Err(format!("`level` is {}; it must lie between 0.5 and 1, such as 0.95", self.level));
        }
        if !(self.false_discovery_rate > 0.0 && self.false_discovery_rate < 1.0) {
            return Err(format!(
                "`false_discovery_rate` is {}; it must lie between 0 and 1",
                self.false_discovery_rate
            ));
        }
        if !(100..=1_000_000).contains(&self.resamples) {
            return Err(format!("`resamples` is {}; it must lie between 100 and 1000000", self.resamples));
        }
        self.default.checked("[default]")?;
        let over = |(i, rule): (usize, &Rule)| rule.over(self.default).checked(&format!("rule {}", i + 1));
        self.rules.iter().enumerate().try_for_each(over)
    }
}

/// serde's words for an unknown key name all that are known: the nearest one is enough.
fn problem(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field ") else {
        return message.lines().collect::<Vec<_>>().join(" ");
    };
    let mut names = rest.split('`').skip(1).step_by(2);
    let unknown = names.next().unwrap_or_default();
    format!("unknown key `{unknown}`; {}", hint(unknown, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules that fit win over the default, later ones over earlier ones, key by key.
    #[test]
    fn later_rules_win() {
        let text = "[default]\nmargin = 0.02\n[[rule]]\nmetric = '*memory'\nwarning = '10 %'\ncritical = 0.2\n\
                    [[rule]]\nbenchmark = 'cpu.*'\nplatform = 'AMD*'\nmargin = 0.03\n[[rule]]\nbetter = 'higher'\ncritical = '15%'";
        let policy = Policy::parse(text, "p").expect("a policy");
        let of = |metric, better, label, platform| {
            let Margins { margin, warning, critical } = policy.margins(metric, better, label, platform);
            (margin, warning, critical)
        };
        assert_eq!(of("time", Better::Lower, "gpu.x", "Intel"), (0.02, 0.05, 0.10));
        assert_eq!(of("peak_memory", Better::Lower, "cpu.x", "AMD EPYC"), (0.03, 0.10, 0.20));
        assert_eq!(of("rate", Better::Higher, "cpu.x", "Intel"), (0.02, 0.05, 0.15));
    }

    /// A typo is told with its line and the nearest key; values out of range with what they must be.
    #[test]
    fn mistakes_are_told() {
        let error = |text: &str| Policy::parse(text, "p.toml").expect_err(text).to_string();
        assert_eq!(
            error("\n[[rule]]\nmetrc = 'time'"),
            "p.toml:3: unknown key `metrc`; did you mean `metric`?"
        );
        assert_eq!(error("levl = 0.9"), "p.toml:1: unknown key `levl`; did you mean `level`?");
        assert_eq!(Policy::parse("level = '99 %'", "p").map(|policy| policy.level), Ok(0.99));
        assert!(error("level = 95").contains("`level` is 95; it must lie between 0.5 and 1"));
        assert!(
            error("[default]\nmargin = 'much'").starts_with("p.toml:2: \"much\" is no fraction; write 0.05"),
            "{}",
            error("[default]\nmargin = 'much'")
        );
        assert!(error("[default]\nmargin = -0.1").contains("is no fraction"));
        assert!(
            error("[default]\nwarning = 0.5")
                .contains("[default]: margin 0.01, warning 0.5 and critical 0.1 must")
        );
        assert!(error("[[rule]]\nmargin = 0.2").contains("rule 1:"));
        assert!(
            error("[baseline]\nmoves = 'sometimes'")
                .starts_with("p.toml:2: unknown variant `sometimes`, expected one of"),
            "{}",
            error("[baseline]\nmoves = 'sometimes'")
        );
        assert!(error("procedure = 'bonferroni'").contains("benjamini-hochberg"));
        assert!(error("resamples = 5").contains("`resamples` is 5"));
        assert!(error("[[rule]\n").starts_with("p.toml:1: "));
    }

    /// An empty policy is the default one.
    #[test]
    fn empty() {
        assert_eq!(Policy::parse("", "p"), Ok(Policy::default()));
    }
}
