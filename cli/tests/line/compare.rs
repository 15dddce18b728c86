//! Comparing on the command line: forms, exit codes, mistakes.

use super::*;

const GEMM: &str = "cpu.gemm{dtype=f64,k=22,m=22,n=22,threads=1}";
/// All runs of an arm: the window makes it a scope.
const SIDES: [&str; 2] = ["window:30d,arm:baseline", "window:30d,arm:candidate"];

/// A fleet's lake: a run an hour, the second half of them with `step`.
fn fleet(dir: &Path, nodes: u32, step: &str) -> Result<String, Box<dyn Error>> {
    fleet_of(20, dir, nodes, step)
}

/// The same with so many runs; what an earlier call has measured of them stays as it is.
fn fleet_of(sessions: u32, dir: &Path, nodes: u32, step: &str) -> Result<String, Box<dyn Error>> {
    let (spool, lake) = (dir.join("spool").display().to_string(), dir.join("lake").display().to_string());
    let mut simulate = benchlake();
    simulate.args(["simulate", "--sessions", &sessions.to_string(), "--series", "12", "--samples", "15"]);
    simulate.args(["--spool", &spool]);
    simulate.args([
        "--nodes",
        &nodes.to_string(),
        "--modes",
        "0",
        "--session-noise",
        "0.005",
        "--regress",
        step,
    ]);
    ok(simulate.output()?)?;
    ok(benchlake().args(["land", "--until-idle", "--spool", &spool, "--lake", &lake]).output()?)?;
    Ok(lake)
}

struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

fn compare(lake: &str, words: &[&str]) -> Result<Said, Box<dyn Error>> {
    let output = benchlake().args(["compare", "--lake", lake]).args(words).output()?;
    Ok(Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout)?,
        error: String::from_utf8(output.stderr)?,
    })
}

fn sides<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&SIDES[..], words].concat()
}

/// Label, verdict and the reason of each row of CSV.
fn verdicts(lake: &str, words: &[&str]) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let said = compare(lake, &sides(&[&["--format", "json"], words].concat()))?;
    let json: serde_json::Value = serde_json::from_str(&said.out).map_err(|_| said.error)?;
    let rows = json["compared"].as_array().ok_or("no rows")?.iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    Ok(rows.map(|row| (text(&row["label"]), text(&row["outcome"]))).collect())
}

/// A step of 5 % in one of twelve benchmarks is found there and nowhere else, on one node as on several; where
/// nothing was planted nothing is found.
#[test]
fn a_planted_step_is_found() -> TestResult {
    for nodes in [1, 3] {
        let dir = tempfile::tempdir()?;
        let lake = fleet(dir.path(), nodes, &format!("{GEMM}=1.05@10"))?;
        let found = verdicts(&lake, &[])?;
        let changed =
            found.iter().filter(|(_, verdict)| *verdict == "regression" || *verdict == "improvement");
        let changed: Vec<(&str, &str)> =
            changed.map(|(label, verdict)| (label.as_str(), verdict.as_str())).collect();
        assert_eq!((changed, found.len()), (vec![(GEMM, "regression")], 12), "{nodes} nodes: {found:?}");
        let said = compare(&lake, &sides(&[]))?;
        let layout = if nodes == 1 {
            "Two groups: 10 sessions against 10."
        } else {
            "3 nodes as blocks: each is held against itself, 30 sessions against 30."
        };
        assert!(said.out.contains(layout), "{}", said.out);
        assert!(said.out.contains("12 compared: 1 regression ("), "{}", said.out);
    }
    let dir = tempfile::tempdir()?;
    let lake = fleet(dir.path(), 1, "cpu.gemm=1@10")?;
    let found = verdicts(&lake, &[])?;
    assert!(
        found.len() == 12
            && found.values().all(|verdict| verdict == "equivalent" || verdict == "inconclusive"),
        "{found:?}"
    );
    Ok(())
}

/// `--fail-on` ends with 3 where a regression is as bad as that, by the policy; a form goes to a file with
/// the table beside it; the policy may come from the environment.
#[test]
fn pipelines_fail_by_severity() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = fleet(dir.path(), 1, &format!("{GEMM}=1.3@10"))?;
    let policy = dir.path().join("policy.toml").display().to_string();
    fs::write(&policy, "[default]\nwarning = '20 %'\ncritical = '90 %'\n")?;
    let strict = ["--policy", &policy];
    for (words, code) in [
        (vec![], 0),
        (vec!["--fail-on", "critical"], 3),
        (vec!["--fail-on", "warning"], 3),
        ([&strict[..], &["--fail-on", "critical"]].concat(), 0),
        ([&strict[..], &["--fail-on", "warning"]].concat(), 3),
        (vec!["--fail-on", "regression", "--filter", "cpu.add"], 0),
    ] {
        let said = compare(&lake, &sides(&words))?;
        assert_eq!(said.code, Some(code), "{words:?}: {}{}", said.out, said.error);
    }
    let out = dir.path().join("junit.xml").display().to_string();
    let mut command = benchlake();
    command.args(["compare", "--lake", &lake]).args(SIDES).args(["--format", "junit", "--out", &out]);
    let output = command.args(["--fail-on", "critical"]).env("BENCHLAKE_POLICY", &policy).output()?;
    assert_eq!(output.status.code(), Some(0));
    let (table, junit) = (String::from_utf8(output.stdout)?, fs::read_to_string(&out)?);
    assert!(table.contains("\n warning ") && table.contains(&format!("--policy {policy}")), "{table}");
    assert!(junit.starts_with("<?xml") && junit.contains("tests=\"12\" failures=\"0\""), "{junit}");
    let said = compare(&lake, &sides(&["--format", "html", "--out", "/nowhere/at/all.html"]))?;
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.error.contains("--out /nowhere/at/all.html cannot be written"), "{}", said.error);
    Ok(())
}

/// The command that a comparison ends with gives the same bytes again, at a later time too.
#[test]
fn the_same_command_again() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = fleet(dir.path(), 2, &format!("{GEMM}=1.05@10"))?;
    let words = sides(&["--format", "json", "--filter", "cpu.gem{2}", "--seed", "3"]);
    let (first, table) =
        (compare(&lake, &words)?, compare(&lake, &sides(&["--filter", "cpu.gem{2}", "--seed", "3"]))?);
    let again =
        table.out.lines().find_map(|line| line.strip_prefix("The same again: ")).ok_or("no command")?;
    fleet(dir.path(), 3, &format!("{GEMM}=1.05@10"))?;
    let script = format!("{} --format json", again.replacen("benchlake", env!("CARGO_BIN_EXE_benchlake"), 1));
    let output = ok(Command::new("sh").args(["-c", &script]).output()?)?;
    assert!(String::from_utf8(output.stdout)? == first.out, "{script}");
    assert!(compare(&lake, &words)?.out != first.out);
    Ok(())
}

/// What cannot be compared is named with its way out, under the code that is documented.
#[test]
fn what_cannot_be_compared() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = fleet(dir.path(), 2, &format!("{GEMM}=1.05@10"))?;
    let policy = dir.path().join("policy.toml").display().to_string();
    fs::write(&policy, "[default]\nmargn = 0.02\n")?;
    let absent = dir.path().join("absent").display().to_string();
    let run = &sql(Path::new(&lake), "select min(run_id) from sessions")?[0][0];
    let (run, beginning) = (format!("run:{run}"), format!("run:{}", &run[..4]));
    let cases: [(&[&str], i32, &[&str]); 17] = [
        (&["main", "latest"], 2, &["`main` is not KIND:VALUE", "branch:NAME"]),
        (&["brnch:main", "latest"], 2, &["no kind `brnch`", "`branch`"]),
        (&["branch:man", "latest"], 4, &["nothing fits branch:man", "`main`"]),
        (&["arm:basline", "latest"], 4, &["`baseline`"]),
        (&[&beginning, "latest"], 2, &["fits 20 runs", "give more of it"]),
        (&[&run, &run], 2, &["select the same sessions"]),
        (&["window:1m,arm:baseline", "latest"], 4, &["no measured session fits all of them"]),
        (&["window:30", "latest"], 2, &["`30` is no window", "30d"]),
        (
            &["node:node-00000", "node:node-00001"],
            2,
            &["node is node-00000, now node-00001", "--across node"],
        ),
        (&[SIDES[0], SIDES[1], "--policy", &policy], 2, &["policy.toml:2: unknown key `margn`", "`margin`"]),
        (&[SIDES[0], SIDES[1], "--policy", &absent], 2, &["absent: the policy cannot be read"]),
        (&[SIDES[0], SIDES[1], "--metric", "tme"], 4, &["did not measure `tme`", "`time`"]),
        (&[SIDES[0], SIDES[1], "--filter", "nothing"], 4, &["no benchmark was measured on both sides"]),
        (&[SIDES[0], SIDES[1], "--filter", "("], 2, &["--filter", "regex parse error"]),
        (&[SIDES[0], SIDES[1], "--across", "kernl"], 2, &["--across kernl", "`kernel`"]),
        (&["commit:+", "latest"], 2, &["`commit:+` names nothing", "commit:SHA+"]),
        (&[SIDES[0], SIDES[1], "--explain", "cpu.gemm"], 2, &["`cpu.gemm` fits 2 benchmarks", GEMM]),
    ];
    for (words, code, says) in cases {
        let said = compare(&lake, words)?;
        assert_eq!((said.code, said.out.as_str()), (Some(code), ""), "{words:?}: {}", said.error);
        assert!(says.iter().all(|word| said.error.contains(word)), "{words:?}: {}", said.error);
    }
    let said = compare(&lake, &["node:node-00000", "node:node-00001", "--across", "node"])?;
    assert!(
        said.code == Some(0) && said.out.contains("Allowed to differ: node is node-00000, now node-00001"),
        "{}",
        said.error
    );
    assert_eq!(compare(&absent, &sides(&[]))?.code, Some(6));
    assert_eq!(benchlake().args(["compare"]).args(SIDES).output()?.status.code(), Some(2));
    assert_eq!(compare(&lake, &sides(&["--level", "95"]))?.code, Some(2));
    let level = |level: &str| compare(&lake, &sides(&["--level", level, "--format", "json"]));
    assert_eq!(level("99%")?.out, level("0.99")?.out);
    let said = compare(&lake, &sides(&["--explain", GEMM]))?;
    assert!(
        said.code == Some(0)
            && said.out.starts_with(GEMM)
            && said.out.contains("Noise between runs: 95 % of the changes"),
        "{}",
        said.out
    );
    Ok(())
}

/// The newest run is no base of itself: the run before it is, and that is told.
#[test]
fn the_newest_run_is_held_against_the_one_before() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = fleet_of(3, dir.path(), 1, "cpu.gemm=1@2")?;
    let runs = sql(Path::new(&lake), "select run_id from session_status order by started_at desc")?;
    let said = compare(&lake, &["branch:main", "latest", "--format", "json"])?;
    let json: serde_json::Value = serde_json::from_str(&said.out).map_err(|_| said.error)?;
    assert_eq!(
        (&json["base"]["runs"][0], &json["new"]["runs"][0]),
        (&runs[1][0].clone().into(), &runs[0][0].clone().into())
    );
    let told = format!("the base is the run before it, run:{}", runs[1][0]);
    assert!(json["remarks"].to_string().contains(&told), "{}", json["remarks"]);
    Ok(())
}

const MAIN: &str = "baseline:main";

/// Ten runs that are the baseline, of its first node if there are several, and ten more with `step`.
fn with_baseline(dir: &Path, nodes: u32, step: &str) -> Result<String, Box<dyn Error>> {
    let lake = fleet(dir, nodes, step)?;
    let selector = "window:30d,arm:baseline,node:node-00000";
    ok(benchlake().args(["baseline", "set", "main", selector, "--lake", &lake]).output()?)?;
    Ok(lake)
}

/// Revision, who moved it and why, of the baseline as it holds.
fn baseline(lake: &str) -> Result<Rows, Box<dyn Error>> {
    sql(Path::new(lake), "select revision, moved_by, reason from baseline_status")
}

/// The ids of the sessions that fit.
fn sessions(lake: &str, fit: &str) -> Result<Rows, Box<dyn Error>> {
    sql(Path::new(lake), &format!("select session_id from session_status where {fit} order by 1"))
}

/// Nothing moves where a part of the benchmarks was judged, where the lake is an earlier one, or where no
/// baseline is compared with: what was not judged would never be reported.
#[test]
fn what_was_judged_in_part_moves_nothing() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = with_baseline(dir.path(), 1, &format!("{GEMM}=1.2@10"))?;
    let cases: [(&[&str], &[&str]); 4] = [
        (&[MAIN, "--filter", "cpu.add"], &["--filter judges some of them", "leave out --filter"]),
        (&[MAIN, "--metric", "cycles"], &["--metric judges some of them"]),
        (
            &[MAIN, "--at", "baselines=1"],
            &["--at baselines=1 compares with an earlier state", "leave out --at"],
        ),
        (&["arm:baseline"], &["has no baseline to move: arm:baseline is none", "baseline:NAME"]),
    ];
    for (words, says) in cases {
        for option in [&["--move-baseline"][..], &["--accept", "a reason"]] {
            let said = compare(&lake, &[&words[..1], &[SIDES[1]], &words[1..], option].concat())?;
            assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{words:?}: {}", said.error);
            let says = says.iter().chain(option.first());
            assert!(says.clone().all(|word| said.error.contains(word)), "{words:?}: {}", said.error);
        }
    }
    assert_eq!(baseline(&lake)?, [["1", "person", "null"]]);
    Ok(())
}

/// One change of level is reported until it is accepted, and not again: the baseline is then what was judged, and
/// nothing else that the selector fits.
#[test]
fn an_accepted_step_is_reported_once() -> TestResult {
    let dir = tempfile::tempdir()?;
    let step = format!("{GEMM}=1.2@10");
    let lake = with_baseline(dir.path(), 2, &step)?;
    let policy = dir.path().join("policy.toml").display().to_string();
    fs::write(&policy, "[baseline]\nmoves = 'no_regression'\n")?;
    let judge = |new: &str, words: &[&str]| {
        compare(&lake, &[&[MAIN, new, "--policy", &policy, "--fail-on", "regression"], words].concat())
    };

    let said = judge(SIDES[1], &["--move-baseline"])?;
    assert_eq!(said.code, Some(3), "{}", said.error);
    assert!(said.error.contains("baseline main stays: something regressed critically"), "{}", said.error);
    assert_eq!(baseline(&lake)?, [["1", "person", "null"]]);

    let said = judge(SIDES[1], &["--accept", "safer sums"])?;
    assert_eq!(said.code, Some(3), "{}", said.error);
    assert!(
        said.out.contains("main 2: ") && said.error.contains("`time` alone was judged"),
        "{}",
        said.error
    );
    assert_eq!(baseline(&lake)?, [["2", "person", "safer sums"]]);
    let held = sql(
        Path::new(&lake),
        "select session_id from (select unnest(sessions) as session_id from baseline_status) order by 1",
    )?;
    assert_eq!(held, sessions(&lake, "arm = 'candidate' and node = 'node-00000'")?);

    // The same command again has nothing left to compare with on that node, and says so.
    let said = judge(&format!("{},node:node-00000", SIDES[1]), &[])?;
    assert_eq!((said.code, said.out.as_str()), (Some(4), ""), "{}", said.error);
    assert!(
        said.error.contains("measure a run after it") && said.error.contains("--history"),
        "{}",
        said.error
    );

    fleet_of(30, dir.path(), 2, &step)?;
    let said = judge("window:9h", &["--move-baseline"])?;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    assert!(said.out.contains("main 3: "), "{}{}", said.out, said.error);
    assert_eq!(baseline(&lake)?, [["3", "policy", "nothing regressed"]]);
    Ok(())
}

/// A recorded verdict is found again, by SQL and by the named query, with a command that gives it once more; a
/// comparison is recorded once.
#[test]
fn recorded_verdicts_are_found() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = fleet(dir.path(), 1, &format!("{GEMM}=1.2@10"))?;
    for told in ["recorded 12 verdicts of comparison", "was recorded before"] {
        let said = compare(&lake, &sides(&["--record"]))?;
        assert!(said.code == Some(0) && said.error.contains(told), "{}", said.error);
    }
    let found = "select verdict, severity, candidate, count(*) over () from verdicts where benchmark = 'cpu.gemm' \
                 and verdict = 'regression'";
    assert_eq!(sql(Path::new(&lake), found)?, [["regression", "critical", SIDES[1], "1"]]);
    assert_eq!(sql(Path::new(&lake), "select count(*) from verdicts")?, [["12"]]);
    let words = ["query", "verdicts", "--json", "-p", "verdict=regression", "--lake", &lake];
    let rows: serde_json::Value = serde_json::from_slice(&ok(benchlake().args(words).output()?)?.stdout)?;
    assert_eq!((rows.as_array().map(Vec::len), &rows[0]["label"]), (Some(1), &GEMM.into()));
    let again = rows[0]["query"].as_str().ok_or("no command")?;
    let script = again.replacen("benchlake", env!("CARGO_BIN_EXE_benchlake"), 1);
    let output = ok(Command::new("sh").args(["-c", &script]).output()?)?;
    assert!(String::from_utf8(output.stdout)?.contains(again), "{script}");
    Ok(())
}

/// Rules that fit nothing are told: perhaps a typo. Rules that contradict each other are refused, with both.
#[test]
fn rules_that_do_nothing_are_told() -> TestResult {
    let dir = tempfile::tempdir()?;
    let lake = fleet(dir.path(), 1, "cpu.gemm=1@10")?;
    let policy = dir.path().join("policy.toml").display().to_string();
    fs::write(&policy, "[[rule]]\nbenchmark = 'cpu.gem'\n[[rule]]\nbenchmark = 'cpu.*'\n")?;
    let said = compare(&lake, &sides(&["--policy", &policy]))?;
    let told = format!("{policy}: nothing that was compared fits rule 1 (benchmark cpu.gem)\n");
    assert_eq!((said.code, said.error.as_str()), (Some(0), told.as_str()));
    fs::write(
        &policy,
        "[[rule]]\nwarning = 0.3\ncritical = 0.4\n[[rule]]\nbenchmark = 'cpu.*'\ncritical = 0.2\n",
    )?;
    let said = compare(&lake, &sides(&["--policy", &policy]))?;
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.error.contains("warning 0.3 (rule 1) and critical 0.2 (rule 2)"), "{}", said.error);
    Ok(())
}
