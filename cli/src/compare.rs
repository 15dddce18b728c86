//! `benchlake compare`: one selection against another.

use crate::{
    args::{Compare, Global},
    failure::Failure,
    output, sql,
};
use benchlake_analytics::{
    Lake,
    decide::{self, Comparison, FailOn, Form, Options, Policy, explain},
};
use benchlake_producers::agent::exit;
use std::{fs, io::Write, path::Path};
use tokio::runtime::Runtime;

pub(crate) fn run(args: &Compare, global: &Global) -> Result<u8, Failure> {
    let options = options(args)?;
    let comparison = compared(args, global, &options)?;
    match &args.explain {
        Some(benchmark) => print(&explain(&comparison, benchmark)?)?,
        None => write(&comparison, args, global)?,
    }
    let fails = args.fail_on.is_some_and(|least| comparison.fails(least.into()));
    Ok(if fails { exit::REGRESSION } else { exit::OK })
}

fn options(args: &Compare) -> Result<Options, Failure> {
    // An empty variable is none, as everywhere.
    let file = args.policy.as_deref().filter(|file| !file.as_os_str().is_empty());
    let mut policy = file.map_or_else(|| Ok(Policy::default()), Policy::load)?;
    policy.level = args.level.unwrap_or(policy.level);
    Ok(Options {
        metric: Some(args.metric.clone()),
        filter: args.filter.clone(),
        across: args.across.clone(),
        policy,
        seed: args.seed,
        policy_file: file.map(|file| file.display().to_string()),
    })
}

fn compared(args: &Compare, global: &Global, options: &Options) -> Result<Comparison, Failure> {
    let Some(lake) = &args.lake.lake else {
        return Err(Failure::usage("which lake? name it with --lake DIR or BENCHLAKE_LAKE"));
    };
    let line = output::spinner(global);
    line.set_message("comparing");
    let comparison = Runtime::new()?.block_on(async {
        let lake = Lake::open(lake, &args.lake.at).await?;
        Ok::<_, Failure>(decide::compare(&lake, &args.base, &args.new, options).await?)
    });
    line.finish_and_clear();
    comparison
}

/// The comparison in its form, to a file or standard output; beside a file the table.
fn write(comparison: &Comparison, args: &Compare, global: &Global) -> Result<(), Failure> {
    let least = args.fail_on.map_or_else(FailOn::default, FailOn::from);
    let screen = output::screen(global);
    let Some(out) = &args.out else {
        return print(&comparison.written(args.format, screen, least)?);
    };
    save(out, &comparison.written(args.format, Default::default(), least)?)?;
    print(&comparison.written(Form::Table, screen, least)?)
}

fn print(text: &str) -> Result<(), Failure> {
    sql::to_stdout(|out| Ok(out.write_all(text.as_bytes())?))
}

fn save(out: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::internal(format!("--out {} cannot be written: {error}", out.display()));
    fs::write(out, text).map_err(failed)
}
