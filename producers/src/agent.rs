//! The agent's command line, shared by the small binary `benchlake-agent` and `benchlake agent`.

use crate::{
    emit::{Forwarder, Textfile, drains},
    process,
    session::{Builtin, SessionError},
};
pub use crate::{
    kafka_args::{KafkaArgs, config_text},
    process::{exit, interrupt_flag},
};
use clap::Subcommand;
use std::{
    error::Error,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// What an agent can be told to do.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Measure one session: its specification comes as JSON on standard input, what happens goes as
    /// JSON lines to standard output
    Session,
    /// Send what a spool holds to Kafka
    Forward {
        /// The spool's folder
        #[arg(long)]
        spool: PathBuf,
        /// Kafka brokers to begin with
        #[arg(long, value_name = "HOST:PORT,…", env = "BENCHLAKE_BROKERS")]
        brokers: String,
        /// How to talk to them
        #[command(flatten)]
        kafka: Box<KafkaArgs>,
        /// Partitions of topics that do not exist yet
        #[arg(long, default_value_t = 4)]
        partitions: i32,
        /// Give up when nothing could be delivered for this many seconds
        #[arg(long, default_value_t = 300, value_name = "SECONDS")]
        patience: u64,
        /// Go on for what is spooled later, until interrupted
        #[arg(long)]
        follow: bool,
        /// Keep metrics in this file, whose name ends in .prom, for node_exporter's textfile collector
        #[arg(long, value_name = "FILE.prom", value_parser = prom_file)]
        textfile: Option<PathBuf>,
    },
    /// Print what is known of this machine, as JSON
    Environment,
}

/// Reads `KEY=VALUE`.
///
/// # Errors
/// What is wrong with it.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not KEY=VALUE")),
    }
}

/// node_exporter reads no other names.
fn prom_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let named = path.extension().is_some_and(|kind| kind == "prom");
    if named { Ok(path) } else { Err("node_exporter reads only files whose names end in .prom".into()) }
}

/// Does what `command` says and returns the exit code; `remark` tells a person what was done.
///
/// # Errors
/// Any error, to be printed in one line; [`exit::INTERNAL`] fits it unless [`exit_code`] knows better.
pub fn run(command: &AgentCommand, remark: &dyn Fn(&str)) -> Result<u8, Box<dyn Error>> {
    match command {
        AgentCommand::Session => {
            let spec = process::read_spec()?;
            process::measure_session(&spec, &Builtin { program: spec.program.clone() })
        }
        AgentCommand::Environment => {
            serde_json::to_writer_pretty(io::stdout().lock(), &crate::environment::probe())?;
            writeln!(io::stdout())?;
            Ok(exit::OK)
        }
        AgentCommand::Forward { spool, brokers, kafka, partitions, patience, follow, textfile } => {
            let show_config = kafka.show_config;
            let kafka = kafka.cluster(brokers)?;
            if show_config {
                let options = [
                    ("spool", spool.display().to_string()),
                    ("partitions", partitions.to_string()),
                    ("patience", patience.to_string()),
                    ("follow", follow.to_string()),
                ];
                write!(io::stdout(), "{}", config_text(&options, Some(&Forwarder::config(&kafka)))?)?;
                return Ok(exit::OK);
            }
            let stop = interrupt_flag()?;
            let partitions = kafka.ensure_topics(*partitions)?;
            let mut forwarder = Forwarder::new(kafka, partitions, Duration::from_secs(*patience));
            let total = match textfile {
                None => forward(spool, &mut forwarder, *follow, &stop, &|_| {}),
                Some(path) => {
                    let file = Textfile::new(path, spool);
                    file.keep(|| {
                        forward(spool, &mut forwarder, *follow, &stop, &|records| file.forwarded(records))
                    })?
                }
            }?;
            remark(&format!("forwarded {total} records from {} to {brokers}", spool.display()));
            Ok(if stop.load(Ordering::Relaxed) { exit::INTERRUPTED } else { exit::OK })
        }
    }
}

/// Forwards what the spool holds, once or, with `follow`, until `stop` is set; `passed` hears how many
/// records each pass forwarded. Returns their sum.
fn forward(
    spool: &Path,
    forwarder: &mut Forwarder,
    follow: bool,
    stop: &AtomicBool,
    passed: &dyn Fn(u64),
) -> Result<u64, Box<dyn Error>> {
    let mut total = 0;
    loop {
        let mut records = 0;
        for drain in drains(spool, None)? {
            records += forwarder.forward(&drain, stop)?.records;
        }
        passed(records);
        total += records;
        if !follow || stop.load(Ordering::Relaxed) {
            return Ok(total);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The exit code for an error of [`run`].
#[must_use]
pub fn exit_code(error: &(dyn Error + 'static)) -> u8 {
    use crate::emit::{ForwardError, KafkaError};
    if let Some(error) = error.downcast_ref::<SessionError>() {
        return process::exit_code(error);
    }
    let kafka = match error.downcast_ref() {
        Some(ForwardError::Kafka(kafka)) => Some(kafka),
        _ => error.downcast_ref::<KafkaError>(),
    };
    match kafka {
        Some(KafkaError::Options(_)) => exit::USAGE,
        Some(_) => exit::UNREACHABLE,
        None => exit::INTERNAL,
    }
}
