//! Baselines: what a selection holds on each platform, and what was declared so far.

use crate::{
    Lake, SqlError,
    decide::glob,
    format::counted,
    queries::hint,
    selection::{SelectError, Selected, Session, decoded, platform, text, texts},
};
use benchlake_schemas::{Baseline, Status};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The measured sessions of a selection on one platform: what a baseline is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnPlatform {
    /// The platform.
    pub platform: String,
    /// Ids of the sessions that measured something, in the order of time.
    pub sessions: Vec<String>,
    /// Ids of their runs, oldest first.
    pub runs: Vec<String>,
    /// What they measured; a session without a commit adds none.
    pub commits: BTreeSet<String>,
    /// Whether each of them has a commit.
    pub all_have_commits: bool,
    /// Ids of the benchmarks that they measured.
    pub benchmarks: BTreeSet<String>,
    /// How many of them had uncommitted changes.
    pub dirty: usize,
    /// How many were measured on a disturbed machine.
    pub noisy: usize,
    /// How many failed in part or ended early.
    pub failed: usize,
    /// How many have no end.
    pub running: usize,
    /// How many more measured nothing and are left out.
    pub unmeasured: usize,
}

/// Why there is no such baseline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// Nobody declared it.
    #[error("no baseline `{name}` in {lake}; {hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The lake.
        lake: String,
        /// The nearest name, or all of them.
        hint: String,
    },
    /// It was declared, and removed since.
    #[error("the baseline `{name}` was removed at revision {revision}; `--history` shows what it was")]
    Removed {
        /// Its name.
        name: String,
        /// Since when.
        revision: i64,
    },
    /// It holds on other platforms.
    #[error("no platform fits `{pattern}`; there is {platforms}")]
    Platform {
        /// What was asked for.
        pattern: String,
        /// The platforms.
        platforms: String,
    },
    /// A query failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

#[derive(Deserialize)]
struct Facts {
    session_id: String,
    status: Status,
    benchmarks: Vec<String>,
    noisy: bool,
}

/// What `selected` holds on each platform, by its name.
///
/// # Errors
/// [`SelectError::Nothing`] if none of its sessions has a sample.
pub async fn by_platform(lake: &Lake, selected: &Selected) -> Result<Vec<OnPlatform>, SelectError> {
    let ids = selected.sessions.iter().map(|session| session.session_id.as_str());
    let facts = decoded::<Facts>(lake, &facts(&texts(selected.runs()), &texts(ids))).await?;
    let facts = facts.into_iter().map(|facts| (facts.session_id.clone(), facts)).collect();
    let platforms = group(&selected.sessions, &facts);
    if platforms.is_empty() {
        let why = "its sessions have no samples (`benchlake query failures` says why)".to_owned();
        return Err(SelectError::Nothing { selector: selected.selector.to_string(), why });
    }
    Ok(platforms)
}

fn facts(runs: &str, sessions: &str) -> String {
    format!(
        "SELECT session_id, status, benchmarks, noisy \
         FROM (SELECT session_id, status FROM session_status WHERE session_id IN ({sessions})) \
         JOIN (SELECT session_id AS of_session, array_agg(DISTINCT benchmark_id) AS benchmarks, \
           coalesce(bool_or(array_has(flags, 'noisy')), false) AS noisy \
           FROM series WHERE run_id IN ({runs}) AND session_id IN ({sessions}) AND phase = 'measure' \
           AND cardinality(samples) > 0 GROUP BY session_id) \
         ON of_session = session_id"
    )
}

fn group(sessions: &[Session], facts: &BTreeMap<String, Facts>) -> Vec<OnPlatform> {
    let mut platforms: BTreeMap<String, OnPlatform> = BTreeMap::new();
    let mut runs = BTreeSet::new();
    for session in sessions {
        let name = platform(&session.environment);
        let of = platforms.entry(name.clone()).or_insert_with(|| OnPlatform {
            platform: name.clone(),
            all_have_commits: true,
            ..OnPlatform::default()
        });
        match facts.get(&session.session_id) {
            Some(facts) => {
                of.add(session, facts);
                if runs.insert((name, &session.run_id)) {
                    of.runs.push(session.run_id.clone());
                }
            }
            None => of.unmeasured += 1,
        }
    }
    platforms.into_values().filter(|of| !of.sessions.is_empty()).collect()
}

impl OnPlatform {
    fn add(&mut self, session: &Session, facts: &Facts) {
        self.sessions.push(session.session_id.clone());
        self.all_have_commits &= session.commit.is_some();
        self.commits.extend(session.commit.clone());
        self.benchmarks.extend(facts.benchmarks.iter().cloned());
        self.dirty += usize::from(session.dirty == Some(true));
        self.noisy += usize::from(facts.noisy);
        self.failed += usize::from(matches!(facts.status, Status::Failed | Status::Interrupted));
        self.running += usize::from(facts.status == Status::Running);
    }

    /// The commit of all of its sessions, if it is one.
    #[must_use]
    pub fn commit(&self) -> Option<&str> {
        self.commits.first().filter(|_| self.all_have_commits && self.commits.len() == 1).map(String::as_str)
    }

    /// What makes it a poor baseline, and what to do about it.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let sessions = self.sessions.len();
        let share = |count: usize, what: &str| {
            (count > 0).then(|| format!("{count} of {} {what}", counted(sessions, "session")))
        };
        let one = (sessions == 1).then(|| {
            "one session only: no interval is possible; measure five or more (`benchlake run --sessions 5`)"
                .to_owned()
        });
        let remarks = [
            one,
            share(
                self.dirty,
                "measured uncommitted changes: nobody can build that again; commit, then measure",
            ),
            share(self.noisy, "measured on a noisy machine: try a quieter one (`benchlake doctor --tune`)"),
            share(self.failed, "failed in part or ended early (`benchlake query failures` says why)"),
            share(self.running, "did not end: crashed, or measuring still"),
            (self.unmeasured > 0)
                .then(|| format!("{} measured nothing: left out", counted(self.unmeasured, "more session"))),
        ];
        remarks.into_iter().flatten().collect()
    }
}

/// Those of `rows` whose platform fits the pattern of `*` and `?`; without one, all of them.
///
/// # Errors
/// [`BaselineError::Platform`], with the platforms that there are, if none fits.
pub fn fitting<T>(
    rows: Vec<T>,
    pattern: Option<&str>,
    platform: impl Fn(&T) -> &str,
) -> Result<Vec<T>, BaselineError> {
    let Some(pattern) = pattern else { return Ok(rows) };
    let platforms: Vec<_> = rows.iter().map(|row| format!("`{}`", platform(row))).collect();
    let fitting: Vec<_> = rows.into_iter().filter(|row| glob::fits(pattern, platform(row))).collect();
    if fitting.is_empty() {
        let platforms = platforms.join(", ");
        return Err(BaselineError::Platform { pattern: pattern.to_owned(), platforms });
    }
    Ok(fitting)
}

/// The baseline `name` as it holds now, by platform.
///
/// # Errors
/// [`BaselineError`] if it does not hold on any, with the nearest name.
pub async fn find(lake: &Lake, name: &str) -> Result<Vec<Baseline>, BaselineError> {
    let sql = format!(
        "SELECT *, 'set' AS event FROM baseline_status WHERE name = {} ORDER BY platform",
        text(name)
    );
    let found: Vec<Baseline> = decoded(lake, &sql).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    match last_revision(lake, name).await? {
        0 => Err(unknown(lake, name).await?),
        revision => Err(BaselineError::Removed { name: name.to_owned(), revision }),
    }
}

/// That there is no baseline `name`, and which there are.
///
/// # Errors
/// [`SqlError`] if the lake cannot be read.
pub async fn unknown(lake: &Lake, name: &str) -> Result<BaselineError, SqlError> {
    #[derive(Deserialize)]
    struct Name {
        name: String,
    }
    let names: Vec<Name> = decoded(lake, "SELECT DISTINCT name FROM baseline_status ORDER BY name").await?;
    let hint = match names.as_slice() {
        [] => "it has none: `benchlake baseline set NAME SELECTOR` declares one".to_owned(),
        names => hint(name, names.iter().map(|row| row.name.as_str())),
    };
    Ok(BaselineError::Unknown { name: name.to_owned(), lake: lake.uri().to_owned(), hint })
}

#[derive(Deserialize)]
struct Count {
    count: i64,
}

/// The newest revision of the baseline `name`, set or removed; 0 if there is none.
///
/// # Errors
/// [`SqlError`] if the lake cannot be read.
pub async fn last_revision(lake: &Lake, name: &str) -> Result<i64, SqlError> {
    let sql =
        format!("SELECT coalesce(max(revision), 0) AS count FROM baselines WHERE name = {}", text(name));
    Ok(decoded::<Count>(lake, &sql).await?.first().map_or(0, |row| row.count))
}

/// How many of the baseline's sessions the lake still has samples of.
///
/// # Errors
/// [`SqlError`] if the lake cannot be read.
pub async fn present(lake: &Lake, baseline: &Baseline) -> Result<usize, SqlError> {
    let of = |ids: &[String]| texts(ids.iter().map(String::as_str));
    let sql = format!(
        "SELECT count(DISTINCT session_id) AS count FROM series WHERE run_id IN ({}) AND session_id IN ({})",
        of(&baseline.runs),
        of(&baseline.sessions)
    );
    let count = decoded::<Count>(lake, &sql).await?.first().map_or(0, |row| row.count);
    Ok(usize::try_from(count).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, commit: Option<&str>, threads: &str) -> Session {
        Session {
            session_id: id.to_owned(),
            run_id: "r".to_owned(),
            started_at: 0,
            node: "n".to_owned(),
            arm: None,
            round: 0,
            commit: commit.map(str::to_owned),
            branch: None,
            dirty: Some(id == "dirty"),
            environment: BTreeMap::from([("cpu.threads".to_owned(), threads.to_owned())]),
        }
    }

    fn fact(id: &str, status: Status, benchmarks: &[&str]) -> (String, Facts) {
        let benchmarks = benchmarks.iter().map(|name| (*name).to_owned()).collect();
        (id.to_owned(), Facts { session_id: id.to_owned(), status, benchmarks, noisy: id == "noisy" })
    }

    /// Sessions of two machines are two baselines; a platform on which nothing was measured is none.
    #[test]
    fn platforms_are_kept_apart() {
        let sessions = [session("a", Some("c"), "2"), session("b", Some("c"), "4"), session("x", None, "8")];
        let facts = BTreeMap::from([fact("a", Status::Ok, &["p"]), fact("b", Status::Ok, &["p", "q"])]);
        let found = group(&sessions, &facts);
        let shape: Vec<_> =
            found.iter().map(|of| (of.sessions.join(" "), of.benchmarks.len(), of.commit())).collect();
        assert_eq!(shape, [("a".to_owned(), 1, Some("c")), ("b".to_owned(), 2, Some("c"))]);
    }

    /// A commit is told where it is the commit of all, and of no other.
    #[test]
    fn one_commit_or_none() {
        let of = |commits: &[Option<&str>]| {
            let sessions: Vec<_> =
                commits.iter().enumerate().map(|(i, commit)| session(&i.to_string(), *commit, "2")).collect();
            let facts = sessions.iter().map(|it| fact(&it.session_id, Status::Ok, &["p"])).collect();
            group(&sessions, &facts)[0].commit().map(str::to_owned)
        };
        assert_eq!(of(&[Some("c"), Some("c")]).as_deref(), Some("c"));
        assert_eq!(of(&[Some("c"), Some("d")]), None);
        assert_eq!(of(&[Some("c"), None]), None);
        assert_eq!(of(&[None]), None);
    }

    /// Whatever makes a baseline a poor one is told, each with its number; a good one is not talked about.
    #[test]
    fn remarks() {
        let sessions = ["dirty", "noisy", "failed", "running", "none"].map(|id| session(id, None, "2"));
        let facts = BTreeMap::from([
            fact("dirty", Status::Ok, &["p"]),
            fact("noisy", Status::Ok, &["p"]),
            fact("failed", Status::Failed, &["p"]),
            fact("running", Status::Running, &["p"]),
        ]);
        let found = group(&sessions, &facts)[0].remarks();
        let begins = [
            "1 of 4 sessions measured uncommitted changes",
            "1 of 4 sessions measured on a noisy machine",
            "1 of 4 sessions failed in part",
            "1 of 4 sessions did not end",
            "1 more session measured nothing",
        ];
        assert_eq!(found.len(), begins.len(), "{found:?}");
        assert!(found.iter().zip(begins).all(|(text, begin)| text.starts_with(begin)), "{found:?}");
        let one = group(&sessions[..1], &facts);
        assert!(one[0].remarks()[0].starts_with("one session only: no interval is possible"), "{one:?}");
        let good = ["a", "b"].map(|id| session(id, Some("c"), "2"));
        let facts = BTreeMap::from([fact("a", Status::Ok, &["p"]), fact("b", Status::Ok, &["p"])]);
        assert_eq!(group(&good, &facts)[0].remarks(), [""; 0]);
    }

    /// A pattern that fits no platform is answered with those that there are.
    #[test]
    fn platforms_by_pattern() {
        let rows = || vec!["AMD EPYC, 2 threads", "Xeon, 4 threads"];
        assert_eq!(fitting(rows(), Some("*EPYC*"), |row| row), Ok(vec!["AMD EPYC, 2 threads"]));
        assert_eq!(fitting(rows(), None, |row| row).map(|rows| rows.len()), Ok(2));
        let error = fitting(rows(), Some("ARM*"), |row| row).map_err(|error| error.to_string());
        let all = "no platform fits `ARM*`; there is `AMD EPYC, 2 threads`, `Xeon, 4 threads`";
        assert_eq!(error, Err(all.to_owned()));
    }
}
