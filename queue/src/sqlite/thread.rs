//! The one thread that owns the connection, and the group commit.
//!
//! Everybody's calls meet here. Those that wait when the thread looks are run in one transaction, which goes to the
//! [disk](super::disk) and is answered from there, while the next one is run. When one of them fails, the transaction is rolled back and run
//! again with a savepoint before each call, so that the one that fails does not spoil the others; when the transaction
//! itself fails, each call is run again alone. Nothing here may answer a call before its effect is on the disk.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::mpsc;

use super::disk::Disk;
use super::engine::{Call, Message};
use super::fault::Fault;
use super::ledger::Ledger;
use crate::clock::Timeline;
use crate::random::TokenSource;

/// How many calls share a transaction at most, so that other processes get their turn.
const MAX_GROUP: usize = 64;

pub(super) struct Thread {
    /// Before the connection, as it is dropped first: the file is closed when all is answered.
    disk: Disk,
    connection: Connection,
    timeline: Timeline,
    tokens: TokenSource,
    busy_timeout: Duration,
    max_bytes: Option<u64>,
    /// Which changes of others are on the disk, or will be before what comes next is answered.
    version: Cell<i64>,
}

impl Thread {
    pub(super) fn new(
        disk: Disk,
        connection: Connection,
        timeline: Timeline,
        busy_timeout: Duration,
        max_bytes: Option<u64>,
    ) -> Self {
        let (tokens, version) = (TokenSource::new(), Cell::new(0));
        Self { disk, connection, timeline, tokens, busy_timeout, max_bytes, version }
    }

    pub(super) fn serve(self, mut messages: mpsc::Receiver<Message>) {
        let mut closing = None;
        while closing.is_none() {
            let Some(first) = messages.blocking_recv() else { return };
            let mut group: Vec<Box<dyn Call>> = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Call(call) if call.is_abandoned() => {}
                    Message::Call(call) => group.push(call),
                    Message::Close(reply) => {
                        closing = Some(reply);
                        break;
                    }
                }
                next = if group.len() < MAX_GROUP { messages.try_recv().ok() } else { None };
            }
            self.serve_group(group);
        }
        // Closing checkpoints the write-ahead log; the file is whole before the answer goes out.
        drop(self);
        drop(messages);
        drop(closing);
    }

    fn serve_group(&self, mut group: Vec<Box<dyn Call>>) {
        if self.disk.has_failed() {
            for mut call in group {
                call.fail(Fault::Doubt, self.busy_timeout);
                call.answer();
            }
            return;
        }
        let mut readers = Vec::new();
        for call in group.extract_if(.., |call| call.look(&self.ledger(), self.busy_timeout)) {
            if call.probes() { call.answer() } else { readers.push(call) }
        }
        if !readers.is_empty() {
            if self.has_seen_unsynced() {
                self.disk.answer(readers);
            } else {
                readers.into_iter().for_each(Call::answer);
            }
        }
        if !group.is_empty() {
            self.commit(&mut group);
            self.disk.answer(group);
        }
    }

    /// Whether what was read just now may not be on the disk yet.
    fn has_seen_unsynced(&self) -> bool {
        let read = || self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0));
        // The version changes when another connection commits, and it is read after what was read.
        let Ok::<i64, rusqlite::Error>(version) = read() else { return true };
        let foreign = self.version.replace(version) != version;
        foreign || !self.disk.is_idle()
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
            moved: Cell::new(0),
        }
    }
}

/// The fault of those who waited in the same group as one that found the file locked.
fn busy() -> Fault {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    Fault::Sqlite(rusqlite::Error::SqliteFailure(code, None))
}
