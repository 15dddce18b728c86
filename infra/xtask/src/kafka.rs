//! A real Apache Kafka for the tests: one KRaft node on loopback, from the jars that `setup` fetched.
//!
//! Everything it has is in `services/kafka` of the target folder: `libs`, `data`, `tls`, `broker.log`
//! and `broker.pid`. A broker killed at any point starts again on the same data.

use crate::{
    listener::{answers_metadata, command_line, holder, is_free},
    ports::Ports,
    step::{output, remove_folder},
    tls,
    workspace::Workspace,
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The broker's main class.
const MAIN_CLASS: &str = "kafka.Kafka";

/// Starts the broker unless it is up as configured, and returns where it answers in plain.
pub(crate) fn up(workspace: &Workspace, fresh: bool) -> Result<SocketAddr> {
    let (home, ports) = (Home(workspace.kafka()), Ports::find()?);
    if !home.libs().join("pom.xml").exists() {
        bail!("no Kafka in {}: run `cargo xtask setup` first", home.libs().display());
    }
    if fresh {
        home.stop(&["TERM", "KILL"])?;
        remove_folder(&home.data())?;
    }
    let wanted = home.wanted_properties(workspace, ports)?;
    if let Some(pid) = home.running() {
        if home.tls_is_ready() && fs::read_to_string(home.properties()).is_ok_and(|has| has == wanted) {
            eprintln!("up: Kafka is up already (pid {pid})");
            home.wait_for_answer(ports, None)?;
            return Ok(ports.plain());
        }
        eprintln!("up: Kafka (pid {pid}) is configured otherwise: starting it anew");
        home.stop(&["TERM", "KILL"])?;
    }
    for (_, port) in ports.all() {
        wait_until_free((Ipv4Addr::LOCALHOST, port).into())?;
    }
    home.configure(workspace, ports, &wanted)?;
    let start = Instant::now();
    let mut broker = home.start()?;
    home.wait_for_answer(ports, Some(&mut broker))?;
    eprintln!("up: Kafka answers after {:.1} s (pid {})", start.elapsed().as_secs_f64(), broker.id());
    Ok(ports.plain())
}

/// Stops the broker, if it is ours and up, and returns when it is gone.
/// `kill` does it as a crash would.
pub(crate) fn down(workspace: &Workspace, kill: bool) -> Result<()> {
    let signals: &[_] = if kill { &["KILL"] } else { &["TERM", "KILL"] };
    match Home(workspace.kafka()).stop(signals)? {
        Some(pid) => eprintln!("down: Kafka is stopped (pid {pid})"),
        None => eprintln!("down: Kafka is not up"),
    }
    Ok(())
}

/// Whether our broker is up.
pub(crate) fn is_up(workspace: &Workspace) -> bool {
    Home(workspace.kafka()).running().is_some()
}

/// The folder that holds what clients of the secured listeners need.
pub(crate) fn tls_folder(workspace: &Workspace) -> PathBuf {
    Home(workspace.kafka()).tls()
}

/// Waits a moment for the ports of a broker that was just killed; a port that stays taken is
/// somebody else's.
fn wait_until_free(address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(3);
    while !is_free(address) {
        if Instant::now() > deadline {
            let who = holder(address.port()).unwrap_or_else(|| "another process".into());
            bail!(
                "{address} is taken by {who}: stop it (a test Kafka: `cargo xtask down` with its checkout and CARGO_TARGET_DIR)"
            );
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The folder of the broker.
struct Home(PathBuf);

impl Home {
    fn libs(&self) -> PathBuf {
        self.0.join("libs")
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }

    /// Whether certificates and password are there, and the data folder knows the password.
    fn tls_is_ready(&self) -> bool {
        self.tls().join("addresses").exists()
    }

    fn properties(&self) -> PathBuf {
        self.0.join("server.properties")
    }

    fn log(&self) -> PathBuf {
        self.0.join("broker.log")
    }

    fn pid_file(&self) -> PathBuf {
        self.0.join("broker.pid")
    }

    /// The broker's process id, if that process is still our broker and not a later one of the
    /// same number.
    fn running(&self) -> Option<u32> {
        let pid: u32 = fs::read_to_string(self.pid_file()).ok()?.trim().parse().ok()?;
        let words = command_line(&pid.to_string());
        let is_ours = words.iter().any(|word| word == MAIN_CLASS)
            && words.last().is_some_and(|word| Path::new(word) == self.properties());
        is_ours.then_some(pid)
    }

    /// The template with everything filled in.
    fn wanted_properties(&self, workspace: &Workspace, ports: Ports) -> Result<String> {
        let template = workspace.path("infra/kafka/server.properties");
        let text = fs::read_to_string(&template)
            .with_context(|| format!("cannot read {}", template.display()))?
            .replace("@DATA@", &self.data().display().to_string())
            .replace("@TLS@", &self.tls().display().to_string());
        let fill = |text: String, (name, port): (&str, u16)| {
            text.replace(&format!("@{}@", name.to_uppercase()), &port.to_string())
        };
        Ok(ports.all().fold(text, fill))
    }

    /// Writes the configuration, and makes certificates and data folder where they are missing. A data
    /// folder from before the broker had certificates is made anew: it knows no user.
    fn configure(&self, workspace: &Workspace, ports: Ports, properties: &str) -> Result<()> {
        fs::write(self.properties(), properties)
            .with_context(|| format!("cannot write {}", self.properties().display()))?;
        fs::copy(workspace.path("infra/kafka/log4j2.properties"), self.0.join("log4j2.properties"))
            .with_context(|| format!("cannot copy log4j2.properties to {}", self.0.display()))?;
        if !self.tls_is_ready() {
            remove_folder(&self.data())?;
            tls::make(&self.tls())?;
        }
        if !self.data().join("meta.properties").exists() {
            self.format()?;
        }
        // Last: its presence says that all of it is there.
        let addresses: String =
            ports.all().map(|(name, port)| format!("{name} localhost:{port}\n")).collect();
        fs::write(self.tls().join("addresses"), addresses)
            .with_context(|| format!("cannot write to {}", self.tls().display()))
    }

    /// Makes the data folder, with a new cluster id and the user of the tests.
    fn format(&self) -> Result<()> {
        remove_folder(&self.data())?;
        let remedy = "see what it says; `java -version` must be 17 or newer";
        let id = output(self.java().args(["kafka.tools.StorageTool", "random-uuid"]), remedy)?;
        let password = fs::read_to_string(self.tls().join("password"))
            .with_context(|| format!("cannot read the password in {}", self.tls().display()))?;
        let user = format!("SCRAM-SHA-512=[name={},password={}]", tls::USER, password.trim());
        let mut format = self.java();
        format.args(["kafka.tools.StorageTool", "format", "-t", id.trim(), "--add-scram", &user, "-c"]);
        output(format.arg(self.properties()), remedy).map(drop)
    }

    /// Starts the broker in a process group of its own, so that it outlives this program and a
    /// Ctrl-C in the terminal.
    fn start(&self) -> Result<Child> {
        let log = File::options().create(true).append(true).open(self.log());
        let log = log.with_context(|| format!("cannot write {}", self.log().display()))?;
        let broker = self
            .java()
            .arg(MAIN_CLASS)
            .arg(self.properties())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot start java: run `cargo xtask setup`")?;
        fs::write(self.pid_file(), broker.id().to_string())
            .with_context(|| format!("cannot write {}", self.pid_file().display()))?;
        Ok(broker)
    }

    fn java(&self) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xms128m", "-Xmx512m"]);
        java.arg(format!("-Dlog4j2.configurationFile=file:{}", self.0.join("log4j2.properties").display()));
        java.arg("-cp").arg(self.libs().join("*"));
        java
    }

    /// Waits until the broker answers; gives up when it ends or takes too long.
    fn wait_for_answer(&self, ports: Ports, mut broker: Option<&mut Child>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !answers_metadata(ports.plain()) {
            if let Some(broker) = &mut broker
                && let Some(status) = broker.try_wait()?
            {
                bail!("Kafka ended ({status}): {}; its log is {}", self.last_error(), self.log().display());
            }
            if Instant::now() > deadline {
                let patience = PATIENCE.as_secs();
                bail!(
                    "Kafka does not answer after {patience} s: see {}, then `cargo xtask down`",
                    self.log().display()
                );
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The last line of the log that complains.
    fn last_error(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let complains =
            |line: &&str| ["ERROR", "FATAL", "Exception", "Error:"].iter().any(|word| line.contains(word));
        log.lines().rev().find(complains).unwrap_or("no reason given").to_owned()
    }

    /// Stops the broker and waits until it is gone; returns the process id it had.
    fn stop(&self, signals: &[&str]) -> Result<Option<u32>> {
        let Some(pid) = self.running() else { return Ok(None) };
        for signal in signals {
            // The shell's own kill: the program of that name is not on every Debian.
            let kill = format!("kill -{signal} {pid}");
            output(
                Command::new("sh").args(["-c", &kill]),
                "it belongs to another user: stop it as that user",
            )?;
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline {
                if self.running().is_none() {
                    let _ = fs::remove_file(self.pid_file());
                    return Ok(Some(pid));
                }
                sleep(Duration::from_millis(50));
            }
            eprintln!("down: Kafka (pid {pid}) is still there {} s after {signal}", PATIENCE.as_secs());
        }
        bail!("cannot stop Kafka (pid {pid}): see {}", self.log().display())
    }
}
