//! What every backend promises, asked of each of them alike.
//!
//! A test here knows no backend: it is handed a sandbox, its profile and a limit's worth of patience, and where the
//! profile says that something is not enforced, the sandbox must say so too. `backend.rs` makes the sandboxes; a missing
//! engine or image is a failure, never a pass. When a test is over, the engine must have no container of it.
#![cfg(all(feature = "docker", feature = "wasm", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod admission;
mod backend;
#[path = "../containers/mod.rs"]
mod containers;
mod honest;
#[path = "../humaneval/mod.rs"]
mod humaneval;
mod limits;
mod observer;
mod outcomes;
mod sessions;

use std::time::Duration;

use cofferdam_sandbox::{AnySandbox, Input, Limits, Outcome, Program, Sandbox};

/// Runs each function for each backend, as a test of its own.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod wasm {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::backend::Backend::Wasm).await;
            })+
        }
        mod docker {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::backend::Backend::Docker).await;
                let left = "containers of a test that is over";
                crate::containers::until(left, || crate::containers::ours().is_empty()).await;
            })+
        }
    };
}
pub(crate) use contract;

fn limits() -> Limits {
    Limits::default().cpu(1.0).wall(Duration::from_secs(60))
}

/// Runs a program that no policy has seen.
async fn run(sandbox: &AnySandbox, source: &str, limits: &Limits) -> Outcome {
    sandbox.run(&Program::unchecked(source), &Input::new(), limits).await.unwrap()
}
