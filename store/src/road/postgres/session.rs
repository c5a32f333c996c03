//! One transaction, or one statement, on one connection of the pool.

use sea_orm::sqlx::{self, IntoArguments, PgConnection, Postgres, Row as _, pool::PoolConnection};
use sea_query_sqlx::SqlxValues;

use super::{
    copy::Data,
    fault::{encoding, fault, of_commit},
};
use crate::{
    road::{
        database::{self, Session as _, Touched},
        fault::Fault,
        spare::{Held, Spare},
        texts::Text,
    },
    row::Row,
};

/// A connection, as a rule with a transaction open on it.
pub(in crate::road) struct Session {
    held: Held<Postgres>,
    /// Whether there is a savepoint to go back to.
    marked: bool,
}

impl Session {
    /// Takes a connection and begins a transaction, by which a dead connection shows itself, and is replaced.
    pub(super) async fn begin(spare: &Spare<Postgres>) -> Result<Self, Fault> {
        if let Some(connection) = spare.take()
            && let Ok(session) = Self::open(connection, spare).await
        {
            return Ok(session);
        }
        let connection = spare.pool().acquire().await.map_err(fault)?;
        Self::open(connection, spare).await
    }

    async fn open(connection: PoolConnection<Postgres>, spare: &Spare<Postgres>) -> Result<Self, Fault> {
        // Before the await: a begin that is cancelled may have begun.
        let mut session = Self::on(connection, spare, true);
        session.control("BEGIN").await?;
        Ok(session)
    }

    /// Takes a connection for a single statement, which is a transaction by itself.
    pub(super) async fn single(spare: &Spare<Postgres>) -> Result<Self, Fault> {
        // Not one that only lies idle, since no BEGIN would tell that it is dead.
        let connection = match spare.kept() {
            Some(connection) => connection,
            None => spare.pool().acquire().await.map_err(fault)?,
        };
        Ok(Self::on(connection, spare, false))
    }

    fn on(connection: PoolConnection<Postgres>, spare: &Spare<Postgres>, open: bool) -> Self {
        Self { held: Held::new(connection, spare, open), marked: false }
    }

    fn connection(&mut self) -> Result<&mut PgConnection, Fault> {
        self.held.connection().map_err(fault)
    }

    /// Whether a failure takes all back that was written, for the batch to be written again with more care.
    pub(super) fn can_be_undone(&self) -> bool {
        self.held.open && !self.marked
    }

    /// Runs a statement that is kept prepared.
    pub(super) async fn execute(
        &mut self,
        sql: Text,
        arguments: impl IntoArguments<Postgres>,
    ) -> Result<Touched, Fault> {
        let done = sqlx::query_with(sql, arguments).execute(self.connection()?).await.map_err(fault)?;
        self.held.sound = !self.held.open;
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
        let untouched = query.fetch_all(self.connection()?).await.map_err(fault)?;
        self.held.sound = !self.held.open;
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
        let mut copy = self.connection()?.copy_in_raw(sql).await.map_err(fault)?;
        let sent = loop {
            match data.piece() {
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
        sqlx::raw_sql(sql).execute(self.connection()?).await.map(drop).map_err(fault)
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

    /// To let go of an older point later would be to let go of the piece.
    async fn begin_piece(&mut self) -> Result<(), Fault> {
        let sql = if self.marked { "RELEASE SAVEPOINT here; SAVEPOINT piece" } else { "SAVEPOINT piece" };
        self.marked = false;
        self.control(sql).await
    }

    async fn end_piece(&mut self) -> Result<(), Fault> {
        self.marked = false;
        self.control("RELEASE SAVEPOINT piece").await
    }

    async fn undo(&mut self) -> bool {
        self.control("ROLLBACK TO SAVEPOINT here").await.is_ok()
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
