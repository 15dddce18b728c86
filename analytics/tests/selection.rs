//! Selectors over a lake: what each kind selects, and what is said where nothing fits.

#![expect(clippy::unwrap_used, reason = "tests")]

mod fixture;

use benchlake_analytics::{
    At, Lake,
    selection::{Measured, Passes, Selected, Selector, measured, platform, select},
};
use benchlake_schemas::{
    Baseline, BaselineEvent, Event, MovedBy, Phase, Series, Session, Status, StopReason, Table,
};
use benchlake_schemas::{Benchmark, sample_series, sample_session};
use fixture::{DAY, commit, run, session};
use std::{collections::BTreeMap, path::Path};

const HOUR: i64 = 3_600_000_000;

/// Session `s` of run `n` with its series; run 5 has warmed up, and skipped what it cannot do.
fn rows(n: u32, s: u32) -> (Session, Series) {
    let started_at = DAY + i64::from(n) * 24 * HOUR + i64::from(s) * 60_000_000;
    let text = |list: [&str; 5]| Some(list[n as usize - 1].to_owned());
    let row = Session {
        event: Event::End,
        status: Status::Ok,
        started_at,
        ended_at: Some(started_at + 1),
        node: format!("gpu-{}", s % 2),
        position: i64::from(s),
        commit: text(["aaa111", "aab222", "ccc333", "ccc333", "ddd444"]),
        branch: text(["main", "main", "it's", "main", "main"]),
        // Run 4 has two arms in turns: A B, B A.
        arm: (n == 4).then(|| ["old", "new", "new", "old"][s as usize].to_owned()),
        tags: BTreeMap::from([("nightly".into(), n.is_multiple_of(2).to_string())]),
        environment: BTreeMap::from([(
            "cpu.model".into(),
            if n == 3 { "Intel".into() } else { "AMD EPYC".to_owned() },
        )]),
        ..sample_session(run(n), session(n, s))
    };
    let series = Series {
        run_id: run(n),
        session_id: session(n, s),
        started_at,
        ..sample_series(Benchmark::new("w"), &[2.0, 4.0])
    };
    let series = Series { iterations: vec![2, 2], ..series };
    let series = match (n, s % 2) {
        (5, 0) => Series { phase: Phase::Warmup, ..series },
        (5, _) => Series {
            samples: Vec::new(),
            iterations: Vec::new(),
            offsets: Vec::new(),
            stop_reason: Some(StopReason::Skipped),
            error: Some("no device".into()),
            ..series
        },
        _ => series,
    };
    (row, series)
}

async fn lake(folder: &Path) -> Lake {
    let all: Vec<_> = (1..=5).flat_map(|n| (0..4).map(move |s| rows(n, s))).collect();
    let (sessions, series): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    commit(folder, Table::Sessions, &sessions, DAY).await;
    commit(folder, Table::Series, &series, DAY).await;
    let baseline = |revision, event, sessions: Vec<String>| Baseline {
        name: "release".into(),
        platform: "p".into(),
        revision,
        event,
        set_at: DAY,
        selector: "run:1".into(),
        sessions,
        runs: Vec::new(),
        commit: None,
        moved_by: MovedBy::Person,
        reason: None,
        versions: BTreeMap::new(),
    };
    let of = |n: u32| (0..2).map(|s| session(n, s).to_string()).collect::<Vec<_>>();
    commit(
        folder,
        Table::Baselines,
        &[baseline(1, BaselineEvent::Set, of(1)), baseline(2, BaselineEvent::Set, of(2))],
        DAY,
    )
    .await;
    Lake::open(folder.to_str().unwrap(), &At::Latest).await.unwrap()
}

async fn selected(lake: &Lake, text: &str) -> Result<Vec<String>, String> {
    let selector: Selector = text.parse().map_err(|error| format!("{error}"))?;
    let found = select(lake, &selector).await.map_err(|error| error.to_string())?;
    let short = |session: &benchlake_analytics::selection::Session| {
        let (run, own) = (session.run_id.chars().last().unwrap(), session.session_id.chars().last().unwrap());
        format!("{run}.{own}")
    };
    Ok(found.sessions.iter().map(short).collect())
}

/// Terms that name a scope select all in it; without one the newest measured run that fits counts.
#[tokio::test]
async fn what_is_selected() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path()).await;
    let run = run(2).to_string();
    let all = |n: u32| (0..4).map(|s| format!("{n}.{s}")).collect::<Vec<_>>();
    let cases = [
        ("latest".to_owned(), all(4)),
        (format!("run:{run}"), all(2)),
        ("commit:aaa".to_owned(), all(1)),
        ("commit:CCC333".to_owned(), [all(3), all(4)].concat()),
        ("branch:main".to_owned(), all(4)),
        ("branch:it's".to_owned(), all(3)),
        ("tag:nightly=false".to_owned(), all(3)),
        ("arm:old".to_owned(), vec!["4.0".into(), "4.3".into()]),
        ("branch:main,window:3d".to_owned(), [all(2)[3..].to_vec(), all(4), all(5)].concat()),
        ("window:1d,node:gpu-?".to_owned(), [all(4)[3..].to_vec(), all(5)].concat()),
        ("node:*-1".to_owned(), vec!["4.1".into(), "4.3".into()]),
        ("env:cpu.model=Int*".to_owned(), all(3)),
        ("baseline:release".to_owned(), vec!["2.0".into(), "2.1".into()]),
        ("window:30d,latest".to_owned(), all(4)),
        ("latest,commit:ccc333".to_owned(), all(4)),
        ("branch:it's,window:30d,latest".to_owned(), all(3)),
    ];
    for (text, expected) in cases {
        assert_eq!(selected(&lake, &text).await, Ok(expected), "{text}");
    }
}

/// Where nothing fits, the term that fits nothing is told, with what is near.
#[tokio::test]
async fn what_is_near_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path()).await;
    let cases = [
        ("branch:man", "branch:man selects no session: nothing fits branch:man; there are `it's`, `main`"),
        ("commit:aa", "commit:aa fits 2 commits: aaa111, aab222; give more of it"),
        ("tag:nightli=1", "nothing fits tag:nightli=1; the tags are `nightly`"),
        ("tag:nightly=1", "nothing fits tag:nightly=1; the values of `nightly` are `false`, `true`"),
        ("env:cpu.modl=x", "no session has the fact `cpu.modl`"),
        ("env:cpu.model=ARM*", "the values of `cpu.model` are `AMD EPYC`, `Intel`"),
        ("baseline:releas", "nothing fits baseline:releas; there are `release`"),
        ("arm:old,node:gpu-7", "nothing fits node:gpu-7; there are `gpu-0`, `gpu-1`"),
        (
            "commit:aaa111+",
            "nothing fits commit:aaa111+; it was measured without uncommitted changes alone: commit:aaa111",
        ),
        ("branch:it's,arm:old", "each term fits some, but no measured session fits all of them"),
        (
            "run:019aa000-0000-7000-8000-000000000009",
            "nothing fits run:019aa000-0000-7000-8000-000000000009; there are `019aa000",
        ),
    ];
    for (text, expected) in cases {
        let error = selected(&lake, text).await.unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let empty = tempfile::tempdir().unwrap();
    commit::<Session>(empty.path(), Table::Sessions, &[], DAY).await;
    let empty = Lake::open(empty.path().to_str().unwrap(), &At::Latest).await.unwrap();
    let error = selected(&empty, "latest").await.unwrap_err();
    assert!(error.contains("the lake has no session at this state"), "{error}");
}

/// Session `s` of run 6, which began after all others: dirty, in progress or not.
fn later(s: u32, event: Event, started_at: i64) -> (Session, Series) {
    let running = event == Event::Start;
    let session = Session {
        event,
        status: if running { Status::Running } else { Status::Ok },
        ended_at: (!running).then_some(started_at + 1),
        started_at,
        dirty: Some(true),
        commit: Some("eee555".into()),
        node: format!("gpu-{s}"),
        ..sample_session(run(6), session(6, s))
    };
    let series = Series {
        run_id: run(6),
        session_id: session.session_id,
        ..sample_series(Benchmark::new("w"), &[2.0, 4.0])
    };
    (session, series)
}

async fn lake_with(folder: &Path, later: Vec<(Session, Series)>) -> Lake {
    lake(folder).await;
    let (sessions, series): (Vec<_>, Vec<_>) = later.into_iter().unzip();
    commit(folder, Table::Sessions, &sessions, DAY).await;
    commit(folder, Table::Series, &series, DAY).await;
    Lake::open(folder.to_str().unwrap(), &At::Latest).await.unwrap()
}

async fn notes(lake: &Lake, text: &str) -> Vec<String> {
    select(lake, &text.parse().unwrap()).await.unwrap().notes
}

/// A run of which no session has ended is not the newest; one that measures still counts by what has ended, and
/// tells what is left out. Who names the run or a scope gets all.
#[tokio::test]
async fn what_is_in_progress_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let time = DAY + 6 * 24 * HOUR;
    let lake = lake_with(folder.path(), vec![later(0, Event::Start, time)]).await;
    assert_eq!(selected(&lake, "latest").await.unwrap()[0], "4.0");
    assert_eq!(notes(&lake, "latest").await, [""; 0]);
    let error = selected(&lake, "latest,commit:eee+").await.unwrap_err();
    assert!(error.contains("or has not ended"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let rows = vec![later(0, Event::End, time), later(1, Event::Start, time + 1)];
    let lake = lake_with(folder.path(), rows).await;
    assert_eq!(selected(&lake, "latest").await, Ok(vec!["6.0".into()]));
    let told = format!("1 of the sessions of run:{} did not end (crashed, or measuring still)", run(6));
    let notes = notes(&lake, "latest").await;
    assert!(notes.len() == 1 && notes[0].starts_with(&told), "{notes:?}");
    for scope in [format!("run:{}", run(6)), "commit:eee+".into()] {
        assert_eq!(selected(&lake, &scope).await, Ok(vec!["6.0".into(), "6.1".into()]), "{scope}");
    }
    let error = selected(&lake, "commit:eee").await.unwrap_err();
    assert!(error.contains("it was measured with uncommitted changes alone: commit:eee+"), "{error}");
}

/// A node whose clock is ahead moves the window for nobody, and is named.
#[tokio::test]
async fn a_clock_that_is_ahead_moves_no_window() {
    let folder = tempfile::tempdir().unwrap();
    let now = benchlake_schemas::now();
    let rows = vec![later(0, Event::End, now - HOUR), later(1, Event::End, now + 90 * 24 * HOUR)];
    let lake = lake_with(folder.path(), rows).await;
    assert_eq!(selected(&lake, "window:2h").await, Ok(vec!["6.0".into(), "6.1".into()]));
    assert_eq!(
        notes(&lake, "window:2h").await,
        [
            "1 session started in the future and the window does not end with them: the clock is ahead on gpu-1"
        ]
    );
}

/// Each benchmark comes once, whole and with both sides; what is not wanted does not come, and what does not fit the
/// budget comes in a later pass.
#[tokio::test]
async fn passes_are_parts_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (run, sessions) = (run(1), [session(1, 0), session(1, 1)]);
    let of = |session_id| Session { event: Event::End, ..sample_session(run, session_id) };
    commit(folder.path(), Table::Sessions, &sessions.map(of), DAY).await;
    let row = |n: usize, session_id| {
        let name = ["a", "b", "c"][n % 3];
        let samples = [n as f64, 1.0];
        Series { run_id: run, session_id, ..sample_series(Benchmark::new(name).with("n", n), &samples) }
    };
    // A file for each session: a benchmark's rows are not together.
    for session in sessions {
        let rows: Vec<Series> = (0..30).map(|n| row(n, session)).collect();
        commit(folder.path(), Table::Series, &rows, DAY).await;
    }
    let lake = Lake::open(folder.path().to_str().unwrap(), &At::Latest).await.unwrap();
    let selected = select(&lake, &format!("run:{run}").parse().unwrap()).await.unwrap();
    let side = |n: usize| Selected { sessions: vec![selected.sessions[n].clone()], ..selected.clone() };
    let (first, second) = (side(0), side(1));
    let wanted = |one: &Measured| one.benchmark != "b";
    let read = async |budget| {
        let mut passes = Passes::new(&lake, [&first, &second], "time", &wanted).with_budget(budget);
        let mut found = Vec::new();
        while let Some(sides) = passes.next().await.unwrap() {
            found.push(sides);
        }
        found
    };
    let whole = read(usize::MAX).await;
    assert_eq!(whole.len(), 1);
    assert_eq!(whole[0].each_ref().map(Vec::len), [20, 20]);
    // Two series of two samples take a benchmark; ten of them fit.
    let each = 2 * (2 * 8 + 256);
    for (budget, passes) in [(0, 20), (each, 20), (10 * each, 3), (20 * each, 1)] {
        let parts = read(budget).await;
        assert_eq!(parts.len(), passes, "{budget}");
        let fits = |[first, second]: &[Vec<Measured>; 2]| {
            first.len() == second.len() && (first.len() == 1 || first.len() * each <= budget)
        };
        assert!(parts.iter().all(fits), "{budget}");
        let (first, second): (Vec<_>, Vec<_>) =
            parts.into_iter().map(|[first, second]| (first, second)).unzip();
        let mut all = [first.concat(), second.concat()];
        for side in &mut all {
            side.sort_by(|a, b| a.label.cmp(&b.label));
        }
        assert_eq!(all, whole[0], "{budget}");
    }
}

/// What the sessions measured comes per benchmark and metric, in the order of the sessions, each sample
/// divided by its iterations; rounds are counted over the arms.
#[tokio::test]
async fn what_they_measured() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path()).await;
    let found = select(&lake, &"latest".parse().unwrap()).await.unwrap();
    let rounds: Vec<_> =
        found.sessions.iter().map(|session| (session.round, session.arm.clone().unwrap())).collect();
    assert_eq!(
        rounds,
        [(0, "old".into()), (0, "new".into()), (1, "new".into()), (1, "old".into())] as [(i64, String); 4]
    );
    assert_eq!(platform(&found.sessions[0].environment), "AMD EPYC, unknown threads, unknown");
    let all = measured(&lake, &found, "time").await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].label.as_str(), all[0].unit.as_str()), ("w", "s"));
    let ids: Vec<_> = all[0].observed.iter().map(|series| &series.session_id).collect();
    assert_eq!(ids, found.sessions.iter().map(|session| &session.session_id).collect::<Vec<_>>());
    assert!(all[0].observed.iter().all(|series| series.values == [1.0, 2.0]));
    let error = measured(&lake, &found, "tme").await.unwrap_err().to_string();
    assert!(error.ends_with("its sessions did not measure `tme`; did you mean `time`?"), "{error}");
    let nothing = select(&lake, &format!("run:{}", run(5)).parse().unwrap()).await.unwrap();
    let error = measured(&lake, &nothing, "time").await.unwrap_err().to_string();
    assert!(error.contains("its sessions have no samples"), "{error}");
}
