//! Validate untrusted Python and run it where it can do no harm.
//!
//! Three layers, each useful alone, none trusting the one before it:
//!
//! 1. [`Policy`] reads the program's syntax tree and refuses what has no business in a strategy or a transform, with
//!    every reason at once, its place and what to write instead. It is a quality gate: it spares you most trouble,
//!    and it is not what keeps you safe.
//! 2. A [`Sandbox`] isolates what runs. [`WasmSandbox`] gives every session a fresh CPython in a WebAssembly instance
//!    that has no file system, no network, no environment and no processes, within [`Limits`] on time, memory,
//!    processor share, output and fuel. `DockerSandbox` gives it a container with numpy and pandas, from which neither
//!    network nor files nor other processes can be reached. This is the wall.
//! 3. [`OutputPolicy`] bounds and cleans what comes back, because it goes on to databases, dashboards and terminals.
//!
//! A program is one Python text. It reads the globals `data` (named series of numbers) and `params`, and sets
//! `result`; or it defines an [entry function](Program::with_entry). What it returns crosses the wall as JSON, on a
//! channel of its own: nothing that a program prints can pass for a result.
//!
//! # Example
//!
#![cfg_attr(feature = "wasm", doc = "```")]
#![cfg_attr(not(feature = "wasm"), doc = "```ignore")]
//! use cofferdam_sandbox::{Input, Limits, Policy, Sandbox, WasmSandbox};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let program = Policy::default().check("result = sum(data['close'][-params['days']:]) / params['days']")?;
//! let sandbox = WasmSandbox::builder().build()?; // once per process; blocks while CPython is loaded
//! let input = Input::new().param("days", 2).series("close", vec![10.0, 11.0, 12.0]);
//! let outcome = sandbox.run(&program, &input, &Limits::default()).await?;
//! assert_eq!(outcome.into_value::<f64>()?, 11.5);
//! # Ok(())
//! # }
//! ```
//!
//! # What it is not
//!
//! It does not hide how long something took, and it does not close side channels of the processor: tenants who must
//! not learn anything of each other need processes or machines of their own. numpy and pandas do not run in the
//! WebAssembly backend: a program that needs them is refused with a sentence that says so, and runs in the Docker backend,
//! whose wall is the kernel of the machine unless its runtime brings another.
//!
//! # Features
//!
//! `docker`: the Docker backend, for an engine on a Unix socket of this machine.
//!
//! `wasm` (default): the WebAssembly backend. Without both the crate is the policy, the traits and the output policy,
//! and depends neither on wasmtime nor on tokio.
// Denied and not forbidden, because reading compiled code back from the cache is unsafe by nature: one file does it,
// with its proof.
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod any;
#[cfg(all(feature = "docker", unix))]
mod docker;
mod error;
#[cfg(any(all(feature = "docker", unix), feature = "wasm"))]
mod fault;
mod input;
mod limits;
mod listener;
mod observer;
mod outcome;
mod output;
mod policy;
mod profile;
mod program;
mod sandbox;
mod threads;
#[cfg(any(feature = "docker", feature = "wasm"))]
mod verdicts;
#[cfg(feature = "wasm")]
mod wasm;

pub use any::{AnySandbox, AnySession};
#[cfg(all(feature = "docker", unix))]
pub use docker::{DockerSandbox, DockerSandboxBuilder, DockerSession};
pub use error::{Error, Fault, Reason};
pub use input::Input;
pub use limits::Limits;
pub use listener::{Listener, Progress};
pub use observer::{Finished, Observer, Refused, Started};
pub use outcome::{Outcome, Usage};
pub use output::OutputPolicy;
pub use policy::{Bounds, Code, Explanation, Exports, Policy, Rejection, Violation};
pub use profile::{Enforced, Profile};
pub use program::Program;
pub use sandbox::{Sandbox, Session};
#[cfg(feature = "wasm")]
pub use wasm::{WasmSandbox, WasmSandboxBuilder, WasmSession};

#[cfg(all(doctest, feature = "wasm"))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
