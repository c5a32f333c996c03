//! Which rows of a spool are in the database: kept in the database itself, and noted in the spool.
//!
//! The row in the database is written in the transaction of the rows that it is about, so it is right whenever the
//! process dies. The note in the spool comes later and adds what the database does not know: which refused rows were
//! handed over.

use std::{collections::BTreeSet, fmt::Write as _};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait as _,
    sea_query::{Alias, ColumnDef, Expr, InsertStatement, OnConflict, Query, TableCreateStatement},
};

use crate::{ddl, road::is_busy};

/// What is done. Every sequence number up to `settled` is, but for those in `open`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    settled: u64,
    /// At most the rows of one batch, and those that a batch before the last start left.
    open: BTreeSet<u64>,
}

impl Ledger {
    pub(super) fn is_done(&self, seq: u64) -> bool {
        seq <= self.settled && !self.open.contains(&seq)
    }

    /// Whether all of `first..=last` is done.
    pub(super) fn is_done_through(&self, first: u64, last: u64) -> bool {
        first > last || (last <= self.settled && self.open.range(first..=last).next().is_none())
    }

    /// Enters rows of one batch. All rows before the batch's last are to be done, open, or in `undone`.
    pub(super) fn enter(&mut self, done: impl Iterator<Item = u64>, undone: impl Iterator<Item = u64>) {
        for seq in undone {
            self.open.insert(seq);
            self.settled = self.settled.max(seq);
        }
        for seq in done {
            self.open.remove(&seq);
            self.settled = self.settled.max(seq);
        }
    }

    /// What is done by this ledger or by the other.
    pub(super) fn merge(&self, other: &Self) -> Self {
        let open = self.open.union(&other.open).copied();
        Self {
            settled: self.settled.max(other.settled),
            open: open.filter(|seq| !self.is_done(*seq) && !other.is_done(*seq)).collect(),
        }
    }

    pub(super) const fn settled(&self) -> u64 {
        self.settled
    }

    /// The open ones as ranges: `5-7,9`.
    pub(super) fn open_text(&self) -> String {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for seq in &self.open {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *seq => *last = *seq,
                _ => ranges.push((*seq, *seq)),
            }
        }
        let mut text = String::new();
        for (first, last) in ranges {
            let comma = if text.is_empty() { "" } else { "," };
            let _ = if first == last {
                write!(text, "{comma}{first}")
            } else {
                write!(text, "{comma}{first}-{last}")
            };
        }
        text
    }

    /// Reads what `settled` and `open_text` gave.
    pub(super) fn read(settled: u64, open: &str) -> Option<Self> {
        let mut set = BTreeSet::new();
        for range in open.split(',').filter(|range| !range.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            set.extend(first.parse::<u64>().ok()?..=last.parse().ok()?);
        }
        Some(Self { settled, open: set })
    }

    /// The statement that writes this ledger for the spool `id` into `table`.
    pub(super) fn statement(&self, backend: DbBackend, table: &str, id: &str) -> Statement {
        let mut insert = self.insert(table, id);
        let columns = ["settled", "open"].map(Alias::new);
        insert.on_conflict(OnConflict::column(Alias::new("spool")).update_columns(columns).to_owned());
        backend.build(&insert)
    }

    /// Reads the ledger of the spool `id` out of the database, and makes the table if it is not there.
    pub(super) async fn load(connection: &DatabaseConnection, table: &str, id: &str) -> Result<Self, DbErr> {
        let backend = connection.get_database_backend();
        match Self::read_row(connection, table, id).await {
            Err(error) if !is_busy(&error, backend) => {
                // Only now: to make a table needs rights that a writer need not have, whether it is there or not.
                let created = connection.execute(&Self::create(backend, table)).await;
                // Another writer may have made it at the same time, and PostgreSQL says so by an error.
                let row = Self::read_row(connection, table, id).await;
                row.map_err(|error| created.err().unwrap_or(error))
            }
            end => end,
        }
    }

    fn create(backend: DbBackend, table: &str) -> TableCreateStatement {
        ddl::table(table, backend)
            .if_not_exists()
            .col(ColumnDef::new(Alias::new("spool")).string_len(32).not_null().primary_key())
            .col(ColumnDef::new(Alias::new("settled")).big_integer().not_null())
            .col(ddl::text("open", backend))
            .to_owned()
    }

    /// Reads the ledger, and makes its row if it is not there.
    ///
    /// It writes to the row first: the last batch of a process that was killed, or whose connection broke, may still
    /// be in its commit on the database's side, with that row locked, and what is read without waiting for it would
    /// be out of date.
    async fn read_row(connection: &DatabaseConnection, table: &str, id: &str) -> Result<Self, DbErr> {
        use sea_orm::sea_query::ExprTrait as _;

        let mut touch = Self::default().insert(table, id);
        touch.on_conflict(
            OnConflict::column(Alias::new("spool")).update_column(Alias::new("spool")).to_owned(),
        );
        let select = Query::select()
            .columns(["settled", "open"].map(Alias::new))
            .from(Alias::new(table))
            .and_where(Expr::col(Alias::new("spool")).eq(id))
            .to_owned();
        let transaction = connection.begin().await?;
        transaction.execute(&touch).await?;
        let row = transaction.query_one(&select).await?;
        transaction.commit().await?;
        let strange = || DbErr::Custom(format!("the row {id} of {table} is not what a spool wrote"));
        let row = row.ok_or_else(strange)?;
        let (settled, open): (i64, String) = (row.try_get("", "settled")?, row.try_get("", "open")?);
        u64::try_from(settled).ok().and_then(|settled| Self::read(settled, &open)).ok_or_else(strange)
    }

    fn insert(&self, table: &str, id: &str) -> InsertStatement {
        let settled = i64::try_from(self.settled).unwrap_or(i64::MAX);
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new(table))
            .columns(["spool", "settled", "open"].map(Alias::new))
            .values_panic([Expr::val(id), Expr::val(settled), Expr::val(self.open_text())]);
        insert
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(settled: u64, open: &str) -> Ledger {
        Ledger::read(settled, open).unwrap()
    }

    #[test]
    fn open_rows_go_through_text() {
        for open in ["", "1", "1-3", "1-3,5,7-8"] {
            assert_eq!(ledger(9, open).open_text(), open);
        }
        assert_eq!(Ledger::read(1, "x"), None);
        assert_eq!(Ledger::read(1, "1-"), None);
    }

    #[test]
    fn rows_are_entered_batch_by_batch() {
        let mut ledger = Ledger::default();
        ledger.enter([1, 2, 5].into_iter(), [3, 4].into_iter());
        assert_eq!((ledger.settled(), ledger.open_text().as_str()), (5, "3-4"));
        assert!(ledger.is_done(5) && !ledger.is_done(4) && !ledger.is_done(6));
        assert!(
            ledger.is_done_through(1, 2) && !ledger.is_done_through(2, 3) && !ledger.is_done_through(5, 6)
        );
        ledger.enter([3, 4].into_iter(), std::iter::empty());
        assert_eq!((ledger.settled(), ledger.open_text().as_str()), (5, ""));
        assert!(ledger.is_done_through(1, 5) && ledger.is_done_through(7, 6));
    }

    #[test]
    fn what_either_says_is_done_is_done() {
        // The note is older than the database's row, and knows that 2 was handed over.
        assert_eq!(ledger(4, "3").merge(&ledger(9, "2-3,7")), ledger(9, "3,7"));
        // The database is older than the note.
        assert_eq!(ledger(9, "7").merge(&ledger(4, "3")), ledger(9, "7"));
        assert_eq!(ledger(9, "").merge(&Ledger::default()), ledger(9, ""));
    }
}
