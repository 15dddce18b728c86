//! The fault harness: real processes against a real Kafka and a real S3 server, killed, stopped and cut
//! off at every step, and after each round every row that was spooled is in the lake once.
//!
//! Run by `cargo xtask faults --rounds N --seed S`, which starts the Kafka it may break: topics are
//! deleted and made again.

mod parts;
mod plan;
mod power;
mod round;
mod scene;
mod truth;

use clap::Parser;
use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Rounds after which topics are made anew; every second time the lake is new too, and where the one
/// before was not: in a folder, on S3.
const EPOCH: u64 = 10;

#[derive(Parser)]
struct Arguments {
    /// How many rounds; none says so and ends
    #[arg(long)]
    rounds: Option<u64>,
    /// What decides everything
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this round, as a failure prints it
    #[arg(long)]
    round: Option<u64>,
    /// Keep the files of every epoch
    #[arg(long)]
    keep: bool,
    /// Be the producer of this spool (how the harness runs itself)
    #[arg(long, num_args = 3, hide = true, value_names = ["DIR", "ROWS", "SEED"])]
    produce: Option<Vec<String>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.produce {
        Some(words) => parts::produce(words),
        None => rounds(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn rounds(arguments: &Arguments) -> Result<()> {
    let seed = arguments.seed;
    let range = match (arguments.round, arguments.rounds) {
        (Some(round), _) => round..round + 1,
        (None, Some(rounds)) => 0..rounds,
        (None, None) => {
            eprintln!("skipped: the fault harness is run by `cargo xtask faults`");
            return Ok(());
        }
    };
    let brokers = env::var("BENCHLAKE_TEST_BROKERS").map_err(|_| "no Kafka: run `cargo xtask faults`")?;
    let broker = parts::Broker { brokers, xtask: env::var_os("BENCHLAKE_TEST_XTASK").map(PathBuf::from) };
    benchlake_pipeline::register_stores();
    let has_s3 = env::var_os("BENCHLAKE_TEST_S3").is_some();
    if !has_s3 {
        eprintln!("skipped: lakes on S3, as BENCHLAKE_TEST_S3 is not set (`cargo xtask faults` sets it)");
    }
    let began = Instant::now();
    let (mut tally, mut spooled) = (BTreeMap::<String, u32>::new(), 0);
    let mut scene: Option<scene::Scene> = None;
    eprintln!("{} rounds, seed {seed}", range.end - range.start);
    for number in range {
        if scene.as_ref().is_none_or(|scene| scene.rounds == EPOCH) {
            let on_s3 = has_s3 && (seed + number / (2 * EPOCH)) % 2 == 1;
            scene = Some(scene::Scene::next(scene.take(), &broker, on_s3)?);
        }
        let Some(scene) = &mut scene else { continue };
        let plan = plan::Plan::of(seed, number);
        let started = Instant::now();
        let ended = round::play(&plan, scene, &broker).and_then(|()| scene.check(&broker));
        let seconds = started.elapsed().as_secs_f64();
        match ended {
            Ok(rows) => {
                spooled += rows;
                eprintln!(
                    "round {number}: ok, {rows} rows new, {seconds:.1} s, epoch {}: {plan}",
                    if scene.on_s3() { "on S3" } else { "in a folder" }
                );
            }
            Err(error) => {
                let kept = scene.keep();
                eprintln!("round {number}: FAILED after {seconds:.1} s: {plan}");
                return Err(format!(
                    "{error}\nagain: cargo xtask faults --seed {seed} --round {number}; its files are kept in {}, its lake is {}",
                    kept.display(),
                    scene.lake().display()
                )
                .into());
            }
        }
        for strike in plan.strikes() {
            *tally.entry(strike).or_default() += 1;
        }
        scene.rounds += 1;
    }
    if let Some(mut scene) = scene {
        scene.finish(&broker)?;
        if arguments.keep {
            eprintln!("files are kept in {}", scene.keep().display());
        }
    }
    for (strike, count) in &tally {
        eprintln!("{count:>6}  {strike}");
    }
    let took = Duration::from_secs(began.elapsed().as_secs());
    eprintln!("0 lost, 0 twice: {spooled} rows, seed {seed}, {took:?}");
    Ok(())
}
