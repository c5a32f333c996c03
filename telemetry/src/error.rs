//! What can go wrong, and what to do about it.

/// Why metrics could not be rendered or served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The exposition could not be written. Only a lack of memory or a bug can do this.
    #[error("the metrics could not be encoded: free memory, or report this as a bug")]
    Encode(#[from] std::fmt::Error),

    /// The endpoint's address cannot be had.
    #[cfg(feature = "server")]
    #[error(
        "the metrics endpoint cannot listen on {address}: choose a free port and an address of this host"
    )]
    Bind {
        /// The address that was asked for.
        address: std::net::SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },

    /// Two readiness checks have one name, so their answers could not be told apart.
    #[cfg(feature = "server")]
    #[error("there are two readiness checks named {name:?}: give each its own name")]
    DuplicateCheck {
        /// The name.
        name: String,
    },
}

impl Error {
    /// The error's kind, for decisions and metrics.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Encode(_) => ErrorKind::Encode,
            #[cfg(feature = "server")]
            Self::Bind { .. } => ErrorKind::Bind,
            #[cfg(feature = "server")]
            Self::DuplicateCheck { .. } => ErrorKind::Config,
        }
    }
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The exposition could not be written.
    Encode,
    /// The endpoint's address cannot be had.
    Bind,
    /// A setting is wrong.
    Config,
}

impl ErrorKind {
    /// The name that stands in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Encode => "encode",
            Self::Bind => "bind",
            Self::Config => "config",
        }
    }
}
