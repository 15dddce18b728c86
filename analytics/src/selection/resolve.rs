//! From a selector to sessions.

use super::{
    SelectError, Selector, Term,
    nothing::{some_of, why_nothing},
};
use crate::{Lake, SqlError, ask, catalog::utc, format::counted};
use benchlake_schemas::{Micros, from_batch, now};
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
    /// What a reader has to know of how they were chosen.
    pub notes: Vec<String>,
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

/// The sessions that `selector` selects: those that fit every term; without a term that names a scope, or with
/// `latest`, those of the newest measured run that have ended.
///
/// # Errors
/// [`SelectError::Nothing`], with the term that fits nothing and what is near, if there are none.
pub async fn select(lake: &Lake, selector: &Selector) -> Result<Selected, SelectError> {
    match selected(lake, selector, &[]).await? {
        found if found.sessions.is_empty() => {
            let why = why_nothing(lake, selector).await?;
            Err(SelectError::Nothing { selector: selector.to_string(), why })
        }
        found => Ok(found),
    }
}

/// What `selector` selects to hold `judged` against: where its newest run is what is judged, the run before that.
///
/// # Errors
/// As [`select`]; also if that run is the only one.
pub(crate) async fn select_base(
    lake: &Lake,
    selector: &Selector,
    judged: &Selected,
) -> Result<Selected, SelectError> {
    let found = select(lake, selector).await?;
    let ids: Vec<&str> = judged.by_id().into_keys().collect();
    let is_judged = |session: &Session| ids.binary_search(&session.session_id.as_str()).is_ok();
    if !selector.is_of_newest_run() || !found.sessions.iter().all(is_judged) {
        return Ok(found);
    }
    let mut before = selected(lake, selector, &ids).await?;
    let Some(first) = before.sessions.first() else {
        let why =
            "its only run is what is judged: measure another one, or name another base, such as branch:NAME \
                   or run:ID"
                .to_owned();
        return Err(SelectError::Nothing { selector: selector.to_string(), why });
    };
    before.notes.push(format!(
        "{selector}: its newest run is what is judged; the base is the run before it, run:{}",
        first.run_id
    ));
    Ok(before)
}

/// What `selector` selects without the sessions `except`, if anything.
async fn selected(lake: &Lake, selector: &Selector, except: &[&str]) -> Result<Selected, SelectError> {
    let (mut conditions, mut notes) = (Vec::new(), Vec::new());
    for term in &selector.terms {
        conditions.push(match whole_id(lake, term).await? {
            Some(condition) => condition,
            None => condition(lake, term).await?,
        });
    }
    if !except.is_empty() {
        conditions.push(format!("session_id NOT IN ({})", texts(except.iter().copied())));
    }
    if selector.is_of_newest_run()
        && let Some(newest) = newest(lake, &conditions).await?
    {
        conditions.push(format!("run_id = {} AND {ENDED}", text(&newest.run_id)));
        notes.extend(newest.note());
    } else if selector.is_of_newest_run() {
        conditions.push("false".to_owned());
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
    if selector.terms.iter().any(|term| matches!(term, Term::Window(_))) {
        notes.extend(from_the_future(&sessions));
    }
    Ok(Selected { selector: selector.clone(), sessions, notes })
}

/// Which nodes' clocks are ahead: some of a window's sessions are to start yet.
fn from_the_future(sessions: &[Session]) -> Option<String> {
    let now = now();
    let ahead: Vec<&Session> = sessions.iter().filter(|session| session.started_at > now).collect();
    let nodes: BTreeSet<&str> = ahead.iter().map(|session| session.node.as_str()).collect();
    let nodes: Vec<String> = nodes.into_iter().map(str::to_owned).collect();
    (!ahead.is_empty() && ahead.len() < sessions.len()).then(|| {
        format!(
            "{} started in the future and the window does not end with them: the clock is ahead on {}",
            counted(ahead.len(), "session"),
            some_of(&nodes, 4)
        )
    })
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

/// What a session of the newest run must be: one in progress has measured a part, at random.
const ENDED: &str = "status <> 'running'";

/// The newest measured run that has a session that fits and has ended.
#[derive(Deserialize)]
struct Newest {
    run_id: String,
    /// How many that fit have not.
    running: i64,
}

impl Newest {
    fn note(&self) -> Option<String> {
        let Self { run_id, running } = self;
        (*running > 0).then(|| {
            format!(
                "{running} of the sessions of run:{run_id} did not end (crashed, or measuring still) and are left out; \
                 run:ID takes all"
            )
        })
    }
}

async fn newest(lake: &Lake, conditions: &[String]) -> Result<Option<Newest>, SqlError> {
    let sql = format!(
        "SELECT run_id, count(*) FILTER (WHERE NOT {ENDED}) AS running FROM session_status \
         WHERE {} AND run_id IN (SELECT run_id FROM measured_runs) GROUP BY run_id HAVING count(*) FILTER (WHERE {ENDED}) > 0 \
         ORDER BY max(started_at) FILTER (WHERE {ENDED}) DESC, run_id DESC LIMIT 1",
        all(conditions)
    );
    Ok(decoded(lake, &sql).await?.pop())
}

fn all(conditions: &[String]) -> String {
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") }
}

/// The term as a condition on the view `session_status`.
pub(super) async fn condition(lake: &Lake, term: &Term) -> Result<String, SelectError> {
    Ok(match term {
        Term::Latest => "true".to_owned(),
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

/// When the newest session started, as SQL. One from the future counts only where all are: a node whose clock is
/// ahead would move the window for everyone.
async fn newest_start(lake: &Lake) -> Result<String, SqlError> {
    let sql = format!(
        "SELECT CAST(coalesce(max(started_at) FILTER (WHERE started_at <= CAST({} AS TIMESTAMP WITH TIME ZONE)), \
         max(started_at)) AS VARCHAR) AS name FROM session_status",
        text(&utc(now()))
    );
    let newest = names(lake, &sql).await?.pop().unwrap_or_default();
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

pub(super) async fn names(lake: &Lake, sql: &str) -> Result<Vec<String>, SqlError> {
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
