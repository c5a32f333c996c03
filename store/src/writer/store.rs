//! The writer of new rows and of changes to them, in one order.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, EntityTrait, IntoActiveModel};

use super::{BatchUpdateWriter, BatchWriter, WriterBuilder};
use crate::{Counts, Error, Rejected, Summary, Unwritten, handle::Handle};

/// Inserts and updates the rows of one entity in batches, in the order in which they were added.
///
/// It is a [`BatchWriter`] and a [`BatchUpdateWriter`] with one buffer, one spool and one sink: an update may follow the
/// insert of its row at once. What they say of rows, batches and failures holds here; so does all of their settings.
///
/// The outcome is that of the rows written one after the other, save for what is said of updates there: those of one row
/// that meet in a batch are merged, also around the inserts of other rows, but never around an insert of the same row or
/// a conditional update of it; and neighbouring updates of different rows have no order.
///
/// Inserts and updates that alternate are as fast as those that do not: where it comes to the same, a batch is written
/// as the updates of older rows, then all inserts, then all other updates. It does not where an update changes a column of
/// a unique index or of a reference to the table itself, where it comes before an insert with its key, and where
/// [`OnConflict::Update`](crate::OnConflict::Update) is about other columns than the [`key`](WriterBuilder::key): such
/// rows are written in their order, run by run, which is slow where runs are short. Which columns these are is read once
/// from the database's catalog. Triggers that look at other rows than their own are not considered, and may see another
/// order; nor are the tables behind a view.
///
/// A handle: clones are cheap and share one buffer and one writing task. Each batch is one transaction.
///
/// **End it with [`close`](Self::close)**, as the others.
pub struct Store<E: EntityTrait> {
    handle: Arc<Handle<E>>,
}

impl<E: EntityTrait> Store<E> {
    /// Begins to set up a store on this connection.
    pub fn builder(connection: DatabaseConnection) -> WriterBuilder<E, Self> {
        WriterBuilder::new(connection)
    }

    pub(super) fn new(handle: Arc<Handle<E>>) -> Self {
        Self { handle }
    }

    /// Adds a new row, as [`BatchWriter::add`].
    ///
    /// # Errors
    /// As there.
    pub async fn insert(&self, model: impl IntoActiveModel<E::ActiveModel>) -> Result<(), Error> {
        self.handle.insert(model).await
    }

    /// Adds an update, as [`BatchUpdateWriter::add`].
    ///
    /// # Errors
    /// As there.
    pub async fn update(&self, model: impl IntoActiveModel<E::ActiveModel>) -> Result<(), Error> {
        self.handle.update(model).await
    }

    /// Adds an update that is done only if the row holds what `expected` sets, as [`BatchUpdateWriter::add_if`].
    ///
    /// # Errors
    /// As there.
    pub async fn update_if(
        &self,
        model: impl IntoActiveModel<E::ActiveModel>,
        expected: impl IntoActiveModel<E::ActiveModel>,
    ) -> Result<(), Error> {
        self.handle.update_if(model, expected).await
    }

    /// This store as a writer of new rows only, for code that is written for one. It shares everything, so that the
    /// order is kept; to close it is to close the store.
    #[must_use]
    pub fn inserts(&self) -> BatchWriter<E> {
        BatchWriter::new(Arc::clone(&self.handle))
    }

    /// This store as a writer of updates only, likewise.
    #[must_use]
    pub fn updates(&self) -> BatchUpdateWriter<E> {
        BatchUpdateWriter::new(Arc::clone(&self.handle))
    }

    /// Writes everything that was added before the call, by anybody, as [`BatchWriter::flush`].
    ///
    /// # Errors
    /// As there.
    pub async fn flush(&self) -> Result<Summary<E>, Error> {
        self.handle.flush().await
    }

    /// Takes no more rows, from any handle, and writes what was added, as [`BatchWriter::close`].
    ///
    /// # Errors
    /// As there.
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

    /// The rows that a stopped store could not write, in the order of their adding, each only once and with what was to
    /// be done with it; as [`BatchWriter::take_unwritten`].
    #[must_use = "the rows are given to nobody else"]
    pub fn take_unwritten(&self) -> Vec<Unwritten<E>> {
        self.handle.take_unwritten(None)
    }
}

impl<E: EntityTrait> Clone for Store<E> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

impl<E: EntityTrait> std::fmt::Debug for Store<E> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Store")
            .field("table", &E::default().as_str())
            .field("counts", &self.counts())
            .finish()
    }
}
