//! Why a selector selects nothing, and what there is that is near.

use super::{
    SelectError, Selector, Term,
    resolve::{condition, names, text},
};
use crate::{Lake, queries::nearest};

/// One session that fits.
fn ids_of(condition: &str) -> String {
    format!("SELECT session_id AS name FROM session_status WHERE {condition} LIMIT 1")
}

/// Which term fits nothing, and what is near; or that they do not fit together.
pub(super) async fn why_nothing(lake: &Lake, selector: &Selector) -> Result<String, SelectError> {
    let sessions = names(lake, "SELECT session_id AS name FROM session_status LIMIT 1").await?;
    if sessions.is_empty() {
        return Ok("the lake has no session at this state: measure something first, or choose a later --at"
            .to_owned());
    }
    for term in &selector.terms {
        if names(lake, &ids_of(&condition(lake, term).await?)).await?.is_empty() {
            return Ok(format!("nothing fits {term}; {}", near(lake, term).await?));
        }
    }
    let ended = if selector.is_of_newest_run() { ", or has not ended" } else { "" };
    Ok(match selector.terms.as_slice() {
        [] => format!("no session of this lake has measured anything yet{ended}"),
        [_] => format!("its sessions have measured nothing yet{ended}"),
        _ => format!("each term fits some, but no measured session fits all of them{ended}"),
    })
}

/// What there is that is near a term that fits nothing.
async fn near(lake: &Lake, term: &Term) -> Result<String, SelectError> {
    let of = |expression: &str| {
        format!(
            "SELECT DISTINCT {expression} AS name FROM session_status WHERE {expression} IS NOT NULL ORDER BY name"
        )
    };
    if let Some(other) = term.otherwise()
        && !names(lake, &ids_of(&condition(lake, &other).await?)).await?.is_empty()
    {
        let what = if matches!(other, Term::Commit(_, true)) { "with" } else { "without" };
        return Ok(format!("it was measured {what} uncommitted changes alone: {other}"));
    }
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
        Term::Latest | Term::Window(_) => return Ok("the lake has no session".to_owned()),
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
        _ => {
            let some = found.iter().map(String::as_str).take(10_000);
            nearest(&given, some, "`benchlake query sessions` lists what there is")
        }
    })
}

fn some(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    some_of(&quoted, 8)
}

/// The first of `names`, at most so many.
pub(super) fn some_of(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown}, …") } else { shown }
}
