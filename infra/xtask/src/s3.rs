//! A real S3 server with conditional writes for the tests: versitygw on loopback, over a folder.
//!
//! Everything it has is in `services/s3` of the target folder: the program, `data` with a folder a
//! bucket, `credentials`, `server.log` and `server.pid`. Killed at any point it starts again on the
//! same data.

use crate::{
    go,
    service::{Service, wait_until_free},
    step::{once_per, output, remove_folder},
    workspace::Workspace,
};
use anyhow::{Context as _, Result, bail};
use std::{
    env,
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

/// The bucket that the tests use; each takes a prefix of its own.
const BUCKET: &str = "benchlake";
const PORT: &str = "17070";

/// Builds the server that `infra/s3/server` names, once for each content of that file.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    let recipe = workspace.path("infra/s3/server");
    let home = Home::of(workspace);
    fs::create_dir_all(&home.0).with_context(|| format!("cannot create {}", home.0.display()))?;
    once_per(&recipe, &home.0.join("server"), || {
        eprintln!("setup: building an S3 server into {}", home.0.display());
        let module = fs::read_to_string(&recipe)?;
        let mut install = go::command()?;
        install.args(["install", module.trim()]).env("GOBIN", &home.0).env("CGO_ENABLED", "0");
        output(&mut install, "Go must reach a module proxy (`go env GOPROXY` names it); then run this again")
            .map(drop)
    })
}

/// Where clients reach the server.
fn url() -> String {
    format!("http://{}", address())
}

/// `127.0.0.1` with the port of `BENCHLAKE_TEST_S3_PORT`, or the usual one.
fn address() -> String {
    format!("127.0.0.1:{}", env::var("BENCHLAKE_TEST_S3_PORT").unwrap_or_else(|_| PORT.into()))
}

/// What a client of the server has in its environment; the keys are in a file.
pub(crate) fn variables(workspace: &Workspace) -> [(&'static str, String); 5] {
    [
        ("BENCHLAKE_TEST_S3", url()),
        ("AWS_ENDPOINT_URL", url()),
        ("AWS_ALLOW_HTTP", "true".into()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_SHARED_CREDENTIALS_FILE", Home::of(workspace).credentials().display().to_string()),
    ]
}

/// Starts the server unless it is up, and returns when it answers.
pub(crate) fn up(workspace: &Workspace, fresh: bool) -> Result<()> {
    let home = Home::of(workspace);
    let (service, address) = (home.service(), address().parse()?);
    if !home.program().exists() {
        bail!("no S3 server in {}: run `cargo xtask setup` first", home.0.display());
    }
    if fresh {
        service.stop(&["TERM", "KILL"])?;
        remove_folder(&home.data())?;
    }
    if let Some(pid) = service.running() {
        eprintln!("up: S3 is up already (pid {pid})");
        return service.wait(None, || answers(address));
    }
    wait_until_free(address)?;
    let bucket = home.data().join(BUCKET);
    fs::create_dir_all(&bucket).with_context(|| format!("cannot create {}", bucket.display()))?;
    let [id, secret] = home.keys()?;
    let start = Instant::now();
    let mut command = Command::new(home.program());
    // Connections stay open, as Amazon's do.
    command.args(["--quiet", "--keep-alive", "--port", &address.to_string(), "posix"]).arg(home.data());
    let mut server = service.start(command.env("ROOT_ACCESS_KEY", id).env("ROOT_SECRET_KEY", secret))?;
    service.wait(Some(&mut server), || answers(address))?;
    eprintln!("up: S3 answers after {:.1} s (pid {})", start.elapsed().as_secs_f64(), server.id());
    Ok(())
}

/// Stops the server; `kill` does it as a crash would.
pub(crate) fn down(workspace: &Workspace, kill: bool) -> Result<()> {
    Home::of(workspace).service().down(kill)
}

/// Whether our server is up.
pub(crate) fn is_up(workspace: &Workspace) -> bool {
    Home::of(workspace).service().running().is_some()
}

/// Whether HTTP is spoken there: who asks without a key is refused.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let patience = Duration::from_secs(1);
        let mut stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(answer.starts_with(b"HTTP/1.1 403"))
    };
    ask().unwrap_or(false)
}

/// The folder of the server.
struct Home(PathBuf);

impl Home {
    fn of(workspace: &Workspace) -> Self {
        Self(workspace.target().join("services/s3"))
    }

    fn program(&self) -> PathBuf {
        self.0.join("versitygw")
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn credentials(&self) -> PathBuf {
        self.0.join("credentials")
    }

    fn service(&self) -> Service {
        Service {
            name: "S3",
            pid_file: self.0.join("server.pid"),
            log: self.0.join("server.log"),
            last_word: self.data(),
        }
    }

    /// Key id and secret: random ones, made at the first start and kept in a file that its owner alone
    /// can read, in the form of AWS's own.
    fn keys(&self) -> Result<[String; 2]> {
        let path = self.credentials();
        if !path.exists() {
            let mut random = [0; 30];
            File::open("/dev/urandom")?.read_exact(&mut random)?;
            let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            let (id, secret) = text.split_at(20);
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
            write!(file, "[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")?;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
            line.map(|value| value.trim().to_owned())
                .with_context(|| format!("{} has no {key}: remove that file", path.display()))
        };
        Ok([value("aws_access_key_id")?, value("aws_secret_access_key")?])
    }
}
