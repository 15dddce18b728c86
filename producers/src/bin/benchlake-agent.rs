//! The agent: measures and forwards on a node. Small and quick to start; knows no lake and no SQL.

use benchlake_producers::{
    agent::{AgentCommand, exit_code, run},
    counters::CountingAllocator,
};
use clap::Parser;
use std::process::ExitCode;

/// Counts what workloads allocate, in a pass of its own.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::system();

/// Measures sessions and forwards spools on one node of a fleet
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done, 1 internal, 2 usage, 4 nothing matched, 5 part failed, 6 Kafka \
unreachable, 130 interrupted"
)]
struct Args {
    #[command(subcommand)]
    command: AgentCommand,
}

fn main() -> ExitCode {
    // Launchers say `agent session` to every program that measures.
    let named = std::env::args_os().nth(1).is_some_and(|word| word == "agent");
    let words = std::env::args_os().enumerate().filter(|(place, _)| !(named && *place == 1));
    match run(&Args::parse_from(words.map(|(_, word)| word)).command, &|text| eprintln!("{text}")) {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("error: {error}");
            exit_code(error.as_ref()).into()
        }
    }
}
