//! Benchmarks of devices, on a machine that has none.

use super::*;

/// The whole suite of devices runs without any library of CUDA: what is skipped is told with the reason, is
/// recorded, and is no failure; what the processor can measure is measured.
#[test]
fn what_is_missing_is_skipped() -> TestResult {
    if std::path::Path::new("/dev/nvidiactl").exists() {
        eprintln!("skipped: this machine has a driver of NVIDIA's");
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let lake = dir.path().join("lake");
    let mut command = benchlake();
    command.args(["run", "gpu", "--sessions", "2", "--no-probe", "--no-counters", "--lake"]).arg(&lake);
    let output = ok(command.output()?)?;
    let said = String::from_utf8(output.stderr)?;
    assert!(said.contains("skipped: gpu.gemm{") && said.contains("no NVIDIA driver"), "{said}");
    assert_eq!(said.matches("skipped: gpu.launch{kind=graph}: ").count(), 1, "once for all sessions: {said}");
    assert!(!said.contains("failed: "), "{said}");
    let skipped = "select count(*) > 100, count(distinct reason), max(reason) from failures";
    assert_eq!(sql(&lake, skipped)?, [["true", "1", "skipped"]]);
    let measured = "select distinct benchmark from measured where metric = 'time' order by 1";
    assert_eq!(sql(&lake, measured)?, [["cpu.gemm"], ["cpu.triad"]]);
    assert_eq!(sql(&lake, "select status from session_status")?, [["ok"], ["ok"]]);
    Ok(())
}
