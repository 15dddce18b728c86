//! Which state of a lake is meant: its latest, as of an instant, or at pinned table versions.

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use benchlake_schemas::{Micros, Table};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Which state of a lake is meant. What [`Lake::pin`](crate::Lake::pin) returns parses back into
/// the same state.
///
/// ```
/// use benchlake_analytics::At;
/// assert!(matches!("latest".parse(), Ok(At::Latest)));
/// assert!(matches!("2026-11-21T10:00:00Z".parse(), Ok(At::Time(_))));
/// assert_eq!("sessions=9,series=12".parse::<At>().map(|at| at.to_string()).as_deref(), Ok("sessions=9,series=12"));
/// assert_eq!("12".parse::<At>().map(|at| at.to_string()).as_deref(), Ok("series=12"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum At {
    /// The latest version of every table.
    #[default]
    Latest,
    /// Every table as it was at an instant.
    Time(Micros),
    /// These tables at these versions, the others as they were at the latest of these commits.
    Versions(BTreeMap<Table, i64>),
}

/// A text that names no state of a lake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no state of a lake ({problem}); give `latest`, a version of series (`12`), versions (`series=12,sessions=9`), or a UTC time (`2026-11-21` or `2026-11-21T10:00:00Z`)"
)]
pub struct ParseAtError {
    text: String,
    problem: String,
}

impl FromStr for At {
    type Err = ParseAtError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let error = |problem: String| ParseAtError { text: text.to_owned(), problem };
        if text == "latest" {
            return Ok(Self::Latest);
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Versions(BTreeMap::from([(Table::Series, version(text).map_err(error)?)])));
        }
        if text.contains('=') {
            return versions(text).map(Self::Versions).map_err(error);
        }
        let nanos = string_to_timestamp_nanos(text).map_err(|_| error("not a time either".into()))?;
        Ok(Self::Time(nanos.div_euclid(1_000)))
    }
}

fn version(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is not a version"))
}

fn versions(text: &str) -> Result<BTreeMap<Table, i64>, String> {
    let mut versions = BTreeMap::new();
    for pin in text.split(',') {
        let Some((name, number)) = pin.split_once('=') else {
            return Err(format!("`{pin}` is not TABLE=VERSION"));
        };
        let Some(table) = Table::ALL.iter().find(|table| table.as_str() == name.trim()) else {
            let known: Vec<_> = Table::ALL.iter().map(|table| table.as_str()).collect();
            return Err(format!("no table `{name}`; one of {}", known.join(", ")));
        };
        if versions.insert(*table, version(number)?).is_some() {
            return Err(format!("{table} is pinned twice"));
        }
    }
    Ok(versions)
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Time(micros) => f.write_str(&utc(*micros)),
            Self::Versions(versions) => {
                for (i, (table, version)) in versions.iter().enumerate() {
                    write!(f, "{}{table}={version}", if i == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

/// `micros` as RFC 3339 in UTC, with as many decimals as it needs.
pub(crate) fn utc(micros: Micros) -> String {
    use arrow::{
        array::TimestampMicrosecondArray,
        util::display::{ArrayFormatter, FormatOptions},
    };
    let array = TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
    ArrayFormatter::try_new(&array, &FormatOptions::default())
        .map_or_else(|_| micros.to_string(), |formatter| formatter.value(0).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a text is said, together with what would be right.
    #[test]
    fn errors_say_what_would_be_right() {
        let error = |text: &str| text.parse::<At>().map_err(|error| error.problem);
        assert_eq!(
            error("serie=1"),
            Err("no table `serie`; one of sessions, series, dead_letters, verdicts, baselines".into())
        );
        assert_eq!(error("series=x"), Err("`x` is not a version".into()));
        assert_eq!(error("series=1,series=2"), Err("series is pinned twice".into()));
        assert_eq!(error("yesterday"), Err("not a time either".into()));
        assert_eq!(error(""), Err("not a time either".into()));
    }

    /// A date is its first instant, UTC; zones are honoured; display parses back.
    #[test]
    fn times() {
        assert_eq!("1970-01-02".parse(), Ok(At::Time(86_400_000_000)));
        assert_eq!("1970-01-02T01:00:00+01:00".parse(), Ok(At::Time(86_400_000_000)));
        let at = At::Time(86_400_123_456);
        assert_eq!(at.to_string(), "1970-01-02T00:00:00.123456Z");
        assert_eq!(at.to_string().parse(), Ok(at));
    }
}
