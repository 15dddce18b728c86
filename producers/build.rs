//! Remembers what the crate is compiled with, so that the probe need not run any command.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=BENCHLAKE_BUILD_COMMIT");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    println!("cargo::rustc-env=BENCHLAKE_RUSTC={}", version.trim());
    for (name, from) in [("BENCHLAKE_TARGET", "TARGET"), ("BENCHLAKE_OPT_LEVEL", "OPT_LEVEL")] {
        println!("cargo::rustc-env={name}={}", env::var(from).unwrap_or_default());
    }
}
