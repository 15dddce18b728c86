//! The header of a query's file: comment lines `-- KEY: …` before the SQL.

use super::{Parameter, Query, Type};
use crate::format::{Shown, Style};
use benchlake_schemas::Unit;
use std::collections::BTreeMap;

/// How the answer of a query is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// `line`, `bar` or `points`.
    pub kind: String,
    /// Column of each role: `x`, `y`, `low`, `high`, `series`.
    pub roles: BTreeMap<String, String>,
}

/// A line of a header that breaks the grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}.sql:{line}: {problem}")]
pub struct HeaderError {
    name: String,
    line: usize,
    problem: String,
}

const KINDS: [&str; 3] = ["line", "bar", "points"];
const ROLES: [&str; 6] = ["x", "y", "low", "high", "limit", "series"];

pub(super) fn parse(name: &str, text: &str) -> Result<Query, HeaderError> {
    let mut query = Query {
        name: name.into(),
        what: String::new(),
        parameters: Vec::new(),
        chart: None,
        show: Vec::new(),
        sql: String::new(),
    };
    let error = |line: usize, problem: String| HeaderError { name: name.into(), line: line + 1, problem };
    let mut lines = text.lines().enumerate().peekable();
    while let Some(&(number, line)) = lines.peek() {
        let Some(comment) = line.strip_prefix("--") else { break };
        lines.next();
        let Some((key, value)) = comment.split_once(':') else {
            return Err(error(
                number,
                format!("`{}` is not KEY: VALUE; end the header with an empty line", comment.trim()),
            ));
        };
        let value = value.trim();
        match key.trim() {
            "what" => query.what = value.into(),
            "parameter" => query.parameters.push(parameter(value).map_err(|problem| error(number, problem))?),
            "chart" => query.chart = Some(chart(value).map_err(|problem| error(number, problem))?),
            "show" => query.show = show(value).map_err(|problem| error(number, problem))?,
            other => {
                return Err(error(number, format!("no key `{other}`; one of what, parameter, chart, show")));
            }
        }
    }
    if query.what.is_empty() {
        return Err(error(0, "the header has no `-- what: …`".into()));
    }
    let body: Vec<_> = lines.map(|(_, line)| line).collect();
    query.sql = body.join("\n").trim().trim_end_matches(';').trim_end().to_owned();
    if query.sql.is_empty() {
        return Err(error(0, "there is no SQL after the header".into()));
    }
    Ok(query)
}

/// `NAME TYPE [= DEFAULT] -- WHAT`
fn parameter(text: &str) -> Result<Parameter, String> {
    let grammar = || format!("`{text}` is not NAME TYPE [= DEFAULT] -- WHAT");
    let (head, what) = text.split_once(" -- ").ok_or_else(grammar)?;
    let (typed, default) = match head.split_once('=') {
        Some((typed, default)) => (typed, Some(default.trim().to_owned())),
        None => (head, None),
    };
    let mut words = typed.split_whitespace();
    let (Some(name), Some(kind), None) = (words.next(), words.next(), words.next()) else {
        return Err(grammar());
    };
    let kind =
        Type::parse(kind).ok_or_else(|| format!("no type `{kind}`; one of text, integer, number, time"))?;
    Ok(Parameter { name: name.into(), kind, default, what: what.trim().into() })
}

/// `KIND ROLE=COLUMN …`
fn chart(text: &str) -> Result<Chart, String> {
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap_or_default();
    if !KINDS.contains(&kind) {
        return Err(format!("no chart `{kind}`; one of {}", KINDS.join(", ")));
    }
    let mut roles = BTreeMap::new();
    for word in words {
        match word.split_once('=') {
            Some((role, column)) if ROLES.contains(&role) => {
                _ = roles.insert(role.to_owned(), column.to_owned())
            }
            _ => return Err(format!("`{word}` is not ROLE=COLUMN with a role of {}", ROLES.join(", "))),
        }
    }
    for role in ["x", "y"] {
        if !roles.contains_key(role) {
            return Err(format!("the chart has no {role}=COLUMN"));
        }
    }
    Ok(Chart { kind: kind.into(), roles })
}

/// `COLUMN[:unit|:percent|:UNIT] …`
fn show(text: &str) -> Result<Vec<Shown>, String> {
    let one = |word: &str| {
        let (column, style) = match word.split_once(':') {
            None => (word, Style::Plain),
            Some((column, "unit")) => (column, Style::Unit),
            Some((column, "percent")) => (column, Style::Percent),
            Some((column, unit)) => match Unit::ALL.iter().find(|known| known.as_str() == unit) {
                Some(unit) => (column, Style::In(*unit)),
                None => {
                    let units: Vec<_> = Unit::ALL.iter().map(|unit| unit.as_str()).collect();
                    let units = units.join(", ");
                    return Err(format!(
                        "`{word}` is not COLUMN, COLUMN:unit, COLUMN:percent or COLUMN: and one of {units}"
                    ));
                }
            },
        };
        Ok(Shown { column: column.to_owned(), style })
    };
    text.split_whitespace().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header is read whole; the SQL keeps its own comments.
    #[test]
    fn whole() {
        let text = "-- what: Counts.\n-- parameter: run text = latest -- The run.\n-- parameter: n integer -- How many.\n-- chart: line x=a y=b low=c\n\n-- why\nSELECT 1;\n";
        let query = parse("q", text).expect("it parses");
        assert_eq!(query.what, "Counts.");
        assert_eq!(query.sql, "-- why\nSELECT 1");
        assert_eq!(query.parameters[0].default.as_deref(), Some("latest"));
        assert_eq!((query.parameters[1].kind, &query.parameters[1].default), (Type::Integer, &None));
        assert_eq!(query.chart.map(|chart| chart.roles["low"].clone()).as_deref(), Some("c"));
    }

    /// A broken line is named.
    #[test]
    fn broken() {
        let error = |text: &str| parse("q", text).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(error("SELECT 1"), Err("q.sql:1: the header has no `-- what: …`".into()));
        assert_eq!(
            error("-- what: x\n-- parameter: n float -- x\n"),
            Err("q.sql:2: no type `float`; one of text, integer, number, time".into())
        );
        assert_eq!(
            error("-- what: x\n-- chart: line x=a\n"),
            Err("q.sql:2: the chart has no y=COLUMN".into())
        );
        assert_eq!(
            error("-- what: x\n-- whom: y\n"),
            Err("q.sql:2: no key `whom`; one of what, parameter, chart, show".into())
        );
    }
}
