//! What is written when a baseline is set, moved or removed, and what is said of it.

use crate::{args::Global, failure::Failure, output};
use benchlake_analytics::{
    Lake,
    baselines::{self, OnPlatform},
    selection::Selected,
};
use benchlake_pipeline::set_baselines;
use benchlake_schemas::{Baseline, BaselineEvent, MovedBy, now};
use std::collections::BTreeMap;

/// What is declared of some sessions, and by whom.
pub(super) struct Declaration<'a> {
    /// The baseline's name.
    pub(super) name: &'a str,
    /// Only on platforms that fit this pattern.
    pub(super) platforms: Option<&'a str>,
    pub(super) moved_by: MovedBy,
    pub(super) reason: Option<&'a str>,
}

/// Moves the baseline `name` to the sessions of `new`, on each of their platforms; returns its revision.
pub(crate) async fn move_to(
    lake: &Lake,
    name: &str,
    new: &Selected,
    moved_by: MovedBy,
    reason: &str,
    global: &Global,
) -> Result<i64, Failure> {
    declare(lake, new, &Declaration { name, platforms: None, moved_by, reason: Some(reason) }, global).await
}

/// Sets a baseline, tells what was set and what makes it a poor one; returns its revision.
pub(super) async fn declare(
    lake: &Lake,
    selected: &Selected,
    declaration: &Declaration<'_>,
    global: &Global,
) -> Result<i64, Failure> {
    let Declaration { name, platforms, moved_by, reason } = *declaration;
    let found = baselines::by_platform(lake, selected).await?;
    let found = baselines::fitting(found, platforms, |of| &of.platform)?;
    let rows = found.iter().map(|of| Baseline {
        sessions: of.sessions.clone(),
        runs: of.runs.clone(),
        commit: of.commit().map(str::to_owned),
        moved_by,
        ..row(lake, name, &of.platform, &selected.selector.to_string(), reason)
    });
    let revision = commit(lake, name, rows.collect(), global).await?;
    for of in &found {
        output::print(&format!("{name} {revision}: {}: {}", of.platform, said(of)));
        for remark in of.remarks() {
            output::remark(global, &format!("{}: {remark}", of.platform));
        }
    }
    Ok(revision)
}

/// Declares that a baseline holds no more.
pub(super) async fn remove(
    lake: &Lake,
    name: &str,
    platforms: Option<&str>,
    reason: Option<&str>,
    global: &Global,
) -> Result<(), Failure> {
    let found = baselines::find(lake, name).await?;
    let found = baselines::fitting(found, platforms, |row| &row.platform)?;
    let rows = found.iter().map(|held| Baseline {
        event: BaselineEvent::Removed,
        ..row(lake, name, &held.platform, &held.selector, reason)
    });
    let revision = commit(lake, name, rows.collect(), global).await?;
    for held in &found {
        output::print(&format!("{name} {revision}: {}: removed", held.platform));
    }
    Ok(())
}

/// Commits `rows` as one revision; says so if somebody else came in between.
async fn commit(lake: &Lake, name: &str, rows: Vec<Baseline>, global: &Global) -> Result<i64, Failure> {
    let seen = baselines::last_revision(lake, name).await?;
    let revision = set_baselines(lake.uri(), rows).await?;
    if revision > seen + 1 {
        let what = format!("somebody else set {name} at the same time, as revision {}", revision - 1);
        output::remark(global, &format!("{what}: see `benchlake baseline show {name} --history`"));
    }
    Ok(revision)
}

/// A row without sessions, set by a person now; its revision is given where it is committed.
fn row(lake: &Lake, name: &str, platform: &str, selector: &str, reason: Option<&str>) -> Baseline {
    let versions = lake.versions().iter().map(|(table, version)| (table.to_string(), version.to_string()));
    Baseline {
        name: name.to_owned(),
        platform: platform.to_owned(),
        revision: 0,
        event: BaselineEvent::Set,
        set_at: now(),
        selector: selector.to_owned(),
        sessions: Vec::new(),
        runs: Vec::new(),
        commit: None,
        moved_by: MovedBy::Person,
        reason: reason.map(str::to_owned),
        versions: BTreeMap::from_iter(versions),
    }
}

/// What was set, in one line.
fn said(of: &OnPlatform) -> String {
    let commit = match (of.commit(), of.commits.len()) {
        (Some(commit), _) => format!(", commit {commit}"),
        (None, 0) => String::new(),
        (None, count) => format!(", {count} commits"),
    };
    let (runs, sessions, benchmarks) = (of.runs.len(), of.sessions.len(), of.benchmarks.len());
    format!("runs {runs}, sessions {sessions}, benchmarks {benchmarks}{commit}")
}
