//! `benchlake functions`: what SQL has for statistics.

use crate::{args::Functions, failure::Failure, output, sql};
use benchlake_analytics::{
    format::{self, Format},
    functions::{self, Function},
};
use benchlake_producers::agent::exit;
use tokio::runtime::Runtime;

pub(crate) fn run(args: &Functions) -> Result<u8, Failure> {
    let named = args.name.as_deref().map(functions::find).transpose()?;
    match (named, args.format.get()) {
        (None, Format::Table) => list(),
        (Some(function), Format::Table) => explain(function)?,
        (None, form) => sql::print(&functions::rows(functions::all())?, form)?,
        (Some(function), form) => sql::print(&functions::rows([function])?, form)?,
    }
    Ok(exit::OK)
}

fn list() {
    let width = functions::all().map(|function| function.signature().chars().count()).max().unwrap_or(0);
    let mut family = None;
    for function in functions::all() {
        if family.replace(function.family) != Some(function.family) {
            output::print(&format!("\n{}", function.family.title()));
        }
        output::print(&format!("  {:<width$}  {}", function.signature(), function.headline()));
    }
    output::print("\n`benchlake functions NAME` explains one, with formula, source and example.");
}

fn explain(function: &Function) -> Result<(), Failure> {
    output::print(&format!("{} → {}", function.signature(), function.returns));
    if let Some(aggregate) = function.aggregate_signature() {
        output::print(&format!("{aggregate} over rows"));
    }
    output::print(&format!("\n{}\n", function.what));
    for (what, text) in [("Formula:", function.formula), ("Source: ", function.source)] {
        if !text.is_empty() {
            output::print(&format!("{what} {text}"));
        }
    }
    let answer = Runtime::new()?.block_on(function.run_example())?;
    let value = format::rows(&answer)?;
    output::print(&format!("Example: SELECT {}", function.example));
    output::print(&format!("Value:   {}", value[0][0]));
    Ok(())
}
