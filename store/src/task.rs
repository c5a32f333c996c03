//! The task that writes: takes batches out of the buffer, gives them to the road, and tries again what is locked.
//!
//! It must never drop a batch. Whatever ends it (an error, a panic in a callback, the end of the runtime) goes
//! through [`Writing`]'s Drop, which hands the undecided rows back.

use std::{error::Error as _, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    Error, ErrorKind, Flushed, Observer,
    backoff::Backoff,
    batch::{Batch, Verdict},
    beside::Beside,
    buffer::Buffer,
    coalesce::coalesce,
    dead_letter::Sink,
    road::Road,
    row::Row,
    spool::{Log, Replay},
    table::Table,
};

/// How long the first batch waits to know more of the server: what a row waits for by default anyway.
const LEARNING: Duration = Duration::from_millis(100);

/// The work of one writer.
pub(crate) struct Task {
    /// Here from the start, not made by `run`: a runtime may drop the task before it was ever polled.
    writing: Writing,
    buffer: Arc<Buffer>,
    road: Road,
    table: Arc<Table>,
    observer: Arc<dyn Observer>,
    sink: Option<Sink>,
    /// What the spool holds from before, until it is written.
    replay: Option<Replay>,
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
        if let Some(spool) = self.buffer.spool() {
            spool.finish_blocking();
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
        sink: Option<Sink>,
        replay: Option<Replay>,
    ) -> Self {
        let writing = Writing { buffer: Arc::clone(&buffer), flight: None, done: false };
        Self { writing, buffer, road, table, observer, sink, replay }
    }

    /// Writes until the buffer is shut and empty, or a failure that does not pass.
    pub(crate) async fn run(mut self) {
        let end = self.work().await;
        if let Err(error) = end {
            if let Some(spool) = self.buffer.spool() {
                // Only so that `fail` has nothing to wait for; it looks for itself what is safe.
                let _ = spool.sync().await;
            }
            self.buffer.fail(error, self.writing.flight.take());
        }
        if let Some(spool) = self.buffer.spool() {
            spool.finish().await;
        }
        self.writing.done = true;
    }

    /// Leaves the batch that failed in hand.
    async fn work(&mut self) -> Result<(), Error> {
        self.replay().await?;
        loop {
            if !self.buffer.is_due() {
                self.road.rest();
            }
            let Some(trigger) = self.buffer.due().await else { break };
            // Before the rows are taken, so that those which come meanwhile are in the batch too. One that fails or takes
            // long is repeated by the write, whose failure is told.
            let _ = tokio::time::timeout(LEARNING, self.road.learn()).await;
            self.buffer.gather(trigger).await;
            let batch = self.buffer.take(trigger);
            self.put(batch).await?;
        }
        self.buffer.spool().and_then(|spool| spool.failure()).map_or(Ok(()), Err)
    }

    /// Writes what the spool holds from before, oldest first.
    async fn replay(&mut self) -> Result<(), Error> {
        let Some(mut replay) = self.replay.take() else { return Ok(()) };
        let Some(spool) = self.buffer.spool().cloned() else { return Ok(()) };
        spool.load(self.buffer.limits().retry_for).await?;
        let mut found = 0;
        while !replay.is_empty() {
            let (log, limits) = (Arc::clone(&spool), self.buffer.limits().clone());
            let read = move || {
                let rows = replay.next(&log, &limits);
                (replay, rows)
            };
            let rows;
            (replay, rows) = tokio::task::spawn_blocking(read).await.map_err(|_| Error::Stopped)?;
            let rows = rows?;
            if rows.is_empty() {
                break;
            }
            found += rows.len();
            let batch = self.buffer.replay(rows);
            self.put(batch).await?;
        }
        spool.replayed();
        if found > 0 {
            tracing::info!(
                table = self.table.name,
                rows = found,
                "rows that the spool had kept were written"
            );
        }
        Ok(())
    }

    /// Writes a batch and settles it. If it fails, the batch stays in hand.
    async fn put(&mut self, mut batch: Batch) -> Result<(), Error> {
        self.observe_buffered();
        let last = batch.rows.last().and_then(|row| row.seqs.last()).copied();
        batch.rows = coalesce(batch.rows, &self.table.key);
        self.writing.flight = Some((batch, Verdict::default()));
        if let (Some(spool), Some(last)) = (self.buffer.spool(), last) {
            spool.written(last).await?;
        }
        let end = self.write().await;
        self.deliver().await;
        if let Some((_, verdict)) = &self.writing.flight
            && !verdict.rejected.is_empty()
        {
            self.observer.rejected(self.table.name, verdict.rejected.len() as u64);
        }
        end?;
        if let Some((batch, verdict)) = self.writing.flight.take() {
            self.buffer.settle(batch, verdict);
        }
        self.observe_buffered();
        if self.buffer.backlogged() {
            return Err(Error::Backlog { limit: self.buffer.limits().max_rejected });
        }
        Ok(())
    }

    /// Writes the batch in hand, trying again for a bounded time while others hold the database.
    async fn write(&mut self) -> Result<(), Error> {
        let Some((batch, verdict)) = &mut self.writing.flight else { return Ok(()) };
        let spool = self.buffer.spool();
        let beside = spool.map(|spool| spool.as_ref() as &dyn Beside);
        let patience = self.buffer.limits().retry_for;
        let started = Instant::now();
        let mut backoff = Backoff::new();
        loop {
            let attempt = Instant::now();
            let before = verdict.written;
            let end = self.road.write(&batch.rows, verdict, beside).await;
            let known = match (&end, spool) {
                (Err(Error::InDoubt { .. }), Some(spool)) => {
                    find_out(spool, &batch.rows, verdict, patience).await
                }
                _ => false,
            };
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
                Err(_) if known && verdict.settled == batch.rows.len() => return Ok(()),
                Err(error) if !known && error.kind() != ErrorKind::Busy => return Err(error),
                Err(error) => {
                    let waited = started.elapsed();
                    if waited >= patience {
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

    /// Gives what was refused of the batch in hand to the sink; what it does not take is left to the buffer.
    async fn deliver(&mut self) {
        let (Some(sink), Some((batch, verdict))) = (&self.sink, &mut self.writing.flight) else { return };
        verdict.rejected.sort_by_key(|(place, _)| *place);
        let refused: Vec<(&Row, &Error)> = verdict
            .rejected
            .iter()
            .filter_map(|(place, error)| batch.rows.get(*place).map(|row| (row, error)))
            .collect();
        if refused.is_empty() {
            return;
        }
        match sink.take(&refused).await {
            Ok(()) => verdict.delivered = true,
            Err(error) => {
                tracing::error!(
                    table = self.table.name,
                    rows = refused.len(),
                    error = &error as &dyn std::error::Error,
                    cause = error.source(),
                    "rejected rows could not be put away and are handed back in memory"
                );
                self.buffer.sink_failed(error);
            }
        }
    }

    fn observe_buffered(&self) {
        let capacity = self.buffer.limits().capacity as u64;
        self.observer.buffered(self.table.name, self.buffer.held(), capacity);
    }
}

/// Finds out whether a commit in doubt has taken place, and takes it over if so. Says whether that is known.
async fn find_out(spool: &Log, rows: &[Row], verdict: &mut Verdict, patience: Duration) -> bool {
    let Some(doubtful) = verdict.doubtful.take() else { return false };
    let (settled, refused) = verdict.after(&doubtful);
    match spool.is_committed(rows, settled, &refused, patience).await {
        Ok(true) => verdict.absorb(*doubtful),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "whether rows were committed is for the next writer with the spool to find out"
            );
            return false;
        }
    }
    true
}
