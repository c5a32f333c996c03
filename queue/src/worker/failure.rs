//! How a handler says no.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// How a handler says no. Any error becomes one that may be tried again, so `?` works.
#[derive(Debug, Clone)]
#[must_use = "a failure must be returned to count"]
pub struct Failure {
    message: String,
    kind: Kind,
}

/// What a failure means for the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It costs an attempt; the next one comes after so long, or by the back-off.
    Retryable { after: Option<Duration> },
    /// The task is dead.
    Permanent,
    /// It costs a crash.
    Crashed,
    /// It costs nothing.
    #[cfg(feature = "apalis")]
    HandedBack,
}

impl Failure {
    /// The next attempt may succeed. It comes after the task's back-off.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Retryable { after: None } }
    }

    /// The next attempt may succeed after so long: somebody said when to come again.
    pub fn retry_after(message: impl Into<String>, delay: Duration) -> Self {
        Self { message: message.into(), kind: Kind::Retryable { after: Some(delay) } }
    }

    /// No further attempt can help: the task goes to the dead letters at once.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Permanent }
    }

    /// The run broke down without an answer of the task's own: a sandbox was killed, a process vanished. It counts as a
    /// crash of the task and not as a failed attempt.
    pub fn crashed(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Crashed }
    }

    /// The run never began.
    #[cfg(feature = "apalis")]
    pub(crate) const fn handed_back() -> Self {
        Self { message: String::new(), kind: Kind::HandedBack }
    }

    /// The same with a longer message.
    fn worded(message: String, kind: Kind) -> Self {
        Self { message, kind }
    }

    /// Takes an error whose type is not known, with the messages of its sources. If it is a failure, or one is its
    /// cause, it means the same for the task as that one does.
    pub fn from_boxed(error: Box<dyn Error + Send + Sync>) -> Self {
        let mut kind = Kind::Retryable { after: None };
        let mut cause: Option<&(dyn Error + 'static)> = Some(error.as_ref());
        while let Some(error) = cause {
            if let Some(AsError(failure)) = error.downcast_ref::<AsError>() {
                kind = failure.kind;
            }
            cause = error.source();
        }
        Self::worded(in_full(error.as_ref()), kind)
    }

    /// Whether no further attempt can help.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self.kind, Kind::Permanent)
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// What went wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: Error> From<E> for Failure {
    /// Takes the messages of the error and of its sources.
    fn from(error: E) -> Self {
        Self::retryable(in_full(&error))
    }
}

/// The failure in the shape that layers pass on. [`Failure`] itself cannot be an error: every error becomes a failure.
#[derive(Debug)]
struct AsError(Failure);

impl fmt::Display for AsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for AsError {}

impl From<Failure> for Box<dyn Error + Send + Sync> {
    /// The way back is [`Failure::from_boxed`], which loses nothing.
    fn from(failure: Failure) -> Self {
        Box::new(AsError(failure))
    }
}

pub(crate) fn in_full(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the layer gave up")]
    struct Layered(#[source] Box<dyn Error + Send + Sync>);

    #[test]
    fn a_failure_that_went_through_layers_means_the_same_as_before() {
        let failures = [
            Failure::permanent("no"),
            Failure::retryable("no"),
            Failure::retry_after("no", Duration::from_secs(9)),
            Failure::crashed("no"),
        ];
        for failure in failures {
            let kind = failure.kind();
            let direct = Failure::from_boxed(failure.clone().into());
            assert_eq!((direct.message(), direct.kind()), ("no", kind));
            let layered = Failure::from_boxed(Box::new(Layered(failure.into())));
            assert_eq!((layered.message(), layered.kind()), ("the layer gave up: no", kind));
        }
    }
}
