//! A batch on its way to the database, and what became of its rows.

use crate::{Error, Trigger, row::Row};

/// Rows that were taken out of the buffer together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) trigger: Trigger,
    pub(crate) rows: Vec<Row>,
    /// How many rows were taken out of the buffer: more than `rows` holds, once updates were merged.
    pub(crate) taken: usize,
    /// The room in bytes that the taken rows hold until the batch is settled.
    pub(crate) cost: usize,
    /// Whether the rows come from the spool, and so never were in the buffer.
    pub(crate) replayed: bool,
}

/// What became of a batch. A road fills it in as transactions commit, so that a retry after a failure goes on where
/// the last commit ended and writes nothing twice.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The rows `..settled` are decided for good: committed, skipped or rejected.
    pub(crate) settled: usize,
    pub(crate) written: u64,
    pub(crate) skipped: u64,
    /// Updates that were merged into a later one of the same row in the database's transaction.
    pub(crate) coalesced: u64,
    /// The places of the rejected rows in the batch, and why.
    pub(crate) rejected: Vec<(usize, Error)>,
    /// Whether a sink holds the rejected rows, so that memory need not.
    pub(crate) delivered: bool,
    /// What the last transaction did, if it was committed, which is not known.
    pub(crate) doubtful: Option<Box<Verdict>>,
}

impl Verdict {
    /// Takes over what a committed transaction did with the rows from `settled` on.
    pub(crate) fn absorb(&mut self, part: Self) {
        let base = self.settled;
        self.settled += part.settled;
        self.written += part.written;
        self.skipped += part.skipped;
        self.coalesced += part.coalesced;
        self.rejected.extend(part.rejected.into_iter().map(|(place, error)| (base + place, error)));
    }

    /// How many rows are decided, and the places of those that are refused, once a transaction is committed that
    /// does this.
    pub(crate) fn after(&self, part: &Self) -> (usize, Vec<usize>) {
        let refused = self.rejected.iter().map(|(place, _)| *place);
        let new = part.rejected.iter().map(|(place, _)| self.settled + place);
        (self.settled + part.settled, refused.chain(new).collect())
    }

    pub(crate) fn reject(&mut self, place: usize, error: Error) {
        self.rejected.push((place, error));
    }
}
