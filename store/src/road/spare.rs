//! The connection that goes from one batch to the next while batches follow each other, and where it goes when it does
//! not.
//!
//! To give a connection back to its pool and to take one again costs as many trips as a small batch does: a pool asks
//! both times whether it lives. But none may be kept from others. So it is kept only if the pool has another one or may
//! open it, and only until no batch is due.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sea_orm::sqlx::{self, Database, Pool, pool::PoolConnection};

/// A pool, and at most one of its connections with no transaction open on it.
pub(super) struct Spare<DB: Database> {
    pool: Pool<DB>,
    kept: Arc<Mutex<Option<PoolConnection<DB>>>>,
}

impl<DB: Database> Clone for Spare<DB> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), kept: Arc::clone(&self.kept) }
    }
}

impl<DB: Database> Spare<DB> {
    pub(super) fn new(pool: Pool<DB>) -> Self {
        Self { pool, kept: Arc::default() }
    }

    pub(super) fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    /// The kept connection, or one that is idle. Nobody has asked whether it lives.
    pub(super) fn take(&self) -> Option<PoolConnection<DB>> {
        self.kept().or_else(|| self.pool.try_acquire())
    }

    /// The kept connection, which the batch before has just used.
    pub(super) fn kept(&self) -> Option<PoolConnection<DB>> {
        self.place().take()
    }

    /// Keeps a connection for the next batch, or gives it back.
    pub(super) fn keep(&self, connection: PoolConnection<DB>) {
        let others = self.pool.num_idle() > 0 || self.pool.size() < self.pool.options().get_max_connections();
        if others {
            *self.place() = Some(connection);
        }
    }

    /// Gives the kept connection back.
    pub(super) fn release(&self) {
        drop(self.kept());
    }

    /// No code panics while it holds the lock, so a poisoned one still guards sound data.
    fn place(&self) -> MutexGuard<'_, Option<PoolConnection<DB>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. Dropped, it is closed if a transaction may be open on it, by which the server rolls back; kept
/// for the next batch if it is known to be sound; and else given back to the pool, which looks whether it lives.
pub(super) struct Held<DB: Database> {
    /// Taken by the drop alone.
    connection: Option<PoolConnection<DB>>,
    spare: Spare<DB>,
    /// Whether a transaction may be open.
    pub(super) open: bool,
    /// Whether the last thing that happened on the connection went well, so that the next batch may have it.
    pub(super) sound: bool,
}

impl<DB: Database> Held<DB> {
    pub(super) fn new(connection: PoolConnection<DB>, spare: &Spare<DB>, open: bool) -> Self {
        Self { connection: Some(connection), spare: spare.clone(), open, sound: false }
    }

    /// The connection; it is there until the drop.
    pub(super) fn connection(&mut self) -> Result<&mut DB::Connection, sqlx::Error> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Notes that no transaction is open any more.
    pub(super) fn end(&mut self) {
        self.open = false;
        self.sound = true;
    }
}

impl<DB: Database> Drop for Held<DB> {
    fn drop(&mut self) {
        match self.connection.take() {
            Some(mut connection) if self.open => connection.close_on_drop(),
            Some(connection) if self.sound => self.spare.keep(connection),
            _ => {}
        }
    }
}
