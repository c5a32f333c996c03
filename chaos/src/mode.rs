//! What is tested: a backend, and how durably it keeps what it acknowledges.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use crate::checker::{Promise, Terms};

/// How long a call to the queue may take. It is shorter than the lease, so that a worker can try again before it loses
/// its tasks, and longer than the cluster needs for a failover, so that most calls survive one.
pub const DEADLINE: Duration = Duration::from_secs(4);

/// What a call may take beyond its deadline: the processes of a run share two cores with six servers.
const GRACE: Duration = Duration::from_secs(1);

/// How soon after its promotion a new master must have served a client.
const BACK_WITHIN: Duration = Duration::from_secs(2);

/// A backend with a durability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Mode {
    /// One SQLite file, shared by all processes.
    Sqlite,
    /// A Redis Cluster that answers before any replica has what it answered for.
    Async,
    /// A Redis Cluster that answers when one replica has it.
    #[value(name = "replicated1")]
    Replicated1,
    /// The same as async, with a local file before it that holds each task until its end is known.
    Outbox,
    /// An outbox before a cluster that answers when one replica has it: what a service uses that can lose neither a task
    /// nor a result.
    #[value(name = "outbox-replicated1")]
    OutboxReplicated1,
}

impl Mode {
    /// The modes on a Redis Cluster.
    pub const REDIS: [Self; 4] = [Self::Async, Self::Replicated1, Self::Outbox, Self::OutboxReplicated1];

    /// The name on the command line and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Async => "async",
            Self::Replicated1 => "replicated1",
            Self::Outbox => "outbox",
            Self::OutboxReplicated1 => "outbox-replicated1",
        }
    }

    /// Whether producers put tasks into a local file first.
    #[must_use]
    pub const fn has_outbox(self) -> bool {
        matches!(self, Self::Outbox | Self::OutboxReplicated1)
    }

    /// Whether the mode needs a Redis Cluster.
    #[must_use]
    pub const fn needs_cluster(self) -> bool {
        !matches!(self, Self::Sqlite)
    }

    /// What the mode is held to.
    #[must_use]
    pub const fn terms(self) -> Terms {
        let promise = match self {
            Self::Async => Promise::NONE,
            Self::Outbox => Promise::TASKS,
            Self::Sqlite | Self::Replicated1 | Self::OutboxReplicated1 => Promise::FULL,
        };
        Terms { promise, deadline: DEADLINE, grace: GRACE, back_within: BACK_WITHIN }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_knows_each_mode_by_the_name_in_the_table() {
        for mode in Mode::value_variants() {
            assert_eq!(Mode::from_str(mode.name(), false), Ok(*mode));
        }
        assert!(Mode::REDIS.into_iter().all(Mode::needs_cluster));
    }
}
