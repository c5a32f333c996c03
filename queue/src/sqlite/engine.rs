//! The one thread that owns the connection, and the group commit.
//!
//! Everybody's calls meet here. Those that wait when the thread looks are run in one transaction, each in its own
//! savepoint, and answered after the commit: one wait for the disk serves them all. A call that fails is rolled back
//! to its savepoint and does not spoil the others; when the transaction itself fails, each call is run again alone.
//! Nothing here may answer a call before its effect is on the disk.

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::fault::Fault;
use super::ledger::Ledger;
use crate::clock::Timeline;
use crate::random::TokenSource;
use crate::{Error, error};

/// How many calls wait at most; the next one waits to be allowed to wait. Each may carry a batch.
const INBOX: usize = 256;

/// How many calls share a transaction at most, so that other processes get their turn.
const MAX_GROUP: usize = 64;

type Deed<T> = Box<dyn FnMut(&Ledger<'_>) -> Result<T, Fault> + Send>;
type Then<T> = Box<dyn FnOnce(&T) + Send>;

/// What a call does. It may be run more than once before it counts, so it must not change anything but the database.
pub(super) struct Work<T> {
    read: Option<Deed<Option<T>>>,
    write: Option<Deed<T>>,
    then: Option<Then<T>>,
}

impl<T: 'static> Work<T> {
    /// Work that only reads.
    pub(super) fn read(mut work: impl FnMut(&Ledger<'_>) -> Result<T, Fault> + Send + 'static) -> Self {
        Self { read: Some(Box::new(move |ledger| work(ledger).map(Some))), write: None, then: None }
    }

    /// Work that writes.
    pub(super) fn write(work: impl FnMut(&Ledger<'_>) -> Result<T, Fault> + Send + 'static) -> Self {
        Self { read: None, write: Some(Box::new(work)), then: None }
    }

    /// Answers without writing when this finds an answer: those who find nothing to do must not take the lock.
    pub(super) fn unless(
        mut self,
        look: impl FnMut(&Ledger<'_>) -> Result<Option<T>, Fault> + Send + 'static,
    ) -> Self {
        self.read = Some(Box::new(look));
        self
    }

    /// Is called with the answer once it counts, whether or not anybody still waits for it.
    pub(super) fn then(mut self, then: impl FnOnce(&T) + Send + 'static) -> Self {
        self.then = Some(Box::new(then));
        self
    }
}

/// A handle to the thread. Cheap to clone.
#[derive(Clone)]
pub(super) struct Engine {
    inbox: mpsc::Sender<Message>,
}

enum Message {
    Call(Box<dyn Call>),
    Close(oneshot::Sender<()>),
}

impl Engine {
    /// Starts the thread and answers when it has opened the file.
    pub(super) async fn start(
        open: impl FnOnce() -> Result<Connection, Error> + Send + 'static,
        timeline: Timeline,
        busy_timeout: Duration,
        max_bytes: Option<u64>,
    ) -> Result<Self, Error> {
        let (inbox, messages) = mpsc::channel(INBOX);
        let (ready, opened) = oneshot::channel();
        let body = move || {
            let connection = match open() {
                Ok(connection) => connection,
                Err(error) => return drop(ready.send(Err(error))),
            };
            // Whoever asked may have gone; then the channel is closed and the thread ends at once.
            drop(ready.send(Ok(())));
            let tokens = TokenSource::new();
            Thread { connection, timeline, tokens, busy_timeout, max_bytes }.serve(messages);
        };
        thread::Builder::new().name("cofferdam-queue".to_owned()).spawn(body).map_err(|source| {
            let source: error::Source = Box::new(source);
            Error::Storage { action: "start the broker's thread", source }
        })?;
        opened.await.map_err(|_| Error::Closed)??;
        Ok(Self { inbox })
    }

    pub(super) async fn call<T: Send + 'static>(
        &self,
        action: &'static str,
        work: Work<T>,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let call = Box::new(Pending { action, work, outcome: None, reply });
        self.inbox.send(Message::Call(call)).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.inbox.send(Message::Close(reply)).await.is_ok() {
            // The thread drops the sender in any case, which is an answer as well.
            drop(closed.await);
        }
    }
}

/// A call whose answer type the thread need not know.
trait Call: Send {
    fn is_abandoned(&self) -> bool;
    /// Tries to answer without writing; true when there is an outcome.
    fn look(&mut self, ledger: &Ledger<'_>, busy_timeout: Duration) -> bool;
    /// Writes; the outcome counts once the transaction is committed.
    fn write(&mut self, ledger: &Ledger<'_>) -> Result<(), Fault>;
    fn fail(&mut self, fault: Fault, busy_timeout: Duration);
    fn answer(self: Box<Self>);
}

struct Pending<T> {
    action: &'static str,
    work: Work<T>,
    outcome: Option<Result<T, Error>>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<T: Send> Call for Pending<T> {
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn look(&mut self, ledger: &Ledger<'_>, busy_timeout: Duration) -> bool {
        let found = self.work.read.as_mut().map_or(Ok(None), |read| read(ledger));
        match found {
            Ok(None) => return false,
            Ok(Some(answer)) => self.outcome = Some(Ok(answer)),
            Err(fault) => self.fail(fault, busy_timeout),
        }
        true
    }

    fn write(&mut self, ledger: &Ledger<'_>) -> Result<(), Fault> {
        if let Some(write) = self.work.write.as_mut() {
            self.outcome = Some(Ok(write(ledger)?));
        }
        Ok(())
    }

    fn fail(&mut self, fault: Fault, busy_timeout: Duration) {
        self.outcome = Some(Err(fault.into_error(self.action, busy_timeout)));
    }

    fn answer(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or(Err(Error::Closed));
        if let (Ok(answer), Some(then)) = (&outcome, self.work.then) {
            then(answer);
        }
        // Whoever asked may have gone; the effect stays.
        drop(self.reply.send(outcome));
    }
}

struct Thread {
    connection: Connection,
    timeline: Timeline,
    tokens: TokenSource,
    busy_timeout: Duration,
    max_bytes: Option<u64>,
}

impl Thread {
    fn serve(self, mut messages: mpsc::Receiver<Message>) {
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

    fn serve_group(&self, group: Vec<Box<dyn Call>>) {
        let mut writers = Vec::new();
        for mut call in group {
            if call.look(&self.ledger(), self.busy_timeout) {
                call.answer();
            } else {
                writers.push(call);
            }
        }
        if !writers.is_empty() {
            self.commit(&mut writers);
            writers.into_iter().for_each(Call::answer);
        }
    }

    fn commit(&self, calls: &mut [Box<dyn Call>]) {
        let Err(fault) = self.commit_together(calls) else { return };
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

    fn commit_together(&self, calls: &mut [Box<dyn Call>]) -> Result<(), Fault> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        // The clock is read after the lock was granted, so that the order of transactions is the order of times.
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

/// The fault of those who waited in the same group as one that found the file locked.
fn busy() -> Fault {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    Fault::Sqlite(rusqlite::Error::SqliteFailure(code, None))
}
