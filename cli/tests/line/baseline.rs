//! Baselines as their users have them: declared, looked at, moved by several people at once, removed.

use super::*;
use benchlake_analytics::selection::{Selector, select};
use benchlake_pipeline::{LakeTable, Outcome, Recorded, record_verdicts, register_stores};
use benchlake_schemas::{
    Benchmark, Event, Flag, ProducerId, RunId, Series, Session, SessionId, Status, Table, Verdict, now,
    sample_series, sample_session, to_numbered_batch,
};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::process::Stdio;

/// Exit code, standard output and standard error.
type Said = (Option<i32>, String, String);

fn run(lake: &Path, words: &[&str]) -> Result<Said, Box<dyn Error>> {
    let output = benchlake().args(words).arg("--lake").arg(lake).output()?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

fn baseline(lake: &Path, words: &[&str]) -> Result<Said, Box<dyn Error>> {
    run(lake, &[&["baseline"], words].concat())
}

/// What it says when it succeeds.
fn done(lake: &Path, words: &[&str]) -> Result<String, Box<dyn Error>> {
    match run(lake, words)? {
        (Some(0), said, _) => Ok(said),
        (code, said, error) => Err(format!("{words:?}: {code:?} {said}{error}").into()),
    }
}

/// The cells of a named query's answer, without its header.
fn cells(lake: &Path, words: &[&str]) -> Result<Rows, Box<dyn Error>> {
    let text = done(lake, &[words, &["--format", "csv"]].concat())?;
    let cut = |line: &str| line.split(',').map(str::to_owned).collect();
    Ok(text.lines().skip(1).map(cut).collect())
}

/// A session that ended well, on a machine of so many threads.
fn session(run: RunId, commit: &str, threads: u32) -> Session {
    let facts = [
        ("cpu.model", "Xeon".to_owned()),
        ("cpu.threads", threads.to_string()),
        ("benchlake.target", "x86_64".to_owned()),
    ];
    Session {
        event: Event::End,
        commit: Some(commit.into()),
        environment: facts.map(|(key, value)| (key.to_owned(), value)).into(),
        ..sample_session(run, SessionId::new())
    }
}

/// Lands sessions with a series of each of two benchmarks, flagged so.
fn land(lake: &Path, sessions: &[Session], flags: &[Flag]) -> TestResult {
    let series = sessions.iter().flat_map(|session| {
        ["a", "b"].map(|name| Series {
            run_id: session.run_id,
            session_id: session.session_id,
            flags: flags.to_vec(),
            ..sample_series(Benchmark::new(name), &[1.0, 2.0])
        })
    });
    let (producer, series) = (ProducerId::new(), series.collect::<Vec<_>>());
    let lake = lake.to_string_lossy();
    tokio::runtime::Runtime::new()?.block_on(async {
        let batches = [
            to_numbered_batch(Table::Sessions, producer, 1, sessions)?,
            to_numbered_batch(Table::Series, producer, 1, &series)?,
        ];
        for (table, batch) in [Table::Sessions, Table::Series].into_iter().zip(batches) {
            let end = i64::try_from(batch.num_rows())?;
            let span = benchlake_pipeline::Span { start: None, end };
            let app_id = format!("benchlake/producer/{producer}");
            let progress = benchlake_pipeline::Progress { app_id, span, expires: true };
            let mut table = LakeTable::open_or_create(&lake, table).await?;
            let landed = table.land(&[batch], &[progress]).await?;
            assert!(matches!(landed, Outcome::Landed { .. }));
        }
        Ok::<_, Box<dyn Error>>(())
    })
}

/// Two sessions of a commit on a machine of two threads, and one on a machine of four.
fn two_machines(lake: &Path, commit: &str) -> Result<RunId, Box<dyn Error>> {
    let run = RunId::new();
    land(lake, &[session(run, commit, 2), session(run, commit, 2), session(run, commit, 4)], &[])?;
    Ok(run)
}

fn verify(lake: &Path) -> TestResult {
    let (code, said, error) = run(lake, &["lake", "verify"])?;
    assert_eq!((code, said.trim()), (Some(0), format!("{}: whole", lake.display()).as_str()), "{error}");
    Ok(())
}

/// The sessions that a selector selects.
fn selected(lake: &Path, selector: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let selector: Selector = selector.parse()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let lake = Lake::open(&lake.to_string_lossy(), &At::Latest).await?;
        let selected = select(&lake, &selector).await?;
        Ok(selected.sessions.into_iter().map(|session| session.session_id).collect())
    })
}

/// What is set is told, listed and shown by platform, and is what `baseline:NAME` selects from then on,
/// whatever is measured later.
#[test]
fn a_baseline_is_what_was_selected() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    let first = two_machines(&lake, "c1")?;
    let (code, said, remarks) = baseline(&lake, &["set", "main", "latest", "--reason", "the release"])?;
    let expected = "main 1: Xeon, 2 threads, x86_64: runs 1, sessions 2, benchmarks 2, commit c1\n\
                    main 1: Xeon, 4 threads, x86_64: runs 1, sessions 1, benchmarks 2, commit c1\n";
    assert_eq!((code, said.as_str()), (Some(0), expected), "{remarks}");
    assert!(
        remarks.starts_with("Xeon, 4 threads, x86_64: one session only: no interval is possible"),
        "{remarks}"
    );
    assert_eq!(remarks.lines().count(), 1, "{remarks}");

    let held = selected(&lake, "baseline:main")?;
    assert_eq!(held, selected(&lake, &format!("run:{first}"))?);
    two_machines(&lake, "c2")?;
    assert_eq!(selected(&lake, "baseline:main")?, held);

    // Only one of its platforms moves.
    done(&lake, &["baseline", "set", "main", "commit:c2", "--platform", "*2 threads*"])?;
    let listed = done(&lake, &["baseline", "ls"])?;
    assert!(listed.contains("c2") && listed.contains("c1") && listed.contains("the release"), "{listed}");
    let columns = "select platform, revision, array_length(sessions), \"commit\", selector, reason from baseline_status order by platform";
    assert_eq!(
        sql(&lake, columns)?,
        [
            ["Xeon, 2 threads, x86_64", "2", "2", "c2", "commit:c2", "null"],
            ["Xeon, 4 threads, x86_64", "1", "1", "c1", "latest", "the release"]
        ]
    );
    // A baseline can be made from another, and from itself.
    done(&lake, &["baseline", "set", "copy", "baseline:main"])?;
    assert_eq!(selected(&lake, "baseline:copy")?, selected(&lake, "baseline:main")?);
    done(&lake, &["baseline", "set", "main", "baseline:main"])?;
    assert_eq!(selected(&lake, "baseline:copy")?, selected(&lake, "baseline:main")?);
    let shown = done(&lake, &["baseline", "show", "copy", "--json"])?;
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    assert_eq!((&shown[0]["sessions"], &shown[0]["present"]), (&2.into(), &2.into()), "{shown}");
    verify(&lake)
}

/// Everything that makes a baseline a poor one is told.
#[test]
fn poor_baselines_are_told() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    let run_id = RunId::new();
    let dirty = Session { dirty: Some(true), ..session(run_id, "c1", 2) };
    let failed = Session { status: Status::Failed, ..session(run_id, "c1", 2) };
    land(&lake, &[dirty, failed], &[Flag::Noisy])?;
    let (code, said, remarks) = baseline(&lake, &["set", "main", "latest"])?;
    assert_eq!(code, Some(0), "{said}{remarks}");
    for told in [
        "1 of 2 sessions measured uncommitted changes",
        "2 of 2 sessions measured on a noisy machine",
        "1 of 2 sessions failed in part",
    ] {
        assert!(remarks.contains(told), "{told}: {remarks}");
    }
    let (_, _, quiet) = baseline(&lake, &["set", "main", "latest", "--quiet"])?;
    assert_eq!(quiet, "");
    Ok(())
}

/// A name that cannot be, a selector that is none or selects nothing, a platform that is not there: each is
/// said with the way out, and nothing is written.
#[test]
fn what_cannot_be_set_changes_nothing() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    let (code, _, error) = baseline(&lake, &["set", "main", "latest"])?;
    assert!(code == Some(6) && error.contains("no lake at") && !lake.exists(), "{code:?} {error}");
    two_machines(&lake, "c1")?;
    let long = "x".repeat(101);
    for name in ["", "-main", "../x", "ma'in", "maïn", "main\n", &long] {
        let (code, said, error) = run(&lake, &["baseline", "set", "--reason", "r", "--", name, "latest"])?;
        assert_eq!((code, said.as_str()), (Some(2), ""), "{name:?} {error}");
    }
    let (_, _, error) = baseline(&lake, &["set", "a:b", "latest"])?;
    assert!(error.contains("begins with a letter or digit"), "{error}");
    for (words, code, told) in [
        (vec!["set", "main", "brnch:x"], 2, "did you mean `branch`?"),
        (vec!["set", "main", "branch:mian"], 4, "there are `main`"),
        (vec!["set", "main", "baseline:other"], 4, "there is none"),
        (
            vec!["set", "main", "latest", "--platform", "EPYC*"],
            4,
            "there is `Xeon, 2 threads, x86_64`, `Xeon, 4 threads",
        ),
        (vec!["rm", "main"], 4, "it has none: `benchlake baseline set NAME SELECTOR` declares one"),
        (vec!["show", "main"], 4, "it has none"),
        (vec!["show", "main", "--history"], 4, "it has none"),
    ] {
        let (found, said, error) = baseline(&lake, &words)?;
        assert_eq!((found, said.as_str()), (Some(code), ""), "{words:?} {error}");
        assert!(error.contains(told) && error.lines().count() <= 3, "{words:?} {error}");
    }
    // Sessions without samples are no baseline.
    let empty = session(RunId::new(), "c9", 2);
    let lonely = Session { run_id: RunId::new(), ..empty };
    land_sessions(&lake, &[lonely])?;
    let (code, _, error) = baseline(&lake, &["set", "main", "commit:c9"])?;
    assert!(code == Some(4) && error.contains("no samples"), "{code:?} {error}");
    // A lake of before has no table of baselines, and no baseline.
    assert!(!lake.join("baselines").exists());
    let (code, said, error) = baseline(&lake, &["ls"])?;
    assert_eq!((code, said.as_str()), (Some(4), ""));
    assert!(error.contains("benchlake baseline set NAME SELECTOR"), "{error}");
    assert_eq!(baseline(&lake, &["ls", "--json"])?.1.trim(), "[]");
    Ok(())
}

/// Lands sessions that measured nothing.
fn land_sessions(lake: &Path, sessions: &[Session]) -> TestResult {
    let lake = lake.to_string_lossy();
    let batch = to_numbered_batch(Table::Sessions, ProducerId::new(), 1, sessions)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let progress = benchlake_pipeline::Progress {
            app_id: "lonely".into(),
            span: benchlake_pipeline::Span { start: None, end: 1 },
            expires: false,
        };
        LakeTable::open_or_create(&lake, Table::Sessions).await?.land(&[batch], &[progress]).await?;
        Ok::<_, Box<dyn Error>>(())
    })
}

/// Unknown names are answered with the nearest; what was removed keeps its history, and an earlier state of
/// the lake has it still.
#[test]
fn history_is_kept() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    two_machines(&lake, "c1")?;
    done(&lake, &["baseline", "set", "main", "latest", "--reason", "first"])?;
    for words in [["show", "mian"], ["rm", "mian"]] {
        let (code, _, error) = baseline(&lake, &words)?;
        assert!(code == Some(4) && error.contains("did you mean `main`?"), "{code:?} {error}");
    }
    let (code, _, error) = baseline(&lake, &["rm", "main", "--platform", "ARM*"])?;
    assert!(code == Some(4) && error.contains("Xeon, 2 threads"), "{code:?} {error}");
    let said = done(&lake, &["baseline", "rm", "main", "--platform", "*4 threads*"])?;
    assert_eq!(said, "main 2: Xeon, 4 threads, x86_64: removed\n");
    assert_eq!(cells(&lake, &["baseline", "ls"])?.len(), 1);
    let said = done(&lake, &["baseline", "rm", "main", "--reason", "unused"])?;
    assert_eq!(said, "main 3: Xeon, 2 threads, x86_64: removed\n");
    for words in [["show", "main"], ["rm", "main"]] {
        let (code, _, error) = baseline(&lake, &words)?;
        assert!(code == Some(4) && error.contains("removed at revision 3"), "{code:?} {error}");
    }
    assert_eq!(baseline(&lake, &["ls"])?.0, Some(4));
    let history = done(&lake, &["baseline", "show", "main", "--history"])?;
    assert!(
        history.contains("unused") && history.contains("first") && history.contains("removed"),
        "{history}"
    );
    assert_eq!(cells(&lake, &["baseline", "show", "main", "--history"])?.len(), 4);
    assert_eq!(cells(&lake, &["baseline", "ls", "--at", "baselines=1"])?.len(), 2);
    assert_eq!(cells(&lake, &["baseline", "show", "main", "--at", "baselines=2"])?.len(), 1);
    // Set again, it goes on counting.
    let said = done(&lake, &["baseline", "set", "main", "latest", "--platform", "*2 threads*"])?;
    assert!(said.starts_with("main 4: "), "{said}");
    verify(&lake)
}

/// Of several people who set one baseline at the same time each gets a revision of its own.
#[test]
fn many_set_it_at_once() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    let run_id = RunId::new();
    land(&lake, &[session(run_id, "c1", 2), session(run_id, "c1", 2)], &[])?;
    let people: Vec<_> = (0..4)
        .map(|person| {
            let mut set = benchlake();
            set.args(["baseline", "set", "main", "latest", "--reason", &person.to_string(), "--lake"])
                .arg(&lake);
            set.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
        })
        .collect::<Result<_, _>>()?;
    let mut told = BTreeMap::new();
    for (person, process) in people.into_iter().enumerate() {
        let said = String::from_utf8(ok(process.wait_with_output()?)?.stdout)?;
        let revision = said.split([' ', ':']).nth(1).ok_or("a revision")?.to_owned();
        told.insert(revision, person.to_string());
    }
    let held = sql(&lake, "select revision, reason from baselines order by revision")?;
    let told: Rows = told.into_iter().map(|(revision, person)| vec![revision, person]).collect();
    assert_eq!(held, told);
    assert_eq!(held.len(), 4);
    verify(&lake)
}

/// Who is about to commit the revision that somebody else takes in that moment takes the next one, and is
/// told of the other; both are in the history.
#[test]
fn the_slower_of_two_is_told() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    let run_id = RunId::new();
    land(&lake, &[session(run_id, "c1", 2), session(run_id, "c1", 2)], &[])?;
    let mut slow = benchlake();
    slow.args(["baseline", "set", "main", "latest", "--reason", "slow", "--lake"]).arg(&lake);
    slow.env("BENCHLAKE_FAULT", "land.written=stop").stdout(Stdio::piped()).stderr(Stdio::piped());
    let slow = slow.spawn()?;
    let pid = i32::try_from(slow.id()).ok().and_then(Pid::from_raw).ok_or("a process id")?;
    waitpid(Some(pid), WaitOptions::UNTRACED)?.ok_or("it stops")?;
    let said = done(&lake, &["baseline", "set", "main", "latest", "--reason", "quick"])?;
    assert!(said.starts_with("main 1: "), "{said}");
    kill_process(pid, Signal::CONT)?;
    let output = ok(slow.wait_with_output()?)?;
    let (said, remarks) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    assert!(said.starts_with("main 2: "), "{said}");
    assert!(remarks.contains("somebody else set main at the same time, as revision 1"), "{remarks}");
    let held = sql(&lake, "select revision, reason from baselines order by revision")?;
    assert_eq!(held, [["1", "quick"], ["2", "slow"]]);
    verify(&lake)
}

/// Killed at any step, a baseline is set or it is not, the lake is whole, and setting it again works.
#[test]
fn killed_at_every_step() -> TestResult {
    let dir = tempfile::tempdir()?;
    for (step, is_set) in
        [("land.written", 0), ("land.synced", 0), ("land.committed", 1), ("land.durable", 1)]
    {
        let lake = dir.path().join(step);
        let run_id = RunId::new();
        land(&lake, &[session(run_id, "c1", 2), session(run_id, "c1", 2)], &[])?;
        let mut set = benchlake();
        set.args(["baseline", "set", "main", "latest", "--lake"]).arg(&lake);
        let killed = set.env("BENCHLAKE_FAULT", format!("{step}=kill")).output()?;
        assert_eq!((killed.status.code(), killed.stdout.len()), (None, 0), "{step}");
        verify(&lake)?;
        assert_eq!(sql(&lake, "select count(*) from baselines")?, [[is_set.to_string()]], "{step}");
        let said = done(&lake, &["baseline", "set", "main", "latest"])?;
        assert!(said.starts_with(&format!("main {}: ", is_set + 1)), "{step}: {said}");
        verify(&lake)?;
    }
    Ok(())
}

/// Records a comparison of one verdict.
fn record(lake: &Path, comparison: &str) -> Result<Recorded, Box<dyn Error>> {
    let benchmark = Benchmark::new("a");
    let verdict = Verdict {
        verdict_id: comparison.into(),
        decided_at: now(),
        benchmark_id: benchmark.id(),
        benchmark: benchmark.name,
        parameters: benchmark.parameters,
        metric: "time".into(),
        baseline: "baseline:main".into(),
        candidate: "latest".into(),
        verdict: benchlake_schemas::Outcome::Equivalent,
        severity: None,
        ratio: Some(1.0),
        ratio_low: Some(0.99),
        ratio_high: Some(1.01),
        level: 0.95,
        method: "sessions".into(),
        policy: None,
        query: "compare".into(),
        versions: BTreeMap::new(),
        evidence: BTreeMap::new(),
    };
    let (lake, runtime) = (lake.to_string_lossy(), tokio::runtime::Runtime::new()?);
    Ok(runtime.block_on(record_verdicts(&lake, comparison, &[verdict]))?)
}

/// Looking after a lake keeps its baselines and verdicts: files become few, what no version names goes,
/// every revision stays, and what was recorded stays recorded.
#[test]
fn looking_after_a_lake_keeps_them() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    two_machines(&lake, "c1")?;
    for revision in 1..=5 {
        done(&lake, &["baseline", "set", "main", "latest", "--reason", &revision.to_string()])?;
        assert_eq!(record(&lake, &revision.to_string())?, Recorded::Landed { rows: 1 });
    }
    let verdicts = || cells(&lake, &["query", "verdicts"]);
    let decided = verdicts()?;
    assert_eq!(decided.len(), 5);
    let all = || cells(&lake, &["baseline", "show", "main", "--history"]);
    let files = || files_of(&lake, "baselines");
    let before = all()?;
    assert_eq!((before.len(), files()?), (10, "5".to_owned()));
    done(&lake, &["lake", "optimize"])?;
    assert_eq!((all()?, files()?), (before.clone(), "1".to_owned()));
    done(&lake, &["lake", "vacuum", "--older-than", "0s", "--offline"])?;
    done(&lake, &["lake", "checkpoint"])?;
    assert_eq!((all()?, verdicts()?), (before, decided));
    assert_eq!(files_of(&lake, "verdicts")?, "1");
    verify(&lake)?;
    assert_eq!(record(&lake, "3")?, Recorded::Known);
    let said = done(&lake, &["baseline", "set", "main", "latest"])?;
    assert!(said.starts_with("main 6: "), "{said}");
    let history = done(&lake, &["lake", "history"])?;
    assert!(history.contains("baselines"), "{history}");
    Ok(())
}

/// The number of a table's files.
fn files_of(lake: &Path, table: &str) -> Result<String, Box<dyn Error>> {
    let rows = cells(lake, &["lake", "info"])?;
    let row = rows.into_iter().find(|row| row[0] == table).ok_or("the table")?;
    Ok(row[2].clone())
}

/// A baseline outlives its samples, and says how many of its sessions are left.
#[test]
fn sessions_that_are_gone_are_told() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    let run_id = RunId::new();
    let sessions = [session(run_id, "c1", 2), session(run_id, "c1", 2), session(run_id, "c1", 2)];
    land(&lake, &sessions, &[])?;
    done(&lake, &["baseline", "set", "main", "latest"])?;
    let (code, _, remarks) = baseline(&lake, &["show", "main"])?;
    assert_eq!((code, remarks.as_str()), (Some(0), ""));
    tokio::runtime::Runtime::new()?.block_on(async {
        let url = deltalake::ensure_table_uri(lake.join("series").to_string_lossy())?;
        let table = deltalake::DeltaTableBuilder::from_url(url)?.load().await?;
        let gone = format!("session_id = '{}'", sessions[1].session_id);
        table.delete().with_predicate(gone).await?;
        Ok::<_, Box<dyn Error>>(())
    })?;
    let (code, shown, remarks) = baseline(&lake, &["show", "main"])?;
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(remarks, "Xeon, 2 threads, x86_64: 2 of its 3 sessions are still in the lake\n");
    Ok(())
}

/// A lake on S3 keeps baselines as a folder does, for people who come at the same time too.
#[test]
fn on_s3() -> TestResult {
    let Some(_) = real("BENCHLAKE_TEST_S3", "S3 server") else { return Ok(()) };
    register_stores();
    let lake = PathBuf::from(format!("s3://benchlake/baseline-{}/lake", ProducerId::new()));
    two_machines(&lake, "c1")?;
    let people: Vec<_> = (0..3)
        .map(|_| {
            let mut set = benchlake();
            set.args(["baseline", "set", "main", "latest", "--lake"]).arg(&lake);
            set.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
        })
        .collect::<Result<_, _>>()?;
    for process in people {
        ok(process.wait_with_output()?)?;
    }
    let revisions = sql(&lake, "select distinct revision from baselines order by revision")?;
    assert_eq!(revisions, [["1"], ["2"], ["3"]]);
    done(&lake, &["baseline", "rm", "main", "--platform", "*4 threads*"])?;
    assert_eq!(cells(&lake, &["baseline", "ls"])?.len(), 1);
    verify(&lake)
}
