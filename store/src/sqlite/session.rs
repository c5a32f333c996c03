//! One transaction, or one statement, on one connection of the pool.

use sea_orm::sqlx::{
    self, AssertSqlSafe, Sqlite, SqlitePool, pool::PoolConnection, sqlite::SqliteQueryResult,
};
use sea_query_sqlx::SqlxValues;

use super::fault::Fault;

/// A connection, as a rule with a transaction open on it.
///
/// Dropped without an end, it closes the connection, by which SQLite rolls back: a connection must not go back to
/// the pool with a transaction that its next user would continue.
pub(super) struct Session {
    connection: PoolConnection<Sqlite>,
    open: bool,
}

impl Session {
    /// Takes a connection and the database's write lock.
    ///
    /// IMMEDIATE, because a transaction that begins to write later can be refused in the middle without SQLite's
    /// busy handler ever waiting.
    pub(super) async fn begin(pool: &SqlitePool) -> Result<Self, Fault> {
        let connection = pool.acquire().await?;
        // Before the await: a begin that is cancelled may have begun.
        let mut session = Self { connection, open: true };
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
        Ok(Self { connection: pool.acquire().await?, open: false })
    }

    /// Runs a statement that is kept prepared.
    pub(super) async fn execute(
        &mut self,
        sql: AssertSqlSafe<std::sync::Arc<str>>,
        values: SqlxValues,
    ) -> Result<SqliteQueryResult, Fault> {
        Ok(sqlx::query_with(sql, values).execute(&mut *self.connection).await?)
    }

    /// Runs a query whose rows are one whole number each.
    pub(super) async fn numbers(
        &mut self,
        sql: AssertSqlSafe<std::sync::Arc<str>>,
        values: SqlxValues,
    ) -> Result<Vec<i64>, Fault> {
        let query = sqlx::query_with::<Sqlite, _>(sql, values);
        let rows = query.fetch_all(&mut *self.connection).await?;
        rows.iter().map(|row| Ok(sqlx::Row::try_get::<i64, _>(row, 0)?)).collect()
    }

    /// Whether the transaction still runs after a statement failed. There is no question for it in SQL, but a
    /// second BEGIN is refused exactly while a transaction is open.
    pub(super) async fn still_open(&mut self) -> bool {
        self.control("BEGIN").await.is_err()
    }

    /// Makes it all durable, or nothing.
    pub(super) async fn commit(mut self) -> Result<(), Fault> {
        match self.control("COMMIT").await {
            Ok(()) => {
                self.open = false;
                Ok(())
            }
            Err(fault) => {
                self.roll_back().await;
                Err(fault)
            }
        }
    }

    /// Undoes it all. SQLite may have done so by itself, and then says that there is no transaction: that is well.
    /// If the connection is left in doubt, Drop closes it.
    pub(super) async fn roll_back(mut self) {
        let rolled_back = self.control("ROLLBACK").await.is_ok();
        self.open = !(rolled_back || self.idle().await);
    }

    /// Whether no transaction runs, found out by running an empty one.
    async fn idle(&mut self) -> bool {
        self.control("BEGIN").await.is_ok() && self.control("ROLLBACK").await.is_ok()
    }

    async fn control(&mut self, sql: &'static str) -> Result<(), Fault> {
        sqlx::query(sql).execute(&mut *self.connection).await?;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.open {
            self.connection.close_on_drop();
        }
    }
}
