//! `benchlake compare`: one selection against another.

use crate::{
    args::{Compare, Global},
    baseline,
    failure::Failure,
    output, sql,
};
use benchlake_analytics::{
    At, Lake,
    decide::{self, Comparison, FailOn, Form, Options, Policy, explain, should_move},
    selection::Term,
};
use benchlake_pipeline::{Recorded, record_verdicts};
use benchlake_producers::agent::exit;
use benchlake_schemas::{MovedBy, now};
use regex::Regex;
use std::{fs, io::Write, path::Path};
use tokio::runtime::Runtime;

pub(crate) fn run(args: &Compare, global: &Global) -> Result<u8, Failure> {
    let options = options(args)?;
    let moved = baseline_of(args)?;
    let Some(uri) = &args.lake.lake else {
        return Err(Failure::usage("which lake? name it with --lake DIR or BENCHLAKE_LAKE"));
    };
    let runtime = Runtime::new()?;
    let (lake, comparison) = compared(uri, args, global, &options, &runtime)?;
    tell_idle_rules(&comparison, global);
    match &args.explain {
        Some(benchmark) => print(&explain(&comparison, benchmark)?)?,
        None => write(&comparison, args, global)?,
    }
    if args.record {
        record(uri, &comparison, global, &runtime)?;
    }
    if let Some(name) = moved {
        move_baseline(&lake, name, args, &comparison, global, &runtime)?;
    }
    let fails = args.fail_on.is_some_and(|least| comparison.fails(least.into()));
    Ok(if fails { exit::REGRESSION } else { exit::OK })
}

/// The baseline that is to be moved: the one that is compared with, as it holds now.
fn baseline_of(args: &Compare) -> Result<Option<&str>, Failure> {
    let option = match (&args.accept, args.move_baseline) {
        (Some(_), _) => "--accept",
        (None, true) => "--move-baseline",
        (None, false) => return Ok(None),
    };
    if let Some((given, what)) = obstacle(args) {
        return Err(Failure::usage(format!(
            "{option} moves the baseline as it holds now, for all benchmarks and metrics, but {what}: leave out {given}, or \
             {option}"
        )));
    }
    let name = args.base.terms.iter().find_map(|term| match term {
        Term::Baseline(name) => Some(name.as_str()),
        _ => None,
    });
    name.map(Some).ok_or_else(|| {
        Failure::usage(format!(
            "{option} has no baseline to move: {} is none; compare with baseline:NAME, or set one with `benchlake baseline set`",
            args.base
        ))
    })
}

/// Which option keeps a baseline from being moved, and why: what was not judged would move along, and nobody
/// would be told of its regressions.
fn obstacle(args: &Compare) -> Option<(&'static str, String)> {
    if args.filter.is_some() {
        return Some(("--filter", "--filter judges some of them".to_owned()));
    }
    if !["time", "all"].contains(&args.metric.as_str()) {
        return Some(("--metric", "--metric judges some of them".to_owned()));
    }
    let earlier = format!("--at {} compares with an earlier state", args.lake.at);
    (args.lake.at != At::Latest).then_some(("--at", earlier))
}

/// Rules that fit nothing are perhaps a typo.
fn tell_idle_rules(comparison: &Comparison, global: &Global) {
    let platform = comparison.new.platforms.first().map_or("", String::as_str);
    let idle =
        comparison.options.policy.idle_rules(&comparison.compared, comparison.options.metric(), platform);
    if !idle.is_empty() {
        let file = comparison.options.policy_file.as_deref().unwrap_or("policy");
        output::remark(global, &format!("{file}: nothing that was compared fits {}", idle.join(", ")));
    }
}

fn record(uri: &str, comparison: &Comparison, global: &Global, runtime: &Runtime) -> Result<(), Failure> {
    let verdicts = comparison.verdicts(now());
    let recorded = runtime.block_on(record_verdicts(uri, &comparison.id, &verdicts))?;
    output::remark(
        global,
        &match recorded {
            Recorded::Landed { rows } => format!("recorded {rows} verdicts of comparison {}", comparison.id),
            Recorded::Known => format!("comparison {} was recorded before", comparison.id),
        },
    );
    Ok(())
}

/// Moves the baseline to the sessions that were judged: by a person's word, or by the policy.
fn move_baseline(
    lake: &Lake,
    name: &str,
    args: &Compare,
    comparison: &Comparison,
    global: &Global,
    runtime: &Runtime,
) -> Result<(), Failure> {
    let (moved_by, reason) = match &args.accept {
        Some(reason) => (MovedBy::Person, reason.as_str()),
        None => match should_move(
            comparison.options.policy.baseline.moves,
            &comparison.outcomes(),
            comparison.only_base.len(),
        ) {
            Ok(reason) => (MovedBy::Policy, reason),
            Err(why) => {
                output::remark(global, &format!("baseline {name} stays: {why}"));
                return Ok(());
            }
        },
    };
    if args.metric != "all" {
        let told =
            format!("baseline {name}: `{}` alone was judged; --metric all judges the rest too", args.metric);
        output::remark(global, &told);
    }
    runtime.block_on(baseline::move_to(lake, name, &comparison.judged, moved_by, reason, global))?;
    Ok(())
}

fn options(args: &Compare) -> Result<Options, Failure> {
    // An empty variable is none, as everywhere.
    let file = args.policy.as_deref().filter(|file| !file.as_os_str().is_empty());
    let mut policy = file.map_or_else(|| Ok(Policy::default()), Policy::load)?;
    policy.level = args.level.unwrap_or(policy.level);
    Ok(Options {
        metric: Some(args.metric.clone()),
        filter: args.filter.as_ref().map(Regex::to_string),
        across: args.across.clone(),
        policy,
        seed: args.seed,
        policy_file: file.map(|file| file.display().to_string()),
        budget: None,
    })
}

fn compared(
    uri: &str,
    args: &Compare,
    global: &Global,
    options: &Options,
    runtime: &Runtime,
) -> Result<(Lake, Comparison), Failure> {
    let line = output::spinner(global);
    line.set_message("comparing");
    let compared = runtime.block_on(async {
        let lake = Lake::open(uri, &args.lake.at).await?;
        let comparison = decide::compare(&lake, &args.base, &args.new, options).await?;
        Ok::<_, Failure>((lake, comparison))
    });
    line.finish_and_clear();
    compared
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
