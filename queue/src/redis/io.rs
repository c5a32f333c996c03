//! The thread that drives all connections of a broker.
//!
//! It has its own small runtime, so that a program whose handlers hog every thread of its runtime still has its leases
//! renewed, and so that a connection belongs to no runtime that ends before the broker.

use std::future::Future;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::{Error, error};

/// The runtime of one broker. It ends with the broker, without waiting for calls under way.
pub(super) struct Io {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Io {
    pub(super) fn start() -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("cofferdam-redis")
            .enable_all()
            .build()
            .map_err(|source| {
                let source: error::Source = Box::new(source);
                Error::Storage { action: "start the broker's thread", source }
            })?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle.spawn(work)
    }

    /// Carries work out on the broker's thread. Whoever drops the future does not stop the work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.spawn(work).await.unwrap_or(Err(Error::Closed))
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        // Waiting is not allowed where this may be dropped, on a runtime of the program's.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
