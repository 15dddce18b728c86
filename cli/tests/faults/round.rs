//! One round: what the plan says, then everything is brought to its end undisturbed.

use crate::{
    Result,
    parts::{Broker, Part, benchlake, producer},
    plan::{Maintenance, Outage, Plan, Strike, Way},
    power,
    scene::Scene,
    truth::{Truth, compare},
};
use rustix::process::Signal;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Longer than the session timeout of [`Broker::PROPERTIES`]: the group has gone on without it.
const PAST_A_REBALANCE: Duration = Duration::from_millis(900);
const SOON: Duration = Duration::from_millis(20);

pub(crate) fn play(plan: &Plan, scene: &mut Scene, broker: &Broker) -> Result<()> {
    match plan.way {
        Way::Kafka => through_kafka(plan, scene, broker)?,
        Way::Spool => from_spool(plan, scene, broker)?,
        Way::PowerCut => power_cut(plan, scene)?,
        Way::FullDisk => full_disk(plan, scene)?,
    }
    maintain(plan, scene, Maintenance::Vacuum)
}

/// Looks after the lake, if `what` is the plan's way to, and is struck; the lake may not be there yet.
fn maintain(plan: &Plan, scene: &Scene, what: Maintenance) -> Result<()> {
    let Some((_, strike)) = plan.maintenance.as_ref().filter(|(planned, _)| *planned == what) else {
        return Ok(());
    };
    let mut command = benchlake();
    match what {
        Maintenance::Checkpoint => command.args(["lake", "checkpoint"]),
        Maintenance::Optimize => command.args(["lake", "optimize"]),
        Maintenance::Vacuum => command.args(["lake", "vacuum", "--older-than", "0s", "--offline"]),
    };
    command.arg("--lake").arg(scene.lake()).stdout(Stdio::null());
    Part::start(command, "maintenance", strike, &scene.path("log"))?.end(SOON)?;
    Ok(())
}

fn writers(plan: &Plan, spool: &Path, log: &Path) -> Result<Vec<Part>> {
    let started = plan.writers.iter().zip(plan.seed..).map(|((rows, strike), seed)| {
        let mut command = producer(spool, *rows, seed)?;
        command.stdout(Stdio::null());
        Part::start(command, "producer", strike, log)
    });
    started.collect()
}

fn land(scene: &Scene, broker: &Broker) -> Command {
    let mut command = benchlake();
    command.args(["land", "--interval", "0.1", "--group", scene.group(), "--brokers", &broker.brokers]);
    command.args(Broker::PROPERTIES).arg("--lake").arg(scene.lake());
    command
}

fn land_spool(spool: &Path, lake: &Path) -> Command {
    let mut command = benchlake();
    command.args(["land", "--interval", "0.1", "--until-idle", "--spool"]).arg(spool);
    command.arg("--lake").arg(lake);
    command
}

fn forward(spool: &Path, broker: &Broker, patience: &str) -> Command {
    let mut command = benchlake();
    command.args(["agent", "forward", "--patience", patience, "--brokers", &broker.brokers, "--spool"]);
    command.arg(spool);
    command
}

fn through_kafka(plan: &Plan, scene: &mut Scene, broker: &Broker) -> Result<()> {
    let (spool, log) = (scene.path("kafka"), scene.path("log"));
    let mut landers = Vec::new();
    for strike in &plan.landers {
        landers.push(Part::start(land(scene, broker), "lander", strike, &log)?);
    }
    let mut producers = writers(plan, &spool, &log)?;
    broker.send_garbage(plan.garbage, plan.seed)?;
    scene.garbage += plan.garbage;
    // Forwards beside the producers, again and again; the first time it is struck.
    let patience = if plan.outage == Outage::Away { "2" } else { "30" };
    let mut forwarder =
        Some(Part::start(forward(&spool, broker, patience), "forwarder", &plan.forwarder, &log)?);
    outage(plan, plan.outage, "kafka", broker)?;
    store_outage(plan, scene, broker)?;
    while !producers.is_empty() || forwarder.is_some() {
        tend_all(&mut producers)?;
        tend_all(&mut landers)?;
        if let Some(part) = &mut forwarder
            && part.tend(PAST_A_REBALANCE)?.is_some()
        {
            forwarder = None;
        }
        std::thread::sleep(SOON / 4);
    }
    if plan.resend {
        lose_notes(&spool)?;
    }
    maintain(plan, scene, Maintenance::Checkpoint)?;
    maintain(plan, scene, Maintenance::Optimize)?;
    Part::start(forward(&spool, broker, "60"), "forwarder", &Strike::None, &log)?.succeed()?;
    // Landers that live go on for a moment; then half of them leave cleanly and half are killed.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(300) {
        tend_all(&mut landers)?;
        std::thread::sleep(SOON / 4);
    }
    for (number, lander) in landers.iter().enumerate() {
        let clean = (plan.seed >> number) & 1 == 0;
        lander.signal(if clean { Signal::TERM } else { Signal::KILL });
    }
    for mut lander in landers {
        lander.end(PAST_A_REBALANCE)?;
    }
    let mut last = land(scene, broker);
    last.arg("--until-idle");
    Part::start(last, "last-lander", &Strike::None, &log)?.succeed()
}

/// Kills a server and starts it again, at once or after a while.
fn outage(plan: &Plan, outage: Outage, server: &str, broker: &Broker) -> Result<()> {
    if outage == Outage::None || !broker.is_ours() {
        return Ok(());
    }
    std::thread::sleep(Duration::from_millis(plan.seed % 400));
    broker.kill(server)?;
    if outage == Outage::Away {
        std::thread::sleep(Duration::from_secs(8));
    }
    broker.start(server)
}

/// The same for the server that the lake is on, if there is one.
fn store_outage(plan: &Plan, scene: &Scene, broker: &Broker) -> Result<()> {
    if scene.on_s3() { outage(plan, plan.store_outage, "s3", broker) } else { Ok(()) }
}

/// Drops those that have ended.
fn tend_all(parts: &mut Vec<Part>) -> Result<()> {
    for part in std::mem::take(parts) {
        let mut part = part;
        if part.tend(PAST_A_REBALANCE)?.is_none() {
            parts.push(part);
        }
    }
    Ok(())
}

/// As if no acknowledgement had ever come: everything is sent again.
fn lose_notes(spool: &Path) -> Result<()> {
    for producer in fs::read_dir(spool)? {
        for table in ["series", "sessions"] {
            let note =
                producer.as_ref().map_err(|error| error.to_string())?.path().join(table).join("drained");
            if note.exists() {
                fs::remove_file(note)?;
            }
        }
    }
    Ok(())
}

fn from_spool(plan: &Plan, scene: &Scene, broker: &Broker) -> Result<()> {
    let (spool, log) = (scene.path("spool"), scene.path("log"));
    let mut producers = writers(plan, &spool, &log)?;
    let mut landers = Vec::new();
    for strike in &plan.landers {
        landers.push(Part::start(land_spool(&spool, &scene.lake()), "lander", strike, &log)?);
    }
    store_outage(plan, scene, broker)?;
    while !producers.is_empty() || !landers.is_empty() {
        tend_all(&mut producers)?;
        tend_all(&mut landers)?;
        std::thread::sleep(SOON / 4);
    }
    Part::start(land_spool(&spool, &scene.lake()), "last-lander", &Strike::None, &log)?.succeed()
}

/// The power is cut after the producers ended and again during or after the landing: what was not
/// made durable is gone. What a producer said was kept, and what a lander said was landed, is there.
fn power_cut(plan: &Plan, scene: &Scene) -> Result<()> {
    let dir = tempfile::tempdir_in(scene.path("log"))?;
    let (spool, lake) = (dir.path().join("spool"), dir.path().join("lake"));
    let said = dir.path().join("said");
    for ((rows, strike), seed) in plan.writers.iter().zip(plan.seed..) {
        let trace = power::Trace::start(dir.path())?;
        let mut command = trace.of(&producer(&spool, *rows, seed)?);
        command.stdout(fs::File::options().create(true).append(true).open(&said)?);
        Part::start(command, "producer", &traceable(strike), dir.path())?.end(Duration::ZERO)?;
        trace.cut()?;
    }
    let mut truth = Truth::default();
    truth.add_spool(&spool)?;
    let kept: usize = fs::read_to_string(&said)?
        .lines()
        .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
        .sum();
    if truth.len() < kept {
        return Err(format!(
            "producers said that {kept} rows are kept; after the power cut {} are",
            truth.len()
        )
        .into());
    }
    let mut strikes = plan.landers.clone();
    strikes.push(Strike::None);
    for strike in &strikes {
        let trace = power::Trace::start(dir.path())?;
        let ended =
            Part::start(trace.of(&land_spool(&spool, &lake)), "lander", &traceable(strike), dir.path())?
                .end(SOON)?;
        if *strike == Strike::None && !ended.success() {
            return Err(format!("the undisturbed lander failed: {ended}").into());
        }
        trace.cut()?;
    }
    compare(&truth, &lake)?;
    // Nothing is left to land either, and landing again adds nothing.
    Part::start(land_spool(&spool, &lake), "last-lander", &Strike::None, dir.path())?.succeed()?;
    compare(&truth, &lake)
}

/// strace has to see the end: what would stop or kill it kills the process at a step instead.
fn traceable(strike: &Strike) -> Strike {
    match strike {
        Strike::At { step, count, action: "stop" } => Strike::At { step, count: *count, action: "kill" },
        Strike::After(_) => Strike::None,
        other => other.clone(),
    }
}

/// Spool and lake on a disk of a few hundred KiB: both stop with an error that names it; with room
/// again everything lands once.
fn full_disk(plan: &Plan, scene: &Scene) -> Result<()> {
    let dir = tempfile::tempdir_in(scene.path("log"))?;
    let disk = dir.path().join("disk");
    fs::create_dir(&disk)?;
    let size = 200 + plan.seed % 200;
    let mount = |options: &str| -> Result<bool> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&disk).stderr(Stdio::null());
        Ok(mount.status()?.success())
    };
    if !mount(&format!("size={size}k"))? {
        eprintln!("skipped: a full disk needs the right to mount a tmpfs");
        return Ok(());
    }
    let _unmount = Unmount(&disk);
    let (spool, lake) = (disk.join("spool"), disk.join("lake"));
    fs::create_dir(&spool)?;
    let mut full = false;
    for ((rows, strike), seed) in plan.writers.iter().zip(plan.seed..) {
        let mut command = producer(&spool, rows * 100, seed)?;
        command.stdout(Stdio::null());
        let mut part = Part::start(command, "producer", strike, dir.path())?;
        part.end(SOON)?;
        full |= part.said().contains("No space left");
    }
    for strike in &plan.landers {
        let mut part = Part::start(land_spool(&spool, &lake), "lander", strike, dir.path())?;
        part.end(SOON)?;
        full |= part.said().contains("No space left");
    }
    if !full && plan.writers.iter().any(|(_, strike)| *strike == Strike::None) {
        return Err("the disk was never full".into());
    }
    if !mount("remount,size=64m")? {
        return Err("the disk cannot be made larger".into());
    }
    Part::start(land_spool(&spool, &lake), "last-lander", &Strike::None, dir.path())?.succeed()?;
    let mut truth = Truth::default();
    truth.add_spool(&spool)?;
    compare(&truth, &lake)
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
