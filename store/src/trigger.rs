//! Why a batch went to the database.

/// What made a batch due.
///
/// When several causes hold at once, the first in the order of this list is named, save that a writer which is
/// being closed always says [`Shutdown`](Trigger::Shutdown).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trigger {
    /// Enough rows waited.
    Rows,
    /// The rows that waited were heavy enough, or an `add` found no room for its row's weight.
    Bytes,
    /// Somebody called `flush`.
    Flush,
    /// The oldest row had waited for the linger time.
    Linger,
    /// The writer was closed, or its last handle was dropped.
    Shutdown,
    /// The rows were found in the writer's [`Spool`](crate::Spool).
    Replay,
}

impl Trigger {
    /// The name for logs and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Bytes => "bytes",
            Self::Flush => "flush",
            Self::Linger => "linger",
            Self::Shutdown => "shutdown",
            Self::Replay => "replay",
        }
    }
}
