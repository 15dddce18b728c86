//! The processes of a round, and how they are struck.

use crate::{Result, plan::Strike};
use benchlake_producers::emit::{Kafka, Spool, SpoolOptions};
use benchlake_schemas::{Benchmark, RunId, SessionId, sample_series, sample_session};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use rdkafka::{
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// No part of a round takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running process of ours.
pub(crate) struct Part {
    child: Child,
    what: String,
    errors: PathBuf,
    strike: Strike,
    began: Instant,
}

impl Part {
    /// Starts `command`, which will be struck; what it says on standard error is kept in `dir`.
    pub(crate) fn start(mut command: Command, what: &str, strike: &Strike, dir: &Path) -> Result<Self> {
        if let Strike::At { step, count, action } = strike {
            command.env("BENCHLAKE_FAULT", format!("{step}@{count}={action}"));
        }
        let errors = dir.join(format!("{what}-{}.log", RunId::new()));
        let child = command
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stderr(fs::File::create(&errors)?)
            .spawn()?;
        Ok(Self { child, what: what.to_owned(), errors, strike: strike.clone(), began: Instant::now() })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Whether SIGSTOP holds it.
    fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    /// Strikes it if it is time, resumes it if it was stopped for `pause`, and says whether it ended.
    pub(crate) fn tend(&mut self, pause: Duration) -> Result<Option<ExitStatus>> {
        if let Strike::After(millis) = self.strike
            && self.began.elapsed() >= Duration::from_millis(millis)
        {
            self.signal(Signal::KILL);
        }
        if self.is_stopped() {
            std::thread::sleep(pause);
            self.signal(Signal::CONT);
        }
        if self.began.elapsed() > PATIENCE {
            self.signal(Signal::KILL);
            return Err(format!("{} hangs: {}", self.what, self.said()).into());
        }
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self, pause: Duration) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.tend(pause)? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end, which must be a success.
    pub(crate) fn succeed(mut self) -> Result<()> {
        let status = self.end(Duration::ZERO)?;
        if status.success() {
            return Ok(());
        }
        Err(format!("{} failed ({status}): {}", self.what, self.said()).into())
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default().trim().to_owned()
    }
}

pub(crate) fn benchlake() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benchlake"));
    command.env_remove("BENCHLAKE_LAKE").env_remove("BENCHLAKE_BROKERS").arg("--verbose");
    command
}

/// A producer of `rows` rows, which is this program once more.
pub(crate) fn producer(spool: &Path, rows: u32, seed: u64) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--produce").arg(spool).args([rows.to_string(), seed.to_string()]);
    Ok(command)
}

/// Spools a session with rows of a few samples each, and says of each record that it is kept.
pub(crate) fn produce(words: &[String]) -> Result<()> {
    let [dir, rows, seed] = words else { return Err("--produce DIR ROWS SEED".into()) };
    let mut random = StdRng::seed_from_u64(seed.parse()?);
    let mut spool = Spool::open(Path::new(dir), 4, SpoolOptions::default())?;
    let (run, session) = (RunId::new(), SessionId::new());
    let mut left: u32 = rows.parse()?;
    let say = |table: &str, rows: usize| writeln!(std::io::stdout(), "{} {table} {rows}", session);
    say("sessions", spool.append(&[sample_session(run, session)])?)?;
    while left > 0 {
        let count = random.random_range(1..=4).min(left);
        left -= count;
        let rows: Vec<_> = (0..count)
            .map(|_| {
                let samples: Vec<f64> = (0..random.random_range(1..20)).map(|_| random.random()).collect();
                let mut row = sample_series(Benchmark::new("fault").with("left", left), &samples);
                (row.run_id, row.session_id) = (run, session);
                row
            })
            .collect();
        say("series", spool.append(&rows)?)?;
    }
    say("sessions", spool.append(&[sample_session(run, session)])?)?;
    Ok(())
}

/// The Kafka of the tests.
pub(crate) struct Broker {
    pub(crate) brokers: String,
    pub(crate) xtask: Option<PathBuf>,
}

impl Broker {
    /// Clients that notice a dead member of their group in half a second.
    pub(crate) const PROPERTIES: [&'static str; 4] =
        ["-X", "session.timeout.ms=500", "-X", "heartbeat.interval.ms=100"];

    pub(crate) fn kafka(&self) -> Kafka {
        Kafka::new(&self.brokers)
    }

    /// Whether it, and S3, can be killed and started.
    pub(crate) fn is_ours(&self) -> bool {
        self.xtask.is_some()
    }

    fn xtask(&self, words: &[&str]) -> Result<()> {
        let Some(xtask) = &self.xtask else { return Ok(()) };
        let output = Command::new(xtask).args(words).env_remove("CARGO_MANIFEST_DIR").output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("xtask {words:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
    }

    /// `kill -9` to `server`: `kafka` or `s3`.
    pub(crate) fn kill(&self, server: &str) -> Result<()> {
        self.xtask(&["down", "--kill", server])
    }

    pub(crate) fn start(&self, server: &str) -> Result<()> {
        self.xtask(&["up", server])
    }

    /// Deletes our topics and makes them again: same names, other topics.
    pub(crate) fn renew_topics(&self) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.kafka().config().create()?;
        let topics = benchlake_schemas::Table::PRODUCED.map(benchlake_schemas::Table::topic);
        let names: Vec<_> = topics.iter().map(String::as_str).collect();
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(admin.delete_topics(&names, &AdminOptions::new()))?;
        let gone = || -> Result<bool> {
            let known = admin.inner().fetch_metadata(None, Duration::from_secs(10))?;
            Ok(!known.topics().iter().any(|topic| names.contains(&topic.name())))
        };
        let began = Instant::now();
        while !gone()? {
            if began.elapsed() > PATIENCE {
                return Err("topics are not deleted".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.kafka().ensure_topics(4)?;
        Ok(())
    }

    /// Sends messages that are no records.
    pub(crate) fn send_garbage(&self, count: u32, seed: u64) -> Result<()> {
        let mut random = StdRng::seed_from_u64(seed);
        let producer: BaseProducer = self.kafka().config().create()?;
        let topic = benchlake_schemas::Table::Series.topic();
        for _ in 0..count {
            let bytes: Vec<u8> = (0..random.random_range(0..200)).map(|_| random.random()).collect();
            let partition = random.random_range(0..4);
            let record = BaseRecord::<(), Vec<u8>>::to(&topic).partition(partition).payload(&bytes);
            producer.send(record).map_err(|(error, _)| error)?;
        }
        Ok(producer.flush(Duration::from_secs(30))?)
    }
}
