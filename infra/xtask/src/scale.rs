//! `bench landing-scale` and `bench landing-hour`: the release binary before a large backlog and a large
//! fleet, and for an hour.

use crate::{
    step::{output, run},
    test,
    workspace::Workspace,
};
use anyhow::{Context as _, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Arrow bytes of the backlog, in GB; `BENCHLAKE_BENCH_GB` says otherwise where the disk is smaller.
const BACKLOG: u64 = 20;

/// What a landing took.
struct Landing {
    time: Duration,
    /// The most memory it ever had, and what it had halfway through and in the end.
    peak: u64,
    half: u64,
    end: u64,
    said: String,
}

/// A fleet of ten times the nodes, and a backlog much larger than memory.
pub(crate) fn scale(workspace: &Workspace) -> Result<()> {
    run(&mut workspace.cargo(["build", "--release"]), "see the errors above")?;
    let home = workspace.target().join("bench-scale");
    crate::step::remove_folder(&home)?;
    fs::create_dir_all(&home)?;
    println!(
        "{:<34} {:>10} {:>9} {:>9} {:>9} {:>9}",
        "", "seconds", "peak MiB", "half MiB", "end MiB", "log KiB"
    );
    for nodes in [1_000_u64, 10_000] {
        let lake = home.join(format!("nodes-{nodes}"));
        let count = nodes.to_string();
        let plan = ["--nodes", &count, "--series", "4", "--samples", "100", "--sessions", "1"];
        let landing = simulate_and_land(workspace, &lake, &plan, nodes)?;
        tell(&format!("{nodes} nodes, 4 series of 100 samples"), &landing, &lake)?;
    }
    let gigabytes = env::var("BENCHLAKE_BENCH_GB").ok().and_then(|text| text.parse().ok()).unwrap_or(BACKLOG);
    // A series of 2,000 samples is 48 kB, a session of 100 nodes with 100 of them 480 MB.
    let sessions = (gigabytes * 1000 / 480).max(1).to_string();
    let lake = home.join("backlog");
    let plan = ["--nodes", "100", "--series", "100", "--samples", "2000", "--sessions", &sessions];
    let landing = simulate_and_land(workspace, &lake, &plan, 7)?;
    tell(&format!("backlog of {gigabytes} GB of Arrow"), &landing, &lake)?;
    println!("limit of peak: 512 MiB");
    crate::step::remove_folder(&home)
}

/// A lander as a service that looks after its lake, a fleet that sends it 100 MB of Arrow every minute,
/// and what memory it has meanwhile.
pub(crate) fn hour(workspace: &Workspace) -> Result<()> {
    run(&mut workspace.cargo(["build", "--release"]), "see the errors above")?;
    let minutes = env::var("BENCHLAKE_BENCH_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let home = workspace.target().join("bench-hour");
    crate::step::remove_folder(&home)?;
    fs::create_dir_all(&home)?;
    let brokers = crate::ports::Ports::find()?.plain().to_string();
    let lake = home.join("lake");
    let mut land = benchlake(workspace)?;
    land.args(["land", "--quiet", "--maintain", "10m", "--brokers", &brokers, "--lake"]).arg(&lake);
    let mut lander = land.stderr(Stdio::piped()).spawn().context("cannot start benchlake")?;
    let watched = watch(workspace, &mut lander, &brokers, minutes);
    run(Command::new("kill").args(["-TERM", &lander.id().to_string()]), "it ended by itself: see above")?;
    let ended = lander.wait_with_output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    anyhow::ensure!(ended.status.success(), "landing ended with {}: {said}", ended.status);
    watched?;
    crate::step::remove_folder(&home)
}

/// Sends, and prints the lander's memory every ten minutes.
fn watch(workspace: &Workspace, lander: &mut Child, brokers: &str, minutes: u64) -> Result<()> {
    println!("{:>7} {:>11} {:>11} {:>9}", "minute", "median MiB", "most MiB", "peak MiB");
    let (began, mut tenth) = (Instant::now(), Vec::new());
    for minute in 1..=minutes {
        let mut simulate = benchlake(workspace)?;
        let plan = ["--nodes", "100", "--series", "20", "--samples", "2000", "--sessions", "1"];
        let seed = minute.to_string();
        simulate.args(["simulate", "--quiet", "--seed", &seed, "--brokers", brokers]).args(plan);
        output(&mut simulate, "see what it says")?;
        while began.elapsed() < Duration::from_secs(60 * minute) {
            anyhow::ensure!(lander.try_wait()?.is_none(), "landing ended by itself");
            tenth.extend(memory(lander.id(), "VmRSS:"));
            sleep(Duration::from_secs(1));
        }
        if minute.is_multiple_of(10) || minute == minutes {
            tenth.sort_unstable();
            let mebibytes = |bytes: Option<u64>| bytes.unwrap_or(0) >> 20;
            let (median, most) = (tenth.get(tenth.len() / 2).copied(), tenth.last().copied());
            let peak = mebibytes(memory(lander.id(), "VmHWM:"));
            println!("{minute:>7} {:>11} {:>11} {peak:>9}", mebibytes(median), mebibytes(most));
            tenth.clear();
        }
    }
    Ok(())
}

/// A process's `VmRSS:` or `VmHWM:`, in bytes.
fn memory(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

fn tell(what: &str, landing: &Landing, lake: &Path) -> Result<()> {
    let mut log = 0;
    for table in ["series", "sessions"] {
        for entry in fs::read_dir(lake.join(table).join("_delta_log"))? {
            log += entry?.metadata()?.len();
        }
    }
    let mebibytes = |bytes: u64| bytes >> 20;
    println!(
        "{what:<34} {:>10.1} {:>9} {:>9} {:>9} {:>9}",
        landing.time.as_secs_f64(),
        mebibytes(landing.peak),
        mebibytes(landing.half),
        mebibytes(landing.end),
        log >> 10
    );
    println!("  {}", landing.said.trim());
    Ok(())
}

fn simulate_and_land(workspace: &Workspace, lake: &Path, plan: &[&str], seed: u64) -> Result<Landing> {
    let brokers = crate::ports::Ports::find()?.plain().to_string();
    // The lake begins where the topics end now.
    let mut begin = benchlake(workspace)?;
    begin.args(["land", "--until-idle", "--from", "latest", "--brokers", &brokers, "--lake"]).arg(lake);
    output(&mut begin, "see what it says")?;
    let mut simulate = benchlake(workspace)?;
    simulate.args(["simulate", "--seed", &seed.to_string(), "--brokers", &brokers]).args(plan);
    output(&mut simulate, "see what it says")?;
    land(workspace, lake, &brokers)
}

fn benchlake(workspace: &Workspace) -> Result<Command> {
    let mut command = Command::new(program(workspace));
    test::with_services(workspace, &mut command)?;
    Ok(command)
}

fn program(workspace: &Workspace) -> PathBuf {
    workspace.target().join("release/benchlake")
}

fn land(workspace: &Workspace, lake: &Path, brokers: &str) -> Result<Landing> {
    let mut land = benchlake(workspace)?;
    land.args(["land", "--until-idle", "--brokers", brokers, "--lake"]).arg(lake);
    let began = Instant::now();
    let mut child = land.stderr(Stdio::piped()).spawn().context("cannot start benchlake")?;
    let (mut samples, mut peak) = (Vec::new(), 0);
    while child.try_wait()?.is_none() {
        samples.extend(memory(child.id(), "VmRSS:"));
        peak = memory(child.id(), "VmHWM:").unwrap_or(peak);
        sleep(Duration::from_millis(100));
    }
    let time = began.elapsed();
    let ended = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    anyhow::ensure!(ended.status.success(), "landing ended with {}: {said}", ended.status);
    let (half, end) = (samples.get(samples.len() / 2).copied(), samples.last().copied());
    Ok(Landing { time, peak, half: half.unwrap_or(0), end: end.unwrap_or(0), said })
}
