//! The spool in use: takes rows, brings them onto the disk on a thread of its own, and lets go of what is settled.
//!
//! A row gets its sequence number here, under the same lock under which it enters the writer's queue, so that both
//! have one order: "settled up to a number" then says the same of both.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::{DatabaseConnection, Statement};
use tokio::sync::{AcquireError, Notify, Semaphore, SemaphorePermit};

use super::{
    disk::{Disk, file_name},
    folder::{self, Opened},
    format::{Header, Record},
    ledger::Ledger,
    replay::Replay,
    schema::Schema,
    settings::Spool,
    state::{Chunk, State},
};
use crate::{Error, backoff::Backoff, beside::Beside, road::is_busy, row::Row};

/// How long the thread lets rows gather before it writes them, when nobody waits: a call of the system for each row
/// would cost more than all else. With the time of an fsync under way, it bounds what a killed process loses.
const GATHER: Duration = Duration::from_millis(1);

/// A handle on an open spool, shared by the buffer, the writing task and the thread.
pub(crate) struct Log {
    settings: Spool,
    id: String,
    schema: Schema,
    connection: DatabaseConnection,
    state: Mutex<State>,
    /// Wakes the thread.
    work: Condvar,
    /// Wakes whoever waits for the thread, blocking or not.
    done: Condvar,
    progress: Notify,
    /// Room on the disk in bytes: taken by each row, given back when its file is removed.
    room: Semaphore,
    /// Wakes the writing task, which must learn of a failure.
    task: Arc<Notify>,
}

impl Log {
    /// Opens the spool and starts its thread. Blocks: it reads what is there, and creates a file.
    pub(crate) fn open(
        settings: Spool,
        schema: Schema,
        connection: DatabaseConnection,
        task: Arc<Notify>,
    ) -> Result<(Arc<Self>, Replay), Error> {
        settings.check()?;
        let Opened { lock, id, stored, note, first } = folder::open(&settings, &schema)?;
        let header = Header { first, id, schema: schema.describe() };
        let disk = Disk::begin(&settings.folder, header, &Record::note(&note).numbered(0))
            .map_err(folder::failure(&settings.folder))?;
        let found: u64 = stored.iter().map(|file| file.bytes).sum();
        let room = settings.max_bytes as u64;
        let path = settings.folder.join(file_name(first));
        let state = State::new(first, path, &stored, note, found.saturating_sub(room), lock);
        let log = Arc::new(Self {
            room: Semaphore::new(usize::try_from(room.saturating_sub(found)).unwrap_or(0)),
            id: format!("{id:032x}"),
            schema,
            connection,
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
            progress: Notify::new(),
            task,
            settings,
        });
        let thread = Arc::clone(&log);
        std::thread::Builder::new()
            .name("cofferdam-spool".to_owned())
            .spawn(move || thread.run(disk))
            .map_err(folder::failure(&log.settings.folder))?;
        Ok((Arc::clone(&log), Replay::new(stored)))
    }

    /// Encodes a row; it is not in the spool yet.
    pub(crate) fn encode(&self, row: &Row) -> Result<Record, Error> {
        let table = &self.schema.table;
        Record::row(row, table.columns.len()).map_err(|(column, reason)| {
            tracing::warn!(
                table = table.name,
                column = table.column(column),
                reason,
                "a row cannot be spooled"
            );
            Error::InvalidRow {
                table: table.name,
                column: table.column(column),
                reason: "cannot be encoded for the spool; see the log, and write such rows without one",
            }
        })
    }

    /// Takes room on the disk, if there is some.
    pub(crate) fn try_reserve(&self, record: &Record) -> Option<SemaphorePermit<'_>> {
        self.room.try_acquire_many(self.cost(record)).ok()
    }

    /// Waits for room on the disk; fails once no more rows are taken. Cancellation safe: the room is the permit's.
    pub(crate) async fn reserve(&self, record: &Record) -> Result<SemaphorePermit<'_>, AcquireError> {
        let _waiting = Waiting::begin(self);
        self.room.acquire_many(self.cost(record)).await
    }

    /// The room that a row takes: all, if it is larger than the spool may be.
    fn cost(&self, record: &Record) -> u32 {
        u32::try_from(record.len().min(self.settings.max_bytes)).unwrap_or(u32::MAX)
    }

    /// Takes a row, whose room is reserved, and returns its sequence number.
    pub(crate) fn append(&self, record: Record) -> u64 {
        let mut state = self.lock();
        let seq = state.number();
        let idle = state.pending.is_empty();
        let room = u64::from(self.cost(&record));
        let path = |first| self.path(first);
        state.push(seq, record.numbered(seq), room, self.settings.file_bytes(), path);
        drop(state);
        if idle {
            self.work.notify_one();
        }
        seq
    }

    /// Waits until a row is on the disk, if `add` is to do so.
    pub(crate) async fn confirm(&self, seq: u64) -> Result<(), Error> {
        if !self.settings.each_add {
            return Ok(());
        }
        self.until(|state| state.durable >= seq).await
    }

    /// Waits until a row is in the spool's file, so that no row is in the database that is not in the spool, and the
    /// memory for what waits here is that of the writer's buffer.
    pub(crate) async fn written(&self, seq: u64) -> Result<(), Error> {
        {
            let mut state = self.lock();
            if state.written >= seq {
                return Ok(());
            }
            state.hurry = true;
        }
        self.work.notify_one();
        self.until(|state| state.written >= seq).await
    }

    /// Asks for an fsync of what was added so far, without waiting for it.
    pub(crate) fn ask_sync(&self) {
        self.lock().sync = true;
        self.work.notify_one();
    }

    /// Waits until all that was added is on the disk.
    pub(crate) async fn sync(&self) -> Result<(), Error> {
        self.ask_sync();
        let last = self.lock().last();
        self.until(|state| state.durable >= last).await
    }

    /// The same, blocking. The last row that is on the disk then, for certain.
    pub(crate) fn sync_blocking(&self) -> u64 {
        self.ask_sync();
        let mut state = self.lock();
        let last = state.last();
        while state.durable < last && !state.ended {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.durable
    }

    /// No more rows will come: nobody shall wait for room.
    pub(crate) fn shut(&self) {
        self.room.close();
    }

    /// Why no more can be written to the spool, if so.
    pub(crate) fn failure(&self) -> Option<Error> {
        let source = self.lock().failure.clone()?;
        Some(Error::SpoolFailed { file: self.settings.folder.clone(), source })
    }

    /// Reads in the database how far the spool is settled, and joins it with what the spool itself says. Waits so
    /// long while others hold the database.
    pub(crate) async fn load(&self, patience: Duration) -> Result<(), Error> {
        let ledger = self.ask(patience).await?;
        let mut state = self.lock();
        state.ledger = state.ledger.merge(&ledger);
        Ok(())
    }

    /// Whether the transaction was committed whose [`statement`](Beside::statement) was made of this. Waits so long
    /// while others hold the database: that transaction itself, as a rule, if it still is to be committed.
    ///
    /// A transaction that leaves the ledger as it was has written no row, so either answer is right for it.
    pub(crate) async fn is_committed(
        &self,
        rows: &[Row],
        settled: usize,
        refused: &[usize],
        patience: Duration,
    ) -> Result<bool, Error> {
        Ok(self.ask(patience).await? == self.after(rows, settled, refused))
    }

    /// Reads the ledger in the database.
    async fn ask(&self, patience: Duration) -> Result<Ledger, Error> {
        let started = Instant::now();
        let mut backoff = Backoff::new();
        let (table, backend) = (self.schema.table.name, self.schema.table.backend);
        loop {
            match Ledger::load(&self.connection, &self.settings.table, &self.id).await {
                Ok(ledger) => return Ok(ledger),
                Err(source) if !is_busy(&source, backend) => return Err(Error::Database { table, source }),
                Err(source) => {
                    let waited = started.elapsed();
                    if waited >= patience {
                        return Err(Error::Busy { table, waited, source });
                    }
                    tokio::time::sleep(backoff.next()).await;
                }
            }
        }
    }

    /// The ledger once the rows `..settled` of a batch are decided, and those at the places of `refused` are not.
    fn after(&self, rows: &[Row], settled: usize, refused: &[usize]) -> Ledger {
        let is_done = |place: usize| place < settled && !refused.contains(&place);
        let numbers = |done: bool| {
            let rows = rows.iter().enumerate().filter(move |(place, _)| is_done(*place) == done);
            rows.flat_map(|(_, row)| row.seqs.iter().copied())
        };
        let mut ledger = self.ledger();
        ledger.enter(numbers(true), numbers(false));
        ledger
    }

    /// Which rows are done, for the replay.
    pub(super) fn ledger(&self) -> Ledger {
        self.lock().ledger.clone()
    }

    /// All that was found in the spool is done: what is still open is of rows that no file holds any more.
    pub(crate) fn replayed(&self) {
        let mut state = self.lock();
        let settled = state.ledger.settled();
        state.ledger = Ledger::read(settled, "").unwrap_or_default();
        state.unnoted = true;
        drop(state);
        self.work.notify_one();
    }

    /// Enters rows of one batch: those that are decided for good, refused ones that were handed over among them, and
    /// those that are not.
    pub(crate) fn settle(&self, done: &[u64], undone: &[u64]) {
        let mut state = self.lock();
        state.ledger.enter(done.iter().copied(), undone.iter().copied());
        state.unnoted = true;
        let idle = !(state.can_remove() || state.can_roll());
        drop(state);
        if !idle {
            self.work.notify_one();
        }
    }

    /// Brings all onto the disk, ends the thread, and gives the folder free. A failure here costs nothing that the
    /// next start does not find out.
    pub(crate) async fn finish(&self) {
        self.ask_end();
        if let Err(error) = self.until(|state| state.ended).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the spool could not be tidied up");
        }
        self.finish_blocking();
    }

    /// The same, blocking.
    pub(crate) fn finish_blocking(&self) {
        self.ask_end();
        let mut state = self.lock();
        while !state.ended {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.lock = None;
    }

    fn ask_end(&self) {
        self.shut();
        self.lock().ending = true;
        self.work.notify_one();
    }

    async fn until(&self, reached: impl Fn(&State) -> bool) -> Result<(), Error> {
        loop {
            let progress = self.progress.notified();
            {
                let state = self.lock();
                if state.failure.is_none() && reached(&state) {
                    return Ok(());
                }
            }
            if let Some(failure) = self.failure() {
                return Err(failure);
            }
            progress.await;
        }
    }

    fn path(&self, first: u64) -> PathBuf {
        self.settings.folder.join(file_name(first))
    }

    /// No code panics while it holds the lock, so a poisoned one still guards sound data.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread.
impl Log {
    fn run(&self, mut disk: Disk) {
        let mut unsynced = Unsynced::default();
        loop {
            let mut state = self.gather(&unsynced);
            if state.can_roll() {
                state.roll(|first| self.path(first));
            }
            let ending = state.ending;
            let mut sync = std::mem::take(&mut state.sync) || ending || self.settings.each_add;
            state.hurry = false;
            let pending = std::mem::take(&mut state.pending);
            let note = (state.unnoted && (sync || ending)).then(|| state.ledger.clone());
            state.unnoted &= note.is_none();
            drop(state);

            let write = || -> io::Result<()> {
                for chunk in pending {
                    match chunk {
                        Chunk::Records { bytes, last } => {
                            disk.append(&bytes, last)?;
                            unsynced.add(bytes.len());
                        }
                        Chunk::File { first, note } => {
                            disk.follow(first, &Record::note(&note).numbered(0))?
                        }
                    }
                }
                if let Some(note) = note {
                    disk.append(&Record::note(&note).numbered(0), disk.written)?;
                }
                sync |= unsynced.is_due(&self.settings);
                if sync {
                    disk.sync()?;
                    unsynced = Unsynced::default();
                }
                Ok(())
            };
            let end = write();
            self.advance(&disk);
            if let Err(error) = end.and_then(|()| self.remove_done()) {
                return self.fail(&mut disk, error);
            }
            if ending && self.end() {
                return;
            }
        }
    }

    /// Waits until there is something to do.
    fn gather(&self, unsynced: &Unsynced) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let mut since: Option<Instant> = None;
        loop {
            let now = state.sync || state.hurry || state.ending || state.can_roll() || state.can_remove();
            let wait = match unsynced.left(&self.settings) {
                _ if now => return state,
                Some(Duration::ZERO) => return state,
                _ if !state.pending.is_empty() => {
                    let waited = since.get_or_insert_with(Instant::now).elapsed();
                    if self.settings.each_add || waited >= GATHER {
                        return state;
                    }
                    Some(GATHER - waited)
                }
                left => left,
            };
            state = match wait {
                Some(wait) => self.work.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn advance(&self, disk: &Disk) {
        let mut state = self.lock();
        (state.written, state.durable) = (disk.written, disk.durable);
        drop(state);
        self.progress.notify_waiters();
        self.done.notify_all();
    }

    fn remove_done(&self) -> io::Result<()> {
        let (paths, room) = self.lock().take_done();
        for path in paths {
            std::fs::remove_file(path)?;
        }
        self.room.add_permits(usize::try_from(room).unwrap_or(0));
        Ok(())
    }

    /// Ends, if nothing is left to do.
    fn end(&self) -> bool {
        let mut state = self.lock();
        state.ended = state.pending.is_empty() && !state.can_roll() && !state.can_remove();
        let ended = state.ended;
        drop(state);
        self.progress.notify_waiters();
        self.done.notify_all();
        ended
    }

    fn fail(&self, disk: &mut Disk, error: io::Error) {
        if let Err(also) = disk.take_back() {
            tracing::error!(
                spool = %self.settings.folder.display(),
                error = &also as &dyn std::error::Error,
                "what the spool could not write cannot be taken back; rows that are handed back may be in it too"
            );
        }
        let mut state = self.lock();
        (state.written, state.durable) = (disk.written, disk.durable);
        state.pending.clear();
        state.failure = Some(Arc::new(error));
        state.ended = true;
        drop(state);
        self.shut();
        self.progress.notify_waiters();
        self.done.notify_all();
        self.task.notify_one();
    }
}

impl Beside for Log {
    fn statement(&self, rows: &[Row], settled: usize, refused: &[usize]) -> Statement {
        let ledger = self.after(rows, settled, refused);
        ledger.statement(self.schema.table.backend, &self.settings.table, &self.id)
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Log").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What was written since the last fsync.
#[derive(Debug, Default)]
struct Unsynced {
    bytes: usize,
    since: Option<Instant>,
}

impl Unsynced {
    fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.since.get_or_insert_with(Instant::now);
    }

    /// How long it may still wait; `None` if nothing is unsynced.
    fn left(&self, settings: &Spool) -> Option<Duration> {
        Some(settings.interval.saturating_sub(self.since?.elapsed()))
    }

    fn is_due(&self, settings: &Spool) -> bool {
        self.bytes >= settings.sync_bytes || self.left(settings) == Some(Duration::ZERO)
    }
}

/// A call that waits for room on the disk; it is counted until it is dropped, cancelled or not.
struct Waiting<'a>(&'a Log);

impl<'a> Waiting<'a> {
    fn begin(log: &'a Log) -> Self {
        log.lock().waiting += 1;
        log.work.notify_one();
        Self(log)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}
