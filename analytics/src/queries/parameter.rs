//! Parameters of queries, bound to placeholders by type.

use super::{Query, QueryError, hint};
use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use datafusion::common::ScalarValue;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

/// A parameter of a query: `$name` in its SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub kind: Type,
    /// Its value where none is given, empty for null; `None` if one must be given.
    pub default: Option<String>,
    /// What it is, in one line.
    pub what: String,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// An instant: `2026-11-21` or `2026-11-21T10:00:00Z`.
    Time,
}

impl Type {
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Text, Self::Integer, Self::Number, Self::Time]
            .into_iter()
            .find(|kind| kind.to_string() == text)
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Time => "a UTC time such as 2026-11-21 or 2026-11-21T10:00:00Z",
        }
    }

    /// `text` as a value of this type; an empty text is null.
    fn value(self, text: &str) -> Option<ScalarValue> {
        let given = (!text.is_empty()).then_some(text);
        Some(match self {
            Self::Text => ScalarValue::Utf8(given.map(str::to_owned)),
            Self::Integer => ScalarValue::Int64(given.map(str::parse).transpose().ok()?),
            Self::Number => {
                let number: Option<f64> = given.map(str::parse).transpose().ok()?;
                if number.is_some_and(f64::is_nan) {
                    return None;
                }
                ScalarValue::Float64(number)
            }
            Self::Time => {
                let nanos = given.map(string_to_timestamp_nanos).transpose().ok()?;
                ScalarValue::TimestampMicrosecond(
                    nanos.map(|nanos| nanos.div_euclid(1_000)),
                    Some("UTC".into()),
                )
            }
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Time => "time",
        })
    }
}

/// The value of every parameter of `query`; the default where none is given, or an empty one.
pub(super) fn bind(
    query: &Query,
    given: &BTreeMap<String, String>,
) -> Result<HashMap<String, ScalarValue>, QueryError> {
    if let Some(name) = given.keys().find(|&name| query.parameters.iter().all(|known| known.name != *name)) {
        return Err(QueryError::UnknownParameter {
            query: query.name.clone(),
            name: name.clone(),
            hint: hint(name, query.parameters.iter().map(|known| known.name.as_str())),
        });
    }
    let bound = query.parameters.iter().map(|parameter| {
        let Parameter { name, kind, default, what } = parameter;
        let given = given.get(name).filter(|text| !text.is_empty());
        let text = given.or(default.as_ref()).ok_or_else(|| QueryError::MissingParameter {
            query: query.name.clone(),
            name: name.clone(),
            what: what.clone(),
        })?;
        let value = kind.value(text).ok_or_else(|| QueryError::IllTyped {
            query: query.name.clone(),
            name: name.clone(),
            value: text.clone(),
            expected: kind.expected(),
        })?;
        Ok((name.clone(), value))
    });
    bound.collect()
}
