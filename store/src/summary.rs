//! What a writer did, told to whoever flushes or closes it.

use sea_orm::{ActiveModelTrait, EntityTrait, sea_query::ValueTuple};

use crate::{Error, operation::Operation, row::Row, table::Table};

/// How many rows met which end since the writer was built.
///
/// After [`close`](crate::BatchWriter::close), `accepted` and `replayed` together are the sum of all others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Rows that `add` took.
    pub accepted: u64,
    /// Rows that the writer found in its [`Spool`](crate::Spool) and took up again.
    pub replayed: u64,
    /// Rows that are in the database.
    pub written: u64,
    /// Rows that the database left out as asked: a conflict with
    /// [`OnConflict::DoNothing`](crate::OnConflict::DoNothing), or a trigger's `RAISE(IGNORE)`.
    pub skipped: u64,
    /// Updates that were merged with another one of the same row before they reached the database.
    pub coalesced: u64,
    /// Rows that were refused, each with its own error.
    pub rejected: u64,
    /// Rows that a failed writer holds for [`take_unwritten`](crate::BatchWriter::take_unwritten), or has given.
    pub unwritten: u64,
    /// Rows that a failed writer has left in its [`Spool`](crate::Spool), for the next writer with it.
    pub spooled: u64,
}

/// What a writer did so far.
///
/// The counts are totals since the writer was built. The rejected rows are those that nobody was given before: each
/// goes to exactly one caller of `flush`, `close` or `take_rejected`.
#[derive(Debug)]
#[must_use = "the rejected rows in it are given to nobody else"]
#[non_exhaustive]
pub struct Summary<E: EntityTrait> {
    /// Totals since the writer was built.
    pub counts: Counts,
    /// The rows that were refused, oldest first; without those that a callback or a sink of
    /// [`DeadLetters`](crate::DeadLetters) has taken.
    pub rejected: Vec<Rejected<E>>,
    /// Why the sink did not take some of them, if so. Told once, as the rows are.
    pub sink_error: Option<Error>,
}

/// A row that was refused, and why.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Rejected<E: EntityTrait> {
    /// What was to be done with it.
    pub operation: Operation,
    /// The row as it was added; for an update, with what was merged into it.
    pub model: E::ActiveModel,
    /// What a conditional update expected of its row.
    pub expected: Option<E::ActiveModel>,
    /// Why it was refused: [`Error::Constraint`], [`Error::Missing`] or [`Error::Stale`].
    pub error: Error,
}

/// A row that a stopped writer could not write.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unwritten<E: EntityTrait> {
    /// What was to be done with it.
    pub operation: Operation,
    /// The row as it was added.
    pub model: E::ActiveModel,
    /// What a conditional update expected of its row.
    pub expected: Option<E::ActiveModel>,
}

impl<E: EntityTrait> Rejected<E> {
    pub(crate) fn new(row: Row, error: Error) -> Self {
        let operation = row.operation();
        let (model, expected) = Table::models::<E>(row);
        Self { operation, model, expected, error }
    }

    /// The primary key, if the row sets all of it.
    #[must_use]
    pub fn key(&self) -> Option<ValueTuple> {
        self.model.get_primary_key_value()
    }
}

impl<E: EntityTrait> Unwritten<E> {
    pub(crate) fn new(row: Row) -> Self {
        let operation = row.operation();
        let (model, expected) = Table::models::<E>(row);
        Self { operation, model, expected }
    }
}
