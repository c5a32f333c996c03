//! What all writers are: a buffer, a task behind it, and the way between models and rows.

use std::{marker::PhantomData, sync::Arc};

use sea_orm::{EntityTrait, IntoActiveModel};
use tokio::sync::Notify;

use crate::{
    Counts, Error, Operation, Rejected, Summary, Unwritten,
    buffer::Buffer,
    conflict::Conflict,
    dead_letter::Sink,
    road::Road,
    row::Row,
    spool::{Log, Schema, Takes},
    table::Table,
    task::Task,
    writer::WriterBuilder,
};

/// Shared by the clones of a writer; the last one dropped lets the task finish and end.
pub(crate) struct Handle<E> {
    buffer: Arc<Buffer>,
    table: Arc<Table>,
    /// The columns that each new row must set.
    identity: Vec<usize>,
    entity: PhantomData<fn(E)>,
}

impl<E> Drop for Handle<E> {
    fn drop(&mut self) {
        self.buffer.orphan();
    }
}

impl<E: EntityTrait> Handle<E> {
    pub(crate) fn spawn<W>(
        builder: WriterBuilder<E, W>,
        table: Table,
        conflict: Conflict,
        identity: Vec<usize>,
        takes: Takes,
    ) -> Result<Self, Error> {
        let WriterBuilder { connection, limits, observer, on_rejected, dead_letters, spool, .. } = builder;
        limits.check()?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| Error::Configuration {
            setting: "runtime",
            reason: "there is none; build the writer inside a tokio runtime".to_owned(),
        })?;
        let table = Arc::new(table);
        let sink =
            dead_letters.map(|choice| Sink::open(choice, &connection, Arc::clone(&table))).transpose()?;
        let road = Road::new(&connection, Arc::clone(&table), conflict, limits.rows)?;
        let on_rejected = on_rejected.map(|callback| {
            Box::new(move |row: Row, error: Error| callback(Rejected::new(row, error)))
                as Box<dyn Fn(Row, Error) + Send + Sync>
        });
        let wake = Arc::new(Notify::new());
        let spool = spool
            .map(|settings| {
                let schema = Schema { table: Arc::clone(&table), kinds: Table::kinds::<E>(), takes };
                Log::open(settings, schema, connection, Arc::clone(&wake))
            })
            .transpose()?;
        let (log, replay) = spool.unzip();
        let buffer = Arc::new(Buffer::new(limits, table.name, on_rejected, Arc::clone(&observer), wake, log));
        let task = Task::new(Arc::clone(&buffer), road, Arc::clone(&table), observer, sink, replay);
        runtime.spawn(task.run());
        Ok(Self { buffer, table, identity, entity: PhantomData })
    }

    pub(crate) async fn insert(&self, model: impl IntoActiveModel<E::ActiveModel>) -> Result<(), Error> {
        let row = self.table.insertion(model.into_active_model(), &self.identity)?;
        self.buffer.add(row).await
    }

    pub(crate) async fn update(&self, model: impl IntoActiveModel<E::ActiveModel>) -> Result<(), Error> {
        let row = self.table.update(model.into_active_model())?;
        self.buffer.add(row).await
    }

    pub(crate) async fn update_if(
        &self,
        model: impl IntoActiveModel<E::ActiveModel>,
        expected: impl IntoActiveModel<E::ActiveModel>,
    ) -> Result<(), Error> {
        let row = self.table.update_if(model.into_active_model(), expected.into_active_model())?;
        self.buffer.add(row).await
    }

    pub(crate) async fn flush(&self) -> Result<Summary<E>, Error> {
        self.buffer.flush().await?;
        Ok(self.summary())
    }

    pub(crate) async fn close(&self) -> Result<Summary<E>, Error> {
        self.buffer.shut();
        self.buffer.ended().await?;
        Ok(self.summary())
    }

    pub(crate) fn counts(&self) -> Counts {
        self.buffer.counts()
    }

    pub(crate) fn take_rejected(&self) -> Vec<Rejected<E>> {
        let rejected = self.buffer.take_rejected().into_iter();
        rejected.map(|(row, error)| Rejected::new(row, error)).collect()
    }

    /// The unwritten rows of one operation, or of both.
    pub(crate) fn take_unwritten(&self, only: Option<Operation>) -> Vec<Unwritten<E>> {
        let rows = self.buffer.take_unwritten(|row| only.is_none_or(|only| row.operation() == only));
        rows.into_iter().map(Unwritten::new).collect()
    }

    fn summary(&self) -> Summary<E> {
        Summary {
            rejected: self.take_rejected(),
            sink_error: self.buffer.take_sink_error(),
            counts: self.counts(),
        }
    }
}
