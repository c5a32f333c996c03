//! One transaction, or one statement, on one connection of the pool.

use sea_orm::sqlx::{
    self, Row as _, Sqlite, SqlitePool,
    pool::PoolConnection,
    sqlite::{LockedSqliteHandle, SqliteQueryResult},
};
use sea_query_sqlx::SqlxValues;

use super::fault::fault;
use crate::road::{
    database::{self, Session as _, Touched},
    fault::Fault,
    texts::Text,
};

/// A connection, as a rule with a transaction open on it.
pub(in crate::road) struct Session {
    connection: PoolConnection<Sqlite>,
    /// Whether a transaction may be open.
    open: bool,
    committed: bool,
}

impl Session {
    /// Takes a connection and the database's write lock.
    ///
    /// IMMEDIATE, because a transaction that begins to write later can be refused in the middle without SQLite's
    /// busy handler ever waiting.
    pub(super) async fn begin(pool: &SqlitePool) -> Result<Self, Fault> {
        let connection = pool.acquire().await.map_err(fault)?;
        // Before the await: a begin that is cancelled may have begun.
        let mut session = Self { connection, open: true, committed: false };
        match session.control("BEGIN IMMEDIATE").await {
            Ok(()) => Ok(session),
            Err(fault) => {
                session.open = false;
                Err(fault)
            }
        }
    }

    /// Takes a connection for a single statement, which SQLite makes a transaction by itself.
    pub(super) async fn single(pool: &SqlitePool) -> Result<Self, Fault> {
        let connection = pool.acquire().await.map_err(fault)?;
        Ok(Self { connection, open: false, committed: false })
    }

    /// Runs a statement that is kept prepared.
    pub(super) async fn execute(
        &mut self,
        sql: Text,
        values: SqlxValues,
    ) -> Result<SqliteQueryResult, Fault> {
        sqlx::query_with(sql, values).execute(&mut *self.connection).await.map_err(fault)
    }

    /// Runs the query for updates that are not to be done.
    pub(super) async fn absent(&mut self, sql: Text, values: SqlxValues) -> Result<Touched, Fault> {
        let query = sqlx::query_with::<Sqlite, _>(sql, values);
        let mut touched = Touched::default();
        for row in query.fetch_all(&mut *self.connection).await.map_err(fault)? {
            touched.leave(row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?);
        }
        Ok(touched)
    }

    /// Takes the connection away from the driver's thread until the guard is gone. Not to be held over an await: the
    /// driver's thread waits for it.
    pub(super) async fn lock(&mut self) -> Result<LockedSqliteHandle<'_>, Fault> {
        self.connection.lock_handle().await.map_err(fault)
    }

    /// Notes that the transaction was committed on the locked connection.
    pub(super) fn has_committed(&mut self) {
        self.open = false;
        self.committed = true;
    }

    /// Whether no transaction runs, found out by running an empty one.
    async fn idle(&mut self) -> bool {
        self.control("BEGIN").await.is_ok() && self.control("ROLLBACK").await.is_ok()
    }
}

impl database::Session for Session {
    async fn control(&mut self, sql: &'static str) -> Result<(), Fault> {
        sqlx::query(sql).execute(&mut *self.connection).await.map(drop).map_err(fault)
    }

    async fn run(&mut self, sql: Text, values: SqlxValues) -> Result<(), Fault> {
        self.execute(sql, values).await.map(drop)
    }

    /// A failed statement is undone alone, so there is nothing to remember.
    async fn mark(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    async fn end_piece(&mut self) -> Result<(), Fault> {
        self.control("RELEASE SAVEPOINT piece").await
    }

    /// There is no question for a running transaction in SQL, but a second BEGIN is refused exactly while one is
    /// open.
    async fn undo(&mut self) -> bool {
        self.control("BEGIN").await.is_err()
    }

    fn end(&mut self) {
        self.open = false;
    }

    fn is_committed(&self) -> bool {
        self.committed
    }

    /// SQLite may have rolled back by itself, and then says that there is no transaction: that is well. If the
    /// connection is left in doubt, Drop closes it.
    async fn roll_back(mut self) {
        let rolled_back = self.control("ROLLBACK").await.is_ok();
        self.open = !(rolled_back || self.idle().await);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.open {
            self.connection.close_on_drop();
        }
    }
}
