//! The layer around an apalis service that answers for each job.

use std::error::Error as StdError;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis_codec::json::JsonCodec;
use apalis_core::backend::codec::Codec;
use apalis_core::error::{AbortError, BoxDynError, DeferredError, RetryAfterError};
use apalis_core::task::Task;
use futures_util::future::BoxFuture;
use tower_layer::Layer;
use tower_service::Service;

use super::hatch::{Answer, Reply};
use crate::worker::in_full;
use crate::{Error, Failure};

/// Wraps the service of an apalis worker, so that what it answers is settled. Workers do this on their own.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[cfg_attr(docsrs, doc(cfg(feature = "apalis")))]
pub struct ApalisLayer {}

impl ApalisLayer {
    pub(super) const fn new() -> Self {
        Self {}
    }
}

impl<S> Layer<S> for ApalisLayer {
    type Service = ApalisService<S>;

    fn layer(&self, inner: S) -> ApalisService<S> {
        ApalisService { inner }
    }
}

/// A service whose answers are settled.
#[derive(Debug, Clone)]
#[cfg_attr(docsrs, doc(cfg(feature = "apalis")))]
pub struct ApalisService<S> {
    inner: S,
}

impl<S, Args> Service<Task<Args>> for ApalisService<S>
where
    S: Service<Task<Args>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxDynError>,
    S::Response: Send,
    JsonCodec<Vec<u8>>: Codec<S::Response, Compact = Vec<u8>>,
    <JsonCodec<Vec<u8>> as Codec<S::Response>>::Error: StdError + Send + Sync + 'static,
{
    type Response = S::Response;
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<S::Response, BoxDynError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, task: Task<Args>) -> Self::Future {
        let pledge = task.data().get::<Reply>().and_then(Reply::take);
        let id = task.task_id().map(ToString::to_string).unwrap_or_default();
        let run = self.inner.call(task);
        Box::pin(async move {
            // A task that came by another road has nobody to answer to.
            let Some(mut pledge) = pledge else { return run.await.map_err(Into::into) };
            let result = tokio::select! {
                biased;
                result = run => result.map_err(Into::into),
                // Nobody waits for the answer: the lease is lost, so the run is dropped.
                () = pledge.void() => return Err(AbortError::new(lost(&id)).into()),
            };
            pledge.keep(answer(&result));
            result
        })
    }
}

fn lost(id: &str) -> BoxDynError {
    match crate::TaskId::new(id) {
        Ok(task) => Error::LeaseLost { task }.into(),
        Err(error) => error.into(),
    }
}

/// What is recorded for a result.
fn answer<Response>(result: &Result<Response, BoxDynError>) -> Answer
where
    JsonCodec<Vec<u8>>: Codec<Response, Compact = Vec<u8>>,
    <JsonCodec<Vec<u8>> as Codec<Response>>::Error: StdError + Send + Sync + 'static,
{
    match result {
        // A result that cannot be encoded will be none the next time either.
        Ok(response) => JsonCodec::<Vec<u8>>::default().encode(response).map_err(|error| {
            Failure::permanent(format!("the result cannot be encoded: {}", in_full(&error)))
        }),
        Err(error) => Err(failure(error.as_ref())),
    }
}

/// What an error means for the task: the first of apalis's own that is found in its chain decides.
fn failure(error: &(dyn StdError + Send + Sync + 'static)) -> Failure {
    let message = in_full(error);
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<AbortError>() {
            return Failure::permanent(message);
        }
        if let Some(later) = error.downcast_ref::<RetryAfterError>() {
            return Failure::retry_after(message, later.get_duration());
        }
        if error.is::<DeferredError>() {
            return Failure::retry_after(message, Duration::ZERO);
        }
        cause = error.source();
    }
    Failure::retryable(message)
}
