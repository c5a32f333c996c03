//! The road to the one thread that owns the connection: what a call is, and how it gets there and back.

use std::fs::File;
use std::io;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::disk::Disk;
use super::fault::Fault;
use super::ledger::Ledger;
use super::thread::Thread;
use crate::Error;
use crate::clock::Timeline;

/// How many calls wait at most; the next one waits to be allowed to wait. Each may carry a batch.
const INBOX: usize = 256;

type Deed<T> = Box<dyn FnMut(&Ledger<'_>) -> Result<T, Fault> + Send>;
type Then<T> = Box<dyn FnOnce(&T) + Send>;

/// What a call does. It may be run more than once before it counts, so it must not change anything but the database.
pub(super) struct Work<T> {
    read: Option<Deed<Option<T>>>,
    write: Option<Deed<T>>,
    then: Option<Then<T>>,
    /// Whether what was read is but a reason to do nothing.
    probes: bool,
}

impl<T: 'static> Work<T> {
    /// Work that only reads.
    pub(super) fn read(mut work: impl FnMut(&Ledger<'_>) -> Result<T, Fault> + Send + 'static) -> Self {
        let read: Deed<Option<T>> = Box::new(move |ledger| work(ledger).map(Some));
        Self { read: Some(read), write: None, then: None, probes: false }
    }

    /// Work that writes.
    pub(super) fn write(work: impl FnMut(&Ledger<'_>) -> Result<T, Fault> + Send + 'static) -> Self {
        Self { read: None, write: Some(Box::new(work)), then: None, probes: false }
    }

    /// Answers without writing when this finds an answer: those who find nothing to do must not take the lock.
    pub(super) fn unless(
        mut self,
        look: impl FnMut(&Ledger<'_>) -> Result<Option<T>, Fault> + Send + 'static,
    ) -> Self {
        self.read = Some(Box::new(look));
        self.probes = true;
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

pub(super) enum Message {
    Call(Box<dyn Call>),
    Close(oneshot::Sender<()>),
}

impl Engine {
    /// Starts the thread and answers when it has opened the file.
    pub(super) async fn start(
        open: impl FnOnce() -> Result<(Connection, File), Error> + Send + 'static,
        timeline: Timeline,
        busy_timeout: Duration,
        max_bytes: Option<u64>,
    ) -> Result<Self, Error> {
        let (inbox, messages) = mpsc::channel(INBOX);
        let (ready, opened) = oneshot::channel();
        let body = move || {
            let open = || {
                let (connection, log) = open()?;
                let disk = Disk::start(move || log.sync_data()).map_err(no_thread)?;
                Ok((connection, disk))
            };
            let (connection, disk) = match open() {
                Ok(opened) => opened,
                Err(error) => return drop(ready.send(Err(error))),
            };
            // Whoever asked may have gone; then the channel is closed and the thread ends at once.
            drop(ready.send(Ok(())));
            Thread::new(disk, connection, timeline, busy_timeout, max_bytes).serve(messages);
        };
        thread::Builder::new().name("cofferdam-queue".to_owned()).spawn(body).map_err(no_thread)?;
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

fn no_thread(source: io::Error) -> Error {
    Error::Storage { action: "start the broker's thread", source: Box::new(source) }
}

/// A call whose answer type the thread need not know.
pub(super) trait Call: Send {
    fn is_abandoned(&self) -> bool;
    /// Tries to answer without writing; true when there is an outcome.
    fn look(&mut self, ledger: &Ledger<'_>, busy_timeout: Duration) -> bool;
    /// Whether what `look` found is but a reason to do nothing, which may be answered whatever becomes of it.
    fn probes(&self) -> bool;
    /// Writes; the outcome counts once the transaction is committed.
    fn write(&mut self, ledger: &Ledger<'_>) -> Result<(), Fault>;
    fn fail(&mut self, fault: Fault, busy_timeout: Duration);
    /// The disk failed, so nobody knows whether the outcome will last.
    fn doubt(&mut self, failure: &io::Error);
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

    fn probes(&self) -> bool {
        self.work.probes
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

    fn doubt(&mut self, failure: &io::Error) {
        if let Some(Ok(_)) = self.outcome {
            // An I/O error cannot be cloned.
            let source = io::Error::new(failure.kind(), failure.to_string());
            self.outcome = Some(Err(Error::Storage { action: self.action, source: Box::new(source) }));
        }
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
