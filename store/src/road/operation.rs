//! What a road does with its rows.

use crate::{conflict::Conflict, row::Row};

/// What a writer does with its rows.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Insert(Conflict),
    Update,
}

impl Operation {
    /// Whether the table is the same after these rows were written twice as after once, so that they may be written
    /// again when a commit's outcome is not known.
    pub(super) fn is_repeatable(&self, rows: &[Row]) -> bool {
        match self {
            Self::Update => true,
            Self::Insert(Conflict::Reject) => false,
            Self::Insert(Conflict::DoNothing { target } | Conflict::Update { target, .. }) => {
                // A key that the database makes up is another one the second time.
                rows.iter().all(|row| target.iter().all(|column| row.shape.contains(*column)))
            }
        }
    }
}
