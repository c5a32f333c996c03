//! What a writer does with its rows.

use crate::conflict::Conflict;

/// What a writer does with its rows.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Insert(Conflict),
    Update,
}
