//! `summary`: every series of a lake in seven figures.

use crate::{
    Outcome,
    lake::{self, Plan},
    side::{self, Said, Side},
};
use arrow::{
    array::AsArray,
    compute::cast,
    datatypes::{DataType, Float64Type},
};
use benchlake_analytics::{Answer, At, Lake, ask};
use std::{fs, path::Path, time::Instant};

/// Samples of a series.
const SAMPLES: usize = 100;
/// Benchmarks of the lake; the number of sessions follows.
const BENCHMARKS: usize = 1_000;

/// What is asked of each series.
const SQL: &str = "SELECT list_summary(samples) AS summary FROM series";

/// The figures of a row.
const COLUMNS: [&str; 7] = ["n", "mean", "sd", "median", "p95", "low", "high"];

/// Answers for one run of our side: the lake is opened and asked, the answer is in memory.
pub(crate) fn ours(lake: &Path) -> Outcome<Said> {
    let uri = lake.to_str().ok_or("the folder's name is no text")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let began = Instant::now();
    let answer =
        runtime.block_on(async { ask(&Lake::open(uri, &At::Latest).await?.context(), SQL).await })?;
    let seconds = began.elapsed().as_secs_f64();
    Said::now(seconds, sums(&answer)?)
}

/// The sum of every column, and one that ties the figures of a row together.
fn sums(answer: &Answer) -> Outcome<Vec<f64>> {
    let mut sums = vec![0.0; COLUMNS.len() + 1];
    for batch in &answer.batches {
        let summary = batch.column(0).as_struct();
        let column = |name: &str| -> Outcome<Vec<f64>> {
            let column = summary.column_by_name(name).ok_or_else(|| format!("no column {name}"))?;
            let column = cast(column, &DataType::Float64)?;
            Ok(column.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        };
        let columns: Vec<_> = COLUMNS.iter().map(|name| column(name)).collect::<Outcome<_>>()?;
        for (sum, values) in sums.iter_mut().zip(&columns) {
            *sum += values.iter().sum::<f64>();
        }
        let rows = columns[4].iter().zip(&columns[3]).zip(&columns[2]);
        sums[COLUMNS.len()] += rows.map(|((p95, median), sd)| (p95 - median) * sd).sum::<f64>();
    }
    Ok(sums)
}

/// Writes a lake of `series` series in `home`, has it summarised `rounds` times by every side, and prints what each took.
pub(crate) fn summary(home: &Path, series: usize, rounds: usize) -> Outcome<()> {
    let (lake, tenth) = (home.join("lake"), home.join("tenth"));
    write(&lake, series)?;
    let size = read_once(&lake.join("series"))?;
    println!(
        "\n{series} series of {SAMPLES} samples, {:.2} GB of Parquet: per-series summary\n",
        size as f64 / 1e9
    );
    let files = format!("{}/series/*.parquet", lake.display());
    let our_home = lake.display().to_string();
    let mut sides = vec![Side::ours("benchlake", &["--side", "summary", "--home", &our_home])?];
    for peer in ["duckdb", "polars", "chdb"] {
        sides.extend(Side::peer(peer, &["summary", peer, &files, &SAMPLES.to_string()]));
    }
    side::in_turns(&mut sides, rounds)?;
    side::agree(&sides)?;
    tell(&sides)?;
    write(&tenth, series / 10)?;
    let mut small = Side::ours("benchlake", &["--side", "summary", "--home", &tenth.display().to_string()])?;
    small.run()?;
    let rows = |series: usize| (series * COLUMNS.len() * 8) >> 20;
    println!(
        "benchlake's peak on a tenth of the series: {} MiB; answers are {} and {} MiB",
        small.peak_mib(),
        rows(series / 10),
        rows(series)
    );
    Ok(())
}

fn write(lake: &Path, series: usize) -> Outcome<()> {
    let benchmarks = BENCHMARKS.min(series);
    let plan = Plan { benchmarks, runs: 1, sessions: series / benchmarks, samples: SAMPLES };
    tokio::runtime::Runtime::new()?.block_on(lake::write(lake, &plan))
}

/// Reads all files of a folder once, so that the first side finds them in memory as the others do.
fn read_once(folder: &Path) -> Outcome<u64> {
    let mut size = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "parquet") {
            size += fs::read(path)?.len() as u64;
        }
    }
    Ok(size)
}

fn tell(sides: &[Side]) -> Outcome<()> {
    println!("| side | seconds, median | range | times ours | peak MiB |\n| --- | --- | --- | --- | --- |");
    let ours = sides[0].median()?.seconds;
    let mut best = f64::INFINITY;
    for (place, side) in sides.iter().enumerate() {
        let (seconds, (low, high)) = (side.median()?.seconds, side.range());
        if place > 0 {
            best = best.min(seconds);
        }
        let ratio = seconds / ours;
        println!("| {} | {seconds:.2} | {low:.2}–{high:.2} | {ratio:.2} | {} |", side.name, side.peak_mib());
    }
    if best.is_finite() {
        println!("\nbest peer over ours: {:.2}; wished: at least 2", best / ours);
    }
    Ok(())
}
