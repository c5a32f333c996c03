//! What a call gave.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;

/// What a call gave: a result or the reason why there is none, what was printed, and what it cost.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The program's result as plain JSON, or why it has none.
    pub result: Result<Value, Error>,
    /// What the program printed, as far as the limit and the output policy let it pass.
    pub stdout: String,
    /// What the program wrote to stderr, as far as the limit and the output policy let it pass.
    pub stderr: String,
    /// Whether something of the output was cut off.
    pub truncated: bool,
    /// What the call used.
    pub usage: Usage,
}

impl Outcome {
    /// The outcome of a call that never reached a program.
    #[cfg(any(feature = "docker", feature = "wasm"))]
    pub(crate) fn nothing(error: Error) -> Self {
        let (stdout, stderr) = (String::new(), String::new());
        Self { result: Err(error), stdout, stderr, truncated: false, usage: Usage::default() }
    }

    /// The result, or the error.
    ///
    /// # Errors
    ///
    /// The reason why the program gave no result.
    pub fn into_result(self) -> Result<Value, Error> {
        self.result
    }

    /// The result as a value of type `T`.
    ///
    /// # Errors
    ///
    /// The reason why the program gave no result, or [`Error::InvalidResult`] when the result has another shape.
    pub fn into_value<T: DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_value(self.result?).map_err(|error| Error::InvalidResult {
            message: format!("the result does not have the shape that was asked for: {error}"),
        })
    }
}

/// What a program wrote, as text. The copy is spared where it is text already.
#[cfg(any(feature = "docker", feature = "wasm"))]
pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// What a call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// From the start of the call to its end, waiting for a processor included.
    pub wall: Duration,
    /// Processor time, where the backend can tell.
    pub cpu: Option<Duration>,
    /// The most memory that the interpreter held since the session was opened, in bytes.
    pub peak_memory: u64,
    /// Fuel, where the backend counts it.
    pub fuel: Option<u64>,
}
