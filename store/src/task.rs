//! The task that writes: takes batches out of the buffer, gives them to the road, and tries again what is locked.
//!
//! It must never drop a batch. Whatever ends it (an error, a panic in a callback, the end of the runtime) goes
//! through [`Writing`]'s Drop, which hands the undecided rows back.

use std::{collections::HashMap, sync::Arc};

use sea_orm::Value;
use tokio::time::Instant;

use crate::{
    Error, ErrorKind, Flushed, Observer,
    backoff::Backoff,
    batch::{Batch, Verdict},
    buffer::Buffer,
    road::Road,
    row::{Row, Shape},
    table::Table,
};

/// The work of one writer.
pub(crate) struct Task {
    /// Here from the start, not made by `run`: a runtime may drop the task before it was ever polled.
    writing: Writing,
    buffer: Arc<Buffer>,
    road: Road,
    table: Arc<Table>,
    observer: Arc<dyn Observer>,
    /// Whether rows with the same key are merged before they are written.
    coalesce: bool,
}

/// The batch in hand. Dropped with one inside, it hands the rows back; so no way out of the task loses them.
struct Writing {
    buffer: Arc<Buffer>,
    flight: Option<(Batch, Verdict)>,
    /// Set on the one way out that is no failure.
    done: bool,
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.done {
            self.buffer.fail(Error::Stopped, self.flight.take());
        }
        self.buffer.end();
    }
}

impl Task {
    pub(crate) fn new(
        buffer: Arc<Buffer>,
        road: Road,
        table: Arc<Table>,
        observer: Arc<dyn Observer>,
        coalesce: bool,
    ) -> Self {
        let writing = Writing { buffer: Arc::clone(&buffer), flight: None, done: false };
        Self { writing, buffer, road, table, observer, coalesce }
    }

    /// Writes until the buffer is shut and empty, or a failure that does not pass.
    pub(crate) async fn run(mut self) {
        while let Some(mut batch) = self.buffer.next().await {
            self.observe_buffered();
            if self.coalesce {
                batch.rows = coalesce(batch.rows, &self.table);
            }
            self.writing.flight = Some((batch, Verdict::default()));
            let end = self.write().await;
            let Some((batch, verdict)) = self.writing.flight.take() else { break };
            if !verdict.rejected.is_empty() {
                self.observer.rejected(self.table.name, verdict.rejected.len() as u64);
            }
            if let Err(error) = end {
                self.buffer.fail(error, Some((batch, verdict)));
                break;
            }
            self.buffer.settle(batch, verdict);
            self.observe_buffered();
            if self.buffer.backlogged() {
                self.buffer.fail(Error::Backlog { limit: self.buffer.limits().max_rejected }, None);
                break;
            }
        }
        self.writing.done = true;
    }

    /// Writes the batch in hand, trying again for a bounded time while others hold the database.
    async fn write(&mut self) -> Result<(), Error> {
        let Some((batch, verdict)) = &mut self.writing.flight else { return Ok(()) };
        let started = Instant::now();
        let mut backoff = Backoff::new();
        loop {
            let attempt = Instant::now();
            let before = verdict.written;
            let end = self.road.write(&batch.rows, verdict).await;
            self.observer.flushed(&Flushed {
                table: self.table.name,
                trigger: batch.trigger,
                rows: batch.rows.len() as u64,
                written: verdict.written - before,
                duration: attempt.elapsed(),
                error: end.as_ref().err().map(Error::kind),
            });
            match end {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() != ErrorKind::Busy => return Err(error),
                Err(error) => {
                    let waited = started.elapsed();
                    if waited >= self.buffer.limits().retry_for {
                        return Err(match error {
                            Error::Busy { table, source, .. } => Error::Busy { table, waited, source },
                            other => other,
                        });
                    }
                    tracing::debug!(
                        table = self.table.name,
                        ?waited,
                        "the database is locked or out of reach, trying again"
                    );
                    tokio::time::sleep(backoff.next()).await;
                }
            }
        }
    }

    fn observe_buffered(&self) {
        let capacity = self.buffer.limits().capacity as u64;
        self.observer.buffered(self.table.name, self.buffer.held(), capacity);
    }
}

/// Merges updates of the same row: a later value overwrites an earlier one, column by column. The merged row stands
/// where its first part stood.
fn coalesce(rows: Vec<Row>, table: &Table) -> Vec<Row> {
    let mut places: HashMap<Vec<Value>, usize> = HashMap::with_capacity(rows.len());
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(key) = row.key(&table.key) else {
            merged.push(row);
            continue;
        };
        let place = *places.entry(key).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(earlier) => overlay(earlier, row, table.columns.len()),
            None => merged.push(row),
        }
    }
    merged
}

fn overlay(earlier: &mut Row, later: Row, columns: usize) {
    let mut cells: Vec<Option<Value>> = vec![None; columns];
    let old = std::mem::replace(earlier, Row::new(Shape::empty(columns), Vec::new()));
    for (column, value) in old.into_cells().into_iter().chain(later.into_cells()) {
        if let Some(cell) = cells.get_mut(column) {
            *cell = Some(value);
        }
    }
    let mut shape = Shape::empty(columns);
    let mut values = Vec::with_capacity(columns);
    for (column, value) in cells.into_iter().enumerate() {
        if let Some(value) = value {
            shape.insert(column);
            values.push(value);
        }
    }
    *earlier = Row::new(shape, values);
}
