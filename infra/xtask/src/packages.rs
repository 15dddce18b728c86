//! The operating system's packages: only those whose purpose is not served already.

use crate::step::{on_path, output, run};
use anyhow::{Result, bail};
use std::process::{Command, Stdio};

/// What shows that a package, or something as good, is there.
enum Proof {
    /// All these programs are on `PATH`.
    Programs(&'static [&'static str]),
    /// Python can import these modules: Debian's python3 may lack what `venv` needs.
    PythonModules(&'static str),
}

/// A Debian package, and what it is for.
struct Package {
    name: &'static str,
    purpose: &'static str,
    proof: Proof,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "build-essential",
        purpose: "link Rust, build librdkafka and zstd",
        proof: Proof::Programs(&["cc", "c++", "make"]),
    },
    Package { name: "git", purpose: "tell the commit of a session", proof: Proof::Programs(&["git"]) },
    Package {
        name: "ca-certificates",
        purpose: "let Maven and pip trust their servers",
        proof: Proof::Programs(&["update-ca-certificates"]),
    },
    Package {
        name: "default-jre-headless",
        purpose: "run the Kafka of the tests",
        proof: Proof::Programs(&["java"]),
    },
    Package {
        name: "openssl",
        purpose: "make certificates for the Kafka of the tests",
        proof: Proof::Programs(&["openssl"]),
    },
    Package { name: "maven", purpose: "fetch Kafka's jars", proof: Proof::Programs(&["mvn"]) },
    Package {
        name: "golang-go",
        purpose: "build the S3 server of the tests",
        proof: Proof::Programs(&["go"]),
    },
    Package {
        name: "python3-venv",
        purpose: "read the lake with independent readers",
        proof: Proof::PythonModules("venv, ensurepip"),
    },
    Package {
        name: "strace",
        purpose: "count system calls in a timed region",
        proof: Proof::Programs(&["strace"]),
    },
    Package {
        name: "chromium",
        purpose: "open the report in a real browser",
        proof: Proof::Programs(&["chromium"]),
    },
];

impl Package {
    fn is_served(&self) -> bool {
        match self.proof {
            Proof::Programs(programs) => programs.iter().all(|program| on_path(program).is_some()),
            Proof::PythonModules(modules) => Command::new("python3")
                .args(["-c", &format!("import {modules}")])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success()),
        }
    }
}

/// Installs the missing packages with apt-get, as root or through sudo.
pub(crate) fn install() -> Result<()> {
    let missing: Vec<&Package> = PACKAGES.iter().filter(|package| !package.is_served()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        eprintln!("setup: {} is missing (to {})", package.name, package.purpose);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    if on_path("apt-get").is_none() {
        bail!("no apt-get here: install what serves as Debian's {}, then run this again", names.join(", "));
    }
    let remedy = "install them by hand, or mend what apt-get complains of, and run this again";
    run(apt_get()?.arg("update"), remedy)?;
    run(apt_get()?.args(["install", "--yes", "--no-install-recommends"]).args(&names), remedy)
}

/// `apt-get` that asks nothing and waits for another one to finish.
pub(crate) fn apt_get() -> Result<Command> {
    let is_root = output(Command::new("id").arg("-u"), "install coreutils")?.trim() == "0";
    if !is_root && on_path("sudo").is_none() {
        bail!("installing packages needs root: run this as root, or install sudo");
    }
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]);
    Ok(command)
}
