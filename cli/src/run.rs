//! `benchlake run`: measure a suite in fresh sessions, deliver the samples.

use crate::{
    args::{Global, Run, SessionCount},
    arms::{Arm, arms},
    deliver::{Destination, default_spool},
    failure::Failure,
    output, query,
    rounds::{self, Enough, Sessions},
    sessions::{Tally, launch},
};
use benchlake_analytics::At;
use benchlake_producers::{
    agent::{exit, interrupt_flag},
    emit::{Forwarder, Spool, SpoolOptions, WhenFull},
    environment::Topology,
    machine::{self, Placement},
    ranks,
    session::{self, Builtin, SessionSpec},
    suite::{self, Suite},
};
use benchlake_schemas::SessionId;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

pub(crate) fn run(args: &Run, global: &Global) -> Result<u8, Failure> {
    let (suite, label, folder) = load(&args.suite)?;
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
    // Sessions run in the suite's folder.
    let spool = std::path::absolute(spool_folder(args, lake.as_deref()))?;
    let when_full = if args.spool_drop { WhenFull::DropNewest } else { WhenFull::Block };
    let devices = devices(args)?;
    let arms = arms(&args.arms, &suite, &folder, global)?;
    let template = SessionSpec {
        filter: args.filter.clone(),
        seed: args.seed,
        tags: args.tags.iter().cloned().collect(),
        spool_options: SpoolOptions { max_bytes: args.spool_max << 20, when_full, ..SpoolOptions::default() },
        memory_limit: Some(args.memory_limit.map_or_else(memory, |mebibytes| (mebibytes as u64) << 20)),
        counters: !args.no_counters,
        world_size: world_size(args, &devices),
        devices,
        pin: args.pin.clone(),
        numa: args.numa,
        folder: Some(folder.clone()),
        ..SessionSpec::new(&suite, &label, spool, destination.partitions())
    };
    let sessions = match args.sessions {
        SessionCount::Fixed(count) => Sessions::Fixed(count),
        SessionCount::Auto => Sessions::Auto { precision: args.precision, budget: *args.budget },
    };
    let plan = Plan { suite: &suite, template: &template, arms: &arms, sessions, probe: !args.no_probe };
    let code = measure(&plan, &mut destination, global)?;
    if let Some(lake) = &lake {
        let parameters = [("run".to_owned(), template.run_id.to_string())].into();
        query::print_named(lake, &At::Latest, "summary", &parameters)?;
    }
    Ok(code)
}

/// The devices of the ranks; none where none are named.
fn devices(args: &Run) -> Result<Vec<String>, Failure> {
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
    args.devices.as_deref().map_or(Ok(Vec::new()), |list| {
        ranks::devices(list, visible.as_deref(), ranks::visible_devices).map_err(Failure::usage)
    })
}

/// How many processes a session is.
fn world_size(args: &Run, devices: &[String]) -> i64 {
    if devices.is_empty() { args.ranks.into() } else { i64::try_from(devices.len()).unwrap_or(i64::MAX) }
}

/// The suite, how errors call it, and the folder that its programs and its repository are looked for in.
fn load(path: &Path) -> Result<(Suite, String, PathBuf), Failure> {
    let label = path.display().to_string();
    let builtin = suite::BUILTIN.iter().find(|(name, _)| Path::new(name) == path && !path.exists());
    if let Some((_, text)) = builtin {
        return Ok((Suite::parse(text, &label)?, label, std::env::current_dir()?));
    }
    let suite = Suite::load(path)?;
    let folder = path.canonicalize()?.parent().map(Path::to_owned).unwrap_or_default();
    Ok((suite, label, folder))
}

/// Nine tenths of the memory that is available, in bytes.
fn memory() -> u64 {
    Topology::read().memory_available / 10 * 9
}

/// Nothing is measured, connected to or made.
fn show_config(args: &Run, lake: Option<&str>) -> Result<u8, Failure> {
    let mut options = vec![
        ("suite", args.suite.display().to_string()),
        ("seed", args.seed.to_string()),
        ("spool", spool_folder(args, lake).display().to_string()),
        ("spool_max", args.spool_max.to_string()),
        ("spool_drop", args.spool_drop.to_string()),
        ("counters", (!args.no_counters).to_string()),
    ];
    match args.sessions {
        SessionCount::Fixed(count) => options.push(("sessions", count.to_string())),
        SessionCount::Auto => options.extend([
            ("sessions", "auto".to_owned()),
            ("precision", args.precision.to_string()),
            ("budget", args.budget.to_string()),
        ]),
    }
    match &args.devices {
        Some(list) => options.push(("devices", list.clone())),
        None => options.push(("ranks", args.ranks.to_string())),
    }
    options.extend(args.arms.iter().map(|(name, what)| ("arm", format!("{name}={what}"))));
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

/// What is to be measured.
pub(crate) struct Plan<'a> {
    pub(crate) suite: &'a Suite,
    /// What all sessions have in common.
    pub(crate) template: &'a SessionSpec,
    /// The sides; the first one is what the others are compared with.
    pub(crate) arms: &'a [Arm],
    pub(crate) sessions: Sessions,
    /// Whether to find out first how quiet the machine is.
    pub(crate) probe: bool,
}

/// Measures round after round, each a session of every arm, and delivers after each session; also
/// what `demo` does.
pub(crate) fn measure(plan: &Plan, destination: &mut Destination, global: &Global) -> Result<u8, Failure> {
    let Plan { template, arms, sessions, .. } = plan;
    check(plan)?;
    let (facts, noisy) = surroundings(plan, global)?;
    let interrupted = interrupt_flag()?;
    let bar = output::bar(global, 0);
    let mut tally = Tally::new(u64::from(sessions.expected()) * arms.len() as u64);
    let (mut delivery, mut position, began) = (Ok(()), 0, Instant::now());
    let mut enough = None;
    for round in 0.. {
        enough = sessions.enough(round, began.elapsed(), &tally.times, &arms[0].name);
        if enough.is_some() || interrupted.load(Ordering::Relaxed) {
            break;
        }
        for arm in rounds::order(arms.len(), round) {
            let spec = specification(plan, &arms[arm], round, position);
            let spec =
                SessionSpec { noisy, facts: spec.facts.into_iter().chain(facts.clone()).collect(), ..spec };
            launch(&arms[arm].process, round, spec, &interrupted, &bar, &mut tally, global)?;
            delivery = destination.deliver(&template.spool);
            position += 1;
            if interrupted.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    bar.finish_and_clear();
    compare(arms, &tally);
    summary(template, &tally, enough.as_ref(), &interrupted, global);
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

/// What can be told to be wrong is told before anything is measured.
fn check(plan: &Plan) -> Result<(), Failure> {
    let Plan { suite, template, arms, .. } = plan;
    // A program that measures itself knows alone what it has.
    if suite.program.as_ref().is_none_or(|program| !program.harness) {
        let workloads = Builtin { program: arms[0].program.clone() };
        session::plan(&workloads, suite, &template.label, template.filter.as_deref())?;
    }
    drop(Spool::open(&template.spool, template.partitions, template.spool_options)?);
    Ok(())
}

/// Where the sessions will run and how quiet it is there: facts for each of them, and whether to flag
/// their series.
fn surroundings(plan: &Plan, global: &Global) -> Result<(BTreeMap<String, String>, bool), Failure> {
    let placement =
        Placement::new(plan.template.pin.as_deref(), plan.template.numa).map_err(Failure::usage)?;
    let cpus = placement.try_out().map_err(Failure::usage)?;
    if !plan.probe {
        return Ok((BTreeMap::new(), false));
    }
    let noise = machine::probe(&cpus);
    if noise.is_noisy() {
        output::remark(
            global,
            &format!("this machine is {noise}; every series is flagged `noisy`: see `benchlake doctor`"),
        );
    } else {
        tracing::info!("this machine is {noise}");
    }
    Ok((noise.facts(), noise.is_noisy()))
}

/// The specification of one session.
fn specification(plan: &Plan, arm: &Arm, round: u32, position: u32) -> SessionSpec {
    let mut facts = arm.facts.clone();
    facts.insert("run.sessions".to_owned(), plan.sessions.to_string());
    facts.extend(plan.template.facts.clone());
    SessionSpec {
        session_id: SessionId::new(),
        position: position.into(),
        round: Some(round.into()),
        arm: (!arm.name.is_empty()).then(|| arm.name.clone()),
        program: arm.program.clone(),
        version_control: arm.version_control.clone(),
        facts,
        ..plan.template.clone()
    }
}

/// The ratio of every arm to the first one, benchmark by benchmark.
fn compare(arms: &[Arm], tally: &Tally) {
    let [baseline, candidates @ ..] = arms else { return };
    if candidates.is_empty() {
        return;
    }
    let mut lines = Vec::new();
    for (benchmark, times) in &tally.times {
        let Some(base) = times.get(&baseline.name) else { continue };
        for candidate in candidates {
            let Some(ratio) = times.get(&candidate.name).and_then(|times| rounds::ratio(base, times)) else {
                continue;
            };
            let percent = |ratio: f64| format!("{:+.2} %", (ratio - 1.0) * 100.0);
            lines.push(format!(
                "{:>9} [{:>9}, {:>9}]  {} against {}  {benchmark}",
                percent(ratio.value),
                percent(ratio.interval.low),
                percent(ratio.interval.high),
                candidate.name,
                baseline.name,
            ));
        }
    }
    if !lines.is_empty() {
        output::print("Time of one iteration, with the 95 % interval over pairs of sessions:");
        lines.iter().for_each(|line| output::print(line));
    }
}

fn summary(
    template: &SessionSpec,
    tally: &Tally,
    enough: Option<&Enough>,
    interrupted: &AtomicBool,
    global: &Global,
) {
    let mut text = format!("run {}: {} sessions ok", template.run_id, tally.ok);
    if tally.failed > 0 {
        text.push_str(&format!(", {} failed", tally.failed));
    }
    text.push_str(&format!(", {} benchmarks measured", tally.measured));
    if tally.not_measured > 0 {
        text.push_str(&format!(", {} could not be (`benchlake query failures`)", tally.not_measured));
    }
    if interrupted.load(Ordering::Relaxed) {
        text.push_str("; interrupted: what was measured is kept");
    } else if let Some(enough) = enough.filter(|enough| **enough != Enough::Counted) {
        text.push_str(&format!("; {enough}"));
    }
    output::remark(global, &text);
}
