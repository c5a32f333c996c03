//! The accepting loop and its end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::builder::ServerBuilder;
use super::connection::serve;
use super::routes::Routes;
use crate::Telemetry;

/// Connections at a time. The next ones wait in the system's backlog until one of these ends, which takes ten
/// seconds at most. Each holds a few kilobytes and, while it is answered, one rendered exposition.
const CONNECTIONS: usize = 64;

/// How long a shutdown waits for answers under way.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// After a failed accept. The usual cause is that the process has no file descriptor left, and trying again at once
/// would only burn the CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `/metrics`, `/healthz` and `/readyz` until it is shut down or dropped.
///
/// - `/metrics`: OpenMetrics text; Prometheus text format 0.0.4 for a client that names `text/plain` and not
///   OpenMetrics in its `Accept`.
/// - `/healthz`: 200 as long as the process answers at all.
/// - `/readyz`: 200 when every check is content, 503 otherwise, and a JSON body with each check's answer.
///
/// It lives on the runtime on which it was started: if that is blocked, so is the endpoint, and `/healthz` says so
/// by its silence.
#[must_use = "the endpoint closes when the server is dropped"]
pub struct Server {
    local_addr: SocketAddr,
    stop: oneshot::Sender<()>,
    accepting: AbortOnDrop,
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// Begins to describe an endpoint.
    pub fn builder(telemetry: Telemetry) -> ServerBuilder {
        ServerBuilder::new(telemetry)
    }

    /// Where it listens; tells the port if the system chose it.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Closes the port at once, and waits up to five seconds for answers under way.
    ///
    /// # Cancellation safety
    /// If this future is dropped, answers under way are cut off.
    pub async fn shutdown(mut self) {
        // The receiver is only gone if the loop panicked, and then there is nothing to wait for.
        let _ = self.stop.send(());
        let _ = (&mut self.accepting.0).await;
    }

    pub(super) fn start(listener: TcpListener, local_addr: SocketAddr, routes: Routes) -> Self {
        let (stop, stopped) = oneshot::channel();
        let accepting = AbortOnDrop(tokio::spawn(accept(listener, Arc::new(routes), stopped)));
        Self { local_addr, stop, accepting }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

/// The connections are in a set of this task's own, so that they end with it however it ends.
async fn accept(listener: TcpListener, routes: Arc<Routes>, mut stopped: oneshot::Receiver<()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let place = tokio::select! {
            _ = &mut stopped => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let routes = Arc::clone(&routes);
                connections.spawn(async move {
                    let _place = place;
                    serve(stream, routes).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "metrics endpoint cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_GRACE, all).await.is_err() {
        tracing::debug!("answers under way were cut off");
    }
}
