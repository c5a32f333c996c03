//! What a database must be able to do, so that transactions, the search for refused rows and the counting are written
//! once.

use std::future::Future;

use sea_orm::Statement;
use sea_query_sqlx::SqlxValues;

use super::{fault::Fault, part::Part, sql, texts::Text};
use crate::row::Row;
#[cfg(any(feature = "sqlite", feature = "mysql"))]
use crate::row::Shape;

/// One table of one database.
pub(super) trait Database: Send {
    /// A connection, as a rule with a transaction open on it.
    type Session: Session;

    /// Whether a statement that failed takes what came before it along, unless [`Session::mark`] was called between.
    fn forgets(&self) -> bool;

    /// Whether these rows, if they fit into one statement, may go without a transaction around it. Not so where a
    /// second statement must see what the first one saw, and not where a lost answer would leave it open whether they
    /// may be written again.
    fn alone(&self, rows: &[&Row]) -> bool;

    /// Asks the server once for what the statements depend on.
    fn learn(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The names of the columns of which other rows of the table decide what they may hold: those of unique indexes,
    /// and those that refer to the table itself. `None` stands for what is no column: an expression, or a condition.
    fn shared(&self) -> impl Future<Output = Result<Vec<Option<String>>, Fault>> + Send;

    /// Keeps nothing from others any more: no batch is due.
    fn rest(&self) {}

    /// Takes a connection and begins a transaction.
    fn begin(&self) -> impl Future<Output = Result<Self::Session, Fault>> + Send;

    /// Takes a connection for a single statement, which is a transaction by itself.
    fn single(&self) -> impl Future<Output = Result<Self::Session, Fault>> + Send;

    /// Writes rows by a way that is faster than [`write`](Self::write) and stops at the first one that is refused.
    /// Says how many it has dealt with, from the first on; those left are for `write`, which alone tells why.
    ///
    /// `last` says that nothing else is to happen in the transaction: if all is well, it may be committed at once.
    fn rush(
        &mut self,
        _: &mut Self::Session,
        _: Part<'_>,
        _last: bool,
    ) -> impl Future<Output = Result<(usize, Touched), Fault>> + Send {
        async { Ok((0, Touched::default())) }
    }

    /// How many of the rows, from the first on, go into one statement: at least 1.
    fn fit(&self, part: Part<'_>) -> usize;

    /// Writes the rows in one statement: [`fit`](Self::fit) has said that they are so few.
    fn write(
        &mut self,
        session: &mut Self::Session,
        part: Part<'_>,
    ) -> impl Future<Output = Result<Touched, Fault>> + Send;
}

/// A database whose updates do not say themselves which of them were not done, so that it is asked apart.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(super) trait Asked: Database {
    /// Runs the update; returns how many rows it found.
    fn change(
        &mut self,
        session: &mut Self::Session,
        part: Part<'_>,
        shape: &Shape,
    ) -> impl Future<Output = Result<u64, Fault>> + Send;

    /// The updates whose row the table does not hold, or not as they expect it. Where they expect something, the rows
    /// stay what they are found to be until the transaction ends.
    fn absent(
        &mut self,
        session: &mut Self::Session,
        part: Part<'_>,
        shape: &Shape,
    ) -> impl Future<Output = Result<Touched, Fault>> + Send;

    /// Writes updates of one shape. What a condition says of a row is asked before the update, which changes it; of other
    /// updates it is asked only if some were not done.
    fn update(
        &mut self,
        session: &mut Self::Session,
        part: Part<'_>,
        shape: &Shape,
    ) -> impl Future<Output = Result<Touched, Fault>> + Send {
        async move {
            let mut touched = Touched::default();
            if shape.is_conditional() {
                touched = self.absent(session, part, shape).await?;
            }
            let written = self.change(session, part, shape).await?;
            if !shape.is_conditional() && written < part.len() as u64 {
                touched = self.absent(session, part, shape).await?;
            }
            Ok(Touched { written, ..touched })
        }
    }
}

/// A transaction on a connection of the pool.
///
/// Dropped without an end, it closes the connection, by which the database rolls back: a connection must not go back
/// to the pool with a transaction that its next user would continue.
pub(super) trait Session: Send + Sized {
    /// Runs a statement that has no values and no rows, such as those that begin and end transactions.
    fn control(&mut self, sql: &'static str) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Runs a statement that is kept prepared.
    fn run(&mut self, sql: Text, values: SqlxValues) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Remembers this point of the transaction.
    fn mark(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Goes back to the point that [`mark`](Self::mark) remembered, after a statement that failed. Says whether the
    /// transaction goes on.
    fn undo(&mut self) -> impl Future<Output = bool> + Send;

    /// Begins a piece of the transaction that may be undone with all that was marked in it.
    fn begin_piece(&mut self) -> impl Future<Output = Result<(), Fault>> + Send {
        self.control("SAVEPOINT piece")
    }

    /// Undoes the piece, and ends it.
    fn undo_piece(&mut self) -> impl Future<Output = Result<(), Fault>> + Send {
        async move {
            self.control("ROLLBACK TO SAVEPOINT piece").await?;
            self.end_piece().await
        }
    }

    /// Ends the piece, and forgets what was marked in it.
    fn end_piece(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Runs a statement that is not about the rows.
    fn beside(&mut self, statement: Statement) -> impl Future<Output = Result<(), Fault>> + Send {
        let (text, values) = sql::built(statement);
        self.run(text, values)
    }

    /// Notes that no transaction is open any more.
    fn end(&mut self);

    /// Whether the transaction was committed along with its last rows.
    fn is_committed(&self) -> bool {
        false
    }

    /// What a commit that failed calls for. Where no connection can break, it is what any failure does.
    fn of_commit(fault: Fault) -> Fault {
        fault
    }

    /// Makes it all durable, or nothing.
    fn commit(mut self) -> impl Future<Output = Result<(), Fault>> + Send {
        async move {
            if self.is_committed() {
                return Ok(());
            }
            match self.control("COMMIT").await {
                Ok(()) => {
                    self.end();
                    Ok(())
                }
                // A refused one may leave the transaction open. If the connection broke, Drop closes it.
                Err(fault) => {
                    self.roll_back().await;
                    Err(Self::of_commit(fault))
                }
            }
        }
    }

    /// Undoes it all.
    fn roll_back(self) -> impl Future<Output = ()> + Send;
}

/// What a statement did with its rows. Those that are in none of the numbers were skipped.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) written: u64,
    /// The numbers, in the statement, of the rows whose key the table does not hold.
    pub(super) missing: Vec<usize>,
    /// The numbers of those whose row is there, but not as they expect it.
    pub(super) stale: Vec<usize>,
}

impl Touched {
    /// So many rows were written, and none is at fault.
    pub(super) fn rows(written: u64) -> Self {
        Self { written, ..Self::default() }
    }

    /// Notes an update that was not done, and whether there is a row with its key.
    pub(super) fn leave(&mut self, number: i64, there: bool) {
        let list = if there { &mut self.stale } else { &mut self.missing };
        list.extend(usize::try_from(number));
    }
}
