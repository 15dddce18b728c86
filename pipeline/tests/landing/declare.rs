//! What benchlake declares: baselines, of which each revision is one person's, and verdicts, once.

use super::*;
use benchlake_pipeline::{LakeTable, Recorded, record_verdicts, set_baselines};
use benchlake_schemas::{Baseline, BaselineEvent, MovedBy, Outcome, Verdict, now};
use std::{collections::BTreeMap, thread};
use tokio::runtime::Runtime;

fn baseline(name: &str, platform: &str, selector: &str) -> Baseline {
    Baseline {
        name: name.into(),
        platform: platform.into(),
        revision: 0,
        event: BaselineEvent::Set,
        set_at: now(),
        selector: selector.into(),
        sessions: vec!["s1".into(), "s2".into()],
        runs: vec!["r1".into()],
        commit: None,
        moved_by: MovedBy::Person,
        reason: None,
        versions: BTreeMap::from([("series".into(), "7".into())]),
    }
}

fn verdict(benchmark: &Benchmark, ratio: f64) -> Verdict {
    Verdict {
        verdict_id: format!("{ratio}"),
        decided_at: now(),
        benchmark_id: benchmark.id(),
        benchmark: benchmark.name.clone(),
        parameters: benchmark.parameters.clone(),
        metric: "time".into(),
        baseline: "baseline:main".into(),
        candidate: "latest".into(),
        verdict: Outcome::Equivalent,
        severity: None,
        ratio: Some(ratio),
        ratio_low: None,
        ratio_high: None,
        level: 0.95,
        method: "sessions".into(),
        policy: None,
        query: "compare".into(),
        versions: BTreeMap::new(),
        evidence: BTreeMap::new(),
    }
}

fn set(lake: &Path, rows: Vec<Baseline>) -> Result<i64, Box<dyn Error>> {
    Ok(Runtime::new()?.block_on(set_baselines(&lake.to_string_lossy(), rows))?)
}

/// Name, platform, revision and selector of a row.
type Kept = (String, String, i64, String);

fn kept(lake: &Path) -> Result<Vec<Kept>, Box<dyn Error>> {
    let mut kept: Vec<_> = rows::<Baseline>(lake, Table::Baselines)?
        .into_iter()
        .map(|row| (row.name, row.platform, row.revision, row.selector))
        .collect();
    kept.sort();
    Ok(kept)
}

/// Each name counts its own revisions, one for all platforms of a commit; what was stays beside what is.
#[test]
fn revisions_count_up() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path();
    assert_eq!(set(lake, vec![baseline("main", "p", "first"), baseline("main", "q", "first")])?, 1);
    assert_eq!(set(lake, vec![baseline("main", "p", "second")])?, 2);
    // The name of one is the beginning of the other's.
    assert_eq!(set(lake, vec![baseline("main-2", "p", "first")])?, 1);
    assert_eq!(set(lake, vec![baseline("main", "q", "third")])?, 3);
    let row = |name: &str, platform: &str, revision: i64, selector: &str| {
        (name.to_owned(), platform.to_owned(), revision, selector.to_owned())
    };
    let expected = [
        row("main", "p", 1, "first"),
        row("main", "p", 2, "second"),
        row("main", "q", 1, "first"),
        row("main", "q", 3, "third"),
        row("main-2", "p", 1, "first"),
    ];
    assert_eq!(kept(lake)?, expected);
    Ok(())
}

/// Of many people who set one baseline at once each gets a revision, no two the same one.
#[test]
fn nobody_takes_a_taken_revision() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path();
    let revisions: Vec<(i64, String)> = thread::scope(|scope| {
        let people: Vec<_> = (0..4)
            .map(|person| {
                scope.spawn(move || {
                    (0..3)
                        .map(|time| {
                            let selector = format!("tag:person={person}-{time}");
                            let row = baseline("main", "p", &selector);
                            (set(lake, vec![row]).expect("it is set"), selector)
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        people.into_iter().flat_map(|person| person.join().expect("a person")).collect()
    });
    let told: BTreeMap<_, _> = revisions.iter().cloned().collect();
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>(), "{revisions:?}");
    // What each was told is what the lake holds.
    let held: BTreeMap<_, _> =
        kept(lake)?.into_iter().map(|(_, _, revision, selector)| (revision, selector)).collect();
    assert_eq!(held, told);
    assert_eq!(kept(lake)?.len(), 12);
    Ok(())
}

/// A commit of several names, or of nothing, is refused and writes nothing.
#[test]
fn one_baseline_a_commit() -> TestResult {
    let dir = tempfile::tempdir()?;
    for wrong in [vec![], vec![baseline("main", "p", "a"), baseline("old", "p", "a")]] {
        let error = set(dir.path(), wrong).map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("one commit sets one baseline")));
    }
    assert_eq!(kept(dir.path())?, []);
    Ok(())
}

/// A comparison that is recorded again, later or at the same time, lands once; another one beside it.
#[test]
fn a_comparison_is_recorded_once() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = &dir.path().to_string_lossy().into_owned();
    let verdicts = [verdict(&Benchmark::new("a"), 1.0), verdict(&Benchmark::new("b"), 1.5)];
    let record = |comparison: &str| {
        Runtime::new().expect("a runtime").block_on(record_verdicts(lake, comparison, &verdicts))
    };
    let (record, first) = (&record, "first");
    let done: Vec<_> = thread::scope(|scope| {
        let rivals: Vec<_> = (0..4).map(|_| scope.spawn(move || record(first))).collect();
        rivals.into_iter().map(|rival| rival.join().expect("a rival")).collect::<Result<_, _>>()
    })?;
    assert_eq!(done.iter().filter(|done| **done == Recorded::Landed { rows: 2 }).count(), 1, "{done:?}");
    assert_eq!(done.iter().filter(|done| **done == Recorded::Known).count(), 3, "{done:?}");
    assert_eq!(record(first)?, Recorded::Known);
    let mut kept: Vec<Verdict> = rows(dir.path(), Table::Verdicts)?;
    kept.sort_by(|a, b| a.benchmark.cmp(&b.benchmark));
    assert_eq!(kept, verdicts);
    assert_eq!(record("second")?, Recorded::Landed { rows: 2 });
    assert_eq!(rows::<Verdict>(dir.path(), Table::Verdicts)?.len(), 4);
    Ok(())
}

/// Nothing to record makes no table.
#[test]
fn nothing_to_record() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().to_string_lossy().into_owned();
    let done = Runtime::new()?.block_on(record_verdicts(&lake, "none", &[]))?;
    assert_eq!(done, Recorded::Landed { rows: 0 });
    assert!(!dir.path().join("verdicts").exists());
    Ok(())
}

/// However often a baseline is moved, its table keeps two positions of it, beyond checkpoints too.
#[test]
fn positions_do_not_pile_up() -> TestResult {
    let dir = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    let lake = dir.path().to_string_lossy().into_owned();
    runtime.block_on(async {
        for revision in 1..=55 {
            assert_eq!(set_baselines(&lake, vec![baseline("main", "p", "latest")]).await?, revision);
        }
        let table = LakeTable::open_or_create(&lake, Table::Baselines).await?;
        assert_eq!((table.positions(), table.known("benchlake/baseline/main")), (2, Some(55)));
        Ok::<_, Box<dyn Error>>(())
    })
}
