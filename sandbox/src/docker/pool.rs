//! Containers that are started before anybody asks for them.
//!
//! Starting one takes about a second, nearly all of it the engine's and the import of numpy and pandas. A container in
//! the pool is past that: its runner waits for a program, has seen none, and is handed out once. It must never be one
//! that somebody has used.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::container::Container;
use super::engine::Engine;
use super::reaper;
use super::shape::Size;

/// Older containers are replaced, so that one that is handed out has its whole useful life before it, and so that what
/// went wrong with it meanwhile does not stay for ever.
pub(super) const OLDEST: Duration = Duration::from_secs(600);

/// How often the pool is looked through and left-over containers are swept away.
const ROUND: Duration = Duration::from_secs(60);

/// Pauses after a failure, doubled from the first to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The pool of one sandbox.
pub(super) struct Pool {
    /// How many containers there should be.
    count: usize,
    size: Size,
    stock: Mutex<Stock>,
    /// Wakes the keeper.
    wanted: Notify,
    /// Tells the watch that the pool is closed.
    over: Notify,
    /// How many are ready, for whoever waits for it.
    ready: watch::Sender<usize>,
}

#[derive(Default)]
struct Stock {
    ready: VecDeque<Container>,
    closed: bool,
}

impl Pool {
    pub(super) fn new(count: usize, size: Size) -> Self {
        let (wanted, over) = (Notify::new(), Notify::new());
        Self { count, size, stock: Mutex::default(), wanted, over, ready: watch::Sender::new(0) }
    }

    /// The oldest container that is ready, if there is one.
    pub(super) fn take(&self) -> Option<Container> {
        let taken = {
            let mut stock = self.stock();
            let taken = stock.ready.pop_front();
            self.ready.send_replace(stock.ready.len());
            taken
        };
        self.wake();
        taken
    }

    /// Waits until the pool is full.
    pub(super) async fn full(&self) {
        // An error would mean that the sender is gone, and it is ours.
        let _ = self.ready.subscribe().wait_for(|ready| *ready >= self.count).await;
    }

    /// Ends the keeper, and all containers that nobody took.
    pub(super) fn close(&self) {
        let rest = {
            let mut stock = self.stock();
            stock.closed = true;
            std::mem::take(&mut stock.ready)
        };
        drop(rest);
        self.wake();
        self.over.notify_one();
    }

    /// Resolves when the pool is closed, for the one who waits for it.
    pub(super) async fn over(&self) {
        self.over.notified().await;
    }

    /// Gives up what is ready, since its engine is gone.
    pub(super) fn forget(&self) {
        let lost = std::mem::take(&mut self.stock().ready);
        self.ready.send_replace(0);
        drop(lost);
    }

    /// Has the keeper look now.
    pub(super) fn wake(&self) {
        self.wanted.notify_one();
    }

    fn is_closed(&self) -> bool {
        self.stock().closed
    }

    fn is_short(&self) -> bool {
        let stock = self.stock();
        !stock.closed && stock.ready.len() < self.count
    }

    /// Adds a container; one that comes after the end is dropped.
    fn put(&self, container: Container) {
        let mut stock = self.stock();
        if !stock.closed {
            stock.ready.push_back(container);
            self.ready.send_replace(stock.ready.len());
        }
    }

    /// Takes out what is too old.
    fn retire(&self) -> Vec<Container> {
        let mut stock = self.stock();
        let mut old = Vec::new();
        while stock.ready.front().is_some_and(|container| container.age() >= OLDEST) {
            old.extend(stock.ready.pop_front());
        }
        self.ready.send_replace(stock.ready.len());
        old
    }

    /// Nothing that holds the lock can leave the stock half-changed.
    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the pool full and the engine swept until the pool is closed.
pub(super) async fn keep(pool: Arc<Pool>, engine: Arc<Engine>) {
    let mut swept = Instant::now();
    let mut pause = FIRST_PAUSE;
    while !pool.is_closed() {
        drop(pool.retire());
        if swept.elapsed() >= ROUND {
            swept = Instant::now();
            if let Err(error) = reaper::sweep(&engine).await {
                tracing::warn!(%error, "left-over containers could not be looked for");
            }
        }
        let mut rest = ROUND;
        if pool.is_short() {
            match Container::start(&engine, &pool.size).await {
                Ok(container) => {
                    pool.put(container);
                    pause = FIRST_PAUSE;
                    continue;
                }
                // The next session makes its own, and tells its user what is wrong.
                Err(error) => {
                    tracing::warn!(%error, "a container could not be started in advance");
                    rest = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        // Woken or not, it looks again.
        let _ = tokio::time::timeout(rest, pool.wanted.notified()).await;
    }
}
