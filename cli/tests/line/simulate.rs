//! A fleet that is not there.

use super::*;

const STEP: [&str; 12] = [
    "simulate",
    "-q",
    "--nodes",
    "6",
    "--sessions",
    "8",
    "--series",
    "6",
    "--samples",
    "20",
    "--regress",
    "cpu.gemm=1.10@4",
];

fn land(from: &[&str], lake: &Path) -> Result<String, Box<dyn Error>> {
    let mut land = benchlake();
    land.args(["land", "--until-idle"]).args(from).arg("--lake").arg(lake);
    Ok(String::from_utf8(ok(land.output()?)?.stderr)?)
}

/// Of the fleet alone: others use the topics too.
fn counts(lake: &Path) -> Result<Rows, Box<dyn Error>> {
    let ours =
        "session_id in (select session_id from sessions where tags['simulated'] = 'true' and seed = 20261)";
    sql(
        lake,
        &format!(
            "select (select count(*) from sessions where {ours}), count(*), sum(cardinality(samples)), \
             count(distinct run_id) from series where {ours}"
        ),
    )
}

/// A simulated fleet lands whole, its step is where it was put, and simulating it again, also into
/// another spool, lands nothing twice.
#[test]
fn a_simulated_fleet_lands_once() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (lake, out) = (dir.path().join("lake"), dir.path().join("report"));
    for name in ["spool", "spool", "another"] {
        let spool = dir.path().join(name).display().to_string();
        ok(benchlake().args(STEP).args(["--seed", "20261", "--spool", &spool]).output()?)?;
        land(&["--spool", &spool], &lake)?;
        assert_eq!(counts(&lake)?, [["96", "288", "5760", "8"]], "{name}");
    }
    let steps = sql(
        &lake,
        "select label, round(avg(list_median(\"values\")) filter (where started_at >= timestamp '2026-01-01T04:00:00') \
         / avg(list_median(\"values\")) filter (where started_at < timestamp '2026-01-01T04:00:00'), 1) as ratio \
         from measured group by label order by ratio desc, label",
    )?;
    assert!(steps[0][0].starts_with("cpu.gemm{") && steps[0][1] == "1.1", "{steps:?}");
    assert!(steps.len() == 6 && steps[1..].iter().all(|row| row[1] == "1.0"), "{steps:?}");

    let verified = ok(benchlake().args(["lake", "verify", "--lake"]).arg(&lake).output()?)?;
    assert!(String::from_utf8(verified.stdout)?.contains(": whole"));
    let trend = ["query", "trend", "-p", "benchmark=cpu.gemm", "--format", "csv", "--lake"];
    let trend = String::from_utf8(ok(benchlake().args(trend).arg(&lake).output()?)?.stdout)?;
    assert_eq!(trend.lines().count(), 9, "{trend}");
    ok(benchlake().args(["report", "--out"]).arg(&out).arg("--lake").arg(&lake).output()?)?;
    let plots = fs::read_dir(out.join("plots"))?.filter_map(Result::ok);
    assert_eq!(plots.filter(|file| file.path().extension().is_some_and(|kind| kind == "png")).count(), 6);
    Ok(())
}

/// Through a real Kafka with every fault: each row lands once, damaged messages are dead letters, and
/// sending the fleet again adds neither row.
#[test]
fn a_faulty_fleet_lands_once_through_kafka() -> TestResult {
    let Some(brokers) = real("BENCHLAKE_TEST_BROKERS", "Kafka") else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    let before = || sql(&lake, "select count(*) from dead_letters");
    // What others left in the topics is landed first.
    land(&["--brokers", &brokers], &lake)?;
    let letters: u64 = before()?[0][0].parse()?;
    let faults = ["--duplicates", "0.2", "--late", "0.3", "--broken", "0.1"];
    let mut broken = 0;
    for _ in 0..2 {
        let mut simulate = benchlake();
        simulate.args(STEP.iter().filter(|word| **word != "-q")).args([
            "--seed",
            "20261",
            "--brokers",
            &brokers,
        ]);
        let said = String::from_utf8(ok(simulate.args(faults).output()?)?.stderr)?;
        assert!(said.contains("records sent again") && said.contains("records sent late"), "{said}");
        let count = said.split(", ").find_map(|part| part.strip_suffix(" damaged messages"));
        let count = count.or_else(|| said.trim().rsplit(", ").next()?.strip_suffix(" damaged messages"));
        broken += count.ok_or_else(|| said.clone())?.parse::<u64>()?;
        land(&["--brokers", &brokers], &lake)?;
        assert_eq!(counts(&lake)?, [["96", "288", "5760", "8"]]);
        assert_eq!(before()?, [[(letters + broken).to_string()]]);
    }
    Ok(())
}

/// What cannot be simulated is named.
#[test]
fn wrong_wishes_are_named() -> TestResult {
    let dir = tempfile::tempdir()?;
    let spool = dir.path().join("spool").display().to_string();
    let cases: [(&[&str], &[&str]); 5] = [
        (&["--late", "0.1"], &["--brokers", "spool"]),
        (&["--regress", "cpu.gem=1.05@1"], &["cpu.gem", "cpu.gemm"]),
        (&["--regress", "cpu.gemm=1.05@10"], &["session 10", "0 to 9"]),
        (&["--tails", "2"], &["--tails", "between 0 and 1"]),
        (&["--every", "9000years"], &["--every"]),
    ];
    for (words, says) in cases {
        let output = benchlake().args(["simulate", "--spool", &spool]).args(words).output()?;
        let text = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{words:?}: {text}");
        assert!(says.iter().all(|word| text.contains(word)), "{words:?}: {text}");
    }
    assert!(!Path::new(&spool).exists());
    Ok(())
}
