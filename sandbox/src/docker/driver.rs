//! The thread on which the backend talks with the engine.
//!
//! It has a runtime of its own. So a container is removed even when its caller's runtime is shut down or its future
//! dropped in the middle of a request, and a caller needs no runtime at all.

use std::pin::Pin;
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::BACKEND;
use crate::Error;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Hands work to the thread. The thread ends when all handles are dropped and all work is done.
#[derive(Clone)]
pub(super) struct Driver {
    work: mpsc::UnboundedSender<Work>,
}

/// How long the thread waits for what is still under way when nobody can ask for more. Removing a container takes well
/// under a second; an engine that does not answer must not hold a thread for ever.
const GRACE: Duration = Duration::from_secs(30);

impl Driver {
    /// Starts the thread. The receiver resolves when it has ended.
    pub(super) fn start() -> Result<(Self, oneshot::Receiver<()>), Error> {
        let failed = |error| Error::backend(BACKEND, "start its thread", error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (work, mut queue) = mpsc::unbounded_channel::<Work>();
        let (end, ended) = oneshot::channel();
        let serve = async move {
            let mut tasks = JoinSet::new();
            while let Some(work) = queue.recv().await {
                tasks.spawn(work);
                while tasks.try_join_next().is_some() {}
            }
            let rest = async { while tasks.join_next().await.is_some() {} };
            if tokio::time::timeout(GRACE, rest).await.is_err() {
                tracing::warn!(
                    "the engine does not answer, and containers may be left for the next start to remove"
                );
            }
        };
        thread::Builder::new()
            .name("cofferdam-docker".to_owned())
            .spawn(move || {
                runtime.block_on(serve);
                // Whatever still hangs in a thread of the runtime must not hold this one.
                runtime.shutdown_background();
                let _ = end.send(());
            })
            .map_err(failed)?;
        Ok((Self { work }, ended))
    }

    /// Has the thread do this, whether anybody waits for it or not.
    pub(super) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        // The thread outlives every handle, unless it panicked; then nothing can be done here.
        let _ = self.work.send(Box::pin(work));
    }

    /// Has the thread do this and waits for what it gives. When the waiting is cut short the work is still finished,
    /// and what it gave is dropped on the thread.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, given) = oneshot::channel();
        self.run(async move {
            let _ = answer.send(work.await);
        });
        given.await.unwrap_or_else(|_| {
            Err(Error::backend(BACKEND, "reach its own thread", "the thread ended early"))
        })
    }
}
