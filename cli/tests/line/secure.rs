//! Kafka over TLS, with a user and a password: what goes through, and what is refused.

use super::*;
use benchlake_schemas::{Series, Session, Table};
use std::{
    io::Write as _,
    net::TcpListener,
    time::{Duration, Instant},
};

/// What `cargo xtask up` made for clients of the secured listeners.
struct Tls(PathBuf);

impl Tls {
    fn find() -> Option<Self> {
        real("BENCHLAKE_TEST_TLS", "Kafka with TLS").map(|folder| Self(folder.into()))
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn password(&self) -> Result<String, Box<dyn Error>> {
        Ok(fs::read_to_string(self.0.join("password"))?.trim().to_owned())
    }

    /// `localhost:PORT` of a listener.
    fn address(&self, listener: &str) -> Result<String, Box<dyn Error>> {
        let addresses = fs::read_to_string(self.0.join("addresses"))?;
        let found =
            addresses.lines().filter_map(|line| line.split_once(' ')).find(|(name, _)| *name == listener);
        Ok(found.ok_or_else(|| format!("no listener {listener}"))?.1.to_owned())
    }

    /// The options of a client that the broker accepts.
    fn options(&self) -> Vec<String> {
        let (ca, password) = (self.path("ca.pem"), self.path("password"));
        ["--kafka-ca", &ca, "--kafka-user", "bench", "--kafka-password-file", &password]
            .map(str::to_owned)
            .to_vec()
    }
}

/// A run is measured, sent and landed over TLS with a password, row for row; a second lander that
/// takes both from the environment finds nothing left, and the brokers' offsets are the lake's.
#[test]
fn every_row_goes_through_tls() -> TestResult {
    let Some(tls) = Tls::find() else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let (suite, spool, lake) = (suite(dir.path())?, dir.path().join("spool"), dir.path().join("lake"));
    let (brokers, options) = (tls.address("secure")?, tls.options());
    let mut run = benchlake();
    run.args(["run", "--sessions", "2", "--brokers", &brokers, "--spool"]).arg(&spool).args(&options);
    ok(run.arg(&suite).output()?)?;
    let mut land = benchlake();
    land.args(["land", "--until-idle", "--brokers", &brokers, "--lake"]).arg(&lake).args(&options);
    ok(land.output()?)?;
    let producer = fs::read_dir(&spool)?.next().ok_or("no producer")??.file_name();
    let producer = producer.to_string_lossy();
    for (table, sent) in [
        (Table::Sessions, kafka::spooled::<Session>(&spool, Table::Sessions)?.len()),
        (Table::Series, kafka::spooled::<Series>(&spool, Table::Series)?.len()),
    ] {
        assert!(sent > 0, "{table}");
        let query = format!("select count(*) from {table} where producer_id = '{producer}'");
        assert_eq!(sql(&lake, &query)?, [[sent.to_string()]], "{table}");
    }
    assert_eq!(
        kafka::landed::<Series>(&lake, Table::Series, &producer)?,
        kafka::spooled::<Series>(&spool, Table::Series)?
    );
    let before = everything(&lake)?;
    let mut again = benchlake();
    again.args(["land", "--until-idle", "--brokers", &brokers, "--kafka-user", "bench", "--lake"]).arg(&lake);
    again.env("BENCHLAKE_KAFKA_CA", tls.path("ca.pem")).env("BENCHLAKE_KAFKA_PASSWORD", tls.password()?);
    ok(again.output()?)?;
    assert_eq!(everything(&lake)?, before);
    let mut verify = benchlake();
    verify.args(["lake", "verify", "--brokers", &brokers, "--lake"]).arg(&lake).args(&options);
    // Whether the lake is whole is up to what other tests sent; the offsets came over TLS.
    let told = String::from_utf8(verify.output()?.stderr)?;
    let offsets: Vec<_> = told.lines().filter(|line| line.contains(": at offset ")).collect();
    assert!(!offsets.is_empty() && offsets.iter().all(|line| line.ends_with(" 0 to land")), "{told}");
    Ok(())
}

/// A client's certificate opens the listener that asks for one.
#[test]
fn a_client_certificate_is_enough() -> TestResult {
    let Some(tls) = Tls::find() else { return Ok(()) };
    let mut doctor = benchlake();
    doctor.args(["doctor", "--brokers", &tls.address("mutual")?, "--kafka-ca", &tls.path("ca.pem")]);
    doctor.args(["--kafka-cert", &tls.path("client.pem"), "--kafka-key", &tls.path("client.key")]);
    ok(doctor.output()?)?;
    Ok(())
}

/// What is wrong with a connection, how it is made, and what the one line must say.
struct Wrong {
    listener: &'static str,
    options: Vec<String>,
    says: Vec<&'static str>,
}

fn wrongs(tls: &Tls, bad_password: &Path) -> Vec<Wrong> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (ca, stranger, password) = (tls.path("ca.pem"), tls.path("stranger.pem"), tls.path("password"));
    let bad_password = bad_password.display().to_string();
    let user = ["--kafka-user", "bench", "--kafka-password-file"];
    let wrong = |listener, options: &[&str], says: &[&'static str]| Wrong {
        listener,
        options: words(options),
        says: says.to_vec(),
    };
    vec![
        wrong(
            "secure",
            &[&["--kafka-ca", &ca][..], &user, &[&bad_password]].concat(),
            &["refused user `bench`", "--kafka-password-file"],
        ),
        wrong(
            "secure",
            &["--kafka-ca", &ca, "--kafka-user", "nobody", "--kafka-password-file", &password],
            &["refused user `nobody`", "--kafka-user"],
        ),
        wrong(
            "secure",
            &[&["--kafka-ca", &stranger][..], &user, &[&password]].concat(),
            &["no authority in", "stranger.pem", "--kafka-ca"],
        ),
        wrong(
            "expired",
            &[&["--kafka-ca", &ca][..], &user, &[&password]].concat(),
            &["expired certificate", "clock"],
        ),
        wrong(
            "other name",
            &[&["--kafka-ca", &ca][..], &user, &[&password]].concat(),
            &["another host name", "advertised.listeners"],
        ),
        wrong(
            "plain",
            &[&["--kafka-ca", &ca][..], &user, &[&password]].concat(),
            &["does not answer in TLS", "--kafka-tls"],
        ),
        wrong("secure", &[], &["hangs up on plain text", "--kafka-tls"]),
        wrong("secure", &["--kafka-ca", &ca], &["name no user", "--kafka-user"]),
        wrong("mutual", &["--kafka-ca", &ca], &["client certificate", "--kafka-cert"]),
        wrong(
            "secure",
            &[&["--kafka-ca", &ca, "-X", "sasl.mechanism=PLAIN"][..], &user, &[&password]].concat(),
            &["only SCRAM-SHA-512", "sasl.mechanism"],
        ),
    ]
}

/// The address of a listener; of the one with another name, by its number.
fn named(tls: &Tls, listener: &str) -> Result<String, Box<dyn Error>> {
    match listener {
        "other name" => Ok(tls.address("secure")?.replace("localhost", "127.0.0.1")),
        listener => tls.address(listener),
    }
}

/// Holds what a refused command printed against what it must say: one line, soon, without the secret.
fn is_one_line(output: &Output, took: Duration, says: &[&str], secrets: &[&str], case: &str) -> TestResult {
    let (printed, complained) =
        (String::from_utf8(output.stdout.clone())?, String::from_utf8(output.stderr.clone())?);
    assert_eq!(output.status.code(), Some(6), "{case}: {complained}");
    let lines: Vec<_> = complained.lines().collect();
    let [line] = lines[..] else { return Err(format!("{case}: not one line: {complained}").into()) };
    assert!(line.starts_with("error: Kafka at "), "{case}: {line}");
    for part in says {
        assert!(line.contains(part), "{case}: no {part:?} in: {line}");
    }
    for secret in secrets {
        assert!(!printed.contains(secret) && !complained.contains(secret), "{case}: the password is shown");
    }
    // 0.3 to 5 s on a quiet machine.
    assert!(took < Duration::from_secs(30), "{case}: {took:?}");
    Ok(())
}

/// Whatever is wrong with password or certificates is told in one line that names the broker and what
/// to do, in seconds; the lander tells it.
#[test]
fn each_refusal_is_one_line() -> TestResult {
    let Some(tls) = Tls::find() else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let (bad, lake) = (dir.path().join("bad"), dir.path().join("lake"));
    fs::write(&bad, "not-the-password\n")?;
    for wrong in wrongs(&tls, &bad) {
        let brokers = named(&tls, wrong.listener)?;
        let case = format!("{} {}", brokers, wrong.options.join(" "));
        let mut land = benchlake();
        land.args(["land", "--until-idle", "--brokers", &brokers, "--lake"]).arg(&lake).args(&wrong.options);
        let began = Instant::now();
        let output = land.output()?;
        let says = [&wrong.says[..], &[&brokers]].concat();
        let secrets = ["not-the-password", &tls.password()?];
        is_one_line(&output, began.elapsed(), &says, &secrets, &case)?;
    }
    assert!(!lake.exists(), "nothing was landed, and nothing made");
    Ok(())
}

/// Every command that talks to Kafka tells a wrong password, and keeps it to itself.
#[test]
fn every_command_tells_a_wrong_password() -> TestResult {
    let Some(tls) = Tls::find() else { return Ok(()) };
    let _one = ONE_AT_A_TIME.lock();
    let dir = tempfile::tempdir()?;
    let (suite, lake, spool) = (suite(dir.path())?, dir.path().join("lake"), dir.path().join("spool"));
    let (suite, lake, spool) =
        (suite.display().to_string(), lake.display().to_string(), spool.display().to_string());
    ok(benchlake().args(["run", "--sessions", "1", "--lake", &lake, "--spool", &spool, &suite]).output()?)?;
    let commands: [&[&str]; 5] = [
        &["run", &suite, "--sessions", "1", "--spool", &spool],
        &["land", "--lake", &lake],
        &["agent", "forward", "--spool", &spool],
        &["doctor"],
        &["lake", "verify", "--lake", &lake],
    ];
    for words in commands {
        let brokers = tls.address("secure")?;
        let mut command = benchlake();
        command.args(words).args(["--brokers", &brokers, "--kafka-user", "bench"]);
        command.args(["--kafka-ca", &tls.path("ca.pem")]).env("BENCHLAKE_KAFKA_PASSWORD", "not-the-password");
        let began = Instant::now();
        let output = command.output()?;
        let says = ["refused user `bench`", brokers.as_str()];
        is_one_line(&output, began.elapsed(), &says, &["not-the-password"], &words.join(" "))?;
    }
    Ok(())
}

/// What cannot work is a usage error that comes before any connection.
#[test]
fn incomplete_options_are_usage_errors() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (empty, no_pem) = (dir.path().join("empty"), dir.path().join("no.pem"));
    fs::write(&empty, "\n")?;
    fs::write(&no_pem, "not a certificate\n")?;
    let (empty, no_pem) = (empty.display().to_string(), no_pem.display().to_string());
    // Whoever connects would be noticed here.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let brokers = listener.local_addr()?.to_string();
    let cases: [(&[&str], &str); 5] = [
        (&["--kafka-ca", "/nowhere/ca.pem"], "/nowhere/ca.pem"),
        (&["--kafka-ca", &no_pem], "--kafka-ca"),
        (&["--kafka-tls", "--kafka-user", "bench"], "--kafka-password-file"),
        (&["--kafka-tls", "--kafka-user", "bench", "--kafka-password-file", &empty], "empty"),
        (&["-X", "sasl.pasword=not-the-password"], "sasl.pasword"),
    ];
    for (options, says) in cases {
        let mut land = benchlake();
        land.args(["land", "--brokers", &brokers, "--lake"]).arg(dir.path().join("lake")).args(options);
        let output = land.output()?;
        let complained = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{options:?}: {complained}");
        let lines: Vec<_> = complained.lines().filter(|line| line.starts_with("error:")).collect();
        assert!(lines.len() == 1 && lines[0].contains(says), "{options:?}: {complained}");
        assert!(!complained.contains("not-the-password"), "{complained}");
    }
    assert!(listener.accept().is_err(), "nobody connected");
    Ok(())
}

/// `--show-config` prints what all options make, with no secret, connects to nothing and makes nothing;
/// a secret on the command line is warned of.
#[test]
fn show_config_shows_no_secret() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (suite, lake) = (suite(dir.path())?, dir.path().join("lake"));
    let password = dir.path().join("password");
    fs::File::create(&password)?.write_all(b"hunter-two\n")?;
    let (suite, lake_text) = (suite.display().to_string(), lake.display().to_string());
    let commands: [&[&str]; 5] = [
        &["land", "--lake", &lake_text],
        &["run", &suite],
        &["agent", "forward", "--spool", &lake_text],
        &["lake", "verify", "--lake", &lake_text],
        &["doctor"],
    ];
    for words in commands {
        let mut command = benchlake();
        command.args(words).args(["--brokers", "kafka.example:9094", "--show-config", "--kafka-tls"]);
        command.args(["--kafka-user", "bench", "--kafka-password-file"]).arg(&password);
        command.args(["-X", "ssl.key.password=hunter-three", "-X", "ssl.ca.location=/etc/ssl"]);
        let output = ok(command.output()?)?;
        let (text, warned) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        for line in [
            "kafka.bootstrap.servers = kafka.example:9094",
            "kafka.security.protocol = sasl_ssl",
            "kafka.sasl.username = bench",
            "kafka.sasl.password = ***",
            "kafka.ssl.key.password = ***",
            "kafka.ssl.ca.location = /etc/ssl",
        ] {
            assert!(text.lines().any(|found| found == line), "{words:?}: no {line:?} in\n{text}");
        }
        assert!(!format!("{text}{warned}").contains("hunter"), "{words:?}: {text}{warned}");
        assert!(warned.contains("warning: -X ssl.key.password can be seen"), "{warned}");
    }
    assert!(!lake.exists());
    Ok(())
}
