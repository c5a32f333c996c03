//! How a handler says no.

use std::error::Error;
use std::fmt;

/// How a handler says no. Any error becomes one that may be tried again, so `?` works.
#[derive(Debug, Clone)]
#[must_use = "a failure must be returned to count"]
pub struct Failure {
    message: String,
    permanent: bool,
}

impl Failure {
    /// The next attempt may succeed.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self { message: message.into(), permanent: false }
    }

    /// No further attempt can help: the task goes to the dead letters at once.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { message: message.into(), permanent: true }
    }

    /// Takes an error whose type is not known, with the messages of its sources. If it is a failure, or one is its
    /// cause, it is permanent as that one is.
    pub fn from_boxed(error: Box<dyn Error + Send + Sync>) -> Self {
        let mut permanent = false;
        let mut cause: Option<&(dyn Error + 'static)> = Some(error.as_ref());
        while let Some(error) = cause {
            permanent |= error.downcast_ref::<AsError>().is_some_and(|AsError(failure)| failure.permanent);
            cause = error.source();
        }
        Self { message: in_full(error.as_ref()), permanent }
    }

    /// Whether no further attempt can help.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.permanent
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

fn in_full(error: &dyn Error) -> String {
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
    fn a_failure_that_went_through_layers_is_as_permanent_as_before() {
        for (failure, permanent) in [(Failure::permanent("no"), true), (Failure::retryable("no"), false)] {
            let direct = Failure::from_boxed(failure.clone().into());
            assert_eq!((direct.message(), direct.is_permanent()), ("no", permanent));
            let layered = Failure::from_boxed(Box::new(Layered(failure.into())));
            assert_eq!((layered.message(), layered.is_permanent()), ("the layer gave up: no", permanent));
        }
    }
}
