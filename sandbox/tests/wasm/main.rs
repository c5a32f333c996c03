//! The WebAssembly backend against programs that behave and programs that do not.
#![cfg(feature = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attacks;
mod benign;
mod cache;
#[path = "../corpus/mod.rs"]
mod corpus;
mod helpers;
mod sessions;
mod tables;

use std::sync::LazyLock;
use std::time::Duration;

use cofferdam_sandbox::{Input, Limits, Outcome, Program, Sandbox, WasmSandbox};

/// One sandbox for all tests of the process. It runs unchecked programs, because the wall must hold alone.
static SANDBOX: LazyLock<WasmSandbox> =
    LazyLock::new(|| WasmSandbox::builder().allow_unchecked(true).fuel(true).build().unwrap());

fn limits() -> Limits {
    Limits::default().cpu(1.0).wall(Duration::from_secs(60))
}

async fn run(source: &str) -> Outcome {
    run_with(source, &Input::new(), &limits()).await
}

async fn run_with(source: &str, input: &Input, limits: &Limits) -> Outcome {
    SANDBOX.run(&Program::unchecked(source), input, limits).await.unwrap()
}
