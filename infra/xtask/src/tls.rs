//! Certificates and a password for the secured listeners of the test Kafka: made once, with openssl,
//! and good for nothing but tests.
//!
//! `ca.pem` signs `broker.pem`, `expired.pem` and `client.pem`; `stranger.pem` signs nothing. All are
//! for the name `localhost` and no address, so that a client that says 127.0.0.1 has the wrong name.

use crate::step::{output, remove_folder};
use anyhow::{Context as _, Result};
use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    process::Command,
};

/// The user that the broker knows.
pub(crate) const USER: &str = "bench";
/// Longer than any checkout lives.
const TEN_YEARS: &str = "3650";
/// What to do when openssl fails.
const REMEDY: &str = "see what it says; `openssl version` must be 3.0 or newer";

/// Makes everything anew in `folder`, which only its owner can read.
pub(crate) fn make(folder: &Path) -> Result<()> {
    remove_folder(folder)?;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    write(folder, "names.ext", "subjectAltName=DNS:localhost\n")?;
    authority(folder, "ca")?;
    authority(folder, "stranger")?;
    for (name, days) in [("broker", TEN_YEARS), ("expired", "-1"), ("client", TEN_YEARS)] {
        signed(folder, name, days)?;
    }
    write(folder, "password", &output(Command::new("openssl").args(["rand", "-hex", "16"]), REMEDY)?)
}

/// A certificate that signs others, and itself.
fn authority(folder: &Path, name: &str) -> Result<()> {
    let (key, certificate, subject) =
        (format!("{name}.key"), format!("{name}.pem"), format!("/CN=benchlake test {name}"));
    let mut request = new_key(folder, &key);
    request.args(["-x509", "-days", TEN_YEARS, "-out", &certificate, "-subj", &subject]);
    output(&mut request, REMEDY).map(drop)
}

/// A key, its certificate for so many days from now on, and both in one file as the broker reads them.
fn signed(folder: &Path, name: &str, days: &str) -> Result<()> {
    let (key, request, certificate) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
    output(new_key(folder, &key).args(["-out", &request, "-subj", "/CN=localhost"]), REMEDY)?;
    let mut sign = Command::new("openssl");
    sign.current_dir(folder).args(["x509", "-req", "-in", &request, "-out", &certificate, "-days", days]);
    sign.args(["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names.ext"]);
    output(&mut sign, REMEDY)?;
    write(folder, &format!("{name}.keystore.pem"), &(read(folder, &key)? + &read(folder, &certificate)?))
}

/// `openssl req` with a new key, which only its owner can read.
fn new_key(folder: &Path, key: &str) -> Command {
    let mut request = Command::new("openssl");
    request.current_dir(folder).args(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    request.args(["-nodes", "-keyout", key]);
    request
}

fn read(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
