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
}

impl Mode {
    /// The name on the command line and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
        }
    }

    /// Whether the mode needs a Redis Cluster.
    #[must_use]
    pub const fn needs_cluster(self) -> bool {
        match self {
            Self::Sqlite => false,
        }
    }

    /// What the mode is held to.
    #[must_use]
    pub const fn terms(self) -> Terms {
        let promise = match self {
            Self::Sqlite => Promise::FULL,
        };
        Terms { promise, deadline: DEADLINE, grace: GRACE, back_within: BACK_WITHIN }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
