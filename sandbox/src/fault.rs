//! What the runner of any backend answers to a call: a result, or its account of what the program did wrong.
//!
//! Both are JSON that a stranger wrote. They are parsed as data, into fixed shapes, and never believed further than that.

use serde::Deserialize;
use serde_json::Value;

use crate::{Error, Limits, Program, Rejection};

/// The runner bounds messages and tracebacks to a few KiB; a longer account is not the runner's.
pub(crate) const MAX_FAULT_BYTES: usize = 256 << 10;

/// Reads a result. The caller has compared its length with what is left of the output.
pub(crate) fn read_result(json: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(json).map_err(|error| Error::InvalidResult {
        message: if error.to_string().starts_with("recursion limit") {
            "the result is nested too deeply; return flat lists and dictionaries".to_owned()
        } else {
            format!("the result is not JSON: {error}")
        },
    })
}

/// Reads the runner's account of what the program did wrong.
///
/// `loading` is the program, while it is loaded: only then can the check inside the guest refuse it.
pub(crate) fn read_fault(json: &[u8], limits: &Limits, loading: Option<&Program>) -> Error {
    let unreadable = || Error::Crashed { message: "its runner gave no account of the failure".to_owned() };
    if json.len() > MAX_FAULT_BYTES {
        return unreadable();
    }
    let Ok(fault) = serde_json::from_slice::<Fault>(json) else {
        return unreadable();
    };
    match fault.kind {
        Kind::Memory => Error::Memory { limit: limits.memory },
        Kind::Syntax => Error::Syntax { message: fault.message, line: fault.line },
        Kind::Result | Kind::NoResult | Kind::Exit => Error::InvalidResult { message: fault.message },
        Kind::Rejected => loading
            .and_then(|program| Rejection::from_guest(program, fault.message.as_bytes()))
            .map_or_else(unreadable, Error::Rejected),
        Kind::Exception => Error::Exception {
            kind: fault.class.unwrap_or_else(|| "an exception".to_owned()),
            message: fault.message,
            traceback: fault.traceback.unwrap_or_default(),
            line: fault.line,
        },
    }
}

/// What `cofferdam_runtime.py` says of a failure.
#[derive(Deserialize)]
struct Fault {
    kind: Kind,
    message: String,
    #[serde(rename = "type")]
    class: Option<String>,
    traceback: Option<String>,
    line: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Exception,
    Exit,
    Memory,
    NoResult,
    Rejected,
    Result,
    Syntax,
}
