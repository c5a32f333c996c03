//! The services there are, and what is told about each.

use std::time::Duration;

use clap::ValueEnum;
use rustix::process::Signal;

use super::folder::Folder;
use super::{docker, mariadb, postgres, prometheus, redis};
use crate::error::Result;

/// How long a service may take until it answers. PostgreSQL and MariaDB create their data first, which takes tens of
/// seconds on a slow disk.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// A service that tests talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// A single Redis.
    Redis,
    /// A Redis Cluster of three masters with a replica each.
    RedisCluster,
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    Mariadb,
    /// Prometheus.
    Prometheus,
    /// The Docker daemon that already answers, or one of our own.
    Docker,
}

/// What a started service tells tests: names and values of `target/services/env`, the address first.
pub(super) type Settings = Vec<(&'static str, String)>;

impl Service {
    /// All services.
    pub(super) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The name on the command line and of the folder.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::RedisCluster => "redis-cluster",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
            Self::Prometheus => "prometheus",
            Self::Docker => "docker",
        }
    }

    /// Starts the service in an empty folder and returns once it answers.
    pub(super) fn start(self, folder: &Folder) -> Result<Settings> {
        match self {
            Self::Redis => redis::start_single(folder),
            Self::RedisCluster => redis::start_cluster(folder),
            Self::Postgres => postgres::start(folder),
            Self::Mariadb => mariadb::start(folder),
            Self::Prometheus => prometheus::start(folder),
            Self::Docker => docker::start(folder),
        }
    }

    /// The signal that ends the service without waiting for its clients to leave: to PostgreSQL, SIGTERM means
    /// "once all have gone".
    pub(super) fn stop_signal(self) -> Signal {
        match self {
            Self::Postgres => Signal::INT,
            _ => Signal::TERM,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_knows_each_service_by_its_name() {
        for service in Service::all() {
            assert_eq!(Service::from_str(service.name(), false), Ok(*service));
        }
    }
}
