//! One error for the whole suite: a sentence for the person at the terminal, with what lay below it.

use std::error::Error as StdError;

/// What ended a run before it could be judged. A run that was judged and found bad is a verdict, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something that was tried failed; the source tells why.
    #[error("could not {action}")]
    Failed {
        /// What was tried.
        action: String,
        /// What lay below.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },

    /// Something that was waited for did not come.
    #[error("{what} did not come within {seconds} s: {remedy}")]
    TooLate {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// What to do.
        remedy: String,
    },

    /// The run cannot begin or go on as asked.
    #[error("{0}")]
    Refused(String),
}

/// What every fallible function here returns.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Says what was being done when an error came up.
pub(crate) trait Context<T> {
    /// Makes the error one of this crate: "could not" and what `action()` says.
    fn context(self, action: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Context<T> for std::result::Result<T, E> {
    fn context(self, action: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Failed { action: action(), source: source.into() })
    }
}

impl Error {
    /// The error and everything below it, in one line.
    #[must_use]
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_reads_from_the_outside_in() {
        let inner = "x".parse::<u16>().context(|| "read the port".to_owned());
        let outer = inner.map_err(|error| error.in_full()).unwrap_err();
        assert_eq!(outer, "could not read the port: invalid digit found in string");
    }
}
