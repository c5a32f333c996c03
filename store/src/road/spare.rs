//! The connection that goes from one batch to the next while batches follow each other.
//!
//! To give a connection back to its pool and to take one again costs as many trips as a small batch does: a pool asks
//! both times whether it lives. But none may be kept from others. So it is kept only if the pool has another one or may
//! open it, and only until no batch is due.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sea_orm::sqlx::{Database, Pool, pool::PoolConnection};

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
