//! The sampler beside criterion and divan, A/A comparisons, and a planted slowdown.
//!
//!     cargo xtask bench measure
//!
//! Exits 0 whatever the figures are. The program is also what it measures with: `agent session` is
//! one session, as of every program that measures.

mod bias;
mod comparison;
mod peer;
mod rule;
mod session;
mod share;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::time::Instant;

/// The sampler beside criterion and divan, A/A comparisons, and a planted slowdown
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Processes of each tool for bias and spread; 0 leaves that part out
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Comparisons of each kind of work; 0 leaves that part out
    #[arg(long, default_value_t = 10)]
    repeats: usize,
}

#[derive(Subcommand)]
enum Command {
    /// What a launcher starts
    #[command(subcommand, hide = true)]
    Agent(Agent),
}

#[derive(Subcommand)]
enum Agent {
    /// Measure one session
    Session,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(Command::Agent(Agent::Session)) = arguments.command {
        return session::measure();
    }
    let start = Instant::now();
    if arguments.rounds > 0 {
        bias::bias(arguments.rounds)?;
    }
    if arguments.repeats > 0 {
        comparison::comparisons(arguments.repeats)?;
    }
    println!("\n{:.0} s in all", start.elapsed().as_secs_f64());
    Ok(())
}
