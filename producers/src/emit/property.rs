//! A property of the Kafka client, whose value may be a secret.

use std::{fmt, str::FromStr};

/// Properties whose names hold one of these are secrets.
const SECRET: [&str; 6] = ["password", "passphrase", "secret", "token", "key.pem", "oauthbearer.config"];

/// A property as librdkafka names it. Shown as `KEY = VALUE`, a secret as `KEY = ***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Property {
    key: String,
    value: String,
}

impl Property {
    /// The property `key` with this value.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }

    /// Its name.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its value, secret or not: for the client library alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.value
    }

    /// Whether its value is for nobody's eyes.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        let key = self.key.to_lowercase();
        SECRET.iter().any(|part| key.contains(part))
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.key, if self.is_secret() { "***" } else { &self.value })
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads `KEY=VALUE`.
impl FromStr for Property {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self::new(key, value)),
            _ => Err("it is not KEY=VALUE"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever way a secret is shown, its value is not; what is no secret can be read.
    #[test]
    fn secrets_are_never_shown() {
        let secrets = [
            "sasl.password",
            "ssl.key.password",
            "ssl.keystore.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "SASL.Password",
        ];
        for key in secrets {
            let property = Property::new(key, "hunter2");
            assert_eq!(property.to_string(), format!("{key} = ***"));
            assert!(!format!("{property:?} {:#?}", Some(&property)).contains("hunter2"), "{key}");
            assert_eq!(property.reveal(), "hunter2");
        }
        for key in ["sasl.username", "ssl.ca.location", "ssl.key.location", "client.id"] {
            assert_eq!(Property::new(key, "seen").to_string(), format!("{key} = seen"));
        }
    }

    /// Only the first equals sign divides: passwords may hold more.
    #[test]
    fn the_first_equals_sign_divides() {
        assert_eq!("sasl.password=a=b".parse(), Ok(Property::new("sasl.password", "a=b")));
        assert_eq!("client.id=".parse(), Ok(Property::new("client.id", "")));
        assert!("=x".parse::<Property>().is_err() && "acks".parse::<Property>().is_err());
    }
}
