//! What is read through NVML, from a library that answers like it.

use benchlake_producers::{environment, gpu};
use serde_json::{Value, json};
use std::{env, error::Error, fs, path::Path, process::Command};

type TestResult = Result<(), Box<dyn Error>>;

/// Set in the process that reads: a loader's path is that of its start.
const READS: &str = "BENCHLAKE_TEST_READS_NVML";
/// What a line of the answer begins with.
const ANSWER: &str = "answer: ";

/// Units, codes and layouts of NVML are read as its header has them: a library with the answers of a node is that
/// node. A session sees of it what `CUDA_VISIBLE_DEVICES` says, and doctor tells what is wrong with it.
#[test]
fn a_node_is_read() -> TestResult {
    if env::var_os(READS).is_some() {
        let conditions: Vec<String> =
            gpu::conditions().into_iter().map(|condition| condition.found).collect();
        let answer = json!([gpu::devices()?, environment::probe(), conditions]);
        println!("\n{ANSWER}{answer}");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/devices");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(folder.path().join("libnvidia-ml.so.1"))
        .arg(here.join("nvml.c"))
        .status()?;
    assert!(compiled.success());
    let output = Command::new(env::current_exe()?)
        .args(["--exact", "a_node_is_read", "--nocapture"])
        .env(READS, "1")
        .env("LD_LIBRARY_PATH", folder.path())
        .env("CUDA_VISIBLE_DEVICES", "1")
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().find_map(|line| line.strip_prefix(ANSWER)).ok_or("no answer")?;
    let [devices, environment, conditions]: [Value; 3] = serde_json::from_str(line)?;
    let recorded: gpu::Devices = serde_json::from_str(&fs::read_to_string(here.join("two.json"))?)?;
    assert_eq!(serde_json::from_value::<gpu::Devices>(devices)?, recorded);
    assert_eq!(environment["gpu.devices"], recorded.devices[1].uuid);
    assert_eq!(environment["gpu.0.power.limit"], "600");
    assert_eq!(environment.get("gpu.1.name"), None);
    assert!(conditions.as_array().is_some_and(|all| all.contains(&json!("1: in use by process 31337"))));
    Ok(())
}
