//! benchlake: did this change, driver or node make us slower?
//!
//! Parse, dispatch, exit code: the work is in the libraries.

mod args;
mod arms;
mod baseline;
mod compare;
mod dead_letters;
mod deliver;
mod demo;
mod doctor;
mod failure;
mod functions;
mod generate;
mod lake;
mod land;
mod live;
mod maintain;
mod output;
mod query;
mod report;
mod reproducibility;
mod rounds;
mod run;
mod serve;
mod sessions;
mod shell;
mod simulate;
mod sql;

use args::{Args, Command};
use benchlake_producers::{agent, counters::CountingAllocator};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

/// Counts what workloads allocate, in a pass of its own.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::system();

fn main() -> ExitCode {
    let args = Args::parse();
    output::start_logging(&args.global);
    benchlake_pipeline::register_stores();
    match dispatch(&args) {
        Ok(code) => code.into(),
        Err(failure) => {
            output::error(&args.global, &failure.message);
            failure.code.into()
        }
    }
}

fn dispatch(args: &Args) -> Result<u8, Failure> {
    let global = &args.global;
    match &args.command {
        Command::Demo(demo) => demo::run(demo, global),
        Command::Run(run) => run::run(run, global),
        Command::Simulate(simulate) => simulate::run(simulate, global),
        Command::Land(land) => land::run(land, global),
        Command::Sql(sql) => sql::run(sql, global),
        Command::Query(query) => query::run(query),
        Command::Functions(functions) => functions::run(functions),
        Command::Report(report) => report::run(report, global),
        Command::Compare(compare) => compare::run(compare, global),
        Command::Baseline(command) => baseline::run(command, global),
        Command::Reproducibility(asked) => reproducibility::run(asked, global),
        Command::Lake(command) => lake::run(command, global),
        Command::DeadLetters(command) => dead_letters::run(command, global),
        Command::Doctor(doctor) => doctor::run(doctor),
        Command::Agent { command } => agent::run(command, &|text| output::remark(global, text))
            .map_err(|error| Failure { code: agent::exit_code(error.as_ref()), message: error.to_string() }),
        Command::Completions { shell } => generate::completions(*shell),
        Command::Man { out } => generate::man(out.as_deref()),
    }
}
