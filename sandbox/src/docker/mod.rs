//! The Docker backend: CPython with numpy and pandas in a container of its own for every session.
//!
//! A container has no network, no capability, nothing that it can write but a small `/tmp`, and a bounded share of
//! memory, processors and processes; [`shape`] says all of it in one place. The program runs in the image's one
//! process, which speaks to the host in [frames](frame) over its standard streams and over nothing else.
//!
//! All talk with the engine happens on one thread of the backend's own, the [driver], so that a session needs no runtime of
//! its caller, and what is left over is cleared away whatever becomes of the caller. The backend must never run a
//! program without a container, never believe a length that came out of one, and never use one twice.

mod autopsy;
mod builder;
mod call;
mod channel;
mod container;
mod driver;
mod engine;
mod frame;
mod hearing;
mod image;
mod owner;
mod pool;
mod reaper;
mod sandbox;
mod session;
mod shape;
mod slots;
mod trouble;
mod watch;

pub use builder::DockerSandboxBuilder;
pub use sandbox::DockerSandbox;
pub use session::DockerSession;

/// The name that stands in profiles, errors and metrics.
const BACKEND: &str = "docker";
