//! What the Kafka client complains of, and what of it a person has to mend.

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError as ClientError, RDKafkaErrorCode as Code},
    message::DeliveryResult,
    producer::ProducerContext,
};
use std::{fmt, sync::Mutex, time::Duration};

/// Why a broker, or this side, does not go on: what is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The broker does not accept the password, or does not know the user.
    Credentials {
        /// The user, as far as it is known.
        user: String,
    },
    /// The broker does not offer the way of authentication that was asked for.
    Mechanism {
        /// What it offers; empty for nothing.
        offered: String,
    },
    /// No trusted authority vouches for the broker's certificate.
    UnknownAuthority {
        /// The file or folder of the trusted authorities.
        trusted: String,
    },
    /// The broker's certificate is out of date.
    Expired,
    /// The broker's certificate will be valid later.
    NotYetValid,
    /// The broker's certificate is for another host name.
    HostName,
    /// The broker's certificate breaks another rule, by OpenSSL's number of it where that is known.
    Certificate(Option<i32>),
    /// The broker does not trust the client's certificate, or misses one.
    ClientCertificate,
    /// TLS failed in another way, in the client library's words.
    Tls(String),
    /// TLS is spoken to a port that does not.
    NotTls,
    /// Plain text is spoken to a port that hangs up on it.
    NeedsTls,
    /// The broker hangs up on a client that names no user.
    NeedsUser,
    /// No address belongs to the host name.
    NoSuchHost,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials { user } => write!(
                f,
                "refused user `{user}`: wrong password or no such user; check --kafka-user and --kafka-password-file"
            ),
            Self::Mechanism { offered } if offered.is_empty() => write!(
                f,
                "asks for no user and password: leave out --kafka-user, or use the broker's SASL port"
            ),
            Self::Mechanism { offered } => write!(
                f,
                "does not offer this way of authentication, only {offered}: choose with -X sasl.mechanism=NAME"
            ),
            Self::UnknownAuthority { trusted } => write!(
                f,
                "has a certificate that no authority in {trusted} vouches for: name its CA's file with --kafka-ca"
            ),
            Self::Expired => write!(
                f,
                "has an expired certificate: have it renewed, or set this machine's clock if that is wrong"
            ),
            Self::NotYetValid => {
                write!(
                    f,
                    "has a certificate that is not valid yet: check this machine's clock, and the broker's"
                )
            }
            Self::HostName => write!(
                f,
                "has a certificate for another host name: use a name that is in the certificate, in --brokers and in the broker's advertised.listeners"
            ),
            Self::Certificate(None) => {
                write!(f, "has a certificate that cannot be verified: check it, and --kafka-ca")
            }
            Self::Certificate(Some(rule)) => write!(
                f,
                "has a certificate that cannot be verified (X.509 error {rule}, see `openssl verify`): check it, and --kafka-ca"
            ),
            Self::ClientCertificate => {
                write!(f, "wants a client certificate that it trusts: check --kafka-cert and --kafka-key")
            }
            Self::Tls(text) => {
                write!(f, "and this side cannot agree on TLS ({text}): check both sides' settings")
            }
            Self::NotTls => write!(
                f,
                "does not answer in TLS: use the broker's TLS port, or leave out --kafka-tls, --kafka-ca and --kafka-user"
            ),
            Self::NeedsTls => {
                write!(
                    f,
                    "hangs up on plain text: if this is its TLS port, add --kafka-tls or --kafka-ca FILE"
                )
            }
            Self::NeedsUser => {
                write!(f, "hangs up on clients that name no user: add --kafka-user and --kafka-password-file")
            }
            Self::NoSuchHost => {
                write!(f, "cannot be found: no such host name; check --brokers and the name service")
            }
        }
    }
}

/// Something that the client library complained of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    code: Option<Code>,
    text: String,
}

impl Complaint {
    pub(crate) fn new(error: &ClientError, text: &str) -> Self {
        Self { code: error.rdkafka_error_code(), text: text.to_owned() }
    }

    pub(crate) fn silence(time: Duration) -> Self {
        Self { code: None, text: format!("no acknowledgement for {time:?}") }
    }

    /// In the client library's words.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What a person has to mend; nothing for what heals by itself, such as a broker that is down.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let has = |part: &str| self.text.contains(part);
        let is_alert =
            has("alert certificate required") || has("alert bad certificate") || has("alert unknown ca");
        match self.code? {
            // A broker that goes down in the middle of it refuses nobody.
            Code::Authentication | Code::SaslAuthenticationFailed if has("Disconnected") => None,
            Code::Authentication if has("mechanism handshake failed") => {
                let offered = self.text.split("supported mechanisms:").nth(1).unwrap_or_default();
                let offered = offered.split('(').next().unwrap_or_default().trim().to_owned();
                Some(Refusal::Mechanism { offered })
            }
            Code::Authentication | Code::SaslAuthenticationFailed => {
                Some(Refusal::Credentials { user: String::new() })
            }
            Code::SSL | Code::BrokerTransportFailure if is_alert => Some(Refusal::ClientCertificate),
            Code::SSL if has("certificate verify failed") || has("verify broker certificate") => {
                Some(Refusal::Certificate(None))
            }
            Code::SSL if has("wrong version number") || has("unexpected eof") => Some(Refusal::NotTls),
            // What the network, not TLS, did to the connection.
            Code::SSL if has("SSL transport error") => None,
            Code::SSL => {
                let text = self.text.split("SSL handshake failed: ").last().unwrap_or_default();
                Some(Refusal::Tls(text.to_owned()))
            }
            Code::BrokerTransportFailure if has("PLAINTEXT broker listener?") => Some(Refusal::NotTls),
            // Hung up on after the first question, and after the first one that needs a user.
            Code::BrokerTransportFailure if has("Disconnected") && has("in state APIVERSION_QUERY") => {
                (!has("ssl://")).then_some(Refusal::NeedsTls)
            }
            Code::BrokerTransportFailure if has("Disconnected") && has("in state UP") => {
                (!has("sasl")).then_some(Refusal::NeedsUser)
            }
            Code::Resolve => Some(Refusal::NoSuchHost),
            _ => None,
        }
    }

    /// Whether the refusal is beyond doubt: a broker that is just starting, or a network that cuts
    /// connections, looks like a port that speaks another protocol.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        let doubtful = [Refusal::NotTls, Refusal::NeedsTls, Refusal::NeedsUser, Refusal::NoSuchHost];
        self.refusal().is_some_and(|refusal| !doubtful.contains(&refusal))
    }

    /// `HOST:PORT` of the broker, which the text begins with: `sasl_ssl://HOST:PORT/bootstrap: …`.
    #[must_use]
    pub fn broker(&self) -> Option<&str> {
        let (_, rest) = self.text.split_once("://")?;
        let (broker, _) = rest.split_once('/')?;
        broker.contains(':').then_some(broker)
    }
}

/// Keeps what a client complained of: the newest, unless an earlier one is certain.
#[derive(Debug, Default)]
pub struct Complaints(Mutex<Option<Complaint>>);

impl Complaints {
    /// Takes a complaint in; called from the client's error callback.
    pub fn note(&self, error: &ClientError, text: &str) {
        // That all are down says less than why the last one is; a partition's end is no complaint.
        if matches!(error.rdkafka_error_code(), Some(Code::AllBrokersDown | Code::PartitionEOF)) {
            return;
        }
        self.keep(Complaint::new(error, text));
    }

    fn keep(&self, complaint: Complaint) {
        if let Ok(mut last) = self.0.lock()
            && !last.as_ref().is_some_and(Complaint::is_certain)
        {
            *last = Some(complaint);
        }
    }

    /// The complaint that counts.
    #[must_use]
    pub fn last(&self) -> Option<Complaint> {
        self.0.lock().ok()?.clone()
    }

    /// The complaint that counts, if waiting does not heal it.
    #[must_use]
    pub fn certain(&self) -> Option<Complaint> {
        self.last().filter(Complaint::is_certain)
    }
}

impl ClientContext for Complaints {
    /// A broker that hangs up is no error to the client library, and is only logged.
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, text: &str) {
        tracing::debug!(target: "librdkafka", facility, text);
        if facility == "FAIL" {
            let text = text.split_once("]: ").map_or(text, |(_thread, text)| text).to_owned();
            let complaint = Complaint { code: Some(Code::BrokerTransportFailure), text };
            if complaint.refusal().is_some() {
                self.keep(complaint);
            }
        }
    }

    fn error(&self, error: ClientError, reason: &str) {
        self.note(&error, reason);
    }
}

/// For a client that asks and sends nothing.
impl ProducerContext for Complaints {
    type DeliveryOpaque = ();

    fn delivery(&self, _result: &DeliveryResult<'_>, (): ()) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(code: Code, text: &str) -> Complaint {
        Complaint::new(&ClientError::Global(code), text)
    }

    /// What librdkafka 2.12 says in each case, as it was seen against a real broker.
    #[test]
    fn complaints_become_refusals() {
        let at =
            |text: &str| format!("sasl_ssl://localhost:9094/bootstrap: {text} (after 3ms in state CONNECT)");
        let verify = "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured or root CA certificates are installed (install ca-certificates package)";
        let cases = [
            (
                Code::Authentication,
                "SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512",
                Some(Refusal::Credentials { user: String::new() }),
            ),
            (
                Code::Authentication,
                "SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: SCRAM-SHA-512",
                Some(Refusal::Mechanism { offered: "SCRAM-SHA-512".into() }),
            ),
            (Code::SSL, verify, Some(Refusal::Certificate(None))),
            (
                Code::BrokerTransportFailure,
                "SSL handshake failed: Disconnected: connection closed by peer: connecting to a PLAINTEXT broker listener?",
                Some(Refusal::NotTls),
            ),
            (Code::SSL, "SSL handshake failed: SSL transport error: Broken pipe", None),
            (Code::BrokerTransportFailure, "Connect to ipv4#127.0.0.1:9 failed: Connection refused", None),
            (Code::Authentication, "SASL authentication failure: Disconnected", None),
        ];
        for (code, text, expected) in cases {
            assert_eq!(complaint(code, &at(text)).refusal(), expected, "{text}");
        }
    }

    /// A broker that hangs up at once may want TLS, or a user; who has both is just cut off.
    #[test]
    fn hanging_up_is_understood() {
        let cases = [
            ("localhost:9094/bootstrap", "APIVERSION_QUERY", Some(Refusal::NeedsTls)),
            ("ssl://localhost:9094/bootstrap", "APIVERSION_QUERY", None),
            ("ssl://localhost:9094/bootstrap", "UP", Some(Refusal::NeedsUser)),
            ("sasl_ssl://localhost:9094/bootstrap", "UP", None),
        ];
        for (broker, state, expected) in cases {
            let complaints = Complaints::default();
            let text = format!(
                "[thrd:{broker}]: {broker}: Disconnected: connection closed by peer (after 1ms in state {state})"
            );
            complaints.log(RDKafkaLogLevel::Info, "FAIL", &text);
            assert_eq!(complaints.last().and_then(|last| last.refusal()), expected, "{text}");
            assert!(complaints.certain().is_none(), "a broker that goes down hangs up too");
        }
    }

    /// The broker that complained is the one that is named.
    #[test]
    fn the_broker_is_named() {
        let text = "ssl://kafka-3.example:9094/3: SSL handshake failed: …";
        assert_eq!(complaint(Code::SSL, text).broker(), Some("kafka-3.example:9094"));
        assert_eq!(complaint(Code::SSL, "1/1 brokers are down").broker(), None);
        assert_eq!(complaint(Code::SSL, "ssl://GroupCoordinator/: no").broker(), None);
    }

    /// A wrong password stays the reason when the connection that it cost is complained of next.
    #[test]
    fn a_certain_complaint_stays() {
        let complaints = Complaints::default();
        complaints.note(&ClientError::Global(Code::BrokerTransportFailure), "Connection refused");
        assert!(complaints.certain().is_none());
        complaints.note(&ClientError::Global(Code::Authentication), "SASL authentication error: no");
        complaints.note(&ClientError::Global(Code::BrokerTransportFailure), "Disconnected");
        complaints.note(&ClientError::Global(Code::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(complaints.certain().map(|it| it.code), Some(Some(Code::Authentication)));
    }
}
