//! One error for every command: a sentence for the person at the terminal, with what lay below it.

use std::error::Error as StdError;
use std::fmt;

/// Anything that can end a command.
pub(crate) type Error = Box<dyn StdError + Send + Sync>;

/// What every fallible function here returns.
pub(crate) type Result<T = ()> = std::result::Result<T, Error>;

/// Says what was being done when an error came up.
pub(crate) trait Context<T> {
    /// Puts `what()` before the error's own message.
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Box::new(Explained { what: what(), source: error.into() }) as Error)
    }
}

#[derive(Debug)]
struct Explained {
    what: String,
    source: Error,
}

impl fmt::Display for Explained {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.what, self.source)
    }
}

impl StdError for Explained {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.source.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_reads_from_the_outside_in() {
        let inner: std::result::Result<(), _> = "x".parse::<u16>().map(|_| ());
        let error = inner.context(|| "read the port".into()).unwrap_err();
        assert_eq!(error.to_string(), "read the port: invalid digit found in string");
    }
}
