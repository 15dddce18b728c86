//! Named queries: the files of the folder `queries/`, embedded. Its README.md gives the grammar of
//! their headers.

mod header;
mod parameter;
mod plot;

pub use header::{Chart, HeaderError};
pub use parameter::{Parameter, Type};
pub use plot::PlotError;

use crate::{
    Answer, SqlError,
    format::{self, Format, Shown, WriteError},
    sql,
};
use datafusion::prelude::SessionContext;
use include_dir::{Dir, include_dir};
use std::{collections::BTreeMap, io, sync::LazyLock};

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../queries");

static QUERIES: LazyLock<Vec<Query>> = LazyLock::new(|| {
    let files =
        FOLDER.files().filter(|file| file.path().extension().is_some_and(|extension| extension == "sql"));
    let query = |file: &include_dir::File<'_>| {
        let name = file.path().file_stem()?.to_str()?.to_owned();
        // Every embedded file parses: a test sees to it.
        Query::parse(&name, file.contents_utf8()?).ok()
    };
    let mut queries: Vec<_> = files.filter_map(query).collect();
    queries.sort_by(|a, b| a.name.cmp(&b.name));
    queries
});

/// A query with a name, parameters and perhaps a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Its name: the file's, without `.sql`.
    pub name: String,
    /// What it answers, in one line.
    pub what: String,
    /// Its parameters, in the order in which help names them.
    pub parameters: Vec<Parameter>,
    /// How its answer is drawn.
    pub chart: Option<Chart>,
    /// The columns that a table on the screen has; all where it is empty.
    pub(crate) show: Vec<Shown>,
    /// The SQL, without the header.
    pub sql: String,
}

/// Why a named query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No query has this name.
    #[error("no query `{name}`; {hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest name, or all of them.
        hint: String,
    },
    /// The query has no such parameter.
    #[error("query `{query}` has no parameter `{name}`; {hint}")]
    UnknownParameter {
        /// The query.
        query: String,
        /// What was given.
        name: String,
        /// The nearest name, or all of them.
        hint: String,
    },
    /// A parameter without a default was not given.
    #[error("query `{query}` needs the parameter `{name}`: {what}")]
    MissingParameter {
        /// The query.
        query: String,
        /// The parameter.
        name: String,
        /// What it is.
        what: String,
    },
    /// A parameter's value is not of its type.
    #[error("parameter `{name}` of query `{query}` is {value:?}; it must be {expected}")]
    IllTyped {
        /// The query.
        query: String,
        /// The parameter.
        name: String,
        /// What was given.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The SQL failed.
    #[error("query `{query}`: {source}")]
    Sql {
        /// The query.
        query: String,
        /// Why.
        source: SqlError,
    },
}

/// Every query, by name.
#[must_use]
pub fn all() -> &'static [Query] {
    &QUERIES
}

/// The query `name`.
///
/// # Errors
/// [`QueryError::Unknown`], with the nearest name.
pub fn find(name: &str) -> Result<&'static Query, QueryError> {
    all().iter().find(|query| query.name == name).ok_or_else(|| QueryError::Unknown {
        name: name.to_owned(),
        hint: hint(name, all().iter().map(|query| query.name.as_str())),
    })
}

impl Query {
    /// Reads a query from the text of its file.
    ///
    /// # Errors
    /// [`HeaderError`] with the line that breaks the grammar.
    pub fn parse(name: &str, text: &str) -> Result<Self, HeaderError> {
        header::parse(name, text)
    }

    /// Runs the query. Values are bound to its placeholders by type and are never part of the SQL.
    ///
    /// # Errors
    /// [`QueryError`] if a parameter is unknown, missing or ill-typed, or the SQL fails.
    pub async fn run(
        &self,
        context: &SessionContext,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Answer, QueryError> {
        let values = parameter::bind(self, parameters)?;
        let failed = |source: SqlError| QueryError::Sql { query: self.name.clone(), source };
        let frame = context.sql(&self.sql).await.map_err(|error| failed(error.into()))?;
        let frame = frame.with_param_values(values).map_err(|error| failed(error.into()))?;
        sql::collect(frame).await.map_err(failed)
    }
}

impl Query {
    /// Writes an answer of this query; a table has the columns and units that the query's header
    /// chose for people.
    ///
    /// # Errors
    /// As [`format::write`].
    pub fn write(&self, answer: &Answer, format: Format, out: &mut impl io::Write) -> Result<(), WriteError> {
        if format == Format::Table && !self.show.is_empty() {
            let table = format::styled(answer, &self.show)
                .map_err(|error| WriteError::Encode { format, problem: error.to_string() })?;
            return Ok(out.write_all(table.as_bytes())?);
        }
        format::write(answer, format, out)
    }
}

/// The nearest of `names`, or all of them.
pub(crate) fn hint<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    let distance = |candidate: &str| strsim::damerau_levenshtein(candidate, name);
    match names.iter().min_by_key(|candidate| distance(candidate)) {
        Some(nearest) if distance(nearest) <= name.len() / 2 => format!("did you mean `{nearest}`?"),
        Some(_) => format!("one of {}", names.join(", ")),
        None => "it has none".into(),
    }
}

/// The nearest of many `names`: one if it is near, else three, and how to see `all`.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>, all: &str) -> String {
    let mut names: Vec<_> = names.collect();
    let distance = |candidate: &str| strsim::damerau_levenshtein(candidate, name);
    names.sort_by_cached_key(|candidate| distance(candidate));
    match names.as_slice() {
        [first, ..] if distance(first) <= name.len() / 2 => format!("did you mean `{first}`?"),
        [] => "it has none".into(),
        some => format!("the nearest are {}; {all}", some[..some.len().min(3)].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every file of `queries/` parses and is embedded under its own name.
    #[test]
    fn every_file_parses() {
        for file in FOLDER.files().filter(|file| file.path().extension().is_some_and(|e| e == "sql")) {
            let text = file.contents_utf8().unwrap_or_default();
            if let Err(error) = Query::parse("x", text) {
                panic!("{}: {error}", file.path().display());
            }
        }
        assert!(all().len() >= 6);
    }

    /// Of many names the three nearest are told, where none is near.
    #[test]
    fn nearest_of_many() {
        let names = ["list_avg", "list_stddev", "list_median", "mad", "nope_or_so"];
        let said = |name: &str| nearest(name, names.into_iter(), "`all` lists them");
        assert_eq!(said("list_agv"), "did you mean `list_avg`?");
        assert_eq!(said("nope"), "the nearest are mad, nope_or_so, list_avg; `all` lists them");
        assert_eq!(nearest("x", [].into_iter(), "none"), "it has none");
    }

    /// An unknown name is answered with the nearest one.
    #[test]
    fn nearest_name() {
        let error = find("sumary").map(|query| query.name.clone()).map_err(|error| error.to_string());
        assert_eq!(error, Err("no query `sumary`; did you mean `summary`?".into()));
    }
}
