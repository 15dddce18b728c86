//! `quick`, `test` and `golden`.

use crate::{
    check, kafka,
    ports::Ports,
    python, s3, setup,
    step::{Steps, on_path, run},
    workspace::Workspace,
};
use anyhow::{Context as _, Result};
use std::{
    env, fs,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

/// Formatting, the unit tests of all libraries, and all tests of the schemas.
///
/// One call of `cargo test` over the whole workspace: selecting packages would change the features
/// of shared dependencies and build them anew.
pub(crate) fn quick(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::default();
    let outcome = steps.run("formatting", || check::formatting(workspace)).and_then(|()| {
        steps.run("fast tests", || {
            let mut tests = workspace.cargo(["test", "--workspace", "--lib"]);
            for name in integration_tests(workspace, "schemas")? {
                tests.args(["--test", &name]);
            }
            run(&mut tests, "see the failing test above")
        })
    });
    steps.print_times();
    outcome
}

/// What CI runs.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::default();
    let outcome = steps
        .run("setup", || setup::setup(workspace))
        .and_then(|()| check::steps_of(workspace, &mut steps))
        .and_then(|()| all_tests(workspace, &mut steps));
    steps.print_times();
    outcome
}

fn all_tests(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    with_servers(workspace, steps, |steps| {
        steps.run("all tests", || {
            let mut tests = workspace.cargo(["test", "--workspace", "--locked", "--no-fail-fast"]);
            run(with_services(workspace, &mut tests)?, "see the failing tests above")
        })?;
        steps.run("fault rounds", || fault_rounds(workspace, 30, None, None))
    })
}

/// `faults`: the harness alone.
pub(crate) fn faults(
    workspace: &Workspace,
    rounds: u64,
    seed: Option<u64>,
    round: Option<u64>,
) -> Result<()> {
    with_servers(workspace, &mut Steps::default(), |_| fault_rounds(workspace, rounds, seed, round))
}

fn fault_rounds(workspace: &Workspace, rounds: u64, seed: Option<u64>, round: Option<u64>) -> Result<()> {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let mut test = workspace.cargo(["test", "--workspace", "--locked", "--quiet", "--test", "faults", "--"]);
    test.args(["--rounds", &rounds.to_string(), "--seed", &seed.unwrap_or_else(now).to_string()]);
    if let Some(round) = round {
        test.args(["--round", &round.to_string()]);
    }
    // The harness kills the servers, and has this program start them again.
    test.env("BENCHLAKE_TEST_XTASK", env::current_exe()?);
    run(with_services(workspace, &mut test)?, "it printed how to repeat the round that failed")
}

/// Does `work` with Kafka and S3 up, and leaves each as it was found: up if it was up, else stopped.
fn with_servers(
    workspace: &Workspace,
    steps: &mut Steps,
    work: impl FnOnce(&mut Steps) -> Result<()>,
) -> Result<()> {
    let (kafka_was_up, s3_was_up) = (kafka::is_up(workspace), s3::is_up(workspace));
    let outcome = steps
        .run("Kafka up", || kafka::up(workspace, false))
        .and_then(|_| steps.run("S3 up", || s3::up(workspace, false)))
        .and_then(|()| work(steps));
    // The work's own failure is the one to tell; a failed stop matters only without it.
    let kafka = if kafka_was_up { Ok(()) } else { steps.run("Kafka down", || kafka::down(workspace, false)) };
    let s3 = if s3_was_up { Ok(()) } else { steps.run("S3 down", || s3::down(workspace, false)) };
    outcome.and(kafka).and(s3)
}

/// Rewrites the golden files of the schemas and the snapshots of the reports.
pub(crate) fn golden(workspace: &Workspace) -> Result<()> {
    let mut tests =
        workspace.cargo(["test", "--package", "benchlake-schemas", "--package", "benchlake-analytics"]);
    run(tests.env("BLESS", "1").env("INSTA_UPDATE", "always"), "see the failing test above")?;
    eprintln!("golden: look at `git diff` before you commit it");
    Ok(())
}

/// Tells the tests where the real parts are. A test whose part is not named skips, and says so.
pub(crate) fn with_services<'c>(workspace: &Workspace, tests: &'c mut Command) -> Result<&'c mut Command> {
    tests.env("BENCHLAKE_TEST_BROKERS", Ports::find()?.plain().to_string());
    tests.env("BENCHLAKE_TEST_TLS", kafka::tls_folder(workspace));
    tests.env("BENCHLAKE_TEST_PYTHON", workspace.python());
    tests.env("BENCHLAKE_TEST_NVRTC", python::nvrtc(workspace)?);
    tests.envs(s3::variables(workspace));
    if let Some(chromium) = on_path("chromium") {
        tests.env("BENCHLAKE_TEST_CHROMIUM", chromium);
    }
    Ok(tests)
}

/// The names of a crate's integration tests.
fn integration_tests(workspace: &Workspace, folder: &str) -> Result<Vec<String>> {
    let tests = workspace.path(folder).join("tests");
    let entries = fs::read_dir(&tests).with_context(|| format!("cannot list {}", tests.display()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let names = files.filter(|file| file.extension().is_some_and(|kind| kind == "rs"));
    Ok(names.filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned())).collect())
}
