//! Threads with a deep stack, for work that a thread of the caller cannot do.
//!
//! A guest needs a deep stack, and so does the parser of a hostile text; the threads of the caller's runtime have none.
//! A guest may also keep its thread busy for as long as its limits allow. So both get threads of their own. One that has
//! no work is kept for a while: its stack and its part of the heap are mapped already, where a new thread costs as much
//! as loading a small program.

use std::io;
use std::sync::mpsc::{self, SendError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// How long a thread without work is kept.
const KEPT: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce() + Send>;

/// A set of threads that grows with the work that runs at once, so that no work waits for other work.
///
/// A clone is a handle to the same threads. Work that panics ends its thread and nothing else.
#[derive(Clone)]
pub(crate) struct Threads {
    shared: Arc<Shared>,
}

struct Shared {
    name: &'static str,
    /// Bytes of stack of each thread: reserved addresses, of which only what was used costs memory.
    stack: usize,
    /// The threads that wait for work. The one that came last is taken first: its memory is the warmest, and those that
    /// a busy moment left over come to their end.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    thread: ThreadId,
    work: Sender<Work>,
}

impl Threads {
    pub(crate) fn new(name: &'static str, stack: usize) -> Self {
        Self { shared: Arc::new(Shared { name, stack, idle: Mutex::default() }) }
    }

    /// Runs the work on an idle thread, or on a new one.
    ///
    /// # Errors
    ///
    /// When the system gives no thread; the work is then dropped.
    pub(crate) fn run(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut work: Work = Box::new(work);
        let idle = self.shared.idle().pop();
        if let Some(idle) = idle {
            match idle.work.send(work) {
                Ok(()) => return Ok(()),
                Err(SendError(unsent)) => work = unsent,
            }
        }
        let shared = Arc::clone(&self.shared);
        thread::Builder::new()
            .name(shared.name.to_owned())
            .stack_size(shared.stack)
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
        let thread = thread::current().id();
        let (tell, hear) = mpsc::channel();
        self.idle().push(Idle { thread, work: tell });
        if let Ok(work) = hear.recv_timeout(KEPT) {
            return Some(work);
        }
        self.idle().retain(|idle| idle.thread != thread);
        // Whoever took this thread off the list before has sent its work or is about to; else nobody can send any more.
        hear.recv().ok()
    }

    /// No work runs under the lock, so nothing can leave the list half-changed.
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use super::*;

    const STACK: usize = 256 * 1024;

    /// Runs work that tells its thread and then waits for a word.
    fn busy(threads: &Threads) -> (ThreadId, Sender<()>) {
        let (told, hear) = mpsc::channel();
        let (go, wait): (_, Receiver<()>) = mpsc::channel();
        threads
            .run(move || {
                told.send(thread::current().id()).unwrap();
                let _ = wait.recv();
            })
            .unwrap();
        (hear.recv().unwrap(), go)
    }

    fn wait_for_idle(threads: &Threads, count: usize) {
        while threads.shared.idle().len() < count {
            thread::yield_now();
        }
    }

    #[test]
    fn the_thread_that_was_busy_last_is_used_again_and_more_come_when_all_are_busy() {
        let threads = Threads::new("test", STACK);
        let (first, end_first) = busy(&threads);
        let (second, end_second) = busy(&threads);
        assert_ne!(first, second);
        drop(end_second);
        wait_for_idle(&threads, 1);
        drop(end_first);
        wait_for_idle(&threads, 2);
        let (again, _end) = busy(&threads);
        assert_eq!(again, first);
        let (other, _end) = busy(&threads);
        assert_eq!(other, second);
        let (third, _end) = busy(&threads);
        assert!(third != first && third != second);
    }

    #[test]
    fn a_panic_ends_its_thread_and_later_work_gets_another() {
        let threads = Threads::new("test", STACK);
        let (told, hear) = mpsc::channel::<()>();
        threads
            .run(move || {
                let _told = told;
                std::panic::resume_unwind(Box::new("on purpose"));
            })
            .unwrap();
        assert!(hear.recv().is_err());
        let (_, _end) = busy(&threads);
        assert!(threads.shared.idle().is_empty());
    }
}
