//! Where a node listens.

use std::fmt;
use std::sync::Arc;

/// A host and a port. Clones are cheap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Address {
    pub(super) host: Arc<str>,
    pub(super) port: u16,
}

impl Address {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// What a redirection names: `host:port`, or `:port` for another port of the host that was asked.
    pub(super) fn parse(text: &str, asked: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Some(asked.or_named(host, port.parse().ok()?))
    }

    /// The named host, or this one's where a node does not know how it is called, which it says by an empty name or
    /// a question mark.
    pub(super) fn or_named(&self, host: &str, port: u16) -> Self {
        match host {
            "" | "?" => Self { host: Arc::clone(&self.host), port },
            host => Self::new(host, port),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_is_read_with_and_without_a_host() {
        let asked = Address::new("10.0.0.1", 7000);
        assert_eq!(Address::parse("10.0.0.2:7001", &asked), Some(Address::new("10.0.0.2", 7001)));
        assert_eq!(Address::parse(":7001", &asked), Some(Address::new("10.0.0.1", 7001)));
        assert_eq!(Address::parse("?:7001", &asked), Some(Address::new("10.0.0.1", 7001)));
        assert_eq!(Address::parse("fd00::2:7001", &asked).unwrap().to_string(), "[fd00::2]:7001");
        for bad in ["", "7001", "host:", "host:70010", "host:-1"] {
            assert_eq!(Address::parse(bad, &asked), None, "{bad}");
        }
    }
}
