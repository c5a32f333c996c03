//! The frames in which host and runner speak, as `sandbox/docker/README.md` describes them.
//!
//! A frame is a kind, a length and that many bytes; those from the container begin with the nonce of its container.
//! All numbers are little-endian.

use serde::Serialize;

use crate::{Error, Input, Program};

/// What the image's label `cofferdam.protocol` must say.
pub(super) const PROTOCOL: &str = "1";

/// Bytes that only this container was told, so that a frame is never taken for one of another channel, nor stray output
/// for a frame. They are no secret from the program, which shares the runner's memory.
pub(super) type Nonce = [u8; 16];

/// Bytes of nonce, kind and length.
pub(super) const HEAD: usize = 16 + 1 + 8;

/// What a frame from the container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The runner is ready for a program.
    Ready,
    /// The program is loaded.
    Loaded,
    /// The program failed; JSON.
    Fault,
    /// The result; JSON.
    Result,
    /// Text of the program.
    Stdout,
    /// Text of the program.
    Stderr,
    /// An `f64` and a message.
    Progress,
    /// Two `u64`: nanoseconds of processor time, and the most memory in bytes.
    Usage,
    /// The memory limit leaves the interpreter no room; an `u64` says how many bytes are missing.
    TooSmall,
}

impl Kind {
    pub(super) fn parse(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Ready,
            1 => Self::Loaded,
            2 => Self::Fault,
            3 => Self::Result,
            4 => Self::Stdout,
            5 => Self::Stderr,
            6 => Self::Progress,
            7 => Self::Usage,
            8 => Self::TooSmall,
            _ => return None,
        })
    }
}

/// The first frame: from here on the runner begins its frames with the nonce.
pub(super) fn hello(nonce: &Nonce) -> Vec<u8> {
    frame(0, nonce.to_vec())
}

/// Gives the runner its program.
pub(super) fn load(program: &Program, policy: Option<&str>, memory: u64) -> Result<Vec<u8>, Error> {
    #[derive(Serialize)]
    struct Load<'a> {
        source: &'a str,
        entry: Option<&'a str>,
        policy: Option<&'a str>,
        memory: u64,
    }
    let load = Load { source: program.source(), entry: program.entry(), policy, memory };
    serde_json::to_vec(&load).map(|json| frame(1, json)).map_err(invalid)
}

/// Has the program run once.
pub(super) fn call(input: &Input) -> Result<Vec<u8>, Error> {
    let params = serde_json::to_vec(input.params()).map_err(invalid)?;
    let mut bytes = Vec::with_capacity(params.len() + 16 + series_bytes(input));
    bytes.extend_from_slice(&input.random_seed().to_le_bytes());
    put(&mut bytes, params.len());
    bytes.extend_from_slice(&params);
    for (name, values) in input.all_series() {
        put(&mut bytes, name.len());
        put(&mut bytes, size_of::<f64>() * values.len());
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    Ok(frame(2, bytes))
}

/// How many bytes the series of a call take on their way.
pub(super) fn series_bytes(input: &Input) -> usize {
    input.all_series().iter().map(|(name, values)| 16 + name.len() + size_of::<f64>() * values.len()).sum()
}

fn frame(kind: u8, content: Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + 8 + content.len());
    bytes.push(kind);
    put(&mut bytes, content.len());
    bytes.extend_from_slice(&content);
    bytes
}

fn put(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend_from_slice(&(number as u64).to_le_bytes());
}

fn invalid(error: serde_json::Error) -> Error {
    Error::InvalidInput { message: error.to_string() }
}
