//! `benchlake simulate`: what a fleet would have measured, to Kafka or a spool.

use crate::{
    args::{FaultArgs, Global, NoiseArgs, Simulate},
    failure::Failure,
    output,
};
use benchlake_producers::{
    agent::{exit, interrupt_flag},
    emit::Sender,
    simulate::{Faults, Fleet, Noise, Plan, Tally, to_kafka, to_spool},
};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Instant, UNIX_EPOCH},
};

pub(crate) fn run(args: &Simulate, global: &Global) -> Result<u8, Failure> {
    let fleet = Fleet::new(plan(args)?)?;
    let stop = interrupt_flag()?;
    let bar = output::bar(global, u64::from(args.nodes) * u64::from(args.sessions));
    let began = Instant::now();
    let mut report = |tally: &Tally| bar.set_position(tally.sessions);
    let delivered = match (&args.brokers, &args.spool) {
        (Some(brokers), _) => send(&fleet, args, brokers, &stop, &mut report),
        (None, Some(spool)) => write(&fleet, args, spool, &stop, &mut report),
        (None, None) => Err(Failure::usage("name a destination: --brokers HOST:PORT or --spool DIR")),
    };
    bar.finish_and_clear();
    let interrupted = stop.load(Ordering::Relaxed);
    output::remark(global, &text(args.nodes, &delivered?, began, interrupted));
    Ok(if interrupted { exit::INTERRUPTED } else { exit::OK })
}

fn plan(args: &Simulate) -> Result<Plan, Failure> {
    let NoiseArgs { node_noise: node, session_noise: session, noise: iteration, tails, modes, drift } =
        args.noise;
    let start =
        args.start.duration_since(UNIX_EPOCH).ok().and_then(|since| since.as_micros().try_into().ok());
    Ok(Plan {
        nodes: args.nodes,
        series: args.series,
        samples: args.samples,
        sessions: args.sessions,
        seed: args.seed,
        start: start.ok_or_else(|| Failure::usage("--start must not be before 1970"))?,
        every: args.every.as_micros().try_into().unwrap_or(i64::MAX),
        noise: Noise { node, session, iteration, tails, modes, drift },
        regressions: args.regress.clone(),
    })
}

fn send(
    fleet: &Fleet,
    args: &Simulate,
    brokers: &str,
    stop: &AtomicBool,
    report: &mut dyn FnMut(&Tally),
) -> Result<Tally, Failure> {
    let FaultArgs { duplicates, late, broken } = args.faults;
    let kafka = args.kafka.cluster(brokers)?;
    let partitions = kafka.ensure_topics(args.partitions)?;
    let mut sender = Sender::connect(&kafka, partitions)?;
    let mut send = |table, producer, envelope: &_| Ok(sender.send(table, producer, envelope)?);
    let tally = to_kafka(fleet, Faults { duplicates, late, broken }, &mut send, stop, report)?;
    sender.finish()?;
    Ok(tally)
}

fn write(
    fleet: &Fleet,
    args: &Simulate,
    spool: &Path,
    stop: &AtomicBool,
    report: &mut dyn FnMut(&Tally),
) -> Result<Tally, Failure> {
    let FaultArgs { duplicates, late, broken } = args.faults;
    if duplicates.max(late).max(broken) > 0.0 {
        return Err(Failure::usage(
            "--duplicates, --late and --broken happen on the way to Kafka: name --brokers; a spool keeps each record once, in order and whole",
        ));
    }
    let partitions = args.partitions.unsigned_abs();
    Ok(to_spool(fleet, spool, partitions, stop, report)?)
}

fn text(nodes: u32, tally: &Tally, began: Instant, interrupted: bool) -> String {
    let seconds = began.elapsed().as_secs_f64();
    let &Tally { sessions, rows, samples, bytes, .. } = tally;
    let rate = if seconds > 0.0 { samples as f64 / seconds } else { 0.0 };
    let mut text = format!(
        "simulated {nodes} nodes: {sessions} sessions, {rows} rows, {samples} samples, {bytes} bytes \
         in {seconds:.1} s ({rate:.0} samples/s)"
    );
    let counts = [
        (tally.known, "rows that the spool had"),
        (tally.duplicates, "records sent again"),
        (tally.late, "records sent late"),
        (tally.broken, "damaged messages"),
    ];
    output::add_counts(&mut text, &counts);
    if interrupted {
        text.push_str("; interrupted: the same command completes it");
    }
    text
}
