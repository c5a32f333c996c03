//! Several handlers in one, chosen by the kind of the task.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::{Failure, Handler, Job};
use crate::Label;

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Failure>> + Send + 'a>>;

/// A [`Handler`] that hands each task to the one for its [`kind`](crate::NewTask::kind).
///
/// A task of a kind that is not among them goes to the dead letters at once, with an error that names it: a worker
/// that cannot run a task must not use up its attempts, and replaying it is enough when the right worker is there.
///
/// ```
/// use cofferdam_queue::{Job, Label, Router};
///
/// let router = Router::new()
///     .on(Label::new("greet")?, |job: Job| async move { Ok([b"hello ", job.payload()].concat()) })
///     .on(Label::new("count")?, |job: Job| async move { Ok(job.payload().len().to_string().into_bytes()) });
/// # let _ = router;
/// # Ok::<(), cofferdam_queue::Error>(())
/// ```
#[derive(Default)]
#[must_use = "a router does nothing until a worker runs it"]
pub struct Router {
    by_kind: BTreeMap<Label, Box<dyn Erased>>,
    otherwise: Option<Box<dyn Erased>>,
}

impl Router {
    /// A router without handlers: every task is refused.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs this on tasks of a kind, in place of what was to run on it before.
    pub fn on(mut self, kind: Label, handler: impl Handler) -> Self {
        self.by_kind.insert(kind, Box::new(handler));
        self
    }

    /// Runs this on tasks of all other kinds and on those without one.
    pub fn otherwise(mut self, handler: impl Handler) -> Self {
        self.otherwise = Some(Box::new(handler));
        self
    }

    fn unknown(&self, kind: Option<&Label>) -> Failure {
        let known: Vec<&str> = self.by_kind.keys().map(Label::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let task = match kind {
            Some(kind) => format!("unknown task type {:?}", kind.as_str()),
            None => "the task has no type".to_owned(),
        };
        Failure::permanent(format!(
            "{task}: this worker knows {known}; start one that knows it and replay the task"
        ))
    }
}

impl Handler for Router {
    async fn handle(&self, job: Job) -> Result<Vec<u8>, Failure> {
        let handler = job.kind().and_then(|kind| self.by_kind.get(kind)).or(self.otherwise.as_ref());
        match handler {
            Some(handler) => handler.handle(job).await,
            None => Err(self.unknown(job.kind())),
        }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("kinds", &self.by_kind.keys()).finish_non_exhaustive()
    }
}

/// [`Handler`] in a shape that allows dynamic dispatch.
trait Erased: Send + Sync {
    fn handle(&self, job: Job) -> Answer<'_>;
}

impl<H: Handler> Erased for H {
    fn handle(&self, job: Job) -> Answer<'_> {
        Box::pin(Handler::handle(self, job))
    }
}
