//! What the buffer knows, under its lock: plain data and short steps, no waiting.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::{Counts, Error, Trigger, limits::Limits, row::Row};

#[derive(Debug, Default)]
pub(super) struct State {
    /// Rows that wait, oldest first.
    queue: VecDeque<Row>,
    /// The weight of `queue`.
    queued_bytes: usize,
    /// No row in `queue` came before this.
    oldest: Option<Instant>,
    /// The number of rows, counted like `Counts::accepted`, that are decided for good.
    pub(super) settled: u64,
    /// Rows up to this number are to be written now.
    flush_to: u64,
    /// How many calls of `add` wait for room for a heavy row. What waits in the queue is then due, since nothing
    /// else might make room before the linger time. (A queue that is full by number is always due: its capacity is
    /// not below the rows that make a batch.)
    pub(super) pressing: usize,
    /// No more rows are taken.
    pub(super) closing: bool,
    /// No handle is left.
    pub(super) orphaned: bool,
    /// Why the task is about to stop, once it is: no more rows are taken.
    pub(super) stopping: Option<Error>,
    /// The task has ended.
    pub(super) ended: bool,
    /// Why the task stopped before its time.
    pub(super) failure: Option<Error>,
    pub(super) counts: Counts,
    /// Refused rows that nobody has collected.
    pub(super) rejected: Vec<(Row, Error)>,
    /// Why a sink did not take some of `rejected`, the first time since somebody asked.
    pub(super) sink_error: Option<Error>,
    /// Rows of the last settled batch that only wait to be freed.
    pub(super) spent: Vec<Row>,
    /// Rows that a failed writer could not write and nobody has collected, in the order of their adding.
    pub(super) unwritten: Vec<Row>,
}

/// What the task is to do.
pub(super) enum Next {
    /// Write a batch.
    Due(Trigger),
    /// Wait until then, or until something happens.
    At(Instant),
    /// Wait until something happens.
    Idle,
    /// End: all is written, and nothing will come.
    End,
}

impl State {
    /// Why no row is taken, if none is.
    pub(super) fn refusal(&self) -> Option<Error> {
        self.failure
            .clone()
            .or_else(|| self.stopping.clone())
            .or_else(|| self.closing.then_some(Error::Closed))
    }

    /// Takes a row; says whether the task must look: a linger time begins, or a threshold is crossed.
    pub(super) fn push(&mut self, row: Row, limits: &Limits) -> bool {
        let light = self.queued_bytes < limits.bytes;
        self.queued_bytes += row.weight;
        self.counts.accepted += 1;
        self.queue.push_back(row);
        if self.oldest.is_none() {
            self.oldest = Some(Instant::now());
        }
        let rows = self.queue.len();
        rows == 1 || rows == limits.rows || (light && self.queued_bytes >= limits.bytes)
    }

    /// Asks for all rows so far to be written; returns their number.
    pub(super) fn ask_flush(&mut self) -> u64 {
        self.flush_to = self.counts.accepted;
        self.flush_to
    }

    /// The end of a flush up to `target`, if it has come.
    pub(super) fn reached(&self, target: u64) -> Option<Result<(), Error>> {
        if self.settled >= target {
            return Some(Ok(()));
        }
        self.failure.clone().map(Err)
    }

    pub(super) fn next(&self, limits: &Limits, now: Instant) -> Next {
        let Some(oldest) = self.oldest else {
            return if self.closing { Next::End } else { Next::Idle };
        };
        let deadline = oldest + limits.linger;
        if self.closing {
            Next::Due(Trigger::Shutdown)
        } else if self.queue.len() >= limits.rows {
            Next::Due(Trigger::Rows)
        } else if self.queued_bytes >= limits.bytes || self.pressing > 0 {
            Next::Due(Trigger::Bytes)
        } else if self.flush_to > self.settled {
            Next::Due(Trigger::Flush)
        } else if now >= deadline {
            Next::Due(Trigger::Linger)
        } else {
            Next::At(deadline)
        }
    }

    /// How many rows wait, if the batch may grow: nobody waits for it, and it is not as large as batches get.
    pub(super) fn growing(&self, limits: &Limits) -> Option<usize> {
        let rows = self.queue.len();
        let full = rows >= limits.max_rows || self.queued_bytes >= limits.bytes || self.pressing > 0;
        let asked = self.closing || self.flush_to > self.settled;
        (!full && !asked).then_some(rows)
    }

    /// Takes the oldest rows, as many as one batch may hold and at least one.
    pub(super) fn take(&mut self, limits: &Limits) -> Vec<Row> {
        let mut bytes = 0;
        let fitting = self
            .queue
            .iter()
            .take(limits.max_rows)
            .take_while(|row| {
                bytes += row.weight;
                bytes <= limits.bytes
            })
            .count()
            .clamp(1, self.queue.len().max(1));
        let rows: Vec<Row> = self.queue.drain(..fitting.min(self.queue.len())).collect();
        self.queued_bytes -= rows.iter().map(|row| row.weight).sum::<usize>();
        // The rows left came after those taken, so their wait is at most overestimated.
        if self.queue.is_empty() {
            self.oldest = None;
        }
        rows
    }

    /// Keeps all that waits, to be handed back, and remembers why. Rows up to the number `safe` are left to the spool.
    pub(super) fn fail(&mut self, error: Error, safe: u64) {
        self.unwritten.extend(self.queue.drain(..));
        let undecided = self.unwritten.len();
        self.unwritten.retain(|row| row.seqs.last().is_none_or(|seq| *seq > safe));
        self.counts.spooled += (undecided - self.unwritten.len()) as u64;
        self.queued_bytes = 0;
        self.oldest = None;
        self.closing = true;
        self.counts.unwritten = self.unwritten.len() as u64;
        self.failure.get_or_insert(error);
    }

    /// Says in the log what nobody will collect any more.
    pub(super) fn warn_unclaimed(&self, table: &'static str) {
        if let Some((_, first)) = self.rejected.first() {
            tracing::error!(
                table,
                rows = self.rejected.len(),
                error = first as &dyn std::error::Error,
                "rejected rows were never collected and are gone; close the writer and read its summary"
            );
        }
        if self.counts.spooled > 0 {
            tracing::error!(
                table,
                rows = self.counts.spooled,
                error = self.failure.as_ref().map(|error| error as &dyn std::error::Error),
                "unwritten rows are left in the spool; the next writer with it writes them"
            );
        }
        if !self.unwritten.is_empty() {
            tracing::error!(
                table,
                rows = self.unwritten.len(),
                error = self.failure.as_ref().map(|error| error as &dyn std::error::Error),
                "unwritten rows were never collected and are gone; close the writer and take them"
            );
        }
    }
}
