//! The members together, in one process and one folder: jobs, studies, interruptions, bad input.
#![cfg(feature = "full")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod files;
mod interruption;
mod jobs;
mod metrics;
mod studies;

use std::path::Path;
use std::sync::LazyLock;

use cofferdam::sandbox::WasmSandbox;
use cofferdam::{Cofferdam, Dataset};
use tokio::task::JoinHandle;

/// One sandbox for all tests of the process.
static SANDBOX: LazyLock<WasmSandbox> = LazyLock::new(|| WasmSandbox::builder().build().unwrap());

const SMA: &str = include_str!("../../examples/strategies/sma_crossover.py");

async fn open(folder: &Path) -> Cofferdam {
    Cofferdam::embedded(folder).sandbox(SANDBOX.clone()).open().await.unwrap()
}

/// A worker that runs until it is aborted.
fn work(cofferdam: &Cofferdam) -> JoinHandle<Result<(), cofferdam::Error>> {
    tokio::spawn(cofferdam.run_worker("test", std::future::pending()))
}

/// Closing prices of the S&P 500.
fn prices() -> Vec<f64> {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/sp500_1999_2018.csv"));
    text.unwrap().lines().skip(1).map(|line| line.split(',').nth(4).unwrap().parse().unwrap()).collect()
}

fn closes(prices: Vec<f64>) -> Dataset {
    Dataset::new().series("close", prices).unwrap()
}
