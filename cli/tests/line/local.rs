//! On one machine, with nothing installed.

use super::*;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

/// `demo` measures, lands, reports and says what to try next; independent readers and a real browser
/// find the same in what it leaves.
#[test]
fn the_demo_leaves_a_lake_that_others_read() -> TestResult {
    let dir = tempfile::tempdir()?;
    let demo = dir.path().join("demo");
    let began = Instant::now();
    let output = ok(benchlake().arg("demo").arg(&demo).args(["--sessions", "2"]).output()?)?;
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let text = String::from_utf8(output.stdout)?;
    assert!(text.contains("Reproducibility") && text.contains("cpu.gemm"), "{text}");
    let tries = text.split("Try next:").nth(1).ok_or("what to try next")?.trim().lines();
    assert_eq!(tries.filter(|line| line.trim().starts_with("benchlake ")).count(), 3);

    let lake = demo.join("lake");
    assert_eq!(sql(&lake, "select count(*) from sessions where event = 'end' and status = 'ok'")?, [["2"]]);
    others_read(&lake)?;
    a_browser_shows(&demo.join("report/index.html"))?;
    let pictures: Vec<_> =
        fs::read_dir(demo.join("report/plots"))?.filter_map(|file| Some(file.ok()?.path())).collect();
    let of = |kind: &str| {
        pictures.iter().filter(|path| path.extension().is_some_and(|found| found == kind)).count()
    };
    assert!(of("png") >= 10 && of("png") == of("svg"), "{pictures:?}");
    Ok(())
}

/// PyPI's `deltalake` and `polars` count the rows and samples that our SQL counts.
fn others_read(lake: &Path) -> TestResult {
    let Some(python) = real("BENCHLAKE_TEST_PYTHON", "Python with deltalake and polars") else {
        return Ok(());
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/python/read_lake.py");
    let output = ok(Command::new(python).arg(script).arg(lake).output()?)?;
    let found: Value = serde_json::from_slice(&output.stdout)?;
    let rows = |table: &str| sql(lake, &format!("select count(*) from {table}"));
    let samples = sql(lake, "select sum(cardinality(samples)) from series")?;
    for reader in ["deltalake", "polars"] {
        for table in ["sessions", "series"] {
            assert_eq!(
                found[reader][table]["rows"].to_string(),
                rows(table)?[0][0],
                "{reader} {table}: {found}"
            );
        }
        assert_eq!(found[reader]["series"]["samples"].to_string(), samples[0][0], "{reader}: {found}");
    }
    Ok(())
}

/// The page renders in a real browser, plots and table included.
fn a_browser_shows(page: &Path) -> TestResult {
    let Some(chromium) = real("BENCHLAKE_TEST_CHROMIUM", "browser") else { return Ok(()) };
    let profile = tempfile::tempdir()?;
    let url = format!("file://{}", page.canonicalize()?.display());
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args(["--disable-component-update", "--disable-sync", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .output()?;
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(dom.matches("<svg").count() >= 10 && dom.contains("<table"), "{}", &dom[..dom.len().min(2000)]);
    Ok(())
}

/// What was asked at a pinned state is answered the same after more was landed.
#[test]
fn a_pinned_state_stays() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (suite, lake) = (suite(dir.path())?, dir.path().join("lake"));
    let run = || {
        let mut command = benchlake();
        command.args(["run", "-q", "--sessions", "1", "--spool"]).arg(dir.path().join("spool")).arg(&suite);
        ok(command.arg("--lake").arg(&lake).output()?)
    };
    run()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let pin = runtime.block_on(Lake::open(&lake.to_string_lossy(), &At::Latest))?.pin();
    let query = "select count(*), sum(list_avg(samples)) from series";
    let before = sql_at(&lake, &pin, query)?;
    run()?;
    assert_eq!(sql_at(&lake, &pin.to_string().parse()?, query)?, before);
    assert_ne!(sql(&lake, query)?, before);
    Ok(())
}

/// Every format is printed and can be read back.
#[test]
fn answers_come_in_every_format() -> TestResult {
    let print = |format: &str| -> Result<Vec<u8>, Box<dyn Error>> {
        let query = "select 1 as one, 'a,b' as text, [1.5, 2.5] as list";
        Ok(ok(benchlake().args(["sql", query, "--format", format]).output()?)?.stdout)
    };
    assert_eq!(String::from_utf8(print("csv")?)?, "one,text,list\n1,\"a,b\",\"[1.5,2.5]\"\n");
    assert!(String::from_utf8(print("tsv")?)?.starts_with("one\ttext\tlist\n"));
    let json: Value = serde_json::from_slice(&print("json")?)?;
    assert_eq!(json[0]["list"][1], 2.5);
    let line: Value = serde_json::from_slice(&print("ndjson")?)?;
    assert_eq!(line["text"], "a,b");
    assert!(String::from_utf8(print("table")?)?.contains("one"));
    assert!(print("parquet")?.starts_with(b"PAR1"));
    assert!(!print("arrow")?.is_empty());
    Ok(())
}

/// Ctrl-C in `run` keeps what was measured: it is landed, and the session says `interrupted`.
#[test]
fn an_interrupt_keeps_what_was_measured() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    let suite = dir.path().join("suite.toml");
    fs::write(
        &suite,
        SUITE.replace("\"20ms\"", "\"1500ms\"").replace("[1024, 2048]", "[1024, 2048, 4096, 8192]"),
    )?;
    let mut command = benchlake();
    command.args(["run", "-v", "--spool"]).arg(dir.path().join("spool")).arg(&suite).arg("--lake").arg(&lake);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let errors = BufReader::new(child.stderr.take().ok_or("its standard error")?);
    std::thread::sleep(Duration::from_millis(3500));
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or("a process id")?;
    kill_process(pid, Signal::INT)?;
    let said: Vec<_> = errors.lines().map_while(Result::ok).collect();
    let status = child.wait()?;
    assert_eq!(status.code(), Some(130), "{said:?}");
    assert_eq!(
        sql(&lake, "select event, status from sessions order by seq")?,
        [["start", "running"], ["end", "interrupted"]],
        "{said:?}"
    );
    let measured = sql(&lake, "select count(*) from series where phase = 'measure'")?;
    assert_ne!(measured, [["0"]]);
    Ok(())
}

/// Two runs at once into one lake and one spool both land whole.
#[test]
fn two_runs_at_once_both_land() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (suite, lake) = (suite(dir.path())?, dir.path().join("lake"));
    let start = || {
        let mut command = benchlake();
        command.args(["run", "--sessions", "2", "--spool"]).arg(dir.path().join("spool")).arg(&suite);
        command.arg("--lake").arg(&lake).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
    };
    let children = [start()?, start()?];
    for child in children {
        ok(child.wait_with_output()?)?;
    }
    // Whatever one of them left because the other held it is landed by the next.
    ok(benchlake()
        .args(["land", "--until-idle", "--spool"])
        .arg(dir.path().join("spool"))
        .arg("--lake")
        .arg(&lake)
        .output()?)?;
    assert_eq!(sql(&lake, "select count(*), count(distinct session_id) from sessions")?, [["8", "4"]]);
    let whole = "select count(*) from (select producer_id, count(*) n, max(seq) m from series group by 1) where n <> m";
    assert_eq!(sql(&lake, whole)?, [["0"]]);
    assert_eq!(
        sql(&lake, "select count(*) from series where phase = 'measure' and metric = 'time'")?,
        [["8"]]
    );
    Ok(())
}

/// Completions and manual pages come from the same definition as the command line.
#[test]
fn completions_and_manual() -> TestResult {
    let script = ok(benchlake().args(["completions", "bash"]).output()?)?;
    assert!(String::from_utf8(script.stdout)?.contains("--until-idle"));
    let page = ok(benchlake().arg("man").output()?)?;
    assert!(String::from_utf8(page.stdout)?.contains(".TH benchlake"));
    let dir = tempfile::tempdir()?;
    ok(benchlake().args(["man", "--out"]).arg(dir.path()).output()?)?;
    assert!(dir.path().join("benchlake-run.1").is_file());
    let doctor = ok(benchlake().args(["doctor", "--json"]).output()?)?;
    let findings: Value = serde_json::from_slice(&doctor.stdout)?;
    let findings = findings.as_array().ok_or("a list")?;
    assert!(findings.len() > 8);
    assert!(findings.iter().any(|finding| finding["subject"] == "gpu"), "devices, or why there are none");
    Ok(())
}

/// What could be set is shown and nothing is set; without having set anything there is nothing to undo;
/// doing and undoing at once is refused.
#[test]
fn tuning_is_asked_for() -> TestResult {
    let dir = tempfile::tempdir()?;
    let doctor =
        |words: &[&str]| benchlake().arg("doctor").args(words).env("XDG_STATE_HOME", dir.path()).output();
    let plan = ok(doctor(&["--tune", "--json"])?)?;
    assert!(serde_json::from_slice::<Value>(&plan.stdout)?.is_array());
    let undone = doctor(&["--undo"])?;
    assert_eq!(undone.status.code(), Some(4));
    assert!(String::from_utf8(undone.stderr)?.contains("nothing to undo"));
    assert_eq!(doctor(&["--apply", "--undo"])?.status.code(), Some(2));
    assert_eq!(fs::read_dir(dir.path())?.count(), 0);
    Ok(())
}
