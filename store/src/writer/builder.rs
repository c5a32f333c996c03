//! How a writer is set up.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use sea_orm::{DatabaseConnection, EntityTrait};

use super::{BatchUpdateWriter, BatchWriter, Inserts, Store, Updates};
use crate::{
    DeadLetters, Error, Observer, OnConflict, Rejected, Spool,
    conflict::Conflict,
    handle::Handle,
    limits::Limits,
    operation::Operation,
    road::backend,
    spool::Takes,
    table::{Table, position},
};

pub(crate) type OnRejected<E> = Box<dyn Fn(Rejected<E>) + Send + Sync>;

/// Sets up a [`BatchWriter`], a [`BatchUpdateWriter`] or a [`Store`].
#[must_use = "a builder writes nothing; call build"]
pub struct WriterBuilder<E: EntityTrait, W> {
    pub(crate) connection: DatabaseConnection,
    pub(crate) limits: Limits,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) on_rejected: Option<OnRejected<E>>,
    pub(crate) dead_letters: Option<DeadLetters>,
    pub(crate) spool: Option<Spool>,
    on_conflict: OnConflict<E>,
    conflict_target: Option<Vec<E::Column>>,
    idempotency_key: Option<Vec<E::Column>>,
    key: Option<Vec<E::Column>>,
    writer: PhantomData<fn() -> W>,
}

impl<E: EntityTrait, W> WriterBuilder<E, W> {
    pub(super) fn new(connection: DatabaseConnection) -> Self {
        // A connection without a road is refused by `build`, with the reason.
        let limits = backend(&connection).map_or_else(|_| Limits::default(), Limits::of);
        Self {
            connection,
            limits,
            observer: Arc::new(()),
            on_rejected: None,
            dead_letters: None,
            spool: None,
            on_conflict: OnConflict::Reject,
            conflict_target: None,
            idempotency_key: None,
            key: None,
            writer: PhantomData,
        }
    }

    /// The number of waiting rows that makes a batch due; at least 1, 50 by default.
    pub fn rows(mut self, rows: usize) -> Self {
        self.limits.rows = rows;
        self.limits.max_rows = self.limits.max_rows.max(rows);
        self.limits.capacity = self.limits.capacity.max(rows);
        self
    }

    /// The most rows in one batch, which is one transaction; at least [`rows`](Self::rows). By default 10,000 on
    /// servers, and 2,048 on SQLite, where a batch keeps every other writer away.
    ///
    /// While a batch is being written, what arrives forms the next one, up to this size: the busier the writer, the
    /// larger its batches.
    pub fn max_rows(mut self, rows: usize) -> Self {
        self.limits.max_rows = rows;
        self
    }

    /// The weight of waiting rows, in bytes of memory, that makes a batch due and that a batch of several rows does
    /// not exceed; by default 8 MiB on servers and 4 MiB on SQLite.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self.limits.capacity_bytes = self.limits.capacity_bytes.max(bytes);
        self
    }

    /// How long a row waits at most before its batch is due; 100 ms by default.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.limits.linger = linger;
        self
    }

    /// The most rows in memory, waiting or being written; at least [`rows`](Self::rows). By default 32,768 on servers
    /// and 8,192 on SQLite. Once it is reached, `add` waits.
    pub fn capacity(mut self, rows: usize) -> Self {
        self.limits.capacity = rows;
        self
    }

    /// The weight of the rows in memory, in bytes, from which on `add` waits; 64 MiB by default. A single row that
    /// is heavier is still taken, alone.
    pub fn capacity_bytes(mut self, bytes: usize) -> Self {
        self.limits.capacity_bytes = bytes;
        self
    }

    /// How long a database that is locked, restarting or out of reach is tried again before the writer stops; 30 s by
    /// default.
    ///
    /// Each try also waits inside SQLite for the connection's busy timeout, which is 5 s unless the connection was
    /// set up otherwise.
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.limits.retry_for = time;
        self
    }

    /// How many rejected rows are kept for those who ask; 10,000 by default. At that number the writer stops with
    /// [`Error::Backlog`], rather than fill the memory or drop them.
    pub fn max_rejected(mut self, rows: usize) -> Self {
        self.limits.max_rejected = rows;
        self
    }

    /// Gives each rejected row to `callback` instead of keeping it for the next `flush` or `close`.
    ///
    /// It runs on the task that writes, so it must not block and must not panic. Rows that were rejected in a batch
    /// whose later part stopped the writer are kept for `take_rejected` all the same.
    pub fn on_rejected(mut self, callback: impl Fn(Rejected<E>) + Send + Sync + 'static) -> Self {
        self.on_rejected = Some(Box::new(callback));
        self
    }

    /// Puts rejected rows where they outlive the process; see [`DeadLetters`].
    pub fn dead_letters(mut self, sink: DeadLetters) -> Self {
        self.dead_letters = Some(sink);
        self
    }

    /// Keeps the rows in a write-ahead log on the disk until they are in the database, so that they survive the
    /// process; see [`Spool`]. A path alone is a spool in that folder with the default settings.
    ///
    /// `build` then reads what is in it and blocks for that time. The writer writes what was not settled first; a
    /// `flush` or `close` waits for that too.
    pub fn spool(mut self, spool: impl Into<Spool>) -> Self {
        self.spool = Some(spool.into());
        self
    }

    /// Tells `observer` about every batch.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }
}

impl<E: EntityTrait, W: Inserts> WriterBuilder<E, W> {
    /// What happens to a new row whose key is there already; by default it is rejected.
    pub fn on_conflict(mut self, on_conflict: OnConflict<E>) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// The columns whose conflict [`on_conflict`](Self::on_conflict) is about; by default the primary key. The table
    /// must have a unique index on exactly these.
    pub fn conflict_target(mut self, columns: impl IntoIterator<Item = E::Column>) -> Self {
        self.conflict_target = Some(columns.into_iter().collect());
        self
    }

    /// The columns by which a new row is known for good, so that it is never written twice, however often it is added:
    /// a task that is delivered again, a connection that was lost in a commit, a process that was killed. The second
    /// time it counts as skipped. The table must have a unique index on exactly these.
    ///
    /// As [`OnConflict::DoNothing`] with this [`conflict_target`](Self::conflict_target), and `add` refuses a row that
    /// does not set all of them, or sets one to NULL, with [`Error::InvalidRow`]: it would be another row each time.
    pub fn idempotency_key(mut self, columns: impl IntoIterator<Item = E::Column>) -> Self {
        self.idempotency_key = Some(columns.into_iter().collect());
        self
    }
}

impl<E: EntityTrait, W: Updates> WriterBuilder<E, W> {
    /// The columns by which updates name their row, instead of the primary key. The table must have a unique index on
    /// exactly these, and each update must set them, `Set` or `Unchanged`.
    ///
    /// They are never changed. Of the primary key, a column that is `Unchanged` is then as any other column, and one
    /// that is `Set` is a change.
    pub fn key(mut self, columns: impl IntoIterator<Item = E::Column>) -> Self {
        self.key = Some(columns.into_iter().collect());
        self
    }
}

impl<E: EntityTrait> WriterBuilder<E, BatchWriter<E>> {
    /// Builds the writer and starts its task on the current tokio runtime. The database is not touched yet.
    ///
    /// # Errors
    /// [`Error::Configuration`] if a setting makes no sense or there is no tokio runtime;
    /// [`Error::Unsupported`] if the connection is to a database whose feature is off, or a column's type has no place
    /// in it;
    /// [`Error::DeadLetters`] if the file for them cannot be opened or another writer holds it;
    /// [`Error::SpoolLocked`], [`Error::SpoolDamaged`], [`Error::SpoolForeign`] or [`Error::SpoolFailed`] if the spool
    /// is not to be had.
    pub fn build(self) -> Result<BatchWriter<E>, Error> {
        self.spawn(Takes::Only(Operation::Insert)).map(BatchWriter::new)
    }
}

impl<E: EntityTrait> WriterBuilder<E, BatchUpdateWriter<E>> {
    /// Builds the writer and starts its task on the current tokio runtime. The database is not touched yet.
    ///
    /// # Errors
    /// As of a [`BatchWriter`].
    pub fn build(self) -> Result<BatchUpdateWriter<E>, Error> {
        self.spawn(Takes::Only(Operation::Update)).map(BatchUpdateWriter::new)
    }
}

impl<E: EntityTrait> WriterBuilder<E, Store<E>> {
    /// Builds the store and starts its task on the current tokio runtime. The database is not touched yet.
    ///
    /// # Errors
    /// As of a [`BatchWriter`].
    pub fn build(self) -> Result<Store<E>, Error> {
        self.spawn(Takes::Both).map(Store::new)
    }
}

impl<E: EntityTrait, W> WriterBuilder<E, W> {
    fn spawn(self, takes: Takes) -> Result<Arc<Handle<E>>, Error> {
        let mut table = Table::of::<E>(backend(&self.connection)?)?;
        let inserts = takes != Takes::Only(Operation::Update);
        let conflict = if inserts { self.conflict(&table.key)? } else { Conflict::Reject };
        let identity = self.idempotency_key.as_deref().map(numbers::<E>).unwrap_or_default();
        if let Some(columns) = &self.key {
            table.key = numbers::<E>(columns);
        }
        if takes != Takes::Only(Operation::Insert) {
            if self.key.is_none() && table.key.is_empty() {
                let reason = "the entity has no primary key; name the columns of a unique index";
                return Err(refusal("key", reason));
            }
            refuse_empty("key", &table.key)?;
        }
        Handle::spawn(self, table, conflict, identity, takes).map(Arc::new)
    }

    fn conflict(&self, primary: &[usize]) -> Result<Conflict, Error> {
        let target = match self.idempotency_key.as_ref().or(self.conflict_target.as_ref()) {
            Some(columns) => numbers::<E>(columns),
            None => primary.to_vec(),
        };
        if let Some(columns) = &self.idempotency_key {
            refuse_empty("idempotency_key", columns)?;
            let plain = matches!(self.on_conflict, OnConflict::Reject) && self.conflict_target.is_none();
            return if plain {
                Ok(Conflict::DoNothing { target })
            } else {
                Err(refusal("idempotency_key", "says what on_conflict and conflict_target say; set it alone"))
            };
        }
        if !matches!(self.on_conflict, OnConflict::Reject) {
            refuse_empty("conflict_target", &target)?;
        }
        match &self.on_conflict {
            OnConflict::Reject if self.conflict_target.is_some() => Err(refusal(
                "conflict_target",
                "has no effect while conflicts are rejected; set on_conflict too",
            )),
            OnConflict::Reject => Ok(Conflict::Reject),
            OnConflict::DoNothing => Ok(Conflict::DoNothing { target }),
            OnConflict::Update(columns) if columns.is_empty() => {
                Err(refusal("on_conflict", "updates no column; name some, or use DoNothing"))
            }
            OnConflict::Update(columns) => Ok(Conflict::Update { target, columns: numbers::<E>(columns) }),
        }
    }
}

impl<E: EntityTrait, W> std::fmt::Debug for WriterBuilder<E, W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WriterBuilder")
            .field("table", &E::default().as_str())
            .field("limits", &self.limits)
            .field("on_conflict", &self.on_conflict)
            .finish_non_exhaustive()
    }
}

fn numbers<E: EntityTrait>(columns: &[E::Column]) -> Vec<usize> {
    columns.iter().filter_map(|column| position::<E>(*column)).collect()
}

fn refuse_empty<T>(setting: &'static str, columns: &[T]) -> Result<(), Error> {
    if columns.is_empty() {
        Err(refusal(setting, "is empty; name the columns of a unique index"))
    } else {
        Ok(())
    }
}

fn refusal(setting: &'static str, reason: &str) -> Error {
    Error::Configuration { setting, reason: reason.to_owned() }
}
