//! `benchlake query`: named queries.

use crate::{args::Query, failure::Failure, output, sql};
use benchlake_analytics::{
    At, Lake,
    format::Format,
    queries::{self, Parameter, PlotError},
};
use benchlake_producers::agent::exit;
use std::collections::BTreeMap;
use tokio::runtime::Runtime;

pub(crate) fn run(args: &Query) -> Result<u8, Failure> {
    let Some(name) = args.name.as_ref().filter(|_| !args.list) else {
        list();
        return Ok(exit::OK);
    };
    let query = queries::find(name)?;
    let runtime = Runtime::new()?;
    let context = runtime.block_on(sql::open(&args.lake))?;
    if args.lake.lake.is_none() {
        return Err(Failure::usage("which lake? name it with --lake DIR or BENCHLAKE_LAKE"));
    }
    let parameters: BTreeMap<_, _> = args.parameters.iter().cloned().collect();
    let answer = runtime.block_on(query.run(&context, &parameters))?;
    sql::to_stdout(|out| query.write(&answer, args.format.get(), out))?;
    if let Some(path) = &args.plot {
        query.plot(&answer, path).map_err(|error| match error {
            PlotError::Draw { .. } => Failure::internal(error),
            PlotError::Nothing(_) => Failure::nothing(error.to_string()),
            _ => Failure::usage(error.to_string()),
        })?;
    }
    Ok(if answer.rows() == 0 { exit::NOTHING } else { exit::OK })
}

fn list() {
    for query in queries::all() {
        output::print(&format!("{:<18} {}", query.name, query.what));
        for Parameter { name, kind, default, what } in &query.parameters {
            let default = match default.as_deref() {
                None => " (required)".to_owned(),
                Some("") => String::new(),
                Some(default) => format!(" [default: {default}]"),
            };
            output::print(&format!(
                "{:<18}   -p {name}={}  {what}{default}",
                "",
                kind.to_string().to_uppercase()
            ));
        }
    }
}

/// Prints a named query's answer as a table.
pub(crate) fn print_named(
    lake: &str,
    at: &At,
    name: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let query = queries::find(name)?;
    let runtime = Runtime::new()?;
    let answer = runtime.block_on(async {
        let lake = Lake::open(lake, at).await?;
        Ok::<_, Failure>(query.run(&lake.context(), parameters).await?)
    })?;
    sql::to_stdout(|out| query.write(&answer, Format::Table, out))
}
