//! A fleet that is not there.

use super::*;

const STEP: &str = "simulate --nodes 6 --sessions 8 --series 6 --samples 20 --regress cpu.gemm=1.10@4";

fn land(from: &[&str], lake: &Path) -> Result<String, Box<dyn Error>> {
    let mut land = benchlake();
    land.args(["land", "--until-idle"]).args(from).arg("--lake").arg(lake);
    Ok(String::from_utf8(ok(land.output()?)?.stderr)?)
}

/// Rows of sessions and of series, samples and runs of the fleet of `seed`: others use the topics too.
fn counts(lake: &Path, seed: &str) -> Result<Rows, Box<dyn Error>> {
    let fleet = format!("select session_id from sessions where tags['simulated'] = 'true' and seed = {seed}");
    let query = "select count(*) as n, sum(cardinality(samples)), count(distinct run_id) from series";
    let mut counts = sql(lake, &format!("select count(*) from ({fleet})"))?;
    counts.extend(sql(lake, &format!("{query} where session_id in ({fleet})"))?);
    Ok(counts)
}

/// What [`STEP`] makes: 6 nodes · 8 sessions · 2 rows, and of each session 6 series · 20 samples.
fn whole() -> Rows {
    let rows: [&[&str]; 2] = [&["96"], &["288", "5760", "8"]];
    rows.map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).into()
}

/// A simulated fleet lands whole, its step is where it was put, and simulating it again, also into
/// another spool, lands nothing twice.
#[test]
fn a_simulated_fleet_lands_once() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (lake, out) = (dir.path().join("lake"), dir.path().join("report"));
    for name in ["spool", "spool", "another"] {
        let spool = dir.path().join(name).display().to_string();
        ok(benchlake().args(STEP.split(' ')).args(["--seed", "7", "--spool", &spool]).output()?)?;
        land(&["--spool", &spool], &lake)?;
        assert_eq!(counts(&lake, "7")?, whole(), "{name}");
    }
    let steps = sql(
        &lake,
        "select label, round(avg(list_median(\"values\")) filter (where started_at >= timestamp '2026-01-01T04:00:00') \
         / avg(list_median(\"values\")) filter (where started_at < timestamp '2026-01-01T04:00:00'), 1) as ratio \
         from measured group by label order by ratio desc, label",
    )?;
    assert!(steps[0][0].starts_with("cpu.gemm{") && steps[0][1] == "1.1", "{steps:?}");
    assert!(steps.len() == 6 && steps[1..].iter().all(|row| row[1] == "1"), "{steps:?}");

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
/// sending the fleet again adds no row.
#[test]
fn a_faulty_fleet_lands_once_through_kafka() -> TestResult {
    let Some(brokers) = real("BENCHLAKE_TEST_BROKERS", "Kafka") else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    // A fleet of its own each time: the topics remember.
    let seed = benchlake_schemas::now().to_string();
    let letters = || -> Result<u64, Box<dyn Error>> {
        Ok(sql(&lake, "select count(*) from dead_letters")?[0][0].parse()?)
    };
    land(&["--brokers", &brokers], &lake)?;
    let mut damaged = letters()?;
    for _ in 0..2 {
        let mut simulate = benchlake();
        simulate.args(STEP.split(' ')).args(["--seed", &seed, "--brokers", &brokers]);
        simulate.args(["--duplicates", "0.2", "--late", "0.3", "--broken", "0.1"]);
        let said = String::from_utf8(ok(simulate.output()?)?.stderr)?;
        assert!(said.contains(" records sent again, "), "{said}");
        let broken = said.trim().rsplit(", ").next().and_then(|last| last.strip_suffix(" damaged messages"));
        damaged += broken.ok_or(said.as_str())?.parse::<u64>()?;
        land(&["--brokers", &brokers], &lake)?;
        assert_eq!((counts(&lake, &seed)?, letters()?), (whole(), damaged));
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
