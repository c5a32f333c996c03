//! Where the servers are that tests talk to, and servers of a test's own.
#![allow(dead_code)]

use std::fs;
use std::path::Path;

use cofferdam_queue::WorkerId;

/// The addresses of the single Redis.
pub(crate) fn single() -> String {
    address("COFFERDAM_REDIS_URL")
}

/// The addresses of the nodes of the cluster.
pub(crate) fn cluster() -> String {
    address("COFFERDAM_REDIS_CLUSTER_URLS")
}

/// What the names of a test's keys begin with, so that nobody else uses them: the servers are shared.
pub(crate) fn prefix() -> String {
    format!("test:{:016x}", WorkerId::new("prefix").unwrap().epoch())
}

/// A setting of the environment, or of the file in which `cargo xtask services up` leaves it.
fn address(name: &str) -> String {
    if let Ok(value) = std::env::var(name) {
        return value;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/services/env");
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask services up redis redis-cluster`"))
        .to_owned()
}
