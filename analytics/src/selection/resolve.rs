//! From a selector to sessions.

use super::{SelectError, Selector, Term};
use crate::{Lake, SqlError, ask, queries::hint};
use benchlake_schemas::{Micros, from_batch};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};

/// A session that a selector selected.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Session {
    /// Its id.
    pub session_id: String,
    /// Its run's id.
    pub run_id: String,
    /// When it started.
    pub started_at: Micros,
    /// The host that it ran on.
    pub node: String,
    /// Its side, where its run had several.
    pub arm: Option<String>,
    /// Its place in the order of its run, in rounds of one session of each arm: sessions of one round were
    /// measured next to each other.
    pub round: i64,
    /// What was measured.
    pub commit: Option<String>,
    /// Of which branch.
    pub branch: Option<String>,
    /// Whether the commit had uncommitted changes on top.
    pub dirty: Option<bool>,
    /// What it ran on and with.
    pub environment: BTreeMap<String, String>,
}

/// What a selector selects at a state of a lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The selector.
    pub selector: Selector,
    /// Its sessions, in the order of time.
    pub sessions: Vec<Session>,
}

impl Selected {
    /// The runs of the sessions, oldest first, each once.
    #[must_use]
    pub fn runs(&self) -> Vec<&str> {
        let mut known = BTreeSet::new();
        let runs = self.sessions.iter().map(|session| session.run_id.as_str());
        runs.filter(|run| known.insert(*run)).collect()
    }

    /// The sessions by their ids.
    #[must_use]
    pub fn by_id(&self) -> BTreeMap<&str, &Session> {
        self.sessions.iter().map(|session| (session.session_id.as_str(), session)).collect()
    }
}

/// The sessions that `selector` selects: those that fit every term; without a term that names a scope,
/// those of the newest measured run that has any.
///
/// # Errors
/// [`SelectError::Nothing`], with the term that fits nothing and what is near, if there are none.
pub async fn select(lake: &Lake, selector: &Selector) -> Result<Selected, SelectError> {
    let mut conditions = Vec::new();
    for term in &selector.terms {
        conditions.push(match whole_id(lake, term).await? {
            Some(condition) => condition,
            None => condition(lake, term).await?,
        });
    }
    if !selector.terms.iter().any(Term::is_scope)
        && let Some(run) = newest(lake, &conditions).await?
    {
        conditions.push(format!("run_id = {}", text(&run)));
    }
    // Conditions come before the join: DataFusion 55 cannot open maps behind one.
    let sql = format!(
        "SELECT session_id, run_id, started_at, node, arm, position / arms AS round, \"commit\", branch, dirty, environment \
         FROM (SELECT * FROM session_status WHERE {}) \
         JOIN (SELECT run_id AS of_run, count(DISTINCT coalesce(arm, '')) AS arms FROM session_status GROUP BY run_id) \
         ON of_run = run_id ORDER BY started_at, session_id",
        all(&conditions)
    );
    let sessions: Vec<Session> = decoded(lake, &sql).await?;
    if sessions.is_empty() {
        let why = why_nothing(lake, selector).await?;
        return Err(SelectError::Nothing { selector: selector.to_string(), why });
    }
    Ok(Selected { selector: selector.clone(), sessions })
}

/// The rows that answer `sql`, as values.
pub(crate) async fn decoded<R: DeserializeOwned>(lake: &Lake, sql: &str) -> Result<Vec<R>, SqlError> {
    let mut rows = Vec::new();
    for batch in &ask(&lake.context(), sql).await?.batches {
        let decoded: Vec<R> = from_batch(batch).map_err(|error| SqlError::new(error.to_string()))?;
        rows.extend(decoded);
    }
    Ok(rows)
}

/// The newest measured run that has a session that fits.
async fn newest(lake: &Lake, conditions: &[String]) -> Result<Option<String>, SqlError> {
    let sql = format!(
        "SELECT run_id AS name FROM session_status WHERE {} AND run_id IN (SELECT run_id FROM series) \
         ORDER BY started_at DESC, run_id DESC LIMIT 1",
        all(conditions)
    );
    Ok(names(lake, &sql).await?.pop())
}

fn all(conditions: &[String]) -> String {
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") }
}

/// The term as a condition on the view `session_status`.
async fn condition(lake: &Lake, term: &Term) -> Result<String, SelectError> {
    Ok(match term {
        Term::Run(id) => format!("starts_with(run_id, {})", text(id)),
        Term::Commit(hash, dirty) => {
            let is = if *dirty { "IS TRUE" } else { "IS NOT TRUE" };
            format!("starts_with(lower(\"commit\"), {}) AND dirty {is}", text(hash))
        }
        Term::Branch(name) => format!("branch = {}", text(name)),
        Term::Tag(key, value) => format!("tags[{}] = {}", text(key), text(value)),
        Term::Arm(name) => format!("arm = {}", text(name)),
        Term::Window(window) => {
            format!("started_at >= {} - INTERVAL '{} seconds'", newest_start(lake).await?, window.as_secs())
        }
        Term::Node(glob) => format!("node LIKE {}", pattern(glob)),
        Term::Environment(key, glob) => format!("environment[{}] LIKE {}", text(key), pattern(glob)),
        Term::Baseline(name) => {
            let sessions =
                format!("SELECT unnest(sessions) AS name FROM baseline_status WHERE name = {}", text(name));
            let sessions = names(lake, &sessions).await?;
            format!("session_id IN ({})", texts(sessions.iter().map(String::as_str)))
        }
    })
}

/// When the newest session started, as SQL.
async fn newest_start(lake: &Lake) -> Result<String, SqlError> {
    let sql = "SELECT CAST(max(started_at) AS VARCHAR) AS name FROM session_status";
    let newest = names(lake, sql).await?.pop().unwrap_or_default();
    Ok(format!("CAST({} AS TIMESTAMP WITH TIME ZONE)", text(&newest)))
}

/// A text of SQL.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// Texts of SQL, separated by commas; `NULL` where there is none.
pub(crate) fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<_> = values.into_iter().map(text).collect();
    if values.is_empty() { "NULL".to_owned() } else { values.join(", ") }
}

/// A pattern of LIKE for a glob of `*` and `?`.
fn pattern(glob: &str) -> String {
    let mut pattern = String::new();
    for letter in glob.chars() {
        match letter {
            '*' => pattern.push('%'),
            '?' => pattern.push('_'),
            '%' | '_' | '\\' => pattern.extend(['\\', letter]),
            other => pattern.push(other),
        }
    }
    text(&pattern)
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

async fn names(lake: &Lake, sql: &str) -> Result<Vec<String>, SqlError> {
    Ok(decoded::<Name>(lake, sql).await?.into_iter().map(|row| row.name).collect())
}

/// The condition of a term that begins an id, by the whole one; refuses what begins several.
async fn whole_id(lake: &Lake, term: &Term) -> Result<Option<String>, SelectError> {
    let (column, what) = match term {
        Term::Run(_) => ("run_id", "runs"),
        Term::Commit(..) => ("\"commit\"", "commits"),
        _ => return Ok(None),
    };
    let begins = condition(lake, term).await?;
    let sql = format!("SELECT DISTINCT {column} AS name FROM session_status WHERE {begins} ORDER BY name");
    let found = names(lake, &sql).await?;
    // What is given is an id itself, and begins others.
    let given = found.iter().find(|id| term.is_id(id));
    match (given, found.as_slice()) {
        (Some(id), _) | (None, [id]) => Ok(Some(format!("{begins} AND {column} = {}", text(id)))),
        (None, []) => Ok(None),
        (None, _) => Err(SelectError::Ambiguous {
            term: term.to_string(),
            count: found.len(),
            what,
            some: some_of(&found, 4),
        }),
    }
}

/// Which term fits nothing, and what is near; or that they do not fit together.
async fn why_nothing(lake: &Lake, selector: &Selector) -> Result<String, SelectError> {
    let sessions = names(lake, "SELECT session_id AS name FROM session_status LIMIT 1").await?;
    if sessions.is_empty() {
        return Ok("the lake has no session at this state: measure something first, or choose a later --at"
            .to_owned());
    }
    for term in &selector.terms {
        let sql = format!(
            "SELECT session_id AS name FROM session_status WHERE {} LIMIT 1",
            condition(lake, term).await?
        );
        if names(lake, &sql).await?.is_empty() {
            return Ok(format!("nothing fits {term}; {}", near(lake, term).await?));
        }
    }
    Ok(match selector.terms.as_slice() {
        [] => "no session of this lake has measured anything yet".to_owned(),
        [_] => "its sessions have measured nothing yet".to_owned(),
        _ => "each term fits some, but no measured session fits all of them".to_owned(),
    })
}

/// What there is that is near a term that fits nothing.
async fn near(lake: &Lake, term: &Term) -> Result<String, SelectError> {
    let of = |expression: &str| {
        format!(
            "SELECT DISTINCT {expression} AS name FROM session_status WHERE {expression} IS NOT NULL ORDER BY name"
        )
    };
    let (sql, given) = match term {
        Term::Run(id) => (of("run_id"), id.clone()),
        Term::Commit(hash, _) => (of("\"commit\""), hash.clone()),
        Term::Branch(name) => (of("branch"), name.clone()),
        Term::Arm(name) => (of("arm"), name.clone()),
        Term::Node(glob) => (of("node"), glob.clone()),
        Term::Tag(key, value) => (
            of("unnest(map_keys(tags))").replace("WHERE unnest(map_keys(tags)) IS NOT NULL ", ""),
            format!("{key}={value}"),
        ),
        Term::Environment(key, _) => (of(&format!("environment[{}]", text(key))), key.clone()),
        Term::Baseline(name) => {
            ("SELECT DISTINCT name FROM baseline_status ORDER BY name".to_owned(), name.clone())
        }
        Term::Window(_) => return Ok("the lake has no session".to_owned()),
    };
    let found = names(lake, &sql).await?;
    let (what, given) = match term {
        Term::Tag(key, _) if found.contains(key) => {
            let values = names(lake, &of(&format!("tags[{}]", text(key)))).await?;
            return Ok(format!("the values of `{key}` are {}", some(&values)));
        }
        Term::Tag(key, _) => ("the tags are", key.clone()),
        Term::Environment(key, _) if found.is_empty() => {
            return Ok(format!("no session has the fact `{key}` (`benchlake query environment`)"));
        }
        Term::Environment(key, _) => return Ok(format!("the values of `{key}` are {}", some(&found))),
        _ => ("there are", given),
    };
    Ok(match found.len() {
        0 => "there is none".to_owned(),
        1..=8 => format!("{what} {}", some(&found)),
        _ => hint(&given, found.iter().map(String::as_str).take(10_000)),
    })
}

fn some(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    some_of(&quoted, 8)
}

fn some_of(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown}, …") } else { shown }
}
