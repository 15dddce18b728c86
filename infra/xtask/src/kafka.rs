//! A real Apache Kafka for the tests: one KRaft node on loopback, from the jars that `setup` fetched.
//!
//! Everything it has is in `services/kafka` of the target folder: `libs`, `data`, `broker.log` and
//! `broker.pid`. A broker killed at any point starts again on the same data.

use crate::{
    listener::answers_metadata,
    service::{Service, wait_until_free},
    step::{output, remove_folder},
    workspace::Workspace,
};
use anyhow::{Context as _, Result, bail};
use std::{fs, path::PathBuf, process::Command, time::Instant};

/// Where clients reach the broker.
pub(crate) const BROKER: &str = "127.0.0.1:19092";
/// Where the broker reaches its controller, itself.
const CONTROLLER: &str = "127.0.0.1:19093";
/// The broker's main class.
const MAIN_CLASS: &str = "kafka.Kafka";

/// Starts the broker unless it is up, and returns when it answers.
pub(crate) fn up(workspace: &Workspace, fresh: bool) -> Result<()> {
    let home = Home(workspace.kafka());
    let (service, address) = (home.service(), BROKER.parse()?);
    if !home.libs().join("pom.xml").exists() {
        bail!("no Kafka in {}: run `cargo xtask setup` first", home.libs().display());
    }
    if fresh {
        service.stop(&["TERM", "KILL"])?;
        remove_folder(&home.data())?;
    }
    if let Some(pid) = service.running() {
        eprintln!("up: Kafka is up already (pid {pid})");
        return service.wait(None, || answers_metadata(address));
    }
    for address in [BROKER, CONTROLLER] {
        wait_until_free(address.parse()?)?;
    }
    home.configure(workspace)?;
    let start = Instant::now();
    let mut broker = service.start(home.java().arg(MAIN_CLASS).arg(home.properties()))?;
    service.wait(Some(&mut broker), || answers_metadata(address))?;
    eprintln!("up: Kafka answers after {:.1} s (pid {})", start.elapsed().as_secs_f64(), broker.id());
    Ok(())
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

/// The folder of the broker.
struct Home(PathBuf);

impl Home {
    fn libs(&self) -> PathBuf {
        self.0.join("libs")
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
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

    /// Fills in the templates, and formats the data folder with a new cluster id if it is empty.
    fn configure(&self, workspace: &Workspace) -> Result<()> {
        let template = workspace.path("infra/kafka/server.properties");
        let properties = fs::read_to_string(&template)
            .with_context(|| format!("cannot read {}", template.display()))?
            .replace("@BROKER@", BROKER)
            .replace("@CONTROLLER@", CONTROLLER)
            .replace("@DATA@", &self.data().display().to_string());
        fs::write(self.properties(), properties)
            .with_context(|| format!("cannot write {}", self.properties().display()))?;
        fs::copy(workspace.path("infra/kafka/log4j2.properties"), self.0.join("log4j2.properties"))
            .with_context(|| format!("cannot copy log4j2.properties to {}", self.0.display()))?;
        if self.data().join("meta.properties").exists() {
            return Ok(());
        }
        remove_folder(&self.data())?;
        let remedy = "see what it says; `java -version` must be 17 or newer";
        let id = output(self.java().args(["kafka.tools.StorageTool", "random-uuid"]), remedy)?;
        let mut format = self.java();
        format.args(["kafka.tools.StorageTool", "format", "-t", id.trim(), "-c"]);
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
