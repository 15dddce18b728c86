//! A real Apache Kafka for the tests: one KRaft node on loopback, from the jars that `setup` fetched.
//!
//! Everything it has is in `services/kafka` of the target folder: `libs`, `data`, `tls`, `broker.log`
//! and `broker.pid`. A broker killed at any point starts again on the same data.

use crate::{
    listener::answers_metadata,
    ports::Ports,
    service::{Service, wait_until_free},
    step::{output, remove_folder},
    tls,
    workspace::Workspace,
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
    time::Instant,
};

/// The broker's main class.
const MAIN_CLASS: &str = "kafka.Kafka";

/// Starts the broker unless it is up as configured, and returns where it answers in plain.
pub(crate) fn up(workspace: &Workspace, fresh: bool) -> Result<SocketAddr> {
    let (home, ports) = (Home(workspace.kafka()), Ports::find()?);
    let service = home.service();
    if !home.libs().join("pom.xml").exists() {
        bail!("no Kafka in {}: run `cargo xtask setup` first", home.libs().display());
    }
    if fresh {
        service.stop(&["TERM", "KILL"])?;
        remove_folder(&home.data())?;
    }
    let wanted = home.wanted_properties(workspace, ports)?;
    if let Some(pid) = service.running() {
        if home.tls_is_ready() && fs::read_to_string(home.properties()).is_ok_and(|has| has == wanted) {
            eprintln!("up: Kafka is up already (pid {pid})");
            service.wait(None, || answers_metadata(ports.plain()))?;
            return Ok(ports.plain());
        }
        eprintln!("up: Kafka (pid {pid}) is configured otherwise: starting it anew");
        service.stop(&["TERM", "KILL"])?;
    }
    for (_, port) in ports.all() {
        wait_until_free((Ipv4Addr::LOCALHOST, port).into())?;
    }
    home.configure(workspace, ports, &wanted)?;
    let start = Instant::now();
    let mut broker = service.start(home.java().arg(MAIN_CLASS).arg(home.properties()))?;
    service.wait(Some(&mut broker), || answers_metadata(ports.plain()))?;
    eprintln!("up: Kafka answers after {:.1} s (pid {})", start.elapsed().as_secs_f64(), broker.id());
    Ok(ports.plain())
}

/// Stops the broker, if it is ours and up, and returns when it is gone.
/// `kill` does it as a crash would.
pub(crate) fn down(workspace: &Workspace, kill: bool) -> Result<()> {
    Home(workspace.kafka()).service().down(kill)
}

/// Whether our broker is up.
pub(crate) fn is_up(workspace: &Workspace) -> bool {
    Home(workspace.kafka()).service().running().is_some()
}

/// The folder that holds what clients of the secured listeners need.
pub(crate) fn tls_folder(workspace: &Workspace) -> PathBuf {
    Home(workspace.kafka()).tls()
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

    /// The broker, told by the properties it was started with.
    fn service(&self) -> Service {
        Service {
            name: "Kafka",
            pid_file: self.0.join("broker.pid"),
            log: self.0.join("broker.log"),
            last_word: self.properties(),
        }
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

    fn java(&self) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xms128m", "-Xmx512m"]);
        java.arg(format!("-Dlog4j2.configurationFile=file:{}", self.0.join("log4j2.properties").display()));
        java.arg("-cp").arg(self.libs().join("*"));
        java
    }
}
