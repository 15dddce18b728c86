//! The command line.

use benchlake_analytics::{
    At,
    decide::{self, Form},
    format::Format,
    selection::Selector,
};
use benchlake_pipeline::OffsetReset;
use benchlake_producers::{
    agent::{AgentCommand, KafkaArgs, key_value},
    simulate::{Noise, Regression},
};
use clap::{Args as ClapArgs, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use regex::Regex;
use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    str::FromStr,
    time::SystemTime,
};

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
    /// Colours; `auto` heeds NO_COLOR and pipes
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    /// How to write to standard error: `text` for people, `json` for machines, one object a line
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        value_name = "FORMAT",
        env = "BENCHLAKE_LOG_FORMAT"
    )]
    pub(crate) log_format: LogFormat,
}

/// How remarks, logs and errors are written
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure a small suite in fresh sessions, land it in a lake and report: no service, no network
    Demo(Demo),
    /// Measure a suite in fresh sessions and deliver the samples to a lake or to Kafka
    Run(Run),
    /// Write what a fleet of nodes would have measured, to Kafka or a spool: benchlake at scale, before
    /// you have the fleet
    ///
    /// Samples come from a model of noise (docs/simulate.md) and the seed alone. The same command writes
    /// the same rows with the same ids: a lake that has them takes them for sent again and lands nothing
    /// twice. More nodes or sessions add to what is there; any other change makes another fleet
    Simulate(Simulate),
    /// Land records from Kafka or a spool in a lake, exactly once
    Land(Land),
    /// Ask a lake in SQL; without a query, in an interactive shell
    Sql(Sql),
    /// Run a named query, or list them
    Query(Query),
    /// List the functions that SQL has for statistics, or explain one: formula, source, example
    Functions(Functions),
    /// Write a report: one HTML page, and a plot per benchmark as SVG and PNG
    Report(Report),
    /// Did it become slower? Hold one selection of sessions against another, benchmark by benchmark
    ///
    /// A selection is run:ID, commit:SHA (commit:SHA+ with uncommitted changes), branch:NAME, tag:KEY=VALUE,
    /// arm:NAME, window:30d, baseline:NAME, node:GLOB, env:KEY=GLOB or latest, several of them with commas between: all
    /// must fit. See docs/comparing.md
    Compare(Compare),
    /// Sessions that others are compared with, under a name, by platform
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Do measurements repeat: how far sessions lie apart, why, which node or session is off, and what the next
    /// run needs
    ///
    /// The spread of each benchmark's sessions is held with an interval of its own against a limit
    /// (docs/reproducibility.md). Nodes and sessions that do not fit the others are named by Mandel's h and k, with how
    /// their environments differ
    Reproducibility(Reproducibility),
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
    /// The suite's TOML file, or the name of one that is built in (demo, roofline, gpu)
    pub(crate) suite: PathBuf,
    /// Fresh processes to measure in, for each arm; `auto` goes on until every interval is within
    /// --precision, or --budget is spent
    #[arg(long, value_name = "N|auto", default_value = "5")]
    pub(crate) sessions: SessionCount,
    /// With --sessions auto: half the width of the 95 % interval of each benchmark's centre (with arms: of
    /// its ratio), relative to it
    #[arg(long, value_name = "FRACTION", default_value_t = 0.01, value_parser = precision)]
    pub(crate) precision: f64,
    /// With --sessions auto: no round is begun that would probably end later
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) budget: humantime::Duration,
    /// A side of a comparison, measured in turns with the others: a program, or a commit that is built as
    /// the suite says; the first one is what the others are compared with
    #[arg(long = "arm", value_name = "NAME=PROGRAM|COMMIT", value_parser = key_value)]
    pub(crate) arms: Vec<(String, String)>,
    /// Memory that a session may have, in MiB: what needs more fails alone [default: nine tenths of what is
    /// available]
    #[arg(long, value_name = "MIB", value_parser = mebibytes)]
    pub(crate) memory_limit: Option<usize>,
    /// Do not count cycles, cache misses, page faults, … in a pass after the timed one
    #[arg(long)]
    pub(crate) no_counters: bool,
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
    /// Processes of a session, for benchmarks that several measure together (their parameter `ranks`); others
    /// are measured by the first
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) ranks: u32,
    /// One such process for each of these GPUs, named as in CUDA_VISIBLE_DEVICES, such as 0,1; `all` for every
    /// visible one
    #[arg(long, value_name = "LIST|all", conflicts_with = "ranks")]
    pub(crate) devices: Option<String>,
    /// Run sessions on these processors alone, such as 0-3,8
    #[arg(long, value_name = "LIST")]
    pub(crate) pin: Option<String>,
    /// Take memory from this NUMA node alone, and run on its processors unless --pin names others
    #[arg(long, value_name = "NODE")]
    pub(crate) numa: Option<u32>,
    /// Do not probe how quiet the machine is before the first session
    #[arg(long)]
    pub(crate) no_probe: bool,
}

/// So many sessions, or as many as it takes
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionCount {
    Fixed(u32),
    Auto,
}

impl FromStr for SessionCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let count = text.parse().ok().filter(|count| *count > 0);
        count.map(Self::Fixed).ok_or_else(|| format!("{text:?} is neither a number of sessions nor auto"))
    }
}

fn precision(text: &str) -> Result<f64, String> {
    fraction(text, "a fraction between 0 and 1, such as 0.01 or 1% for ±1 %", |it| it > 0.0 && it < 1.0)
}

/// A number of MiB that a machine may have.
fn mebibytes(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|mebibytes| (1..1 << 24).contains(mebibytes))
        .ok_or_else(|| format!("{text:?} is not a number of MiB"))
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Simulate {
    /// Nodes; each measures in every session
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) nodes: u32,
    /// Sessions of each node: as many runs, each of another commit
    #[arg(long, value_name = "R", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sessions: u32,
    /// Series in a session: as many benchmarks, from 100 ns to 1 s
    #[arg(long, value_name = "M", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) series: u32,
    /// Samples in a series
    #[arg(long, value_name = "K", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) samples: u32,
    /// What everything random comes from
    #[arg(long, value_name = "S", default_value_t = 42)]
    pub(crate) seed: u64,
    /// When the first run starts, UTC
    #[arg(long, value_name = "TIME", default_value = "2026-01-01T00:00:00Z", value_parser = humantime::parse_rfc3339_weak)]
    pub(crate) start: SystemTime,
    /// Time between runs; runs overlap where their sessions take longer
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub(crate) every: humantime::Duration,
    /// From a session on (the first is 0), a benchmark (all of a name, or one label) takes RATIO times as
    /// long: cpu.gemm=1.05@20; may be repeated
    #[arg(long, value_name = "BENCHMARK=RATIO@SESSION")]
    pub(crate) regress: Vec<Regression>,
    /// Send to Kafka
    #[arg(long, value_name = "HOST:PORT,…", required_unless_present = "spool", conflicts_with = "spool")]
    pub(crate) brokers: Option<String>,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    /// Write to this spool, a producer per node; what an earlier simulation left there is completed
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    /// Partitions of topics that do not exist yet
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: i32,
    #[command(flatten)]
    pub(crate) noise: NoiseArgs,
    #[command(flatten)]
    pub(crate) faults: FaultArgs,
}

/// How much of which noise
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Noise")]
pub(crate) struct NoiseArgs {
    /// Coefficient of variation between nodes
    #[arg(long, value_name = "CV", default_value_t = Noise::default().node, value_parser = variation)]
    pub(crate) node_noise: f64,
    /// Coefficient of variation between sessions
    #[arg(long, value_name = "CV", default_value_t = Noise::default().session, value_parser = variation)]
    pub(crate) session_noise: f64,
    /// Coefficient of variation between samples
    #[arg(long, value_name = "CV", default_value_t = Noise::default().iteration, value_parser = variation)]
    pub(crate) noise: f64,
    /// Share of samples that are slowed down, by a heavy-tailed factor
    #[arg(long, value_name = "SHARE", default_value_t = Noise::default().tails, value_parser = share)]
    pub(crate) tails: f64,
    /// Share of series that are slow as a whole or switch to a slow mode and back
    #[arg(long, value_name = "SHARE", default_value_t = Noise::default().modes, value_parser = share)]
    pub(crate) modes: f64,
    /// How many times as long everything takes in the last session as in the first, growing evenly
    #[arg(long, value_name = "RATIO", default_value_t = Noise::default().drift, value_parser = ratio)]
    pub(crate) drift: f64,
}

/// How much goes wrong on the way to Kafka
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Faults on the way (with --brokers)")]
pub(crate) struct FaultArgs {
    /// Share of records that are sent again
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub(crate) duplicates: f64,
    /// Share of nodes whose records come after those of all others
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub(crate) late: f64,
    /// Share of records that a damaged message follows: cut, with a flipped bit, or no Arrow at all
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub(crate) broken: f64,
}

fn number(text: &str, what: &str, fits: impl FnOnce(f64) -> bool) -> Result<f64, String> {
    text.parse().ok().filter(|&number: &f64| fits(number)).ok_or_else(|| format!("not {what}"))
}

/// 0.05, or `5%`.
fn fraction(text: &str, what: &str, fits: impl FnOnce(f64) -> bool) -> Result<f64, String> {
    let (digits, unit) = match text.trim().strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text.trim(), 1.0),
    };
    let value = digits.parse::<f64>().ok().map(|number| number / unit);
    value.filter(|value| fits(*value)).ok_or_else(|| format!("not {what}"))
}

fn share(text: &str) -> Result<f64, String> {
    number(text, "a share between 0 and 1", |share| (0.0..=1.0).contains(&share))
}

fn variation(text: &str) -> Result<f64, String> {
    number(text, "a coefficient of variation between 0 and 10", |cv| (0.0..=10.0).contains(&cv))
}

fn ratio(text: &str) -> Result<f64, String> {
    number(text, "a ratio between 0.01 and 100", |ratio| (0.01..=100.0).contains(&ratio))
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
    #[command(flatten)]
    pub(crate) place: Place,
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
    /// Commit when this many MiB are pending in a table
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = mebibytes)]
    pub(crate) batch: usize,
    /// Hold at most this many MiB of records that are read and not durable; what comes beyond waits
    /// in Kafka, or in its spool
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = mebibytes)]
    pub(crate) memory: usize,
    /// Partitions of topics that do not exist yet
    #[arg(long, default_value_t = 4, requires = "brokers")]
    pub(crate) partitions: i32,
    /// Also look after the lake every so often: compaction, checkpoint, vacuum of what is older than 7d
    #[arg(long, value_name = "EVERY", num_args = 0..=1, default_missing_value = "1h")]
    pub(crate) maintain: Option<humantime::Duration>,
    #[command(flatten)]
    pub(crate) compaction: CompactionArgs,
    /// Serve metrics (/metrics) and health (/health, /health/live, /health/ready) here; port 0 takes a
    /// free one and tells it
    #[arg(long, value_name = "HOST:PORT", env = "BENCHLAKE_LISTEN", value_parser = socket_address)]
    pub(crate) listen: Option<SocketAddr>,
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().map_err(|error| error.to_string())?.next();
    found.ok_or_else(|| "the name has no address".into())
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
    /// Draw the answer too, as the query's chart
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    pub(crate) plot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) lake: LakeArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Compare {
    /// What is held against, such as branch:main
    pub(crate) base: Selector,
    /// What is judged, such as commit:abc123; sessions that both select belong to it alone
    pub(crate) new: Selector,
    #[command(flatten)]
    pub(crate) lake: LakeArgs,
    /// The metric, such as `cycles`; `all` for each of them
    #[arg(long, value_name = "NAME", default_value = "time")]
    pub(crate) metric: String,
    /// Only benchmarks that match this regular expression, such as 'gemm.*f32'
    #[arg(long, value_name = "RE")]
    pub(crate) filter: Option<Regex>,
    /// What counts: margins, severities, false-discovery rate [default: built in, see docs/comparing.md]
    #[arg(long, value_name = "FILE", env = "BENCHLAKE_POLICY")]
    pub(crate) policy: Option<PathBuf>,
    /// A fact of the environment that may differ, such as kernel or 'cpu.*'; `node` where the sides ran on
    /// different nodes; may be repeated
    #[arg(long, value_name = "FIELD")]
    pub(crate) across: Vec<String>,
    /// The level of intervals, over the policy's
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub(crate) level: Option<f64>,
    /// Other draws of the bootstrap: an answer that depends on them is none
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// table, json, csv, markdown, html or junit
    #[arg(long, default_value = "table")]
    pub(crate) format: Form,
    /// Write it to this file, and the table to standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// End with exit code 3 if something regressed: critically, by the policy's warning, or at all
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<Severity>,
    /// Tell in plain sentences how the verdict of this benchmark came about: its label, or a part that fits
    /// no other
    #[arg(long, value_name = "BENCHMARK", conflicts_with_all = ["format", "out"])]
    pub(crate) explain: Option<String>,
    /// Keep the verdicts in the lake, once (`benchlake query verdicts`)
    #[arg(long)]
    pub(crate) record: bool,
    /// Move the baseline that was compared with to the sessions that were judged, if the policy says so
    /// (`baseline.moves`)
    #[arg(long)]
    pub(crate) move_baseline: bool,
    /// Move it whatever the outcome, as a person who accepts it, and keep this reason: one change of level is not
    /// reported for ever
    #[arg(long, value_name = "REASON", conflicts_with = "move_baseline")]
    pub(crate) accept: Option<String>,
}

fn level(text: &str) -> Result<f64, String> {
    fraction(text, "a level between 0.5 and 1, such as 0.95 or 95%", |level| level > 0.5 && level < 1.0)
}

/// How bad a regression is
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Severity {
    Critical,
    Warning,
    Regression,
}

impl From<Severity> for decide::FailOn {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::Warning => Self::Warning,
            Severity::Regression => Self::Regression,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Functions {
    /// A function, or an aggregate
    pub(crate) name: Option<String>,
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
    /// The metric, such as `cycles`; `all` for each of them
    #[arg(long, default_value = "time")]
    pub(crate) metric: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Reproducibility {
    /// Which sessions: latest, run:ID commit:SHA commit:SHA+ branch:NAME tag:K=V arm:NAME window:30d baseline:NAME
    /// node:GLOB env:KEY=GLOB, several with commas between
    #[arg(default_value = "latest")]
    pub(crate) selector: Selector,
    #[command(flatten)]
    pub(crate) lake: LakeArgs,
    /// The metric, such as `cycles`; `all` for each of them
    #[arg(long, default_value = "time")]
    pub(crate) metric: String,
    /// Only benchmarks that match this regular expression, such as 'gemm.*f32'
    #[arg(long, value_name = "RE")]
    pub(crate) filter: Option<Regex>,
    /// The largest coefficient of variation of sessions that counts as reproducible
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percentage)]
    pub(crate) limit: f64,
    /// Level of the intervals
    #[arg(long, default_value_t = 0.95, value_parser = level)]
    pub(crate) level: f64,
    /// How precise the next run is wished to be: half the width of the interval of a centre, relative to it
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = percentage)]
    pub(crate) precision: f64,
    /// How to print it
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ReproducibilityFormat,
    /// Tell in sentences how the answer for this benchmark came about: its label, or a part that fits no other
    #[arg(long, value_name = "BENCHMARK", conflicts_with = "format")]
    pub(crate) explain: Option<String>,
    /// End with exit code 3 if a benchmark is not reproducible; `undecided`: also if one is undecided or cannot be
    /// judged
    #[arg(long, value_enum, value_name = "ANSWER")]
    pub(crate) fail_on: Option<FailOnSpread>,
}

/// How reproducibility is printed
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReproducibilityFormat {
    /// For people, in a terminal
    Table,
    /// One object with every figure
    Json,
    /// One row per benchmark
    Csv,
    /// For a pull request or a wiki
    Markdown,
    /// A page with plots
    Html,
}

/// What ends with exit code 3
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOnSpread {
    /// A benchmark whose spread is above the limit
    NotReproducible,
    /// Also one of which that is not decided
    Undecided,
}

/// A share, as `5%` or 0.05.
fn percentage(text: &str) -> Result<f64, String> {
    let what = "a percentage above 0, such as 5% (or 0.05)";
    let share = fraction(text, what, |it| it.is_finite() && it > 0.0)?;
    if share > 1.0 && !text.contains('%') {
        return Err(format!("{text} is {} %; did you mean {text}%?", share * 100.0));
    }
    Ok(share)
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    /// Also check that these Kafka brokers answer
    #[arg(long, value_name = "HOST:PORT,…", env = "BENCHLAKE_BROKERS")]
    pub(crate) brokers: Option<String>,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    /// Show what of the machine can be set for measuring, and what keeps the rest from it
    #[arg(long)]
    pub(crate) tune: bool,
    /// Set it; what was there before is noted first
    #[arg(long, conflicts_with = "undo")]
    pub(crate) apply: bool,
    /// Set back what --apply has set
    #[arg(long)]
    pub(crate) undo: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which lake
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Place {
    /// The lake: a folder or URL
    #[arg(long, value_name = "URI", env = "BENCHLAKE_LAKE")]
    pub(crate) lake: String,
}

/// What compaction makes of files
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct CompactionArgs {
    /// Size of the files that are made, in MiB; those of half of it stay as they are
    #[arg(long, value_name = "MIB", default_value_t = 128, value_parser = mebibytes)]
    pub(crate) target: usize,
    /// Series older than this, such as 90d, keep 101 of their samples: evenly spaced order statistics,
    /// flagged `summarised` [default: all samples stay]
    #[arg(long, value_name = "AGE")]
    pub(crate) summarise_after: Option<humantime::Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Declare the sessions that a selector selects now to be a baseline, on each of their platforms
    ///
    /// The sessions are kept, not the selector: `branch:main` tomorrow is not what was declared today. Each
    /// call is a revision of its own; earlier ones stay in the history
    Set {
        /// Its name: letters, digits, `.`, `_` and `-`
        #[arg(value_parser = baseline_name)]
        name: String,
        /// Which sessions, such as branch:main or run:ID
        selector: Selector,
        /// Only on platforms that fit this pattern of `*` and `?`, such as '*EPYC*'
        #[arg(long, value_name = "GLOB")]
        platform: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List the baselines: a row per name and platform
    Ls {
        #[command(flatten)]
        lake: LakeArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Print what a baseline is, and how many of its sessions the lake still has
    Show {
        /// Its name
        #[arg(value_parser = baseline_name)]
        name: String,
        /// Every revision, newest first: who moved it, and why
        #[arg(long)]
        history: bool,
        #[command(flatten)]
        lake: LakeArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Declare that a baseline holds no more; its history stays
    Rm {
        /// Its name
        #[arg(value_parser = baseline_name)]
        name: String,
        /// Only on platforms that fit this pattern of `*` and `?`
        #[arg(long, value_name = "GLOB")]
        platform: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        place: Place,
    },
}

/// The longest name of a baseline, in letters.
const LONGEST_NAME: usize = 100;

fn baseline_name(text: &str) -> Result<String, String> {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || b"._-".contains(&letter);
    match text.as_bytes() {
        [first, rest @ ..]
            if first.is_ascii_alphanumeric()
                && rest.len() < LONGEST_NAME
                && rest.iter().all(|letter| fits(*letter)) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "a name is 1 to {LONGEST_NAME} of the letters a-z, A-Z, 0-9, `.`, `_` and `-`, and begins with a letter or digit"
        )),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum LakeCommand {
    /// Check that files are as they were written, every producer's rows are there once, and positions
    /// fit; prints what is off and ends with exit code 7
    Verify {
        #[command(flatten)]
        place: Place,
        /// Also hold the lake's offsets against these Kafka brokers
        #[arg(long, value_name = "HOST:PORT,…")]
        brokers: Option<String>,
        #[command(flatten)]
        kafka: KafkaArgs,
    },
    /// Make few large files of many small ones, rows in order of benchmark and time; landing and
    /// reading go on meanwhile, and the old files stay until a vacuum
    Optimize {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        compaction: CompactionArgs,
    },
    /// Print each table's version, files, rows, bytes and positions
    Info {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Print the newest commits of each table
    History {
        #[command(flatten)]
        place: Place,
        /// How many of each table
        #[arg(short = 'n', long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Delete data files that the newest version does not name, and entries of the log that a
    /// checkpoint made superfluous 30 days ago
    Vacuum {
        #[command(flatten)]
        place: Place,
        /// Only files older than this, such as 7d or 12h; older versions stay readable for so long, but
        /// no longer than 7d. At least 2h: a lander may be about to commit a younger file
        #[arg(long, value_name = "AGE", default_value = "7d")]
        older_than: humantime::Duration,
        /// Nobody lands or reads at this moment: files of any age may go
        #[arg(long)]
        offline: bool,
        /// Only print what would be deleted
        #[arg(long)]
        dry_run: bool,
    },
    /// Write a checkpoint of each table's log, which makes opening quicker
    Checkpoint {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetters {
    /// List them, newest first: id, open or replayed, reason, first error
    Ls {
        #[command(flatten)]
        place: Place,
    },
    /// Print one with its headers
    Show {
        /// TOPIC/PARTITION/OFFSET
        id: String,
        #[command(flatten)]
        place: Place,
        /// Write its bytes to this file
        #[arg(long, value_name = "FILE")]
        payload: Option<PathBuf>,
    },
    /// Land their rows after all, each once: after an upgrade, or with mended bytes
    Replay {
        /// TOPIC/PARTITION/OFFSET [default: all]
        ids: Vec<String>,
        #[command(flatten)]
        place: Place,
        /// Bytes that take the place of the letter's: an Arrow IPC stream of its table
        #[arg(long, value_name = "FILE", requires = "ids")]
        payload: Option<PathBuf>,
    },
}
