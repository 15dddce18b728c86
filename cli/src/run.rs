//! `benchlake run`: measure a suite in fresh sessions, deliver the samples.

use crate::{
    args::{Global, Run},
    deliver::{Destination, default_spool},
    failure::Failure,
    output, query,
    sessions::{Tally, launch, numbered},
};
use benchlake_analytics::At;
use benchlake_producers::{
    agent::{exit, interrupt_flag},
    emit::{Forwarder, Spool, SpoolOptions, WhenFull},
    environment::version_control,
    session::{Builtin, SessionSpec, plan},
    suite::Suite,
};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

pub(crate) fn run(args: &Run, global: &Global) -> Result<u8, Failure> {
    let suite = Suite::load(&args.suite)?;
    let label = args.suite.display().to_string();
    let from_environment = || std::env::var("BENCHLAKE_LAKE").ok().filter(|lake| !lake.is_empty());
    let unnamed = args.brokers.is_none() && args.spool.is_none();
    let lake = args.lake.clone().or_else(|| if unnamed { from_environment() } else { None });
    if args.kafka.show_config {
        return show_config(args, lake.as_deref());
    }
    let mut destination = match (&lake, &args.brokers) {
        (Some(lake), _) => Destination::lake(lake)?,
        (None, Some(brokers)) => Destination::kafka(args.kafka.cluster(brokers)?, args.partitions)?,
        (None, None) if args.spool.is_some() => Destination::Spool,
        (None, None) => {
            return Err(Failure::usage(
                "nowhere to put the samples: name a lake (--lake DIR), Kafka (--brokers HOST:PORT), or a spool to deliver later (--spool DIR)",
            ));
        }
    };
    let spool = spool_folder(args, lake.as_deref());
    let when_full = if args.spool_drop { WhenFull::DropNewest } else { WhenFull::Block };
    let folder = args.suite.canonicalize().ok().and_then(|path| path.parent().map(Path::to_owned));
    let template = SessionSpec {
        filter: args.filter.clone(),
        seed: args.seed,
        tags: args.tags.iter().cloned().collect(),
        version_control: folder.and_then(|folder| version_control(&folder)),
        spool_options: SpoolOptions { max_bytes: args.spool_max << 20, when_full, ..SpoolOptions::default() },
        ..SessionSpec::new(&suite, &label, spool, destination.partitions())
    };
    let code = measure(&suite, &template, args.sessions, &mut destination, global)?;
    if let Some(lake) = &lake {
        let parameters = [("run".to_owned(), template.run_id.to_string())].into();
        query::print_named(lake, &At::Latest, "summary", &parameters)?;
    }
    Ok(code)
}

/// Nothing is measured, connected to or made.
fn show_config(args: &Run, lake: Option<&str>) -> Result<u8, Failure> {
    let mut options = vec![
        ("suite", args.suite.display().to_string()),
        ("sessions", args.sessions.to_string()),
        ("seed", args.seed.to_string()),
        ("spool", spool_folder(args, lake).display().to_string()),
        ("spool_max", args.spool_max.to_string()),
        ("spool_drop", args.spool_drop.to_string()),
    ];
    if let Some(lake) = lake {
        options.push(("lake", lake.to_owned()));
    }
    let Some(brokers) = &args.brokers else { return output::config(&options, None) };
    options.push(("partitions", args.partitions.to_string()));
    output::config(&options, Some(&Forwarder::config(&args.kafka.cluster(brokers)?)))
}

/// The spool that was named, or the destination's own.
fn spool_folder(args: &Run, lake: Option<&str>) -> PathBuf {
    args.spool.clone().unwrap_or_else(|| default_spool(&absolute(lake.or(args.brokers.as_deref()))))
}

/// A path as it is found from anywhere; other texts as they are.
fn absolute(destination: Option<&str>) -> String {
    let text = destination.unwrap_or_default();
    if text.contains("://") || text.contains(':') {
        return text.to_owned();
    }
    std::path::absolute(PathBuf::from(text))
        .map_or_else(|_| text.to_owned(), |path| path.display().to_string())
}

/// Measures `sessions` sessions and delivers after each; also what `demo` does.
pub(crate) fn measure(
    suite: &Suite,
    template: &SessionSpec,
    sessions: u32,
    destination: &mut Destination,
    global: &Global,
) -> Result<u8, Failure> {
    let benchmarks = plan(&Builtin, suite, &template.label, template.filter.as_deref())?.len();
    // An unwritable spool is told before anything is measured.
    drop(Spool::open(&template.spool, template.partitions, template.spool_options)?);
    let interrupted = interrupt_flag()?;
    let bar = output::bar(global, u64::from(sessions) * benchmarks as u64);
    let program = std::env::current_exe()?;
    let mut tally = Tally::default();
    let mut delivery = Ok(());
    for position in 0..sessions {
        launch(&program, numbered(template, position), &interrupted, &bar, &mut tally, global)?;
        delivery = destination.deliver(&template.spool);
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
    }
    bar.finish_and_clear();
    summary(template, &tally, &interrupted, global);
    delivery.map_err(|failure| Failure {
        code: failure.code,
        message: format!(
            "{}; what was measured is kept in the spool {}: {}",
            failure.message,
            template.spool.display(),
            destination.advice()
        ),
    })?;
    Ok(match (interrupted.load(Ordering::Relaxed), tally.failed) {
        (true, _) => exit::INTERRUPTED,
        (false, 0) => exit::OK,
        (false, _) => exit::PARTLY,
    })
}

fn summary(template: &SessionSpec, tally: &Tally, interrupted: &AtomicBool, global: &Global) {
    let mut text = format!("run {}: {} sessions ok", template.run_id, tally.ok);
    if tally.failed > 0 {
        text.push_str(&format!(", {} failed", tally.failed));
    }
    text.push_str(&format!(", {} benchmarks measured", tally.measured));
    if interrupted.load(Ordering::Relaxed) {
        text.push_str("; interrupted: what was measured is kept");
    }
    output::remark(global, &text);
}
