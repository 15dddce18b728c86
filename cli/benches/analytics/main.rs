//! How fast benchlake's statistics are beside their peers, on the same data in the same run.
//!
//!     cargo xtask bench analytics [PART…] [--series N] [--benchmarks N] [--rounds N]
//!
//! `summary`: n, mean, standard deviation, median, 95th percentile and interval of every series of a lake,
//! against `DuckDB`, Polars and chdb on the lake's own files. `compare`: the comparison of two sides of
//! a lake, against NumPy. The peers are in `infra/python/bench_analytics.py`, each as fast as we could
//! write it. Every side is a process of its own and in turns, so that memory is its own too. Exits 0 whatever the
//! figures are, but not where two sides compute different ones. Lakes are written by the pipeline, as any
//! lake is, and deleted in the end.
#![expect(clippy::print_stdout, reason = "it prints tables")]

mod compare;
mod lake;
mod side;
mod summary;

use clap::{Parser, ValueEnum};
use std::{error::Error, path::PathBuf};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The data is the same each time.
const SEED: u64 = 1;

#[derive(Parser)]
struct Arguments {
    /// What to measure; all parts where none is named
    parts: Vec<Part>,
    /// Series of 100 samples in the lake of `summary`
    #[arg(long, default_value_t = 1_000_000)]
    series: usize,
    /// Benchmarks in the lake of `compare`
    #[arg(long, default_value_t = 10_000)]
    benchmarks: usize,
    /// How often each side runs; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where lakes are written
    #[arg(long, default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/bench-analytics"))]
    home: PathBuf,
    /// Be a side of the comparison: answer for one run and end
    #[arg(long, hide = true)]
    side: Option<Work>,
    /// Cargo says so to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Summary,
    Compare,
}

/// What a side of ours does.
#[derive(Clone, Copy, ValueEnum)]
enum Work {
    Summary,
    Compare,
    Statistics,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    if let Some(work) = arguments.side {
        let said = match work {
            Work::Summary => summary::ours(&arguments.home)?,
            Work::Compare => compare::from_lake(&arguments.home)?,
            Work::Statistics => compare::statistics(arguments.benchmarks)?,
        };
        println!("{}", serde_json::to_string(&said)?);
        return Ok(());
    }
    let wanted = |part| arguments.parts.is_empty() || arguments.parts.contains(&part);
    if wanted(Part::Summary) {
        let home = side::fresh(&arguments.home.join("summary"))?;
        summary::summary(home.path(), arguments.series, arguments.rounds)?;
    }
    if wanted(Part::Compare) {
        let home = side::fresh(&arguments.home.join("compare"))?;
        compare::compare(home.path(), arguments.benchmarks, arguments.rounds)?;
    }
    Ok(())
}
