//! Where rows wait: the meeting point of the handles, which add, and the task, which writes.
//!
//! The buffer must never lose a row that `add` took: a row is in the queue, in the batch of the task, or in one of
//! the lists that are handed back; [`Counts`] adds up over them.

mod state;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    time::Instant,
};

use self::state::{Next, State};
use crate::{
    Counts, Error, Observer, Trigger,
    batch::{Batch, Verdict},
    limits::Limits,
    row::Row,
    spool::{Log, Record},
};

/// How long a batch may grow once it is due: little beside the linger time, and enough for thousands of rows.
const GATHERING: Duration = Duration::from_millis(4);

/// How long it is waited for more rows: as short as the runtime's clock allows. A step must bring as many rows as make a
/// batch due, or the batch goes.
const STEP: Duration = Duration::from_millis(1);

/// Called with each rejected row instead of keeping it.
pub(crate) type OnRejected = Box<dyn Fn(Row, Error) + Send + Sync>;

pub(crate) struct Buffer {
    limits: Limits,
    table: &'static str,
    on_rejected: Option<OnRejected>,
    observer: Arc<dyn Observer>,
    /// Room for rows. A row's permit is forgotten when it enters and given back when its batch is settled, so rows
    /// in flight count too. Closed once no more rows are taken.
    rows: Semaphore,
    /// Room for bytes, likewise.
    bytes: Semaphore,
    /// Wakes the task.
    wake: Arc<Notify>,
    /// Wakes those who wait for rows to be settled or for the end.
    progress: Notify,
    spool: Option<Arc<Log>>,
    state: Mutex<State>,
}

impl Buffer {
    pub(crate) fn new(
        limits: Limits,
        table: &'static str,
        on_rejected: Option<OnRejected>,
        observer: Arc<dyn Observer>,
        wake: Arc<Notify>,
        spool: Option<Arc<Log>>,
    ) -> Self {
        Self {
            rows: Semaphore::new(limits.capacity),
            bytes: Semaphore::new(limits.capacity_bytes),
            wake,
            spool,
            progress: Notify::new(),
            state: Mutex::new(State::default()),
            limits,
            table,
            on_rejected,
            observer,
        }
    }

    pub(crate) fn spool(&self) -> Option<&Arc<Log>> {
        self.spool.as_ref()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Adds a row, waiting for room.
    ///
    /// Cancellation safe: room is reserved first, and from the reservation to the entry there is no await. A
    /// cancelled call has not added its row, unless it waits for the spool's fsync.
    pub(crate) async fn add(&self, mut row: Row) -> Result<(), Error> {
        let cost = self.cost(&row);
        let spooling = match &self.spool {
            Some(spool) => Some((spool, spool.encode(&row)?)),
            None => None,
        };
        let place = self.reserve_place().await?;
        let room = self.reserve(cost).await?;
        let spooling = match spooling {
            Some((spool, record)) => Some((spool, self.reserve_spool(spool, &record).await?, record)),
            None => None,
        };
        let mut spooled = None;
        let (due, spent) = {
            let mut state = self.lock();
            if let Some(refusal) = state.refusal() {
                return Err(refusal);
            }
            place.forget();
            room.forget();
            if let Some((spool, space, record)) = spooling {
                space.forget();
                // Under the buffer's lock, so that the rows have one order here and there.
                let seq = spool.append(record);
                row.seqs.push(seq);
                spooled = Some((spool, seq));
            }
            (state.push(row, &self.limits), state.spent.pop())
        };
        // Freed here, not by the task that writes, whose time is what bounds a busy writer; and where memory was just
        // taken, it is given back cheapest.
        drop(spent);
        if due {
            self.wake.notify_one();
        }
        match spooled {
            Some((spool, seq)) => spool.confirm(seq).await,
            None => Ok(()),
        }
    }

    /// Waits until every row added before the call is decided.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let target = self.lock().ask_flush();
        if let Some(spool) = &self.spool {
            spool.ask_sync();
        }
        self.wake.notify_one();
        loop {
            let progress = self.progress.notified();
            if let Some(end) = self.lock().reached(target) {
                return end;
            }
            self.free();
            progress.await;
        }
    }

    /// Takes no more rows, and lets the task end once it has written those that are here.
    pub(crate) fn shut(&self) {
        self.lock().closing = true;
        self.rows.close();
        self.bytes.close();
        if let Some(spool) = &self.spool {
            spool.shut();
        }
        self.wake.notify_one();
    }

    /// Waits until the task has ended; tells why, if it ended early.
    pub(crate) async fn ended(&self) -> Result<(), Error> {
        loop {
            let progress = self.progress.notified();
            {
                let state = self.lock();
                if state.ended {
                    return state.failure.clone().map_or(Ok(()), Err);
                }
            }
            self.free();
            progress.await;
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    pub(crate) fn take_rejected(&self) -> Vec<(Row, Error)> {
        std::mem::take(&mut self.lock().rejected)
    }

    pub(crate) fn take_sink_error(&self) -> Option<Error> {
        self.lock().sink_error.take()
    }

    /// Remembers that a sink did not take rejected rows.
    pub(crate) fn sink_failed(&self, error: Error) {
        self.lock().sink_error.get_or_insert(error);
    }

    /// Takes the unwritten rows of which `wanted` holds.
    pub(crate) fn take_unwritten(&self, wanted: impl FnMut(&mut Row) -> bool) -> Vec<Row> {
        self.lock().unwritten.extract_if(.., wanted).collect()
    }

    /// How many rows are in memory: waiting or in flight.
    pub(crate) fn held(&self) -> u64 {
        let state = self.lock();
        state.counts.accepted - state.settled
    }

    /// Whether a batch is due now.
    pub(crate) fn is_due(&self) -> bool {
        matches!(self.lock().next(&self.limits, Instant::now()), Next::Due(_))
    }

    /// Waits until a batch is due and says why; `None` once the buffer is shut and empty, or the spool has failed.
    ///
    /// Cancellation safe: no row is taken.
    pub(crate) async fn due(&self) -> Option<Trigger> {
        loop {
            let woken = self.wake.notified();
            if self.spool.as_ref().is_some_and(|spool| spool.failure().is_some()) {
                return None;
            }
            // The guard must be gone before the await, hence the statement of its own.
            let next = self.lock().next(&self.limits, Instant::now());
            if !matches!(next, Next::Due(_)) {
                // There is time now, and perhaps no other `add` for long.
                self.free();
            }
            match next {
                Next::Due(trigger) => return Some(trigger),
                Next::At(deadline) => {
                    // Woken or late, both mean: look again.
                    let _ = tokio::time::timeout_at(deadline, woken).await;
                }
                Next::Idle => woken.await,
                Next::End => return None,
            }
        }
    }

    /// Lets a batch that is due for its rows grow while more come fast, for a few milliseconds at most.
    ///
    /// What a batch costs beside its rows, a trip and a commit, is as much as hundreds of rows cost; so a flood of rows
    /// is written sooner by few batches. Whoever adds less, or waits for a flush, waits for nothing here.
    ///
    /// Cancellation safe: no row is taken.
    pub(crate) async fn gather(&self, trigger: Trigger) {
        let until = Instant::now() + GATHERING;
        let mut seen = self.lock().growing(&self.limits);
        while let (Trigger::Rows, Some(rows)) = (trigger, seen)
            && Instant::now() < until
        {
            tokio::time::sleep(STEP).await;
            seen = self.lock().growing(&self.limits).filter(|now| *now >= rows + self.limits.rows);
        }
    }

    /// Takes the batch that is due.
    pub(crate) fn take(&self, trigger: Trigger) -> Batch {
        let rows = self.lock().take(&self.limits);
        let cost = rows.iter().map(|row| self.cost(row) as usize).sum();
        Batch { trigger, taken: rows.len(), rows, cost, replayed: false }
    }

    /// Makes a batch of rows that were found in the spool.
    pub(crate) fn replay(&self, rows: Vec<Row>) -> Batch {
        self.lock().counts.replayed += rows.len() as u64;
        Batch { trigger: Trigger::Replay, taken: rows.len(), rows, cost: 0, replayed: true }
    }

    /// Takes over the end of a batch, whose rows are all decided; gives back their room.
    pub(crate) fn settle(&self, batch: Batch, verdict: Verdict) {
        let Batch { rows, taken, cost, replayed, .. } = batch;
        let coalesced = taken - rows.len();
        let seqs = seqs(&rows);
        // A heavy row must not wait to be freed: it is not counted any more.
        let (rejected, spent) = if verdict.rejected.is_empty() && cost <= self.limits.bytes {
            (Vec::new(), rows)
        } else {
            (pick(rows, verdict.rejected), Vec::new())
        };
        let refused = rejected.len() as u64;
        let kept = self.hand_over(rejected, verdict.delivered);
        // Not before the callback has them: if it panics, they are tried again after the next start.
        if let Some(spool) = &self.spool {
            spool.settle(&seqs, &[]);
        }
        let left = {
            let mut state = self.lock();
            state.counts.written += verdict.written;
            state.counts.skipped += verdict.skipped;
            state.counts.coalesced += coalesced as u64 + verdict.coalesced;
            state.counts.rejected += refused;
            if !replayed {
                state.settled += taken as u64;
            }
            state.rejected.extend(kept);
            std::mem::replace(&mut state.spent, spent)
        };
        drop(left);
        if !replayed {
            self.rows.add_permits(taken);
            self.bytes.add_permits(cost);
        }
        self.progress.notify_waiters();
    }

    /// Whether so many rejected rows wait that no more may be made.
    pub(crate) fn backlogged(&self) -> bool {
        self.lock().rejected.len() >= self.limits.max_rejected
    }

    /// Stops for good: what is undecided is kept to be handed back, and whoever waits is told why.
    ///
    /// Rows that are safe in the spool are left to it. Blocks, if the spool has rows that are not on the disk yet.
    pub(crate) fn fail(&self, error: Error, flight: Option<(Batch, Verdict)>) {
        self.lock().stopping.get_or_insert_with(|| error.clone());
        let mut rejected = Vec::new();
        let mut lost = None;
        let mut delivered = false;
        if let Some((Batch { mut rows, taken, .. }, verdict)) = flight {
            let undecided = rows.split_off(verdict.settled.min(rows.len()));
            if let Some(spool) = &self.spool {
                spool.settle(&seqs(&rows), &seqs(&undecided));
            }
            let coalesced = taken - rows.len() - undecided.len();
            rejected = pick(rows, verdict.rejected);
            lost = Some((undecided, verdict.written, verdict.skipped, coalesced as u64 + verdict.coalesced));
            delivered = verdict.delivered;
        }
        let safe = self.spool.as_ref().map_or(0, |spool| spool.sync_blocking());
        {
            let mut state = self.lock();
            if let Some((undecided, written, skipped, coalesced)) = lost {
                state.counts.written += written;
                state.counts.skipped += skipped;
                state.counts.coalesced += coalesced;
                state.unwritten.extend(undecided);
            }
            // Kept, not given to the callback: this may run while a panic of that very callback unwinds.
            state.counts.rejected += rejected.len() as u64;
            if !delivered {
                state.rejected.extend(rejected);
            }
            state.fail(error, safe);
        }
        self.rows.close();
        self.bytes.close();
        self.progress.notify_waiters();
    }

    /// Frees the rows of the last settled batch: for those who have nothing else to do.
    fn free(&self) {
        let spent = std::mem::take(&mut self.lock().spent);
        drop(spent);
    }

    /// The last handle is gone: what waits is written, and nobody will ask how it went.
    pub(crate) fn orphan(&self) {
        self.shut();
        let mut state = self.lock();
        state.orphaned = true;
        if state.ended {
            state.warn_unclaimed(self.table);
        }
    }

    /// The task's last word.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        if state.orphaned {
            state.warn_unclaimed(self.table);
        }
        drop(state);
        self.progress.notify_waiters();
    }

    /// Gives rejected rows to the callback, if there is one; returns those that are to be kept: none, if a sink has
    /// taken them.
    fn hand_over(&self, rejected: Vec<(Row, Error)>, delivered: bool) -> Vec<(Row, Error)> {
        let Some(on_rejected) = &self.on_rejected else {
            return if delivered { Vec::new() } else { rejected };
        };
        for (row, error) in rejected {
            on_rejected(row, error);
        }
        Vec::new()
    }

    /// Reserves room for a row.
    async fn reserve_place(&self) -> Result<SemaphorePermit<'_>, Error> {
        if let Ok(permit) = self.rows.try_acquire() {
            return Ok(permit);
        }
        let _waiting = Waiting::begin(self);
        self.rows.acquire().await.map_err(|_| self.refusal())
    }

    /// Reserves room on the disk; while it waits, the rows in the queue are pressed out, so that there will be some.
    async fn reserve_spool<'a>(&self, spool: &'a Log, record: &Record) -> Result<SemaphorePermit<'a>, Error> {
        if let Some(permit) = spool.try_reserve(record) {
            return Ok(permit);
        }
        let _waiting = (Pressing::begin(self), Waiting::begin(self));
        spool.reserve(record).await.map_err(|_| self.refusal())
    }

    /// Reserves room for a row's weight; while it waits, the rows in the queue are pressed out.
    async fn reserve(&self, cost: u32) -> Result<SemaphorePermit<'_>, Error> {
        if let Ok(permit) = self.bytes.try_acquire_many(cost) {
            return Ok(permit);
        }
        let _waiting = (Pressing::begin(self), Waiting::begin(self));
        self.bytes.acquire_many(cost).await.map_err(|_| self.refusal())
    }

    /// Why the buffer takes no rows any more.
    fn refusal(&self) -> Error {
        let refusal = self.lock().refusal();
        let failure = || self.spool.as_ref().and_then(|spool| spool.failure());
        refusal.or_else(failure).unwrap_or(Error::Closed)
    }

    /// The room in bytes that a row takes. A row heavier than the whole buffer takes all of it, and so goes through
    /// alone.
    fn cost(&self, row: &Row) -> u32 {
        u32::try_from(row.weight.min(self.limits.capacity_bytes)).unwrap_or(u32::MAX)
    }

    /// No code panics while it holds the lock, so a poisoned one still guards sound data.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that waits for room in bytes; it is counted until it is dropped, cancelled or not.
struct Pressing<'a>(&'a Buffer);

impl<'a> Pressing<'a> {
    fn begin(buffer: &'a Buffer) -> Self {
        buffer.lock().pressing += 1;
        buffer.wake.notify_one();
        Self(buffer)
    }
}

impl Drop for Pressing<'_> {
    fn drop(&mut self) {
        self.0.lock().pressing -= 1;
    }
}

/// A call that waits for any room; how long it did is told when it is dropped, cancelled or not.
struct Waiting<'a> {
    buffer: &'a Buffer,
    since: Instant,
}

impl<'a> Waiting<'a> {
    fn begin(buffer: &'a Buffer) -> Self {
        Self { buffer, since: Instant::now() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.buffer.observer.waited(self.buffer.table, self.since.elapsed());
    }
}

/// The numbers under which a spool holds the rows.
fn seqs(rows: &[Row]) -> Vec<u64> {
    rows.iter().flat_map(|row| row.seqs.iter().copied()).collect()
}

/// Takes the named rows out, each with its error.
fn pick(rows: Vec<Row>, mut named: Vec<(usize, Error)>) -> Vec<(Row, Error)> {
    if named.is_empty() {
        return Vec::new();
    }
    named.sort_by_key(|(place, _)| *place);
    let mut named = named.into_iter().peekable();
    rows.into_iter()
        .enumerate()
        .filter_map(|(place, row)| named.next_if(|(next, _)| *next == place).map(|(_, error)| (row, error)))
        .collect()
}
