//! Whether what a comparison is asked for is there: a filter that is one, facts that some session has.

use super::{CompareError, Options};
use crate::{queries::nearest, selection::Selected};
use regex::Regex;
use std::collections::BTreeSet;

/// The filter, as `run` has it.
pub(super) fn filter(options: &Options) -> Result<Option<Regex>, CompareError> {
    let compiled = |filter: &String| {
        Regex::new(filter)
            .map_err(|error| CompareError::Filter { filter: filter.clone(), problem: error.to_string() })
    };
    options.filter.as_ref().map(compiled).transpose()
}

/// Refuses a name of `across` that no session has as a fact; patterns may fit none.
pub(super) fn known_fields(
    across: &[String],
    first: &Selected,
    second: &Selected,
) -> Result<(), CompareError> {
    let sessions = first.sessions.iter().chain(&second.sessions);
    let known: BTreeSet<&str> =
        sessions.flat_map(|session| session.environment.keys().map(String::as_str)).chain(["node"]).collect();
    match across.iter().find(|field| !field.contains(['*', '?']) && !known.contains(field.as_str())) {
        None => Ok(()),
        Some(field) => {
            let nearest = nearest(field, known.into_iter(), "`benchlake query environment` lists them");
            Err(CompareError::Across { field: field.clone(), nearest })
        }
    }
}
