//! One transaction, or one statement, on one connection of the pool.

use sea_orm::sqlx::{self, IntoArguments, PgPool, Postgres, Row as _, pool::PoolConnection};
use sea_query_sqlx::SqlxValues;

use super::{
    copy::Data,
    fault::{encoding, fault, of_commit},
};
use crate::{
    road::{
        database::{self, Session as _, Touched},
        fault::Fault,
        texts::Text,
    },
    row::Row,
};

/// A connection, as a rule with a transaction open on it.
pub(in crate::road) struct Session {
    connection: PoolConnection<Postgres>,
    open: bool,
    /// Whether there is a savepoint to go back to.
    marked: bool,
}

impl Session {
    /// Takes a connection and begins a transaction. A pool asks an idle connection first whether it lives, which is a
    /// trip; here BEGIN finds that out, and a dead connection is replaced.
    pub(super) async fn begin(pool: &PgPool) -> Result<Self, Fault> {
        if let Some(idle) = pool.try_acquire()
            && let Ok(session) = Self::open(idle).await
        {
            return Ok(session);
        }
        Self::open(pool.acquire().await.map_err(fault)?).await
    }

    async fn open(connection: PoolConnection<Postgres>) -> Result<Self, Fault> {
        // Before the await: a begin that is cancelled may have begun.
        let mut session = Self { connection, open: true, marked: false };
        session.control("BEGIN").await?;
        Ok(session)
    }

    /// Takes a connection for a single statement, which is a transaction by itself.
    pub(super) async fn single(pool: &PgPool) -> Result<Self, Fault> {
        Ok(Self { connection: pool.acquire().await.map_err(fault)?, open: false, marked: false })
    }

    /// Whether a failure takes all back that was written, for the batch to be written again with more care.
    pub(super) fn can_be_undone(&self) -> bool {
        self.open && !self.marked
    }

    /// Runs a statement that is kept prepared.
    pub(super) async fn execute(
        &mut self,
        sql: Text,
        arguments: impl IntoArguments<Postgres>,
    ) -> Result<Touched, Fault> {
        let done = sqlx::query_with(sql, arguments).execute(&mut *self.connection).await.map_err(fault)?;
        Ok(Touched::rows(done.rows_affected()))
    }

    /// Runs an update of so many rows, which returns those that it did not touch. Of a row that is there, only a
    /// `conditional` update says that it is stale: it may have become so since the statement began.
    pub(super) async fn untouched(
        &mut self,
        sql: Text,
        arguments: impl IntoArguments<Postgres>,
        rows: u64,
        conditional: bool,
    ) -> Result<Touched, Fault> {
        let query = sqlx::query_with(sql, arguments);
        let untouched = query.fetch_all(&mut *self.connection).await.map_err(fault)?;
        let mut touched = Touched::rows(rows.saturating_sub(untouched.len() as u64));
        for row in &untouched {
            let there: bool = row.try_get(1).map_err(fault)?;
            if conditional || !there {
                touched.leave(row.try_get(0).map_err(fault)?, there);
            }
        }
        touched.missing.sort_unstable();
        touched.stale.sort_unstable();
        Ok(touched)
    }

    /// Sends rows through COPY; returns how many the server took.
    pub(super) async fn copy<'a>(
        &mut self,
        sql: &str,
        mut data: Data<'a, impl Iterator<Item = &'a Row>>,
    ) -> Result<u64, Fault> {
        let mut copy = self.connection.copy_in_raw(sql).await.map_err(fault)?;
        let sent = loop {
            match data.next() {
                Ok([]) => break Ok(()),
                Ok(piece) => {
                    if let Err(error) = copy.send(piece).await {
                        break Err(fault(error));
                    }
                }
                Err(error) => break Err(encoding(error)),
            }
        };
        match sent {
            Ok(()) => copy.finish().await.map_err(fault),
            // A copy that is dropped tells the server so, but leaves its answer in the connection.
            Err(fault) => {
                let _ = copy.abort("the rows could not be sent").await;
                Err(fault)
            }
        }
    }
}

impl database::Session for Session {
    async fn control(&mut self, sql: &'static str) -> Result<(), Fault> {
        // Unprepared: these come once a transaction and have nothing to plan.
        sqlx::raw_sql(sql).execute(&mut *self.connection).await.map(drop).map_err(fault)
    }

    async fn run(&mut self, sql: Text, values: SqlxValues) -> Result<(), Fault> {
        self.execute(sql, values).await.map(drop)
    }

    async fn mark(&mut self) -> Result<(), Fault> {
        // There is never more than one: they would lie on top of each other.
        let sql = if self.marked { "RELEASE SAVEPOINT here; SAVEPOINT here" } else { "SAVEPOINT here" };
        self.control(sql).await?;
        self.marked = true;
        Ok(())
    }

    async fn release(&mut self) -> Result<(), Fault> {
        self.marked = false;
        self.control("RELEASE SAVEPOINT here").await
    }

    async fn undo(&mut self) -> bool {
        self.control("ROLLBACK TO SAVEPOINT here").await.is_ok()
    }

    fn end(&mut self) {
        self.open = false;
    }

    fn of_commit(fault: Fault) -> Fault {
        of_commit(fault)
    }

    async fn roll_back(mut self) {
        self.open = self.control("ROLLBACK").await.is_err();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.open {
            self.connection.close_on_drop();
        }
    }
}
