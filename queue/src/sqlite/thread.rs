//! The one thread that owns the connection, and the group commit.
//!
//! Everybody's calls meet here. Those that wait when the thread looks are run in one transaction and answered after
//! the commit: one wait for the disk serves them all. When one of them fails, the transaction is rolled back and run
//! again with a savepoint before each call, so that the one that fails does not spoil the others; when the transaction
//! itself fails, each call is run again alone. Nothing here may answer a call before its effect is on the disk.

use std::cell::RefCell;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::engine::{Call, Message};
use super::fault::Fault;
use super::ledger::Ledger;
use crate::clock::Timeline;
use crate::random::TokenSource;

/// How many calls share a transaction at most, so that other processes get their turn.
const MAX_GROUP: usize = 64;

/// Callers who were answered together come back one after another, within less than it takes to write for the first of
/// them alone. The thread waits for as many as came last time, but no longer than this fraction of what their commit
/// took, nor than [`LONGEST_LINGER`].
const LINGER_DIVISOR: u32 = 4;

/// A millisecond is short beside the wait for a disk, and where there is no such wait the fraction is shorter.
const LONGEST_LINGER: Duration = Duration::from_millis(1);

/// How long to sleep between two looks while lingering; about the least that a system's timer gives.
const LINGER_NAP: Duration = Duration::from_micros(50);

pub(super) struct Thread {
    connection: Connection,
    timeline: Timeline,
    tokens: TokenSource,
    busy_timeout: Duration,
    max_bytes: Option<u64>,
}

/// What the last commit tells about the next one.
#[derive(Default)]
struct Pace {
    calls: usize,
    took: Duration,
}

impl Thread {
    pub(super) fn new(
        connection: Connection,
        timeline: Timeline,
        busy_timeout: Duration,
        max_bytes: Option<u64>,
    ) -> Self {
        Self { connection, timeline, tokens: TokenSource::new(), busy_timeout, max_bytes }
    }

    pub(super) fn serve(self, mut messages: mpsc::Receiver<Message>) {
        let mut pace = Pace::default();
        loop {
            let Some(first) = messages.blocking_recv() else { return };
            let mut group: Vec<Box<dyn Call>> = Vec::new();
            let mut closing = take_in(first, &mut group);
            let linger = (pace.took / LINGER_DIVISOR).min(LONGEST_LINGER);
            let start = Instant::now();
            while closing.is_none() && group.len() < MAX_GROUP {
                match messages.try_recv() {
                    Ok(message) => closing = take_in(message, &mut group),
                    Err(_) if group.len() < pace.calls && start.elapsed() < linger => {
                        thread::sleep(LINGER_NAP);
                    }
                    Err(_) => break,
                }
            }
            self.serve_group(group, &mut pace);
            if let Some(closing) = closing {
                // Closing checkpoints the write-ahead log; the file is whole before the answer goes out.
                drop(self);
                drop(messages);
                drop(closing);
                return;
            }
        }
    }

    fn serve_group(&self, group: Vec<Box<dyn Call>>, pace: &mut Pace) {
        let mut writers = Vec::new();
        for mut call in group {
            if call.look(&self.ledger(), self.busy_timeout) {
                call.answer();
            } else {
                writers.push(call);
            }
        }
        if !writers.is_empty() {
            let start = Instant::now();
            self.commit(&mut writers);
            *pace = Pace { calls: writers.len(), took: start.elapsed() };
            writers.into_iter().for_each(Call::answer);
        }
    }

    fn commit(&self, calls: &mut [Box<dyn Call>]) {
        let fault = match self.commit_at_once(calls) {
            Err(fault) if calls.len() > 1 && !fault.is_busy() => self.commit_one_by_one(calls).err(),
            outcome => outcome.err(),
        };
        let Some(fault) = fault else { return };
        match calls {
            [only] => only.fail(fault, self.busy_timeout),
            _ if fault.is_busy() => {
                for call in calls {
                    call.fail(busy(), self.busy_timeout);
                }
            }
            _ => {
                for call in calls.chunks_mut(1) {
                    self.commit(call);
                }
            }
        }
    }

    /// Commits all calls or none, but for those that were refused before they wrote.
    fn commit_at_once(&self, calls: &mut [Box<dyn Call>]) -> Result<(), Fault> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        // The clock is read after the lock was granted, so that the order of transactions is the order of times.
        let ledger = self.ledger();
        for call in calls {
            match call.write(&ledger) {
                Err(fault) if fault.is_clean() => call.fail(fault, self.busy_timeout),
                outcome => outcome?,
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Commits those of the calls that do not fail. The savepoints cost a copy of every page that a call changes.
    fn commit_one_by_one(&self, calls: &mut [Box<dyn Call>]) -> Result<(), Fault> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let ledger = self.ledger();
        for call in calls {
            transaction.prepare_cached("SAVEPOINT cofferdam_queue_call")?.execute([])?;
            if let Err(fault) = call.write(&ledger) {
                if transaction.is_autocommit() {
                    // SQLite has rolled everything back by itself, the calls before this one included.
                    return Err(fault);
                }
                transaction.prepare_cached("ROLLBACK TO cofferdam_queue_call")?.execute([])?;
                call.fail(fault, self.busy_timeout);
            }
            transaction.prepare_cached("RELEASE cofferdam_queue_call")?.execute([])?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn ledger(&self) -> Ledger<'_> {
        Ledger {
            connection: &self.connection,
            now: self.timeline.now(),
            tokens: &self.tokens,
            max_bytes: self.max_bytes,
            news: RefCell::default(),
        }
    }
}

/// Takes a message in, and answers whom to tell of the closing if it asks for that. Whoever waits no more for an
/// answer that was not begun gets none.
fn take_in(message: Message, group: &mut Vec<Box<dyn Call>>) -> Option<oneshot::Sender<()>> {
    match message {
        Message::Call(call) if call.is_abandoned() => None,
        Message::Call(call) => {
            group.push(call);
            None
        }
        Message::Close(reply) => Some(reply),
    }
}

/// The fault of those who waited in the same group as one that found the file locked.
fn busy() -> Fault {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    Fault::Sqlite(rusqlite::Error::SqliteFailure(code, None))
}
