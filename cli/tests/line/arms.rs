//! Two builds of a program, measured in turns; and sessions until the answer is precise.

use super::*;

/// A program in a repository: each commit builds one that takes another time.
const SUITE_OF_A_PROGRAM: &str = r#"
name = "tool"
[program]
path = "built/tool"
build = "mkdir -p built && cp tool.sh built/tool && chmod +x built/tool"
[policy]
warmup = "1ms"
warmup_max = "100ms"
min_time = "1ms"
min_samples = 5
max_samples = 5
[[benchmark]]
workload = "program"
args = "some 'quoted words'"
"#;

/// A repository with the commits `quick` and `slow`, and a branch whose build fails.
fn repository(folder: &Path) -> TestResult {
    let git = |arguments: &[&str]| -> TestResult {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
        ok(git.args(arguments).output()?).map(drop)
    };
    let commit = |name: &str, text: &str| -> TestResult {
        fs::write(folder.join("tool.sh"), text)?;
        git(&["add", "."])?;
        git(&["commit", "--quiet", "--message", name])?;
        git(&["branch", name])
    };
    git(&["init", "--quiet", "."])?;
    fs::write(folder.join("suite.toml"), SUITE_OF_A_PROGRAM)?;
    commit("quick", "#!/bin/sh\nsleep 0.01\n")?;
    commit("slow", "#!/bin/sh\nsleep 0.1\n")?;
    fs::remove_file(folder.join("tool.sh"))?;
    git(&["commit", "--quiet", "--all", "--message", "broken"])?;
    git(&["branch", "broken"])
}

/// A folder for what is run, and in it one for the suite, made by `make`.
fn made(make: impl FnOnce(&Path) -> TestResult) -> Result<(tempfile::TempDir, PathBuf), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let inner = folder.path().join("repository");
    fs::create_dir(&inner)?;
    make(&inner)?;
    Ok((folder, inner))
}

fn run(folder: &Path, arguments: &[&str]) -> Result<Output, Box<dyn Error>> {
    let mut command = benchlake();
    command.env("XDG_STATE_HOME", folder.join("state")).args(["run", "--no-probe", "--no-counters"]);
    command.arg(folder.join("repository/suite.toml")).arg("--lake").arg(folder.join("lake"));
    Ok(command.arg("--spool").arg(folder.join("spool")).args(arguments).output()?)
}

/// Two commits are built, each in a worktree of its own that is gone afterwards, and measured as A B B A
/// with equal iterations; the lake knows which is which, and the ratio is told with its interval.
#[test]
fn two_commits_are_measured_in_turns() -> TestResult {
    let (folder, repository_folder) = made(repository)?;
    let arms = ["--arm", "baseline=quick", "--arm", "candidate=slow", "--sessions", "2"];
    let output = ok(run(folder.path(), &arms)?)?;
    let text = String::from_utf8(output.stdout)?;
    let ratio = text.lines().find(|line| line.contains("candidate against baseline")).ok_or("a ratio")?;
    let percent: f64 = ratio.split_whitespace().next().ok_or("a number")?.parse()?;
    assert!(percent > 0.0, "{ratio}");
    // The summary tells the arms apart.
    let of = |arm: &str| text.lines().filter(|line| line.contains(&format!("┆ {arm}"))).count();
    assert_eq!((of("baseline"), of("candidate")), (1, 1), "{text}");
    let lake = folder.path().join("lake");
    let order = "select arm, branch from session_status order by position";
    let expected =
        [["baseline", "quick"], ["candidate", "slow"], ["candidate", "slow"], ["baseline", "quick"]];
    assert_eq!(sql(&lake, order)?, expected);
    let different = "select count(distinct \"commit\"), count(distinct environment['program.sha256']) from session_status";
    assert_eq!(sql(&lake, different)?, [["2", "2"]]);
    let same = "select count(distinct benchmark_id), count(distinct iterations[1]) from series where phase = 'measure' and metric = 'time'";
    assert_eq!(sql(&lake, same)?, [["1", "1"]]);
    let mut worktrees = Command::new("git");
    worktrees.arg("-C").arg(&repository_folder).args(["worktree", "list"]);
    assert_eq!(String::from_utf8(ok(worktrees.output()?)?.stdout)?.lines().count(), 1);
    // What is built is kept: a second time nothing is.
    let again = ok(run(folder.path(), &arms)?)?;
    assert!(!String::from_utf8(again.stderr)?.contains("building"));
    Ok(())
}

/// What cannot be an arm is named with the way out, before anything is measured.
#[test]
fn what_is_no_arm_is_named() -> TestResult {
    let (folder, repository_folder) = made(repository)?;
    for (arms, says) in [
        (&["--arm", "a=nowhere"][..], "neither a file nor a commit"),
        (&["--arm", "a=broken"], "ended with"),
        (&["--arm", "a=quick", "--arm", "a=slow"], "is there twice"),
        (&[], "build it first"),
    ] {
        let output = run(folder.path(), arms)?;
        let text = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{arms:?}: {text}");
        assert!(text.contains(says), "{arms:?}: {text}");
    }
    fs::write(repository_folder.join("suite.toml"), SUITE)?;
    let output = run(folder.path(), &["--arm", "a=quick"])?;
    assert!(String::from_utf8(output.stderr)?.contains("build = \"cargo build --release\""));
    Ok(())
}

/// `--sessions auto` ends at a look that was fixed beforehand, and says why. How many sessions that takes is
/// the machine's: a busy one needs more.
#[test]
fn sessions_go_on_until_precise() -> TestResult {
    let (folder, _) = made(|folder| Ok(fs::write(folder.join("suite.toml"), SUITE)?))?;
    let auto = |more: &[&str]| run(folder.path(), &[&["--sessions", "auto"], more].concat());
    let text = String::from_utf8(ok(auto(&["--precision", "0.99", "--budget", "10min"])?)?.stderr)?;
    let at_a_look = [5, 7, 10, 14, 20, 28, 40, 56, 80, 100]
        .iter()
        .any(|look| text.contains(&format!(": {look} sessions ok")));
    assert!(at_a_look && text.contains("every interval is narrow enough"), "{text}");
    let text = String::from_utf8(ok(auto(&["--precision", "0.0000001", "--budget", "1ms"])?)?.stderr)?;
    assert!(text.contains("1 sessions ok") && text.contains("the budget is spent"), "{text}");
    let rule = sql(&folder.path().join("lake"), "select environment['run.sessions'] from sessions limit 1")?;
    assert!(rule[0][0].contains("auto"), "{rule:?}");
    Ok(())
}

/// What the first session chooses as iterations of a sample is what every session of every arm has.
#[test]
fn arms_have_equal_iterations() -> TestResult {
    let (folder, _) = made(|folder| Ok(fs::write(folder.join("suite.toml"), SUITE)?))?;
    let this = env!("CARGO_BIN_EXE_benchlake");
    let (a, b) = (format!("a={this}"), format!("b={this}"));
    ok(run(folder.path(), &["--arm", &a, "--arm", &b, "--sessions", "3"])?)?;
    let chosen = "select count(*), count(distinct iterations[1]), min(iterations[1]) > 1 from series \
                  where phase = 'measure' and metric = 'time' group by benchmark_id";
    let lake = folder.path().join("lake");
    assert_eq!(sql(&lake, chosen)?, [["6", "1", "true"], ["6", "1", "true"]]);
    Ok(())
}
