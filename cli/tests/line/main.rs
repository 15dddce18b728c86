//! The main line as its users have it: the real binary, from a suite to pictures.

mod arms;
mod bad_input;
mod baseline;
mod compare;
mod devices;
mod functions;
mod kafka;
mod lake;
mod local;
mod operating;
mod ranks;
mod reproducibility;
mod s3;
mod secure;
mod simulate;

use benchlake_analytics::{At, Lake, ask};
use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Mutex,
};

type TestResult = Result<(), Box<dyn Error>>;
/// Rows of cells, as text.
type Rows = Vec<Vec<String>>;

/// Two quick benchmarks.
const SUITE: &str = r#"
name = "quick"
[policy]
warmup = "5ms"
warmup_max = "50ms"
min_time = "20ms"
min_samples = 30
max_time = "2s"
[[benchmark]]
workload = "cpu.reduce"
n = [1024, 2048]
"#;

/// Tests share the topics of one Kafka; one at a time keeps what each says of them simple.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn benchlake() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benchlake"));
    command.env_remove("BENCHLAKE_LAKE").env_remove("BENCHLAKE_BROKERS").env_remove("BENCHLAKE_LOG_FORMAT");
    command.env_remove("BENCHLAKE_LISTEN").env_remove("BENCHLAKE_POLICY").env("RUST_BACKTRACE", "0");
    command
}

fn ok(output: Output) -> Result<Output, Box<dyn Error>> {
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(output) } else { Err(format!("{}: {text}", output.status).into()) }
}

fn suite(dir: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let path = dir.join("suite.toml");
    fs::write(&path, SUITE)?;
    Ok(path)
}

/// The answer's rows as text.
fn sql_at(lake: &Path, at: &At, query: &str) -> Result<Rows, Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let answer = runtime.block_on(async {
        let lake = Lake::open(&lake.to_string_lossy(), at).await?;
        Ok::<_, Box<dyn Error>>(ask(&lake.context(), query).await?)
    })?;
    Ok(benchlake_analytics::format::rows(&answer)?)
}

fn sql(lake: &Path, query: &str) -> Result<Rows, Box<dyn Error>> {
    sql_at(lake, &At::Latest, query)
}

/// Every row of both tables as text, by producer and number.
fn everything(lake: &Path) -> Result<BTreeMap<String, Rows>, Box<dyn Error>> {
    let table = |name: &str| sql(lake, &format!("select * from {name} order by producer_id, seq"));
    Ok(BTreeMap::from([("series".into(), table("series")?), ("sessions".into(), table("sessions")?)]))
}

/// A real part that a test needs, named by the environment; its absence is told aloud.
fn real(variable: &str, what: &str) -> Option<String> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        eprintln!("skipped: no {what}: {variable} is not set (`cargo xtask test` sets it)");
    }
    value
}
