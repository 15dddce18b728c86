//! `bench`: benchlake measured against its own limits.

use crate::{
    analytics, kafka, scale, startup,
    step::{Steps, run},
    test,
    workspace::Workspace,
};
use anyhow::{Result, bail};
use std::process::Command;

/// A bench: a name, what it shows, and how it is run.
struct Bench {
    name: &'static str,
    shows: &'static str,
    run: Run,
}

/// How a bench is run.
enum Run {
    /// As it is.
    Plain(fn(&Workspace) -> Result<()>),
    /// With options of its own.
    With(fn(&Workspace, &[String]) -> Result<()>),
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "measure",
        shows: "the sampler against criterion and divan; A/A and a planted slowdown",
        run: Run::Plain(measure),
    },
    Bench {
        name: "measure-peers",
        shows: "workloads against NumPy and a plain C STREAM",
        run: Run::Plain(measure_peers),
    },
    Bench {
        name: "landing",
        shows: "the lander against the encoder alone and against JSON a sample; its latency; old tables",
        run: Run::Plain(landing),
    },
    Bench {
        name: "landing-scale",
        shows: "the lander before ten thousand nodes and a backlog of 20 GB",
        run: Run::Plain(landing_scale),
    },
    Bench {
        name: "landing-hour",
        shows: "the memory of a lander that looks after its lake, for an hour",
        run: Run::Plain(landing_hour),
    },
    Bench {
        name: "startup",
        shows: "size and start of the two programs against their limits",
        run: Run::Plain(startup::startup),
    },
    Bench {
        name: "analytics",
        shows: "summaries and comparisons against DuckDB, Polars, chdb and NumPy on the same data",
        run: Run::With(analytics::analytics),
    },
    Bench {
        name: "decisions",
        shows: "how often intervals, verdicts and suites of them are right, on simulated machines",
        run: Run::With(analytics::decisions),
    },
];

/// The names that `bench` takes.
pub(crate) fn names() -> Vec<&'static str> {
    BENCHES.iter().map(|bench| bench.name).collect()
}

/// Runs the named bench with its options, or all of them.
pub(crate) fn bench(workspace: &Workspace, name: Option<&str>, options: &[String]) -> Result<()> {
    let mut steps = Steps::default();
    let mut failed = Vec::new();
    for bench in BENCHES.iter().filter(|bench| name.is_none_or(|name| name == bench.name)) {
        let title = format!("{}: {}", bench.name, bench.shows);
        if let Err(error) = steps.run(&title, || bench.run(workspace, options)) {
            eprintln!("error: {error:#}");
            failed.push(bench.name);
        }
    }
    steps.print_times();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

impl Bench {
    fn run(&self, workspace: &Workspace, options: &[String]) -> Result<()> {
        match self.run {
            Run::With(run) => run(workspace, options),
            Run::Plain(run) if options.is_empty() => run(workspace),
            Run::Plain(_) => bail!("`{}` takes no options, but was given {}", self.name, options.join(" ")),
        }
    }
}

fn landing(workspace: &Workspace) -> Result<()> {
    with_fresh_kafka(workspace, || {
        let mut bench = workspace.cargo(["bench", "--workspace", "--bench", "landing"]);
        run(test::with_services(workspace, &mut bench)?, "see what it says")
    })
}

fn landing_scale(workspace: &Workspace) -> Result<()> {
    with_fresh_kafka(workspace, || scale::scale(workspace))
}

fn landing_hour(workspace: &Workspace) -> Result<()> {
    with_fresh_kafka(workspace, || scale::hour(workspace))
}

/// Gigabytes of messages are no legacy for the tests.
fn with_fresh_kafka(workspace: &Workspace, work: impl FnOnce() -> Result<()>) -> Result<()> {
    kafka::up(workspace, true)?;
    let outcome = work();
    kafka::up(workspace, true)?;
    outcome.and(kafka::down(workspace, false))
}

/// A package of its own, so that what is compared against is no dependency of benchlake.
fn measure(workspace: &Workspace) -> Result<()> {
    let target = workspace.target().join("measure-peers");
    let manifest = ["--manifest-path", "infra/measure-peers/Cargo.toml"];
    let mut build = workspace.cargo(["build", "--release", "--locked", "--bins", "--target-dir"]);
    run(build.arg(&target).args(manifest), "mend what it names")?;
    run(&mut Command::new(target.join("release/measure-peers")), "see what it says")
}

fn measure_peers(workspace: &Workspace) -> Result<()> {
    let mut bench = workspace.cargo(["bench", "--package", "benchlake-producers", "--bench", "peers"]);
    run(test::with_services(workspace, &mut bench)?, "see what it says; `cargo xtask setup` brings NumPy")
}
