//! The project in `docs/examples/parse` is built and run as its users would: by cargo, on its own.

mod spooled;

use benchlake_producers::{
    process::exit,
    session::{SessionEvent, SessionSpec},
    suite::Suite,
};
use benchlake_schemas::{Phase, Series, Session, SessionId, Status, StopReason};
use spooled::rows;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

/// Every benchmark of the example.
const BENCHMARKS: [&str; 7] = [
    "number",
    "csv{quoted=false,rows=10}",
    "csv{quoted=true,rows=10}",
    "csv{quoted=false,rows=1000}",
    "csv{quoted=true,rows=1000}",
    "sort",
    "csv_async",
];
/// As little time as makes samples.
const SHORT: [&str; 5] =
    ["--quick", "--warmup=1ms", "--warmup-max=20ms", "--min-time=5ms", "--min-samples=5"];

/// Cargo in the example's folder, with a target folder of its own beside the workspace's builds.
fn cargo(words: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("example");
    cargo.args(words).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/parse"));
    cargo.env("CARGO_TARGET_DIR", target).env_remove("BENCHLAKE_SPOOL").env_remove("PARSE_PANIC");
    cargo
}

/// The example's bench program, built once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let build = ["bench", "--bench=speed", "--no-run", "--locked", "--message-format=json"];
        let output = cargo(&build).stderr(Stdio::inherit()).output().expect("cargo");
        assert!(
            output.status.success(),
            "after a change of dependencies: cargo update in docs/examples/parse"
        );
        let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
        let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let built = messages.filter(|message| message["target"]["name"] == "speed");
        let paths: Vec<_> =
            built.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).collect();
        paths.into_iter().next().expect("cargo tells where the program is")
    })
}

/// Runs the program as `cargo bench` does, with `words` after its `--bench`.
fn bench(spool: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.arg("--bench").arg("--spool").arg(spool).args(SHORT).args(words);
    command.env("NO_COLOR", "1").output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The rows of the table on standard output: the benchmark, and the rest of its line.
fn table(output: &Output) -> Vec<(String, String)> {
    let lines = text(&output.stdout);
    let rows = lines.lines().skip_while(|line| !line.starts_with("benchmark ")).skip(1);
    let split = |line: &str| line.split_once("  ").map(|(name, rest)| (name.to_owned(), rest.to_owned()));
    rows.filter_map(split).collect()
}

/// Who measures functions builds no Kafka client, no OpenSSL and no command-line parser.
#[test]
fn the_example_builds_no_kafka() {
    let output = cargo(&["tree", "--locked", "--prefix=none", "--format={p}"]).output().expect("cargo tree");
    let tree = text(&output.stdout);
    assert!(tree.contains("benchlake-producers v"), "{}", text(&output.stderr));
    let heavy =
        |line: &&str| ["rdkafka", "openssl", "clap", "cmake"].iter().any(|name| line.starts_with(name));
    assert_eq!(tree.lines().filter(heavy).collect::<Vec<_>>(), [""; 0]);
}

/// `cargo bench` prints a table of every benchmark, and the spool has samples of each from each of the
/// fresh processes, with the work, the check and the equal iterations that they were registered with.
#[test]
fn cargo_bench_measures_in_fresh_processes() {
    program();
    let folder = tempfile::tempdir().expect("a folder");
    let spool = folder.path().join("spool");
    let mut command = cargo(&["bench", "--locked", "--bench=speed", "--", "--sessions=2", "--spool"]);
    let output = command.arg(&spool).args(SHORT).output().expect("cargo bench");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = table(&output);
    assert_eq!(table.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), BENCHMARKS);
    assert!(table[4].1.contains("B/s") && table[5].1.contains("items/s"), "{table:?}");

    let mut samples: BTreeMap<String, BTreeMap<SessionId, Vec<i64>>> = BTreeMap::new();
    let timed = |row: &Series| row.phase == Phase::Measure && row.metric == "time";
    for row in rows::<Series>(&spool).into_iter().filter(timed) {
        assert!(row.samples.iter().all(|time| *time > 0.0), "{row:?}");
        match row.benchmark.as_str() {
            "csv" => assert_eq!(row.check.check.as_deref(), Some("its rows")),
            "sort" => assert_eq!(row.work.items, Some(1_000)),
            _ => {}
        }
        let sessions = samples.entry(row.benchmark().to_string()).or_default();
        sessions.entry(row.session_id).or_default().extend(row.iterations);
    }
    assert_eq!(samples.len(), BENCHMARKS.len());
    for (benchmark, sessions) in samples {
        assert_eq!(sessions.len(), 2, "{benchmark}");
        let iterations: BTreeSet<i64> = sessions.values().flatten().copied().collect();
        assert_eq!(iterations.len(), 1, "{benchmark} has one k in all sessions: {iterations:?}");
        assert!(sessions.values().all(|samples| samples.len() >= 5), "{benchmark}");
    }
    let sessions = rows::<Session>(&spool);
    let ended: Vec<_> = sessions.iter().filter(|row| row.ended_at.is_some()).collect();
    assert_eq!(ended.len(), 2);
    assert!(ended.iter().all(|row| row.status == Status::Ok && row.suite == "parse"));
}

/// A filter chooses benchmarks; one that chooses nothing is no failure, as cargo asks every target.
#[test]
fn a_filter_chooses() {
    let folder = tempfile::tempdir().expect("a folder");
    let names = |output: &Output| table(output).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let some = bench(folder.path(), &["--sessions=1", r"^csv\{.*rows=10\}"]);
    assert_eq!(names(&some), BENCHMARKS[1..3], "{}", text(&some.stderr));
    let exact = bench(folder.path(), &["--sessions=1", "--exact", "csv{quoted=true,rows=10}"]);
    assert_eq!(names(&exact), BENCHMARKS[2..3]);
    let nothing = bench(folder.path(), &["no_such"]);
    assert_eq!(nothing.status.code(), Some(0));
    assert_eq!(
        text(&nothing.stderr),
        "nothing to measure: parse has no benchmark that matches \"no_such\"\n"
    );
}

/// Started by a launcher, the program is a session: it reads what to do and tells what happens.
#[test]
fn the_program_is_a_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let suite = "name = \"mine\"\n[program]\npath = \"speed\"\nharness = true\n[policy]\n\
                 warmup = \"1ms\"\nwarmup_max = \"20ms\"\nmin_time = \"5ms\"\nmin_samples = 7\nmax_samples = 7\n";
    let suite = Suite::parse(suite, "mine.toml").expect("a suite");
    let spec = SessionSpec {
        filter: Some("number|sort".into()),
        arm: Some("candidate".into()),
        ..SessionSpec::new(&suite, "mine.toml", folder.path().join("spool"), 4)
    };
    let mut child = Command::new(program())
        .args(["agent", "session"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let json = serde_json::to_string(&spec).expect("a specification is JSON");
    child.stdin.take().expect("its input").write_all(json.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let lines = text(&output.stdout);
    let lines = lines.lines().filter(|line| !line.is_empty());
    let events: Vec<SessionEvent> = lines.map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(matches!(events.first(), Some(SessionEvent::Started { benchmarks: 2, .. })), "{events:?}");
    assert_eq!(events.last(), Some(&SessionEvent::Ended { status: Status::Ok }));
    let measured = |event: &&SessionEvent| matches!(event, SessionEvent::Measured { samples: 7, .. });
    assert_eq!(
        events.iter().filter(measured).count(),
        2,
        "the suite has the last word on policies: {events:?}"
    );
    assert!(rows::<Session>(&spec.spool).iter().all(|row| row.arm.as_deref() == Some("candidate")));
}

/// A benchmark that panics fails alone: the others are measured, the reason is in the spool and on
/// screen, and the exit code says that part failed.
#[test]
fn a_panic_fails_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(program());
    command.args(["--bench", "--sessions=2", "number|panics", "--spool"]).arg(folder.path()).args(SHORT);
    let output = command.env("PARSE_PANIC", "1").env("NO_COLOR", "1").output().expect("the program runs");
    assert_eq!(output.status.code(), Some(i32::from(exit::PARTLY)), "{}", text(&output.stderr));
    let table = table(&output);
    assert!(table[0].0 == "number" && !table[0].1.contains("FAILED"), "{table:?}");
    assert!(table[1].0 == "panics" && table[1].1.ends_with("FAILED"), "{table:?}");
    let said = text(&output.stderr);
    assert!(said.contains("failed in 2 of 2 sessions: panics: panicked: it is CSV: Unclosed(0)"), "{said}");
    let series = rows::<Series>(folder.path());
    let panicked = series.iter().filter(|row| row.benchmark == "panics");
    let reasons: Vec<_> = panicked.map(|row| (row.stop_reason, row.samples.len())).collect();
    assert_eq!(reasons, [(Some(StopReason::Panicked), 0); 2]);
}

/// `cargo test --benches` and cargo-nextest call the program so: each benchmark is checked and run once.
#[test]
fn without_bench_each_is_tested() {
    let run = |words: &[&str]| Command::new(program()).args(words).output().expect("the program runs");
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    for benchmark in BENCHMARKS {
        assert!(text(&output.stdout).contains(&format!("test {benchmark} ... ok\n")), "{benchmark}");
    }
    assert!(text(&output.stdout).contains("test result: ok. 7 passed; 0 failed"));
    let listed = text(&run(&["--list", "--format", "terse"]).stdout);
    assert_eq!(
        listed.lines().map(|line| line.trim_end_matches(": benchmark")).collect::<Vec<_>>(),
        BENCHMARKS
    );
    assert_eq!(text(&run(&["--list", "--ignored"]).stdout), "");
}

/// A wrong argument, and a policy that cannot be followed, are told in one line with the way out.
#[test]
fn mistakes_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = bench(folder.path(), &["--sesions=3"]);
    assert_eq!(output.status.code(), Some(i32::from(exit::USAGE)));
    assert_eq!(text(&output.stderr), "error: unknown argument \"--sesions\"; did you mean \"--sessions\"?\n");
    let output = bench(folder.path(), &["--max-time=1ms"]);
    assert_eq!(output.status.code(), Some(i32::from(exit::USAGE)));
    assert!(text(&output.stderr).contains("`max_time` is 1ms, less than `min_time` = 5ms"), "{output:?}");
}
