//! Where the services of the tests listen.

use anyhow::{Context as _, Result, bail};
use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
};

/// Moves all ports, so that two checkouts can test side by side.
const VARIABLE: &str = "BENCHLAKE_TEST_PORT_BASE";
/// The plain listener's port unless the variable names another; the rest follow it.
const BASE: u16 = 19_092;
/// What listens, in the order of the ports.
const LISTENERS: [&str; 5] = ["plain", "controller", "secure", "expired", "mutual"];

/// The ports of the test Kafka on loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports(u16);

impl Ports {
    /// As the environment says.
    pub(crate) fn find() -> Result<Self> {
        Self::from_base(env::var(VARIABLE).ok().as_deref())
    }

    fn from_base(text: Option<&str>) -> Result<Self> {
        let Some(text) = text else { return Ok(Self(BASE)) };
        let base = text.parse().with_context(|| format!("{VARIABLE}: {text:?} is not a port"))?;
        if !(1024..=u16::MAX - 100).contains(&base) {
            bail!("{VARIABLE}: {text} leaves no room: use 1024 to {}", u16::MAX - 100);
        }
        Ok(Self(base))
    }

    /// Each listener's name and port.
    pub(crate) fn all(self) -> impl Iterator<Item = (&'static str, u16)> {
        LISTENERS.into_iter().zip(self.0..)
    }

    /// Where the plain listener is reached.
    pub(crate) fn plain(self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ports follow the base in their order; what is no port is told.
    #[test]
    fn ports_follow_the_base() -> Result<()> {
        assert_eq!(Ports::from_base(None)?.plain().to_string(), "127.0.0.1:19092");
        let moved: Vec<_> = Ports::from_base(Some("29092"))?.all().collect();
        assert_eq!(moved[0], ("plain", 29_092));
        assert_eq!(moved[2], ("secure", 29_094));
        for wrong in ["", "kafka", "80", "65535", "70000"] {
            assert!(Ports::from_base(Some(wrong)).is_err(), "{wrong}");
        }
        Ok(())
    }
}
