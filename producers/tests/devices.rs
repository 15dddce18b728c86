//! What is read through NVML, from a library that answers like it, and which libraries sessions find.

use benchlake_producers::{
    environment, gpu,
    session::{
        SessionSpec,
        supervise::{Told, supervise},
    },
    suite::Suite,
};
use serde_json::{Value, json};
use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::AtomicBool,
};

type TestResult = Result<(), Box<dyn Error>>;

/// Where the process that a test starts puts its answer: another one, as its environment is another.
const ANSWER: &str = "BENCHLAKE_TEST_DEVICES_ANSWER";

/// A file beside this one.
fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/devices").join(name)
}

fn compile(source: &str, to: &Path, flags: &[&str]) -> TestResult {
    let warnings = ["-Wall", "-Wextra", "-Werror"];
    let status =
        Command::new("cc").args(flags).args(warnings).arg("-o").arg(to).arg(beside(source)).status()?;
    assert!(status.success());
    Ok(())
}

/// The answer of the test `name` in another process, with these variables.
fn answer(name: &str, folder: &Path, variables: &[(&str, &Path)]) -> Result<Value, Box<dyn Error>> {
    let to = folder.join("answer.json");
    let status = Command::new(env::current_exe()?)
        .args(["--exact", name])
        .env(ANSWER, &to)
        .envs(variables.iter().copied())
        .status()?;
    assert!(status.success());
    Ok(serde_json::from_slice(&fs::read(to)?)?)
}

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
    compile("nvml.c", &folder.path().join("libnvidia-ml.so.1"), &["-shared", "-fPIC"])?;
    let variables = [("LD_LIBRARY_PATH", folder.path()), ("CUDA_VISIBLE_DEVICES", Path::new("1"))];
    let answer = answer("a_node_is_read", folder.path(), &variables)?;
    let [devices, environment, conditions]: [Value; 3] = serde_json::from_value(answer)?;
    let recorded: gpu::Devices = serde_json::from_slice(&fs::read(beside("two.json"))?)?;
    assert_eq!(serde_json::from_value::<gpu::Devices>(devices)?, recorded);
    assert_eq!(environment["gpu.devices"], recorded.devices[1].uuid);
    assert_eq!(environment["gpu.0.power.limit"], "600");
    assert_eq!(environment.get("gpu.1.name"), None);
    assert!(conditions.as_array().is_some_and(|all| all.contains(&json!("1: in use by process 31337"))));
    Ok(())
}

/// What the process of a session says of NCCL.
fn started(folder: &Path) -> Result<String, Box<dyn Error>> {
    let suite = Suite::parse("name = \"s\"\n[[benchmark]]\nworkload = \"cpu.triad\"\nn = 1024\n", "s.toml")?;
    let spec = SessionSpec::new(&suite, "s.toml", folder.join("spool"), 4);
    let mut said = Vec::new();
    supervise(&folder.join("loads"), spec, &AtomicBool::new(false), &mut |told| {
        said.extend(match told {
            Told::Said(text) => Some(text),
            Told::Event(_) => None,
        });
    })?;
    Ok(said.join("\n"))
}

/// The loader of a session's process finds a library that lies elsewhere under another name, as on a machine with
/// packages of pip; where there is no driver it is left alone.
#[test]
fn sessions_find_libraries() -> TestResult {
    if let Some(to) = env::var_os(ANSWER) {
        let folder = env::var_os("XDG_CACHE_HOME").ok_or("no folder")?;
        return Ok(fs::write(to, json!(started(Path::new(&folder))?).to_string())?);
    }
    let folder = tempfile::tempdir()?;
    let (packages, driver) = (folder.path().join("nvidia/nccl/lib"), folder.path().join("driver"));
    fs::create_dir_all(&packages)?;
    fs::create_dir_all(&driver)?;
    compile("loads.c", &folder.path().join("loads"), &["-ldl"])?;
    compile("nvml.c", &packages.join("libnccl.so.2"), &["-shared", "-fPIC"])?;
    let variables = [
        ("LD_LIBRARY_PATH", driver.as_path()),
        ("BENCHLAKE_CUDA_PATH", folder.path()),
        ("XDG_CACHE_HOME", folder.path()),
    ];
    let said = || answer("sessions_find_libraries", folder.path(), &variables).map(|said| said.to_string());
    let without = said()?;
    // A machine with a real driver links it all the same.
    if gpu::devices().is_err() {
        assert!(without.contains("libnccl.so: cannot open"), "{without}");
    }
    fs::write(driver.join("libcuda.so.1"), "")?;
    let with = said()?;
    assert!(with.contains("it is loaded"), "{with}");
    Ok(())
}
