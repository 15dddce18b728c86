//! A comparison as text: for the terminal, for pull requests, for a browser, for CI, for programs.

mod csv;
mod explain;
mod forest;
mod html;
mod junit;
mod markdown;
mod names;
mod table;
mod words;

pub use explain::{ExplainError, explain, named};

use super::Comparison;
use crate::format::WriteError;
use benchlake_schemas::{Outcome, Severity};
use std::{fmt, str::FromStr};

/// How a comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// For people, in a terminal.
    #[default]
    Table,
    /// One JSON object: everything.
    Json,
    /// Comma-separated with a header: a row for each benchmark and metric, plain numbers.
    Csv,
    /// For a pull request.
    Markdown,
    /// One page with everything inside.
    Html,
    /// A test case for each benchmark and metric, for continuous integration.
    Junit,
}

impl Form {
    /// Every form, in the order in which help names them.
    pub const ALL: &[Self] = &[Self::Table, Self::Json, Self::Csv, Self::Markdown, Self::Html, Self::Junit];

    /// Its name, as it is given.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Junit => "junit",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no format `{0}`; one of table, json, csv, markdown, html, junit")]
pub struct ParseFormError(String);

impl FromStr for Form {
    type Err = ParseFormError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|form| form.as_str() == text);
        found.copied().ok_or_else(|| ParseFormError(text.to_owned()))
    }
}

/// What a table is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// How many columns it has; lines become no wider, down to 60.
    pub width: usize,
    /// Whether it shows colours.
    pub colour: bool,
}

impl Default for Screen {
    fn default() -> Self {
        Self { width: 120, colour: false }
    }
}

/// The least regression that fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FailOn {
    /// A critical one.
    Critical,
    /// Also one that the policy warns of.
    Warning,
    /// Any.
    #[default]
    Regression,
}

impl FailOn {
    /// Whether a regression of this severity is as bad.
    fn is_met_by(self, severity: Option<Severity>) -> bool {
        match self {
            Self::Critical => severity == Some(Severity::Critical),
            Self::Warning => severity.is_some(),
            Self::Regression => true,
        }
    }
}

impl Comparison {
    /// Whether something regressed at least as badly.
    #[must_use]
    pub fn fails(&self, least: FailOn) -> bool {
        self.compared.iter().any(|one| one.decision.fails(least))
    }

    /// The comparison in a form. `screen` matters to a table alone, `least` to JUnit alone: regressions that
    /// are less bad are passed test cases.
    ///
    /// # Errors
    /// [`WriteError`] if the form cannot be encoded.
    pub fn written(&self, form: Form, screen: Screen, least: FailOn) -> Result<String, WriteError> {
        Ok(match form {
            Form::Table => table::table(self, screen),
            Form::Json => {
                let json = serde_json::to_string_pretty(self).map_err(std::io::Error::from)?;
                json + "\n"
            }
            Form::Csv => csv::csv(self)?,
            Form::Markdown => markdown::markdown(self),
            Form::Html => html::page(self),
            Form::Junit => junit::junit(self, least),
        })
    }
}

impl super::Decision {
    /// Whether it is a regression at least as bad.
    #[must_use]
    pub fn fails(&self, least: FailOn) -> bool {
        self.outcome == Outcome::Regression && least.is_met_by(self.severity)
    }
}
