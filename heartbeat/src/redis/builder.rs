//! How a store on Redis is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::check;
use super::keys::Keys;
use super::patience::Patience;
use super::store::{RedisStore, Setup};
use crate::Error;
use crate::store::PREFIX;

/// Less than what a monitor waits for its list, and enough for a failover that is nearly done.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Below this an ordinary hiccup of a network or a server would count as an outage.
const TIMEOUT_MIN: Duration = Duration::from_millis(30);

/// Above this a caller could as well wait for ever.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// A prefix is for people and stands in every key.
const PREFIX_MAX_BYTES: usize = 128;

/// Describes a [`RedisStore`].
#[must_use = "nothing is reached before connect()"]
pub struct RedisStoreBuilder {
    url: String,
    prefix: String,
    timeout: Duration,
    #[cfg(feature = "redis-tls")]
    roots: Option<Vec<u8>>,
}

impl RedisStoreBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            prefix: PREFIX.to_owned(),
            timeout: TIMEOUT,
            #[cfg(feature = "redis-tls")]
            roots: None,
        }
    }

    /// What all keys begin with: `worker:heartbeat` by default. A document lies under the prefix, `:` and the worker's
    /// id; services with different prefixes do not see each other. It has 1 to 128 bytes without control characters
    /// or braces.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long one call may take, with all its tries: 3 s by default, 30 ms to one minute. A third of it is given to
    /// one exchange with one server, so that after a server that hangs another one can be asked.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The certificates to trust, and no others, as PEM: for a server whose certificate was signed by an authority of
    /// your own. By default those are trusted that the machine trusts; the environment variable `SSL_CERT_FILE` names
    /// others.
    #[cfg(feature = "redis-tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis-tls")))]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(pem.into());
        self
    }

    /// Finds out whether this is a server or a cluster, checks that heartbeats can live there, and makes the store.
    ///
    /// # Errors
    /// If the URL, the prefix or the timeout cannot be used, if nobody can be reached, if the user or password is
    /// wrong or the user may not do what is needed, if the server is a replica, and if slots of the cluster are not
    /// served. The error says what to do, and never holds the password.
    pub async fn connect(self) -> Result<RedisStore, Error> {
        let access = self.access()?;
        let keys = Keys::new(&self.prefix);
        let cluster = check::connect(&access, &keys, Patience::new(self.timeout)).await?;
        Ok(RedisStore::new(Setup { access, keys, cluster, timeout: self.timeout }))
    }

    fn access(&self) -> Result<Arc<Access>, Error> {
        let braces_or_control = |c: char| c.is_control() || matches!(c, '{' | '}');
        let prefix = &self.prefix;
        if prefix.is_empty() || prefix.len() > PREFIX_MAX_BYTES || prefix.contains(braces_or_control) {
            let remedy = "use 1 to 128 bytes without control characters, '{' or '}'";
            return Err(Error::unusable(format!("prefix {prefix:?} cannot stand in a key"), remedy));
        }
        if self.timeout < TIMEOUT_MIN || self.timeout > TIMEOUT_MAX {
            let remedy = "30 ms to 60 s";
            return Err(Error::Timing { what: "store timeout", given: self.timeout, remedy });
        }
        #[allow(unused_mut, reason = "only with TLS")]
        let mut access = Access::parse(&self.url)?;
        #[cfg(feature = "redis-tls")]
        if let Some(roots) = &self.roots {
            access.trust(roots)?;
        }
        Ok(Arc::new(access))
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
