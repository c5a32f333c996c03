//! The writer of changes to rows that are there.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, EntityTrait, IntoActiveModel};

use super::WriterBuilder;
use crate::{Counts, Error, Operation, Rejected, Summary, Unwritten, handle::Handle};

/// Updates rows of one entity by their primary key, or by another [`key`](crate::WriterBuilder::key), in batches.
///
/// Of each model, the columns that are `Set` are written; those that are unchanged or not set keep their value in
/// the database. The key, set or unchanged, names the row and is never changed.
///
/// Updates of the same row that meet in one batch are merged, column by column, and the last value wins: the
/// database, its triggers and its constraints never see the values in between. A key that the table does not hold
/// comes back as a rejected row with [`Error::Missing`].
///
/// [`add_if`](Self::add_if) adds an update that is done only if the row holds what is expected, such as a version or a
/// state; it is never merged. Updates of one row are done in the order in which they were added; those of different rows
/// that meet in one batch are not.
///
/// A handle: clones are cheap and share one buffer and one writing task. Each batch is one transaction.
///
/// **End it with [`close`](Self::close).** If all handles are dropped instead, the task still writes what was added,
/// as long as its runtime lives, but nobody learns how that went: rows that could not be written are only counted in
/// the log, and lost, unless a [`Spool`](crate::Spool) keeps them.
///
/// One that came from [`Store::updates`](crate::Store::updates) shares all this with the store: a flush is one of both,
/// and `close` closes both.
///
/// `ActiveModelBehavior` hooks are not called.
pub struct BatchUpdateWriter<E: EntityTrait> {
    handle: Arc<Handle<E>>,
}

impl<E: EntityTrait> BatchUpdateWriter<E> {
    /// Begins to set up a writer on this connection.
    pub fn builder(connection: DatabaseConnection) -> WriterBuilder<E, Self> {
        WriterBuilder::new(connection)
    }

    pub(super) fn new(handle: Arc<Handle<E>>) -> Self {
        Self { handle }
    }

    /// Adds an update; waits while the buffer is full. That it was added does not mean that it is in the database yet:
    /// see [`flush`](Self::flush).
    ///
    /// Cancellation safe: a call that was dropped before it returned has not added its row. The one exception is a
    /// writer with [`Spool::sync_each_add`](crate::Spool::sync_each_add), whose calls may be dropped when the row is
    /// added and only its fsync is to come: [`counts`](Self::counts) tells.
    ///
    /// # Errors
    /// [`Error::InvalidRow`] if the key is not set or NULL, nothing else is set, or the database could not hold a value.
    /// Once the writer is closed or has stopped, why so. In each case the row was not added, and the model is gone; keep a copy if it is needed.
    /// [`Error::SpoolFailed`] while the row waits for its fsync: then it was added, and is in
    /// [`take_unwritten`](Self::take_unwritten) or in the database.
    pub async fn add(&self, model: impl IntoActiveModel<E::ActiveModel>) -> Result<(), Error> {
        self.handle.update(model).await
    }

    /// Adds an update that is done only if the row, when its turn comes, holds every value that `expected` sets: a
    /// version, a state, or the whole model as it was read. NULL is equal to NULL there. What precedes it in the order of
    /// adding has been done by then, so a change from version 1 to 2 may be followed at once by one from 2 to 3.
    ///
    /// A row that differs comes back with [`Error::Stale`], one that is not there with [`Error::Missing`]. If the
    /// connection breaks in the commit, the outcome cannot be known by writing again: without a
    /// [`Spool`](crate::Spool) the writer stops with [`Error::InDoubt`].
    ///
    /// Compared are numbers, texts, times and the like as the database compares them; single-precision numbers may
    /// differ from what was written. Documents cannot be expected.
    ///
    /// # Errors
    /// As [`add`](Self::add); [`Error::InvalidRow`] also if `expected` sets nothing, or a document.
    pub async fn add_if(
        &self,
        model: impl IntoActiveModel<E::ActiveModel>,
        expected: impl IntoActiveModel<E::ActiveModel>,
    ) -> Result<(), Error> {
        self.handle.update_if(model, expected).await
    }

    /// Adds updates one after the other, and returns their number.
    ///
    /// A call that was dropped, or that failed, has added the rows before that one and none from there on.
    ///
    /// # Errors
    /// As [`add`](Self::add), for the first row that is not taken.
    pub async fn add_many<M: IntoActiveModel<E::ActiveModel>>(
        &self,
        models: impl IntoIterator<Item = M>,
    ) -> Result<u64, Error> {
        let mut added = 0;
        for model in models {
            self.add(model).await?;
            added += 1;
        }
        Ok(added)
    }

    /// Writes everything that was added before the call, by anybody, and returns once it is in the database or
    /// rejected. The summary gives the rejected rows, each only once.
    ///
    /// Cancellation safe: the rows are written all the same, and rejected rows go to the next who asks.
    ///
    /// # Errors
    /// Why the writer stopped, if it did so before all these rows were decided.
    pub async fn flush(&self) -> Result<Summary<E>, Error> {
        self.handle.flush().await
    }

    /// Takes no more rows, from any handle, writes what was added, and returns once all is decided. Called again, it
    /// returns the same counts.
    ///
    /// Cancellation safe: the writer is closed from the first poll on, the rows are written all the same, and
    /// another call waits for the end.
    ///
    /// # Errors
    /// Why the writer stopped before all was written. The rows that are not in the database are then in
    /// [`take_unwritten`](Self::take_unwritten), and those that were refused in
    /// [`take_rejected`](Self::take_rejected).
    pub async fn close(&self) -> Result<Summary<E>, Error> {
        self.handle.close().await
    }

    /// How many rows met which end so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.handle.counts()
    }

    /// The rejected rows that nobody was given before, without waiting.
    #[must_use = "the rows are given to nobody else"]
    pub fn take_rejected(&self) -> Vec<Rejected<E>> {
        self.handle.take_rejected()
    }

    /// The updates that a stopped writer could not write, in the order of their adding, each only once. Empty while the
    /// writer works. With a [`Spool`](crate::Spool) they are only those that it does not hold: the others are left to
    /// the next writer with it, and counted as `spooled`.
    ///
    /// If the connection broke during a commit, the rows of that batch are among them although they may be in the
    /// database; to write them again is harmless, unless they were conditional.
    #[must_use = "the rows are given to nobody else"]
    pub fn take_unwritten(&self) -> Vec<Unwritten<E>> {
        self.handle.take_unwritten(Some(Operation::Update))
    }
}

impl<E: EntityTrait> Clone for BatchUpdateWriter<E> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

impl<E: EntityTrait> std::fmt::Debug for BatchUpdateWriter<E> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("BatchUpdateWriter")
            .field("table", &E::default().as_str())
            .field("counts", &self.counts())
            .finish()
    }
}
