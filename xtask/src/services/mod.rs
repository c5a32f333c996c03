//! `cargo xtask services`: the databases and daemons that tests talk to.
//!
//! Each service listens on 127.0.0.1 alone, keeps its data under `target/services/<name>`, and is ended by the pid
//! files there. Never does a command here signal a process that it did not start: a pid counts only together with
//! the start time and the command line that were seen at launch.
//!
//! The services have no passwords worth the name. They are for tests on a machine whose local users are trusted.

mod command;
mod docker;
mod folder;
mod install;
mod mariadb;
mod port;
mod postgres;
mod probe;
mod process;
mod prometheus;
mod redis;
mod service;
mod user;

pub(crate) use command::{Arguments, during, run};
pub(crate) use redis::server as redis_server;
pub(crate) use service::Service;
