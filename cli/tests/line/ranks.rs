//! Several processes that measure together, on one machine.

use super::*;

const SUITE: &str = r#"
name = "together"
[policy]
warmup = "5ms"
warmup_max = "50ms"
min_time = "20ms"
max_time = "2s"
[[benchmark]]
workload = "ranks.barrier"
ranks = [2, 3]
[[benchmark]]
workload = "cpu.reduce"
n = 1024
"#;

/// A benchmark of two ranks has the samples of both, in step; one that needs more is skipped with the way out, and
/// what needs no others is measured by the first.
#[test]
fn ranks_measure_together() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (suite, lake) = (dir.path().join("suite.toml"), dir.path().join("lake"));
    fs::write(&suite, SUITE)?;
    let run = |more: &[&str]| {
        let mut command = benchlake();
        command.arg("run").arg(&suite).arg("--lake").arg(&lake);
        command.args(["--sessions", "2", "--no-probe", "--no-counters"]).args(more).output()
    };
    let output = ok(run(&["--ranks", "2"])?)?;
    let said = String::from_utf8(output.stderr)?;
    assert!(said.contains("it needs 3 ranks, and this session has 2"), "{said}");
    let measured = "select benchmark, rank, count(*) from series \
                    where phase = 'measure' and cardinality(samples) > 0 group by benchmark, rank order by 1, 2";
    assert_eq!(
        sql(&lake, measured)?,
        [["cpu.reduce", "0", "2"], ["ranks.barrier", "0", "2"], ["ranks.barrier", "1", "2"]]
    );
    let in_step = "select count(*) from series a join series b on a.session_id = b.session_id and a.phase = b.phase \
                   and a.benchmark_id = b.benchmark_id and a.rank = 0 and b.rank = 1 \
                   where a.iterations = b.iterations and cardinality(a.samples) = cardinality(b.samples)";
    assert_eq!(sql(&lake, in_step)?, [["4"]]);
    assert_eq!(
        sql(&lake, "select count(*), min(world_size) from session_status where status = 'ok'")?,
        [["2", "2"]]
    );
    let text = String::from_utf8(run(&["--devices", "0,0"])?.stderr)?;
    assert!(text.contains("0 is there twice"), "{text}");
    Ok(())
}
