//! Side-by-side benchmarks of the Cofferdam family and its peers.
//!
//! Each program `compare-*` measures us and a peer in one run, turn by turn, so that whatever else the machine does
//! falls on both alike. Every figure is a time on one machine at one moment: compare the ratios, not the numbers of
//! two runs. A peer that is not installed is named as skipped, never left out silently.
//!
//! | program | question |
//! |---|---|
//! | `compare-sandbox` | what isolation costs: from a program's text to its result, in WebAssembly and in Docker, beside a bare Python process and a peer; runs a second, loops, indicators, the policy's check, and memory |
//! | `compare-queue` | what a queue costs: how many tasks a second of Redis's processor time carries, beside peers and bare loops over Redis, alone and as a cluster; the embedded backends beside a peer; how soon the tasks of a killed worker run again |
//! | `compare-store` | what writing many rows costs: inserts and updates on SQLite, PostgreSQL and MariaDB, beside sea-orm row by row, its batches, every fast road that one writes by hand, and Python |
//!
//! ```text
//! cargo run --release -p cofferdam-benches --bin compare-sandbox
//! cargo run --release -p cofferdam-benches --no-default-features --features queue --bin compare-queue
//! cargo run --release -p cofferdam-benches --no-default-features --features store --bin compare-store
//! ```
//!
//! `compare-queue` needs servers: `cargo xtask services up redis redis-cluster`; so does `compare-store`: `cargo xtask
//! services up postgres mariadb`.
//!
//! A peer that is a crate lies in `peers/`, as a program and a workspace of its own with its own lock file, and is driven
//! as a process: nothing of it enters the family's dependencies. It is built once, by `compare-queue` unless `--peers`
//! says otherwise, by `compare-sandbox` with `--peer`.
#![forbid(unsafe_code)]

mod child;
mod report;
mod samples;
mod service;

pub use child::Child;
pub use report::{Report, chain};
pub use samples::Samples;
pub use service::service;

/// Why something could not be measured.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;
