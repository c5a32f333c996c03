//! Tower services as handlers.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};

use tower_service::Service;

use super::{Failure, Handler, Job};

/// A [`Handler`] that calls a tower service, with whatever layers are around it.
///
/// Each task gets a clone of the service and waits until that clone is ready, so a layer that limits or sheds works as
/// it does elsewhere. The task is in hand meanwhile and its lease is renewed: a worker that must not claim what its
/// service is not ready for is given as many places as the service has.
///
/// A [`Failure`] that a layer has turned into a boxed error stays as permanent as it was; any other error may be tried
/// again.
///
/// ```
/// use std::time::Duration;
/// use cofferdam_queue::{Failure, Job, ServiceHandler};
/// use tower::ServiceBuilder;
///
/// let service = ServiceBuilder::new()
///     .timeout(Duration::from_secs(30))
///     .service_fn(|job: Job| async move { Ok::<_, Failure>(job.payload().to_vec()) });
/// let handler = ServiceHandler::new(service);
/// # let _ = handler;
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub struct ServiceHandler<S> {
    /// Only ever locked to clone it: most services can be sent to another thread, not all can be shared.
    service: Mutex<S>,
}

impl<S> ServiceHandler<S> {
    /// Makes a handler of a service.
    #[must_use]
    pub const fn new(service: S) -> Self {
        Self { service: Mutex::new(service) }
    }
}

impl<S> Handler for ServiceHandler<S>
where
    S: Service<Job, Response = Vec<u8>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
{
    async fn handle(&self, job: Job) -> Result<Vec<u8>, Failure> {
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = async {
            poll_fn(|context| service.poll_ready(context)).await?;
            service.call(job).await
        };
        answer.await.map_err(|error| Failure::from_boxed(error.into()))
    }
}

impl<S> fmt::Debug for ServiceHandler<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceHandler").finish_non_exhaustive()
    }
}
