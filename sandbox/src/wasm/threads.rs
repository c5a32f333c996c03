//! The threads that sessions live on.
//!
//! A guest needs a deep stack, which a thread of the caller's runtime does not have, and it may keep its thread busy for
//! as long as its limits allow. So sessions get threads of their own. One that has no session is kept for a while: its
//! stack is mapped already, and starting a thread costs as much as loading a small program.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::engine::THREAD_STACK;

/// How long a thread without a session is kept.
const KEPT: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce() + Send>;

/// A set of threads that grows with the work that runs at once.
#[derive(Clone, Default)]
pub(super) struct Threads {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    /// Work for threads that were idle when it came; never more than those.
    queue: VecDeque<Work>,
    /// Threads that wait and that no work in the queue is meant for.
    idle: usize,
}

impl Threads {
    /// Runs the work on an idle thread, or on a new one.
    ///
    /// # Errors
    ///
    /// When the system gives no thread; the work is then dropped.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        {
            let mut state = self.shared.lock();
            if state.idle > 0 {
                state.idle -= 1;
                state.queue.push_back(Box::new(work));
                self.shared.more.notify_one();
                return Ok(());
            }
        }
        let shared = Arc::clone(&self.shared);
        thread::Builder::new()
            .name("cofferdam-wasm".to_owned())
            .stack_size(THREAD_STACK)
            .spawn(move || {
                work();
                while let Some(work) = shared.next() {
                    work();
                }
            })
            .map(drop)
    }
}

impl Shared {
    /// Waits for work; `None` when none comes for a while.
    fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        state.idle += 1;
        loop {
            if let Some(work) = state.queue.pop_front() {
                return Some(work);
            }
            let (after, waited) = self.more.wait_timeout(state, KEPT).unwrap_or_else(PoisonError::into_inner);
            state = after;
            if waited.timed_out() && state.queue.is_empty() {
                state.idle -= 1;
                return None;
            }
        }
    }

    /// No work runs under the lock, so nothing can leave the state half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_thread_is_used_again_and_more_come_when_all_are_busy() {
        let threads = Threads::default();
        let (told, hear) = mpsc::channel();
        let tell = |told: &mpsc::Sender<_>| told.send(thread::current().id()).unwrap();
        let first = told.clone();
        threads.run(move || tell(&first)).unwrap();
        let first = hear.recv().unwrap();
        // It is idle a moment after it told.
        while threads.shared.lock().idle == 0 {
            thread::yield_now();
        }
        let (go, wait) = mpsc::channel::<()>();
        let again = told.clone();
        threads
            .run(move || {
                tell(&again);
                wait.recv().unwrap();
            })
            .unwrap();
        assert_eq!(hear.recv().unwrap(), first);
        threads.run(move || tell(&told)).unwrap();
        assert_ne!(hear.recv().unwrap(), first);
        go.send(()).unwrap();
    }
}
