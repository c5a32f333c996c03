//! The store on Redis, against real servers: those that `cargo xtask services up redis redis-cluster` starts, and for
//! whatever would disturb others, servers of a test's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../conformance/mod.rs"]
mod conformance;

mod connect;
mod document;
mod failover;
mod fleet;
mod outage;
mod services;
#[cfg(feature = "redis-tls")]
mod tls;

mod on_one_server {
    crate::conformance::conformance!(crate::services::fresh(crate::services::single()).await);
}

mod on_a_cluster {
    crate::conformance::conformance!(crate::services::fresh(crate::services::cluster()).await);
}
