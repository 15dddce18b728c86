//! The command line.

use benchlake_analytics::{At, format::Format};
use benchlake_pipeline::OffsetReset;
use benchlake_producers::agent::{AgentCommand, KafkaArgs, key_value};
use clap::{Args as ClapArgs, ColorChoice, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 internal, 2 usage, 3 regression, 4 nothing matched, 5 part of the \
sessions failed, 6 lake or Kafka unreachable, 7 lake not whole, 130 interrupted";

/// Did this change, driver or node make us slower? Benchmarks on a data lake, answered with evidence
#[derive(Debug, Parser)]
#[command(name = "benchlake", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Global {
    /// Say less: no progress, no remarks
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Colours on standard error; `auto` heeds NO_COLOR and pipes
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure a small suite in fresh sessions, land it in a lake and report: no service, no network
    Demo(Demo),
    /// Measure a suite in fresh sessions and deliver the samples to a lake or to Kafka
    Run(Run),
    /// Land records from Kafka or a spool in a lake, exactly once
    Land(Land),
    /// Ask a lake in SQL; without a query, in an interactive shell
    Sql(Sql),
    /// Run a named query, or list them
    Query(Query),
    /// Write a report: one HTML page, and a plot per benchmark as SVG and PNG
    Report(Report),
    /// Look after a lake: is it whole, what can go
    #[command(subcommand)]
    Lake(LakeCommand),
    /// Records that could not be landed: list, look at, land after all
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Show what this machine has for measuring, and what to do about what it lacks
    Doctor(Doctor),
    /// What the small binary `benchlake-agent` does, for launchers
    #[command(hide = true)]
    Agent {
        #[command(subcommand)]
        command: AgentCommand,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write one per command into a folder
    Man {
        /// The folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// Folder for lake, spool and report; measuring again adds to it
    #[arg(default_value = "benchlake-demo")]
    pub(crate) dir: PathBuf,
    /// Fresh processes to measure in
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sessions: u32,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// The suite's TOML file
    pub(crate) suite: PathBuf,
    /// Fresh processes to measure in
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sessions: u32,
    /// Measure only benchmarks that match this regular expression, such as 'gemm.*f32'
    #[arg(long, value_name = "RE")]
    pub(crate) filter: Option<String>,
    /// Something to say of the run; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) tags: Vec<(String, String)>,
    /// Seed of the inputs and of the order
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: i64,
    /// Land in this lake: a folder or URL [env: BENCHLAKE_LAKE, where no other destination is named]
    #[arg(long, value_name = "URI", conflicts_with = "brokers")]
    pub(crate) lake: Option<String>,
    /// Send to Kafka instead
    #[arg(long, value_name = "HOST:PORT,…")]
    pub(crate) brokers: Option<String>,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    /// Keep records here until they are delivered [default: a folder of the user's state, one per destination]
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    /// Largest size of the spool, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(1..1 << 40))]
    pub(crate) spool_max: u64,
    /// When the spool is full, drop new rows and leave a gap in their numbers instead of waiting
    #[arg(long)]
    pub(crate) spool_drop: bool,
    /// Partitions of topics that do not exist yet
    #[arg(long, default_value_t = 4, requires = "brokers")]
    pub(crate) partitions: i32,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Land {
    /// Kafka brokers to begin with
    #[arg(long, value_name = "HOST:PORT,…", required_unless_present = "spool", conflicts_with = "spool")]
    pub(crate) brokers: Option<String>,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    /// A spool's folder
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    /// The lake: a folder or URL
    #[arg(long, value_name = "URI", env = "BENCHLAKE_LAKE")]
    pub(crate) lake: String,
    /// End when everything that was written is landed
    #[arg(long)]
    pub(crate) until_idle: bool,
    /// Where to go on in a partition of which the lake has no position that the brokers have:
    /// earliest, latest or an offset; skips what lies between [default: a new partition from its
    /// beginning; a lost position is an error]
    #[arg(long, requires = "brokers", value_name = "OFFSET")]
    pub(crate) from: Option<OffsetReset>,
    /// Consumer group [default: one per lake]
    #[arg(long, requires = "brokers")]
    pub(crate) group: Option<String>,
    /// Commit at least this often, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    pub(crate) interval: f64,
    /// Commit when this many MiB are pending in a table; bounds memory
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    pub(crate) batch: usize,
    /// Partitions of topics that do not exist yet
    #[arg(long, default_value_t = 4, requires = "brokers")]
    pub(crate) partitions: i32,
}

/// Which lake, and at which state
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct LakeArgs {
    /// The lake: a folder or URL
    #[arg(long, value_name = "URI", env = "BENCHLAKE_LAKE")]
    pub(crate) lake: Option<String>,
    /// The state: a version of `series` (12), versions (series=12,sessions=9) or a UTC time
    #[arg(long, value_name = "VERSION|TIME", default_value = "latest")]
    pub(crate) at: At,
}

/// How to print an answer
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct FormatArgs {
    /// table, csv, tsv, json, ndjson, parquet or arrow
    #[arg(long, default_value = "table")]
    pub(crate) format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

impl FormatArgs {
    pub(crate) fn get(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Sql {
    /// The query
    pub(crate) query: Option<String>,
    /// Read queries, separated by semicolons, from a file; `-` is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with = "query")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) lake: LakeArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// Print rows and time of each query on standard error
    #[arg(long)]
    pub(crate) timer: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Query {
    /// The query's name
    #[arg(required_unless_present = "list")]
    pub(crate) name: Option<String>,
    /// List the queries with their parameters
    #[arg(long)]
    pub(crate) list: bool,
    /// A parameter; may be repeated
    #[arg(short, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) parameters: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) lake: LakeArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) lake: LakeArgs,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The run that the summary is of [default: the latest]
    #[arg(long)]
    pub(crate) run: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    /// Also check that these Kafka brokers answer
    #[arg(long, value_name = "HOST:PORT,…", env = "BENCHLAKE_BROKERS")]
    pub(crate) brokers: Option<String>,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LakeCommand {
    /// Check that files are as they were written, every producer's rows are there once, and positions
    /// fit; prints what is off and ends with exit code 7
    Verify {
        /// The lake: a folder or URL
        #[arg(long, value_name = "URI", env = "BENCHLAKE_LAKE")]
        lake: String,
        /// Also hold the lake's offsets against these Kafka brokers
        #[arg(long, value_name = "HOST:PORT,…")]
        brokers: Option<String>,
        #[command(flatten)]
        kafka: KafkaArgs,
    },
    /// Delete data files that the newest version does not name
    Vacuum {
        /// The lake: a folder or URL
        #[arg(long, value_name = "URI", env = "BENCHLAKE_LAKE")]
        lake: String,
        /// Only files older than this, such as 7d or 12h; must be longer than a lander takes to commit
        /// a file it has written
        #[arg(long, value_name = "AGE", default_value = "7d")]
        older_than: humantime::Duration,
        /// Only print what would be deleted
        #[arg(long)]
        dry_run: bool,
    },
    /// Write a checkpoint of each table's log, which makes opening quicker
    Checkpoint {
        /// The lake: a folder or URL
        #[arg(long, value_name = "URI", env = "BENCHLAKE_LAKE")]
        lake: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetters {
    /// List them, newest first: id, open or replayed, reason, first error
    Ls {
        /// The lake: a folder or URL
        #[arg(long, value_name = "URI", env = "BENCHLAKE_LAKE")]
        lake: String,
    },
    /// Print one with its headers
    Show {
        /// TOPIC/PARTITION/OFFSET
        id: String,
        /// The lake: a folder or URL
        #[arg(long, value_name = "URI", env = "BENCHLAKE_LAKE")]
        lake: String,
        /// Write its bytes to this file
        #[arg(long, value_name = "FILE")]
        payload: Option<PathBuf>,
    },
    /// Land their rows after all, each once: after an upgrade, or with mended bytes
    Replay {
        /// TOPIC/PARTITION/OFFSET [default: all]
        ids: Vec<String>,
        /// The lake: a folder or URL
        #[arg(long, value_name = "URI", env = "BENCHLAKE_LAKE")]
        lake: String,
        /// Bytes that take the place of the letter's: an Arrow IPC stream of its table
        #[arg(long, value_name = "FILE", requires = "ids")]
        payload: Option<PathBuf>,
    },
}
