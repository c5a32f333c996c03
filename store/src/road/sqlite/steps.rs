//! Rows written by stepping one prepared statement over them, on a handle that is locked for it.
//!
//! This blocks, for as long as SQLite works, and so must not run where other tasks wait for the thread. It stops at
//! the first statement that is refused, which SQLite has undone alone, and leaves the rest, with the question why, to
//! the statements of many rows.

use sea_orm::sqlx::sqlite::LockedSqliteHandle;

use super::{cell::cell, fault::Refusal, raw::Raw};
use crate::road::{part::Part, texts::Text};

/// Texts of statements that take so many rows each, largest first, ending with 1.
pub(super) type Texts = Vec<(usize, Text)>;

/// How far the rows got.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// So many, from the first on, are dealt with.
    pub(super) rows: usize,
    pub(super) written: u64,
    /// The numbers of the rows that were stepped alone and changed nothing.
    pub(super) untouched: Vec<usize>,
    pub(super) committed: bool,
}

impl Steps {
    /// Steps over the rows; `commits` says of the end of it whether to commit. An error means that the transaction is
    /// gone, and the rows with it.
    pub(super) fn over(
        locked: LockedSqliteHandle<'_>,
        texts: &[(usize, Text)],
        part: Part<'_>,
        commits: impl FnOnce(&Self) -> bool,
    ) -> Result<Self, Refusal> {
        let raw = Raw::new(locked);
        let mut steps = Self::default();
        for (rows, text) in texts {
            match steps.step(&raw, &text.0, *rows, part) {
                Ok(()) => {}
                Err(refusal) if raw.in_transaction() => {
                    tracing::trace!(%refusal, row = steps.rows, "stopped stepping");
                    break;
                }
                Err(refusal) => return Err(refusal),
            }
        }
        if steps.rows == part.len() && commits(&steps) {
            let commit = raw.prepare("COMMIT").and_then(|mut commit| commit.run(std::iter::empty()));
            // Refused, it may be left to the driver, which tells why; unless there is nothing left to commit.
            match commit {
                Err(refusal) if !raw.in_transaction() => return Err(refusal),
                end => steps.committed = end.is_ok(),
            }
        }
        Ok(steps)
    }

    /// Goes on with a statement that takes `rows` rows, while there are so many.
    fn step(&mut self, raw: &Raw<'_>, text: &str, rows: usize, part: Part<'_>) -> Result<(), Refusal> {
        let (_, mut rest) = part.split(self.rows);
        if rest.len() < rows {
            return Ok(());
        }
        let mut statement = raw.prepare(text)?;
        while rest.len() >= rows {
            let (now, later) = rest.split(rows);
            // A value that has no cell makes the row too short, and thereby refused.
            let changes = statement.run(now.rows().flat_map(|row| &row.values).map_while(cell))?;
            if changes == 0 && rows == 1 {
                self.untouched.push(self.rows);
            }
            // No more than the rows: a key that is none in the database names several.
            self.written += changes.min(rows as u64);
            self.rows += rows;
            rest = later;
        }
        Ok(())
    }
}
