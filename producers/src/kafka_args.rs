//! How to talk to Kafka, as every command line that does so takes it.

use crate::emit::{Kafka, KafkaError, Property, shown};
use clap::{Args, builder::FalseyValueParser};
use rdkafka::ClientConfig;
use std::{
    env,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Keeps these options together in the help, apart from each command's own.
const HEADING: &str = "Kafka options";
/// Holds the password where there is no file of it.
const PASSWORD: &str = "BENCHLAKE_KAFKA_PASSWORD";

/// How to talk to Kafka
#[derive(Debug, Clone, Default, Args)]
pub struct KafkaArgs {
    /// Use TLS; with --kafka-ca, --kafka-cert or --kafka-user that goes without saying
    #[arg(help_heading = HEADING, long = "kafka-tls", env = "BENCHLAKE_KAFKA_TLS", value_parser = FalseyValueParser::new())]
    tls: bool,
    /// Certificates of the authorities that sign the brokers' certificates, in PEM [default: the
    /// system's]
    #[arg(help_heading = HEADING, long = "kafka-ca", value_name = "FILE", env = "BENCHLAKE_KAFKA_CA")]
    ca: Option<PathBuf>,
    /// Authenticate as this user, with SCRAM-SHA-512; the password is in --kafka-password-file or in the
    /// environment as BENCHLAKE_KAFKA_PASSWORD
    #[arg(help_heading = HEADING, long = "kafka-user", value_name = "NAME", env = "BENCHLAKE_KAFKA_USER")]
    user: Option<String>,
    /// A file that holds the user's password and nothing else
    #[arg(help_heading = HEADING, long = "kafka-password-file", value_name = "FILE", env = "BENCHLAKE_KAFKA_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// This client's certificate for brokers that ask for one, in PEM
    #[arg(help_heading = HEADING, long = "kafka-cert", value_name = "FILE", env = "BENCHLAKE_KAFKA_CERT")]
    cert: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(help_heading = HEADING, long = "kafka-key", value_name = "FILE", env = "BENCHLAKE_KAFKA_KEY")]
    key: Option<PathBuf>,
    /// A property of the Kafka client, as librdkafka names it; may be repeated, and has the last word
    #[arg(help_heading = HEADING, short = 'X', value_name = "KEY=VALUE")]
    properties: Vec<Property>,
    /// Print the configuration that all options make, secrets as ***, and end
    #[arg(long)]
    pub show_config: bool,
}

impl KafkaArgs {
    /// The cluster behind `brokers`, talked to like this. Nothing is connected to yet.
    ///
    /// # Errors
    /// [`KafkaError::Options`]: a file cannot be read, or an option lacks another.
    pub fn cluster(&self, brokers: &str) -> Result<Kafka, KafkaError> {
        if let Some(secret) = self.properties.iter().find(|property| property.is_secret()) {
            let key = secret.key();
            // Not a trace event: the agent has no subscriber, and who is quiet should know it too.
            let _ = writeln!(
                io::stderr(),
                "warning: -X {key} can be seen by everybody who lists processes: use a file, such as --kafka-password-file"
            );
        }
        let security = self.security(env::var(PASSWORD).ok())?;
        Ok(Kafka::new(brokers).with(security).with(self.properties.iter().cloned()))
    }

    /// What the options other than `-X` mean to librdkafka.
    fn security(&self, password: Option<String>) -> Result<Vec<Property>, KafkaError> {
        let mut properties = Vec::new();
        let mut set = |key: &str, value: &str| properties.push(Property::new(key, value));
        let protocol = match (self.named("security.protocol"), &self.user) {
            (Some(named), _) => named.to_lowercase(),
            (None, Some(_)) => "sasl_ssl".to_owned(),
            (None, None) if self.tls || self.ca.is_some() || self.cert.is_some() => "ssl".to_owned(),
            (None, None) => "plaintext".to_owned(),
        };
        set("security.protocol", &protocol);
        if protocol.ends_with("ssl") {
            // The library's defaults; said aloud, as all depends on them.
            set("enable.ssl.certificate.verification", "true");
            set("ssl.endpoint.identification.algorithm", "https");
            if let Some(ca) = &self.ca {
                set("ssl.ca.location", readable("--kafka-ca", ca)?);
            } else if self.named("ssl.ca.location").or(self.named("ssl.ca.pem")).is_none() {
                set("ssl.ca.location", &system_authorities()?);
            }
        }
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                set("ssl.certificate.location", readable("--kafka-cert", cert)?);
                set("ssl.key.location", readable("--kafka-key", key)?);
            }
            (None, None) => {}
            _ => return Err(wrong("--kafka-cert and --kafka-key go together: name both files".into())),
        }
        match (&self.user, &self.password_file) {
            (Some(user), file) => {
                if self.named("sasl.mechanism").or(self.named("sasl.mechanisms")).is_none() {
                    set("sasl.mechanism", "SCRAM-SHA-512");
                }
                set("sasl.username", user);
                match (file, password.filter(|password| !password.is_empty())) {
                    (Some(file), _) => set("sasl.password", &read_password(file)?),
                    (None, Some(password)) => set("sasl.password", &password),
                    (None, None) if self.named("sasl.password").is_some() => {}
                    (None, None) => {
                        return Err(wrong(format!(
                            "--kafka-user {user} has no password: name its file with --kafka-password-file, or set {PASSWORD}"
                        )));
                    }
                }
            }
            (None, Some(_)) => {
                return Err(wrong(
                    "--kafka-password-file is there, but no --kafka-user: name the user".into(),
                ));
            }
            (None, None) => {}
        }
        Ok(properties)
    }

    /// What `-X` says of a property.
    fn named(&self, key: &str) -> Option<&str> {
        self.properties.iter().rev().find(|property| property.key() == key).map(Property::reveal)
    }
}

fn wrong(text: String) -> KafkaError {
    KafkaError::Options(text)
}

/// The path of a file or folder that can be opened.
fn readable<'p>(option: &str, path: &'p Path) -> Result<&'p str, KafkaError> {
    File::open(path).map_err(|error| wrong(format!("cannot read {option} {}: {error}", path.display())))?;
    path.to_str().ok_or_else(|| wrong(format!("{option} {} is not valid UTF-8: rename it", path.display())))
}

/// A password as its file holds it, less the newline that editors add.
fn read_password(file: &Path) -> Result<String, KafkaError> {
    let failed = |what: &str| wrong(format!("cannot use --kafka-password-file {}: {what}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| failed(&error.to_string()))?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    match password {
        "" => Err(failed("it is empty; it must hold the password")),
        lines if lines.contains(['\n', '\0']) => {
            Err(failed("it has several lines; it must hold the password and nothing else"))
        }
        password => Ok(password.to_owned()),
    }
}

/// Where this system keeps the authorities that it trusts: OpenSSL is linked in, and does not know.
fn system_authorities() -> Result<String, KafkaError> {
    let found = openssl_probe::probe();
    let place = found.cert_file.or_else(|| found.cert_dir.into_iter().next());
    place.and_then(|place| place.to_str().map(str::to_owned)).ok_or_else(|| {
        wrong(
            "this system has no CA certificates: install ca-certificates, or name a file with --kafka-ca"
                .into(),
        )
    })
}

/// What `--show-config` prints: options, then the properties of the Kafka client, a line each.
///
/// # Errors
/// [`KafkaError::Options`] if the Kafka client does not accept its properties.
pub fn config_text(options: &[(&str, String)], kafka: Option<&ClientConfig>) -> Result<String, KafkaError> {
    let mut text = String::new();
    for (name, value) in options {
        text.push_str(&format!("{name} = {value}\n"));
    }
    for property in kafka.map(shown).transpose()?.unwrap_or_default() {
        text.push_str(&format!("kafka.{property}\n"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        kafka: KafkaArgs,
    }

    fn args(words: &[&str]) -> KafkaArgs {
        let line = Line::try_parse_from([&["test"], words].concat());
        line.unwrap_or_else(|error| panic!("{error}")).kafka
    }

    /// What the client gets in the end: options first, then -X.
    fn effective(words: &[&str], password: &str) -> Result<Vec<String>, KafkaError> {
        let args = args(words);
        let kafka = Kafka::new("h:1").with(args.security(Some(password.into()))?).with(args.properties);
        Ok(shown(&kafka.config())?.iter().map(ToString::to_string).collect())
    }

    /// A user means SCRAM over TLS with names checked; -X has the last word; nothing means plain text.
    #[test]
    fn options_become_properties() -> Result<(), KafkaError> {
        let ca = format!("{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
        let has = |words: &[&str], expected: &str| -> Result<bool, KafkaError> {
            Ok(effective(words, "hunter2")?.iter().any(|line| line == expected))
        };
        let user = ["--kafka-user", "bench", "--kafka-ca", &ca];
        for line in [
            "security.protocol = sasl_ssl",
            "sasl.mechanism = SCRAM-SHA-512",
            "sasl.username = bench",
            "sasl.password = ***",
            "ssl.endpoint.identification.algorithm = https",
            "enable.ssl.certificate.verification = true",
            &format!("ssl.ca.location = {ca}"),
        ] {
            assert!(has(&user, line)?, "{line}");
        }
        assert!(has(&["--kafka-ca", &ca], "security.protocol = ssl")?);
        assert!(has(&[], "security.protocol = plaintext")?);
        let plain = [&user[..], &["-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.mechanisms=PLAIN"]];
        assert!(has(&plain.concat(), "security.protocol = SASL_PLAINTEXT")?);
        assert!(has(&plain.concat(), "sasl.mechanisms = PLAIN")?);
        assert!(!has(&plain.concat(), "sasl.mechanism = SCRAM-SHA-512")?);
        Ok(())
    }

    /// What cannot work is told before anything is connected to, with the option's name and no secret.
    #[test]
    fn what_lacks_is_told() {
        let cases: [(&[&str], &str, &str); 5] = [
            (&["--kafka-tls", "--kafka-user", "bench"], "", "--kafka-password-file"),
            (&["--kafka-tls", "--kafka-password-file", "/dev/null"], "", "--kafka-user"),
            (&["--kafka-user", "bench", "--kafka-password-file", "/dev/null"], "hunter2", "empty"),
            (&["--kafka-ca", "/nowhere/ca.pem"], "", "--kafka-ca /nowhere/ca.pem"),
            (&["--kafka-cert", "/dev/null"], "", "--kafka-key"),
        ];
        for (words, password, says) in cases {
            let error = effective(words, password).expect_err(says).to_string();
            assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
        }
    }

    /// A password file may end in a newline; spaces belong to the password.
    #[test]
    fn a_password_is_its_files_line() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("password");
        for (text, expected) in [("a b \n", "a b "), ("a\r\n", "a"), ("a", "a")] {
            fs::write(&file, text)?;
            assert_eq!(read_password(&file)?, expected);
        }
        for text in ["", "\n", "a\nb\n"] {
            fs::write(&file, text)?;
            assert!(read_password(&file).is_err(), "{text:?}");
        }
        Ok(())
    }

    /// A secret given with -X is not in the arguments' debug text, which a panic may print.
    #[test]
    fn debug_shows_no_secret() {
        let text = format!("{:?}", args(&["-X", "sasl.password=hunter2"]));
        assert!(text.contains("sasl.password = ***") && !text.contains("hunter2"), "{text}");
    }
}
