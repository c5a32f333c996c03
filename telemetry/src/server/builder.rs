//! How an endpoint is made.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use super::listener::Server;
use super::readiness::Check;
use super::routes::Routes;
use crate::{Error, Telemetry};

/// Describes a [`Server`].
#[must_use = "nothing is served before start()"]
pub struct ServerBuilder {
    telemetry: Telemetry,
    address: SocketAddr,
    checks: Vec<Check>,
}

impl ServerBuilder {
    pub(super) const fn new(telemetry: Telemetry) -> Self {
        // Loopback, because the endpoint has no authentication; a free port, because two services may share a host.
        Self {
            telemetry,
            address: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            checks: Vec::new(),
        }
    }

    /// Where to listen: a free port of the loopback address by default.
    pub const fn bind(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Adds a question to `/readyz`. It is asked at every request, all at the same time, and has two seconds; its
    /// error is shown to whoever asks, so it must not hold secrets. A check that panics is not ready.
    pub fn check<F, A>(mut self, name: &str, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.push(Check::new(name, ask));
        self
    }

    /// Begins to serve, on the runtime that this is called on.
    ///
    /// # Errors
    /// If the address cannot be had, or two checks have the same name.
    ///
    /// # Cancellation safety
    /// A dropped call serves nothing.
    pub async fn start(self) -> Result<Server, Error> {
        let Self { telemetry, address, mut checks } = self;
        checks.sort_by(|one, other| one.name.cmp(&other.name));
        let twice = checks.iter().zip(checks.iter().skip(1)).find(|(one, other)| one.name == other.name);
        if let Some((check, _)) = twice {
            return Err(Error::DuplicateCheck { name: check.name.to_string() });
        }
        let failed = |source| Error::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(Server::start(listener, local_addr, Routes { telemetry, checks }))
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks: Vec<_> = self.checks.iter().map(|check| &check.name).collect();
        f.debug_struct("ServerBuilder")
            .field("address", &self.address)
            .field("checks", &checks)
            .finish_non_exhaustive()
    }
}
