//! What is read through NVML, from a library that answers like it.

use benchlake_producers::{environment, gpu};
use serde_json::{Value, json};
use std::{env, error::Error, fs, path::Path, process::Command};

type TestResult = Result<(), Box<dyn Error>>;

/// Where the process that reads puts its answer: another one, as a loader's path is that of its start.
const ANSWER: &str = "BENCHLAKE_TEST_NVML_ANSWER";

/// Units, codes and layouts of NVML are read as its header has them: a library with the answers of a node is that
/// node. A session sees of it what `CUDA_VISIBLE_DEVICES` says, and doctor tells what is wrong with it.
#[test]
fn a_node_is_read() -> TestResult {
    if let Some(to) = env::var_os(ANSWER) {
        let conditions: Vec<String> =
            gpu::conditions().into_iter().map(|condition| condition.found).collect();
        let answer = json!([gpu::devices()?, environment::probe(), conditions]);
        return Ok(fs::write(to, answer.to_string())?);
    }
    let folder = tempfile::tempdir()?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/devices");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(folder.path().join("libnvidia-ml.so.1"))
        .arg(here.join("nvml.c"))
        .status()?;
    assert!(compiled.success());
    let answer = folder.path().join("answer.json");
    let read = Command::new(env::current_exe()?)
        .args(["--exact", "a_node_is_read"])
        .env(ANSWER, &answer)
        .env("LD_LIBRARY_PATH", folder.path())
        .env("CUDA_VISIBLE_DEVICES", "1")
        .status()?;
    assert!(read.success());
    let [devices, environment, conditions]: [Value; 3] = serde_json::from_slice(&fs::read(answer)?)?;
    let recorded: gpu::Devices = serde_json::from_str(&fs::read_to_string(here.join("two.json"))?)?;
    assert_eq!(serde_json::from_value::<gpu::Devices>(devices)?, recorded);
    assert_eq!(environment["gpu.devices"], recorded.devices[1].uuid);
    assert_eq!(environment["gpu.0.power.limit"], "600");
    assert_eq!(environment.get("gpu.1.name"), None);
    assert!(conditions.as_array().is_some_and(|all| all.contains(&json!("1: in use by process 31337"))));
    Ok(())
}
