//! Why a benchmark cannot be opened.

use std::fmt::Write;

/// Why a benchmark cannot be planned or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    /// No workload has this name.
    #[error("unknown workload {name:?}{hint}")]
    UnknownWorkload {
        /// The name, as given.
        name: String,
        /// The nearest known name, or all of them.
        hint: String,
    },
    /// The workload has no such parameter.
    #[error("unknown parameter {parameter:?} of {workload}{hint}")]
    UnknownParameter {
        /// The workload.
        workload: &'static str,
        /// The parameter, as given.
        parameter: String,
        /// The nearest known name, or all of them.
        hint: String,
    },
    /// A parameter without default is missing.
    #[error("{workload} needs the parameter `{parameter}`: {meaning}")]
    MissingParameter {
        /// The workload.
        workload: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// What it means and an example.
        meaning: &'static str,
    },
    /// A parameter's value is not one of a few words.
    #[error("unknown {parameter} {value:?}; one of {}", allowed.join(", "))]
    UnknownValue {
        /// The parameter.
        parameter: &'static str,
        /// The value, as given.
        value: String,
        /// The words allowed.
        allowed: &'static [&'static str],
    },
    /// A parameter's value cannot be understood or followed.
    #[error("{parameter} = {value:?} {problem}")]
    BadValue {
        /// The parameter.
        parameter: &'static str,
        /// The value, as given.
        value: String,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// A symbolic size of a cache that is not there, or not reported.
    #[error(
        "{parameter} = {value:?} cannot be resolved: this machine does not report that cache; give a number"
    )]
    NoCache {
        /// The parameter.
        parameter: &'static str,
        /// The symbol.
        value: String,
    },
    /// What this processor lacks.
    #[error("{parameter} = {value} cannot be measured here: {problem}")]
    Unsupported {
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: String,
        /// What is missing.
        problem: String,
    },
    /// The buffers would not fit.
    #[error("{parameter} = {value} needs {} of memory but {} are available: choose a smaller size", bytes(*needed), bytes(*available))]
    TooLarge {
        /// The parameter to change.
        parameter: &'static str,
        /// Its value.
        value: String,
        /// Bytes needed; the largest number where they overflow.
        needed: u64,
        /// Bytes available.
        available: u64,
    },
}

impl WorkloadError {
    /// Whether another machine may be able to measure it.
    #[must_use]
    pub fn is_of_this_machine(&self) -> bool {
        matches!(self, Self::NoCache { .. } | Self::Unsupported { .. } | Self::TooLarge { .. })
    }

    /// The parameter to change, as it is called in a suite; `None` for an unknown workload or a
    /// missing parameter.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::UnknownWorkload { .. } | Self::MissingParameter { .. } => None,
            Self::UnknownParameter { parameter, .. } => Some(parameter),
            Self::UnknownValue { parameter, .. }
            | Self::BadValue { parameter, .. }
            | Self::NoCache { parameter, .. }
            | Self::Unsupported { parameter, .. }
            | Self::TooLarge { parameter, .. } => Some(parameter),
        }
    }
}

/// `; did you mean "x"?` for the nearest of `known`, else `; one of …`.
pub(crate) fn hint<'a>(wrong: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let nearest = known
        .clone()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, name)) if distance <= 2.max(wrong.chars().count() / 3) => {
            format!("; did you mean {name:?}?")
        }
        _ => {
            let mut text = String::from("; one of ");
            for (i, name) in known.enumerate() {
                // Writing to a String cannot fail.
                let _ = write!(text, "{}{name}", if i == 0 { "" } else { ", " });
            }
            text
        }
    }
}

/// Bytes for people: `1.5 GiB`.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut value, mut unit) = (count as f64, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nearest name is offered, and all of them where none is near.
    #[test]
    fn hints() {
        let known = ["cpu.gemm", "cpu.triad"];
        assert_eq!(hint("cpu.gem", known.into_iter()), "; did you mean \"cpu.gemm\"?");
        assert_eq!(hint("x", ["abc", "def"].into_iter()), "; one of abc, def");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(12), "12 B");
    }
}
