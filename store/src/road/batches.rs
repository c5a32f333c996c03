//! A batch and its transaction: one, as a rule, and smaller ones only where the database refuses the whole.

use std::sync::Arc;

use sea_orm::Statement;

use super::{
    apart::Rules,
    apply::{Search, apply, apply_apart, apply_halves, is_one_statement},
    database::{Database, Session},
    fault::{Fault, Severity},
    order::is_mixed,
    part::Part,
};
use crate::{
    Error,
    batch::Verdict,
    beside::Beside,
    conflict::Conflict,
    operation::Operation,
    row::Row,
    table::{Column, Table},
};

/// Writes batches into one table.
pub(super) struct Batches<D> {
    database: D,
    table: Arc<Table>,
    conflict: Arc<Conflict>,
    /// Which columns other rows decide about; `None` before the database was asked.
    shared: Option<Shared>,
}

/// Columns that other rows decide about; `None` if it may be any.
type Shared = Option<Vec<usize>>;

impl<D: Database> Batches<D> {
    pub(super) fn new(database: D, table: Arc<Table>, conflict: Arc<Conflict>) -> Self {
        Self { database, table, conflict, shared: None }
    }

    /// Asks the server ahead of the first batch. A failure is left to that batch, which asks again.
    pub(super) async fn learn(&mut self) {
        let _ = self.database.learn().await;
    }

    /// Gives back what is kept for a next batch.
    pub(super) fn rest(&self) {
        self.database.rest();
    }

    /// Writes the rows that `verdict` does not say are settled, in order, and settles them.
    ///
    /// All rows go in one transaction. Only if the database refuses a transaction as a whole for a constraint
    /// (deferred foreign keys, SQLite's `RAISE(ROLLBACK)`) is it cut in halves, to single out the rows at fault.
    ///
    /// With `beside`, a commit in doubt is left to whoever reads what stands beside the rows.
    pub(super) async fn write(
        &mut self,
        rows: &[Row],
        verdict: &mut Verdict,
        beside: Option<&dyn Beside>,
    ) -> Result<(), Error> {
        let mut size = rows.len();
        while verdict.settled < rows.len() {
            let part = rows.get(verdict.settled..).unwrap_or_default();
            let part = part.get(..size).unwrap_or(part);
            let beside = beside.map(|beside| Progress { beside, batch: rows, before: &*verdict });
            let part: Vec<&Row> = part.iter().collect();
            match self.transaction(&part, beside).await {
                Ok(decided) => {
                    verdict.absorb(decided);
                    size = rows.len();
                }
                Err(fault) if fault.severity == Severity::Row && part.len() > 1 => size = part.len() / 2,
                Err(mut fault) => {
                    let row = fault.severity == Severity::Row;
                    verdict.doubtful = fault.doubtful.take();
                    let error = fault.into_error(&self.table);
                    if !row {
                        return Err(error);
                    }
                    let mut refused = Verdict { settled: 1, ..Verdict::default() };
                    refused.reject(0, error);
                    verdict.absorb(refused);
                    size = rows.len();
                }
            }
        }
        Ok(())
    }

    /// Writes the rows in one transaction: all are decided, or nothing has happened.
    async fn transaction(&mut self, rows: &[&Row], beside: Option<Progress<'_>>) -> Result<Verdict, Fault> {
        self.database.learn().await?;
        let end = if is_mixed(rows) { self.both(rows, beside).await } else { self.one(rows, beside).await };
        end.map_err(|fault| match fault.severity {
            // What stands beside the rows says more: also which of them were skipped.
            Severity::InDoubt if beside.is_none() && self.is_repeatable(rows, &fault) => fault.repeatable(),
            _ => fault,
        })
    }

    fn is_repeatable(&self, rows: &[&Row], fault: &Fault) -> bool {
        self.conflict.is_repeatable(rows, &self.table.key, fault.doubtful.as_deref())
    }

    /// Writes rows of one operation.
    async fn one(&mut self, rows: &[&Row], beside: Option<Progress<'_>>) -> Result<Verdict, Fault> {
        let alone = beside.is_none() && self.database.alone(rows);
        let quick = if alone && is_one_statement(&self.database, &self.table, rows) {
            // A statement alone is a transaction by itself, and saves two trips of three.
            Some(self.statement(rows).await)
        } else if self.database.forgets() {
            // The points to go back to cost as many trips as the statements, so they are only set in the search.
            Some(self.attempt(rows, Search::No, beside).await)
        } else {
            None
        };
        match quick {
            Some(Err(fault)) if fault.severity == Severity::Row => {
                self.attempt(rows, Search::Yes, beside).await
            }
            Some(end) => end,
            None => self.attempt(rows, Search::Yes, beside).await,
        }
    }

    /// Writes rows of both operations.
    async fn both(&mut self, rows: &[&Row], beside: Option<Progress<'_>>) -> Result<Verdict, Fault> {
        if self.shared.is_none() {
            self.shared = Some(self.learn_shared().await?);
        }
        let shared = self.shared.as_ref().and_then(|shared| shared.as_deref());
        let rules = Rules { key: &self.table.key, conflict: &self.conflict, shared };
        let (database, table) = (&mut self.database, self.table.as_ref());
        if let Some(apart) = rules.apart(rows) {
            // As in `one`: the points to go back to are only set once a row was refused.
            let searches =
                if database.forgets() { [Search::No, Search::Yes].as_slice() } else { &[Search::Yes] };
            for search in searches {
                let mut session = database.begin().await?;
                match apply_apart(database, &mut session, table, &apart, *search).await {
                    Ok(Some(verdict)) => return finish(session, Ok(verdict), beside).await,
                    Err(fault) if fault.severity == Severity::Row && *search == Search::No => {
                        session.roll_back().await;
                    }
                    Err(fault) => return finish(session, Err(fault), beside).await,
                    Ok(None) => {
                        session.roll_back().await;
                        break;
                    }
                }
            }
        }
        let mut session = database.begin().await?;
        let applied = apply_halves(database, &mut session, table, &rules, rows).await;
        finish(session, applied, beside).await
    }

    async fn learn_shared(&self) -> Result<Shared, Fault> {
        let mut shared = Vec::new();
        for name in self.database.shared().await? {
            let Some(name) = name else { return Ok(None) };
            let named = |column: &Column| column.name.eq_ignore_ascii_case(&name);
            // What the entity does not have is not written here.
            shared.extend(self.table.columns.iter().position(named));
        }
        Ok(Some(shared))
    }

    async fn statement(&mut self, rows: &[&Row]) -> Result<Verdict, Fault> {
        let places: Vec<usize> = (0..rows.len()).collect();
        let part = Part::new(rows, &places);
        let mut session = self.database.single().await?;
        let touched = self.database.write(&mut session, part).await?;
        let mut verdict = Verdict { settled: rows.len(), ..Verdict::default() };
        verdict.count(&touched, part, &self.table);
        Ok(verdict)
    }

    async fn attempt(
        &mut self,
        rows: &[&Row],
        search: Search,
        beside: Option<Progress<'_>>,
    ) -> Result<Verdict, Fault> {
        let mut session = self.database.begin().await?;
        let last = beside.is_none();
        let applied = apply(&mut self.database, &mut session, &self.table, rows, search, last).await;
        finish(session, applied, beside).await
    }
}

/// Ends a transaction, as what was done in it calls for.
async fn finish<S: Session>(
    mut session: S,
    applied: Result<Verdict, Fault>,
    beside: Option<Progress<'_>>,
) -> Result<Verdict, Fault> {
    let end = match (applied, beside) {
        (Ok(verdict), Some(progress)) => {
            let done = session.beside(progress.after(&verdict)).await;
            // No row is at fault: the search for one would not end.
            done.map(|()| verdict).map_err(Fault::of_no_row)
        }
        (end, _) => end,
    };
    match end {
        Ok(verdict) => match session.commit().await {
            Ok(()) => Ok(verdict),
            Err(fault) => Err(fault.committing(verdict)),
        },
        Err(fault) => {
            session.roll_back().await;
            Err(fault)
        }
    }
}

/// What is written beside the rows of one transaction.
#[derive(Clone, Copy)]
struct Progress<'a> {
    beside: &'a dyn Beside,
    /// The whole batch, and what became of it before this transaction.
    batch: &'a [Row],
    before: &'a Verdict,
}

impl Progress<'_> {
    /// The statement for a transaction that does this.
    fn after(self, verdict: &Verdict) -> Statement {
        let (settled, refused) = self.before.after(verdict);
        self.beside.statement(self.batch, settled, &refused)
    }
}

impl Conflict {
    /// Whether the table is the same after these rows were written twice as after once, so that they may be written
    /// again when a commit's outcome is not known. `first` is what the first time would have done.
    pub(super) fn is_repeatable(&self, rows: &[&Row], key: &[usize], first: Option<&Verdict>) -> bool {
        let target = self.target();
        let each = rows.iter().all(|row| match row.operation() {
            // A key that the database makes up is another one the second time.
            Operation::Insert => {
                !target.is_empty() && target.iter().all(|column| row.shape.contains(*column))
            }
            // What it expects is not so any more.
            Operation::Update => !row.shape.is_conditional(),
        });
        // An update may find the second time what it did not the first, if rows came after it; and a new row is new
        // again, if an update took away by what it is known.
        let changes = |row: &Row, column: &usize| !key.contains(column) && row.shape.contains(*column);
        let keeps = |row: &&Row| {
            row.operation() == Operation::Insert || !target.iter().any(|column| changes(row, column))
        };
        let both = || first.is_some_and(|verdict| verdict.rejected.is_empty()) && rows.iter().all(keeps);
        each && (!is_mixed(rows) || both())
    }
}
