//! What can go wrong, and what to do about it.

use std::time::Duration;

/// Why a heartbeat could not be published or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The worker's name cannot stand in a key.
    #[error(
        "worker name {name:?} cannot stand in a key: use 1 to {max} bytes without control characters, '{{' or '}}'",
        max = crate::publisher::NAME_MAX_BYTES
    )]
    Name {
        /// The refused name.
        name: String,
    },

    /// The times do not fit each other.
    #[error("{what} of {given:?} is out of range: use {remedy}")]
    Timing {
        /// Which setting.
        what: &'static str,
        /// The refused value.
        given: Duration,
        /// What to set instead.
        remedy: &'static str,
    },

    /// The address or the settings of the store cannot be used, or what stands there cannot hold heartbeats.
    #[error("the heartbeat store cannot be used: {reason}")]
    Unusable {
        /// Why, and what to do about it. It never holds a password.
        reason: String,
    },

    /// The store refused or did not answer. Heartbeats go on by themselves once it is back.
    #[error("the heartbeat store could not {operation}: check that it is running and reachable")]
    Store {
        /// What was tried: "put", "delete", "list", "forget", or "be reached" when it was opened.
        operation: &'static str,
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The store did not answer in time. The call may still be carried out later.
    #[error(
        "the heartbeat store did not {operation} within {after:?}: check that it is running and reachable"
    )]
    Timeout {
        /// What was tried.
        operation: &'static str,
        /// How long was waited.
        after: Duration,
    },

    /// The operating system gave no thread to beat from.
    #[error("no thread for the heartbeat: raise the process's limit of threads or free memory")]
    Thread(#[source] std::io::Error),

    /// The publisher's thread ended by itself, which only a panic in the store can do. The key expires.
    #[error("the heartbeat's thread ended early: look for a panic of the store in the log")]
    Ended,
}

impl Error {
    /// A failure of the store, for those who implement [`Store`](crate::Store).
    pub fn store(
        operation: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Store { operation, source: source.into() }
    }

    /// A store that cannot be used as it is set up.
    #[cfg(feature = "redis")]
    pub(crate) fn unusable(reason: impl std::fmt::Display, remedy: &str) -> Self {
        Self::Unusable { reason: format!("{reason}: {remedy}") }
    }

    /// The error's kind, for decisions and metrics.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Name { .. } | Self::Timing { .. } | Self::Unusable { .. } => ErrorKind::Config,
            Self::Store { .. } => ErrorKind::Store,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Thread(_) | Self::Ended => ErrorKind::Thread,
        }
    }
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is wrong; trying again does not help.
    Config,
    /// The store refused; trying again may help.
    Store,
    /// The store did not answer in time; trying again may help.
    Timeout,
    /// The publisher's thread could not start or ended early.
    Thread,
}

impl ErrorKind {
    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Store => "store",
            Self::Timeout => "timeout",
            Self::Thread => "thread",
        }
    }
}
