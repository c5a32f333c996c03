//! One transaction on one connection of the pool.

use sea_orm::sqlx::{self, IntoArguments, MySql, MySqlConnection, Row as _, pool::PoolConnection};
use sea_query_sqlx::SqlxValues;

use super::fault::{fault, of_commit};
use crate::road::{
    database::{self, Session as _, Touched},
    fault::Fault,
    spare::{Held, Spare},
    texts::Text,
};

/// A connection with a transaction open on it.
pub(in crate::road) struct Session {
    held: Held<MySql>,
    /// Whether there is a savepoint to go back to.
    marked: bool,
}

impl Session {
    /// Takes a connection and begins a transaction, by which a dead connection shows itself, and is replaced.
    pub(super) async fn begin(spare: &Spare<MySql>) -> Result<Self, Fault> {
        if let Some(connection) = spare.take()
            && let Ok(session) = Self::open(connection, spare).await
        {
            return Ok(session);
        }
        let connection = spare.pool().acquire().await.map_err(fault)?;
        Self::open(connection, spare).await
    }

    async fn open(connection: PoolConnection<MySql>, spare: &Spare<MySql>) -> Result<Self, Fault> {
        // Before the await: a begin that is cancelled may have begun.
        let mut session = Self { held: Held::new(connection, spare, true), marked: false };
        session.control("START TRANSACTION").await?;
        Ok(session)
    }

    fn connection(&mut self) -> Result<&mut MySqlConnection, Fault> {
        self.held.connection().map_err(fault)
    }

    /// Runs a statement that is kept prepared; returns how many rows it found or made.
    pub(super) async fn execute(
        &mut self,
        sql: Text,
        values: impl IntoArguments<MySql>,
    ) -> Result<u64, Fault> {
        let done = sqlx::query_with(sql, values).execute(self.connection()?).await.map_err(fault)?;
        Ok(done.rows_affected())
    }

    /// Runs the query for updates that are not to be done.
    pub(super) async fn absent(&mut self, sql: Text, values: SqlxValues) -> Result<Touched, Fault> {
        let query = sqlx::query_with::<MySql, _>(sql, values);
        let mut touched = Touched::default();
        for row in query.fetch_all(self.connection()?).await.map_err(fault)? {
            touched.leave(row.try_get(0).map_err(fault)?, row.try_get::<i64, _>(1).map_err(fault)? != 0);
        }
        Ok(touched)
    }

    /// Sets the counters of conflicts to zero.
    pub(super) async fn reset_conflicts(&mut self) -> Result<(), Fault> {
        self.control("SET @cofferdam_met = 0, @cofferdam_foreign = 0").await
    }

    /// How many rows the last statement met, and how many of them it must not have met.
    pub(super) async fn conflicts(&mut self) -> Result<(u64, u64), Fault> {
        let query =
            sqlx::query("SELECT CAST(@cofferdam_met AS UNSIGNED), CAST(@cofferdam_foreign AS UNSIGNED)");
        let row = query.fetch_one(self.connection()?).await.map_err(fault)?;
        Ok((row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?))
    }
}

impl database::Session for Session {
    async fn control(&mut self, sql: &'static str) -> Result<(), Fault> {
        sqlx::raw_sql(sql).execute(self.connection()?).await.map(drop).map_err(fault)
    }

    async fn run(&mut self, sql: Text, values: SqlxValues) -> Result<(), Fault> {
        self.execute(sql, values).await.map(drop)
    }

    async fn mark(&mut self) -> Result<(), Fault> {
        // A savepoint of the same name takes the place of the one before.
        self.control("SAVEPOINT here").await?;
        self.marked = true;
        Ok(())
    }

    async fn end_piece(&mut self) -> Result<(), Fault> {
        self.marked = false;
        self.control("RELEASE SAVEPOINT piece").await
    }

    async fn undo(&mut self) -> bool {
        // Without one, the failed statement was undone alone and the transaction goes on.
        !self.marked || self.control("ROLLBACK TO SAVEPOINT here").await.is_ok()
    }

    fn end(&mut self) {
        self.held.end();
    }

    fn of_commit(fault: Fault) -> Fault {
        of_commit(fault)
    }

    async fn roll_back(mut self) {
        self.held.open = self.control("ROLLBACK").await.is_err();
    }
}
