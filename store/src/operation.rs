//! What is to be done with a row.

/// What is to be done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// It is new.
    Insert,
    /// It changes one that is there.
    Update,
}

impl Operation {
    /// The name in logs, in dead letters and in the spool.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
        }
    }
}
