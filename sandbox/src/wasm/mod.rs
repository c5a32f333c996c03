//! The WebAssembly backend: CPython in a wasmtime instance of its own for every session.
//!
//! A guest can compute, and can hand bytes to a few functions of ours, which take output, hear of progress, compute
//! indicators, and show the clock. There is no file system, socket, environment or process in the instance; every other function that
//! CPython's C library asks for ends the instance when it is called. It must never run on a thread of the caller's
//! runtime, never outlive its session, and never make the host allocate by a number that it chose.

mod builder;
mod cache;
mod engine;
mod guest;
mod host;
mod indicator;
mod load;
mod pages;
mod sandbox;
mod session;
mod spare;

pub use builder::WasmSandboxBuilder;
pub use sandbox::WasmSandbox;
pub use session::WasmSession;

/// The name that stands in profiles, errors and metrics.
const BACKEND: &str = "wasm";
