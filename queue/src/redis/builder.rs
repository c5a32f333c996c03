//! How a broker on Redis is set up.

use std::sync::Arc;
use std::time::Duration;

use super::address::Addresses;
use super::{Durability, Redis, probe};
use crate::{Clock, Error};

/// How long a call may take by default, with all its tries. A cluster with the usual node timeout needs longer for a
/// failover; callers then see an error that says so and try again.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// The shortest deadline: three tries must fit in it.
const MIN_DEADLINE: Duration = Duration::from_millis(100);

/// How long the replicas may take to confirm by default.
const DEFAULT_CONFIRMATION: Duration = Duration::from_secs(1);

/// How many shards a queue has by default on a cluster: 12 spread evenly over 2, 3, 4, 6 and 12 masters.
const CLUSTER_SHARDS: u16 = 12;

/// The most shards: every call that concerns all of them makes as many trips.
const MAX_SHARDS: u16 = 128;

/// How often those who listen look for changes that no announcement told them of.
const DEFAULT_POLL: Duration = Duration::from_secs(1);

/// What the names of all keys begin with by default.
const DEFAULT_PREFIX: &str = "cofferdam";

/// Settings for a [`Redis`] broker.
#[must_use = "settings do nothing until `connect`"]
pub struct RedisBuilder {
    urls: String,
    pub(super) deadline: Duration,
    pub(super) durability: Durability,
    pub(super) confirmation: Duration,
    pub(super) shards: Option<u16>,
    pub(super) prefix: String,
    pub(super) poll: Duration,
    pub(super) clock: Option<Arc<dyn Clock>>,
    #[cfg(feature = "redis-tls")]
    roots: Option<Vec<u8>>,
}

impl RedisBuilder {
    pub(super) fn new(urls: &str) -> Self {
        Self {
            urls: urls.to_owned(),
            deadline: DEFAULT_DEADLINE,
            durability: Durability::Async,
            confirmation: DEFAULT_CONFIRMATION,
            shards: None,
            prefix: DEFAULT_PREFIX.to_owned(),
            poll: DEFAULT_POLL,
            clock: None,
            #[cfg(feature = "redis-tls")]
            roots: None,
        }
    }

    /// Trusts these certificates, which are PEM, and no others; the machine's by default.
    #[cfg(feature = "redis-tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis-tls")))]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(pem.into());
        self
    }

    /// How long a call may take, with all its tries; five seconds by default, at least 100 ms. After it the call fails
    /// with [`Error::Unanswered`].
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// What an answered call is worth when a master is lost right after; [`Durability::Async`] by default.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long replicas may take to confirm under [`Durability::Replicated`]; one second by default.
    pub const fn confirm_within(mut self, timeout: Duration) -> Self {
        self.confirmation = timeout;
        self
    }

    /// How many shards a queue gets that does not exist yet, 1 to 128; 12 on a cluster, 1 otherwise. One that exists
    /// keeps what it has.
    pub const fn shards(mut self, shards: u16) -> Self {
        self.shards = Some(shards);
        self
    }

    /// What the names of all keys begin with; "cofferdam" by default. Brokers of different prefixes share nothing.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How often those who wait look for changes even if nothing was announced; one second by default, at least 1 ms.
    pub const fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll = interval;
        self
    }

    /// Measures leases and delays on this clock in place of the servers' own, for tests. All programs that share a
    /// queue must then share the clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Reaches a server, checks it and finds out whether it belongs to a cluster. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`], [`Error::InvalidSetting`], [`Error::Refused`] for a wrong user or password,
    /// [`Error::Unfit`] for a server that would lose tasks or cannot take them, [`Error::Unanswered`] if none of the
    /// addresses answers within the deadline.
    pub async fn connect(self) -> Result<Redis, Error> {
        #[cfg_attr(not(feature = "redis-tls"), allow(unused_mut))]
        let mut addresses = Addresses::parse(&self.urls)?;
        #[cfg(feature = "redis-tls")]
        if let Some(roots) = &self.roots {
            addresses.trust(roots)?;
        }
        self.check()?;
        let io = super::io::Io::start()?;
        let (probed, deadline) = (addresses.clone(), self.deadline);
        let clustered = io.run(async move { probe::check(&probed, deadline).await }).await?;
        let shards = self.shards.unwrap_or(if clustered { CLUSTER_SHARDS } else { 1 });
        Ok(Redis::new(self, io, &addresses, clustered, shards))
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |setting, value, problem| Err(Error::InvalidSetting { setting, value, problem });
        if self.deadline < MIN_DEADLINE {
            return refuse("deadline", format!("{:?}", self.deadline), "the shortest is 100 ms");
        }
        if self.shards.is_some_and(|shards| shards == 0 || shards > MAX_SHARDS) {
            return refuse("shards", format!("{:?}", self.shards), "a queue has 1 to 128 shards");
        }
        if self.poll < Duration::from_millis(1) {
            return refuse("poll_interval", format!("{:?}", self.poll), "the shortest is one millisecond");
        }
        let forbidden = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '{' | '}');
        if self.prefix.is_empty() || self.prefix.chars().any(forbidden) {
            return refuse(
                "prefix",
                self.prefix.clone(),
                "use at least one character, no spaces and no braces",
            );
        }
        if let Durability::Replicated(0) = self.durability {
            return refuse(
                "durability",
                "Replicated(0)".to_owned(),
                "ask for at least one replica, or use Async",
            );
        }
        Ok(())
    }
}
