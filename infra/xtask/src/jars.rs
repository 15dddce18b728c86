//! Kafka's jars, from Maven Central.

use crate::{
    step::{once_per, output, remove_folder},
    workspace::Workspace,
};
use anyhow::{Context as _, Result};
use std::{fs, process::Command};

/// Copies the jars that `infra/kafka/pom.xml` asks for to `services/kafka/libs`, once for each
/// content of that file.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    let pom = workspace.path("infra/kafka/pom.xml");
    let libs = workspace.kafka().join("libs");
    once_per(&pom, &libs.join("pom.xml"), || {
        eprintln!("setup: fetching Apache Kafka into {}", libs.display());
        remove_folder(&libs)?;
        fs::create_dir_all(&libs).with_context(|| format!("cannot create {}", libs.display()))?;
        let mut maven = Command::new("mvn");
        maven
            .args(["--quiet", "--batch-mode", "-Dstyle.color=never", "--file"])
            .arg(&pom)
            .arg("dependency:copy-dependencies");
        maven.arg(format!("-DoutputDirectory={}", libs.display()));
        let remedy = "Maven must reach a repository (settings.xml names a mirror); then run this again";
        output(&mut maven, remedy).map(drop)
    })
}
