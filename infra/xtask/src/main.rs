//! `cargo xtask`: the one place for developer commands.
//!
//! It is the first thing compiled on a bare machine, so it depends on clap and anyhow alone, and on
//! no crate of benchlake.
#![expect(clippy::print_stdout, reason = "a program: its results belong on standard output")]

mod analytics;
mod bench;
mod check;
mod fuzz;
mod go;
mod gpu;
mod jars;
mod kafka;
mod listener;
mod manifests;
mod packages;
mod ports;
mod promtool;
mod python;
mod rules;
mod s3;
mod scale;
mod service;
mod setup;
mod startup;
mod step;
mod test;
mod tls;
mod workspace;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};
use workspace::Workspace;

/// Developer commands of benchlake
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what a bare Debian machine with a Rust toolchain lacks; does nothing twice
    Setup,
    /// Formatting, lints, documentation, dependency rules, licences: all that needs no test
    Check,
    /// Formatting and the fast tests, for while you work
    Quick,
    /// Everything CI runs: setup, check, a real Kafka, a real S3 server, all tests
    Test,
    /// Start the servers of the tests, Kafka and S3, and print the variables that tell tests of them
    Up {
        /// Forget all topics, messages and objects first
        #[arg(long)]
        fresh: bool,
        /// Only this one
        only: Option<Server>,
    },
    /// Stop the servers of the tests; what they hold stays
    Down {
        /// As a crash would: `kill -9`
        #[arg(long)]
        kill: bool,
        /// Only this one
        only: Option<Server>,
    },
    /// Every workload of GPUs on this machine, checked and beside PyTorch, as a lake and a table in Markdown
    Gpu {
        /// A benchlake that was built here or elsewhere [default: target/release/benchlake]
        #[arg(long, value_name = "FILE")]
        benchlake: Option<PathBuf>,
        /// Where the lake and the table go [default: target/gpu]
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        /// Sessions, each a process of its own
        #[arg(long, default_value_t = 3)]
        sessions: u32,
    },
    /// Kill, stop and cut off every part at every step, and hold the lake against the spools
    Faults {
        /// How many rounds
        #[arg(long, default_value_t = 30)]
        rounds: u64,
        /// What decides everything [default: the time]
        #[arg(long)]
        seed: Option<u64>,
        /// Only this round, as a failure prints it
        #[arg(long)]
        round: Option<u64>,
    },
    /// Feed hostile bytes to everything that reads bytes; needs cargo-fuzz
    Fuzz {
        /// Executions of each target
        #[arg(long, default_value_t = 100_000)]
        runs: u64,
        /// Only this target
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(fuzz::TARGETS))]
        target: Option<String>,
    },
    /// Measure benchlake itself against its limits: all benches, or one
    Bench {
        /// Which bench
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(bench::names()))]
        name: Option<String>,
        /// What that bench is told: `analytics` and `decisions` take options, which their `--help` or error lists
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, requires = "name")]
        options: Vec<String>,
    },
    /// Rewrite the golden files and snapshots from what the code does now
    Golden,
}

/// A server of the tests.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Server {
    Kafka,
    S3,
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match Workspace::find().and_then(|workspace| run(&workspace, command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(workspace: &Workspace, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Setup => setup::setup(workspace),
        Command::Check => check::check(workspace),
        Command::Quick => test::quick(workspace),
        Command::Test => test::test(workspace),
        Command::Up { fresh, only } => {
            if only != Some(Server::S3) {
                println!("export BENCHLAKE_TEST_BROKERS={}", kafka::up(workspace, fresh)?);
                println!("export BENCHLAKE_TEST_TLS={:?}", kafka::tls_folder(workspace));
            }
            if only != Some(Server::Kafka) {
                s3::up(workspace, fresh)?;
                for (name, value) in s3::variables(workspace) {
                    println!("export {name}={value:?}");
                }
            }
            Ok(())
        }
        Command::Down { kill, only } => {
            let kafka = if only == Some(Server::S3) { Ok(()) } else { kafka::down(workspace, kill) };
            let s3 = if only == Some(Server::Kafka) { Ok(()) } else { s3::down(workspace, kill) };
            kafka.and(s3)
        }
        Command::Gpu { benchlake, out, sessions } => {
            gpu::gpu(workspace, benchlake.as_deref(), out.as_deref(), sessions)
        }
        Command::Faults { rounds, seed, round } => test::faults(workspace, rounds, seed, round),
        Command::Fuzz { runs, target } => fuzz::fuzz(workspace, runs, target.as_deref()),
        Command::Bench { name, options } => bench::bench(workspace, name.as_deref(), &options),
        Command::Golden => test::golden(workspace),
    }
}
