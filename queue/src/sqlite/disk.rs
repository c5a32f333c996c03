//! The thread that waits for the disk, so that the one that owns the connection need not.
//!
//! A transaction is committed without that wait (`synchronous = NORMAL`): it stands in the write-ahead log then and
//! everybody sees it, but the system may not have brought it to the disk. No answer may rest on it before that has
//! happened, so all that was written goes through here, and whatever was read meanwhile. While one wait lasts the next
//! transactions are run, and all that came in the meantime share the next wait.
//!
//! The log is one file for all processes, so waiting for it covers what others have written as well. The database
//! itself needs no wait: before SQLite works the log into it, it waits for the log of its own accord.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::engine::Call;

/// How many groups wait for the disk at most; then their thread waits as well. What they hold is bounded by it.
const MAX_WAITING: usize = 64;

type Group = Vec<Box<dyn Call>>;

pub(super) struct Disk {
    /// `None` only while it is dropped.
    groups: Option<SyncSender<Group>>,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    waiting: AtomicUsize,
    failed: AtomicBool,
}

impl Disk {
    /// Starts the thread. `sync` returns when all that was written before the call is on the disk.
    pub(super) fn start(sync: impl FnMut() -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (sender, groups) = sync_channel(MAX_WAITING);
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let body = move || wait_for(sync, &groups, &shared);
        let thread = Builder::new().name("cofferdam-disk".to_owned()).spawn(body)?;
        Ok(Self { groups: Some(sender), state, thread: Some(thread) })
    }

    /// Answers these calls when all that was written before is on the disk.
    pub(super) fn answer(&self, calls: Group) {
        self.state.waiting.fetch_add(1, Ordering::SeqCst);
        if let Some(groups) = &self.groups {
            // The thread goes on until the channel is closed; were it gone, dropping the calls would tell their callers.
            drop(groups.send(calls));
        }
    }

    /// Whether nothing of this broker waits for the disk.
    pub(super) fn is_idle(&self) -> bool {
        self.state.waiting.load(Ordering::SeqCst) == 0
    }

    /// Whether the disk has failed. Nobody knows then which of the earlier writes it holds, and a later success would
    /// not tell: a system reports the loss of a write once. So nothing may be answered any more.
    pub(super) fn has_failed(&self) -> bool {
        self.state.failed.load(Ordering::SeqCst)
    }
}

/// Waits for all answers.
impl Drop for Disk {
    fn drop(&mut self) {
        self.groups = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to report, not even a panic: the calls that it held were dropped, which is an answer.
            drop(thread.join());
        }
    }
}

fn wait_for(mut sync: impl FnMut() -> io::Result<()>, groups: &Receiver<Group>, state: &State) {
    while let Ok(first) = groups.recv() {
        let mut together = vec![first];
        together.extend(groups.try_iter());
        let count = together.len();
        let failure = match state.failed.load(Ordering::SeqCst) {
            true => Some(io::Error::other("an earlier write did not reach the disk")),
            false => sync().err(),
        };
        if failure.is_some() {
            state.failed.store(true, Ordering::SeqCst);
        }
        for mut call in together.into_iter().flatten() {
            if let Some(failure) = &failure {
                call.doubt(failure);
            }
            call.answer();
        }
        state.waiting.fetch_sub(count, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use super::*;
    use crate::sqlite::fault::Fault;
    use crate::sqlite::ledger::Ledger;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A call that only tells what becomes of it.
    struct Probe {
        number: u32,
        doubted: bool,
        told: Sender<(u32, bool)>,
    }

    impl Call for Probe {
        fn is_abandoned(&self) -> bool {
            false
        }

        fn look(&mut self, _: &Ledger<'_>, _: Duration) -> bool {
            true
        }

        fn probes(&self) -> bool {
            false
        }

        fn write(&mut self, _: &Ledger<'_>) -> Result<(), Fault> {
            Ok(())
        }

        fn fail(&mut self, _: Fault, _: Duration) {}

        fn doubt(&mut self, _: &io::Error) {
            self.doubted = true;
        }

        fn answer(self: Box<Self>) {
            self.told.send((self.number, self.doubted)).unwrap();
        }
    }

    #[test]
    fn nothing_is_answered_before_the_disk_has_it_and_what_comes_meanwhile_shares_a_wait() {
        let (told, answers) = channel();
        let (release, gate) = channel();
        let (begun, begins) = channel();
        let gate = Mutex::new(gate);
        let disk = Disk::start(move || {
            begun.send(()).unwrap();
            gate.lock().unwrap().recv_timeout(PATIENCE).map_err(io::Error::other)
        })
        .unwrap();
        let put = |number| {
            disk.answer(vec![Box::new(Probe { number, doubted: false, told: told.clone() })]);
        };
        put(1);
        begins.recv_timeout(PATIENCE).unwrap();
        put(2);
        put(3);
        assert!(answers.try_recv().is_err() && !disk.is_idle());
        release.send(()).unwrap();
        assert_eq!(answers.recv_timeout(PATIENCE), Ok((1, false)));
        begins.recv_timeout(PATIENCE).unwrap();
        assert!(answers.try_recv().is_err() && !disk.is_idle());
        release.send(()).unwrap();
        assert_eq!(answers.recv_timeout(PATIENCE), Ok((2, false)));
        assert_eq!(answers.recv_timeout(PATIENCE), Ok((3, false)));
        drop(disk);
        assert!(begins.try_recv().is_err(), "two waits served three groups");
    }

    #[test]
    fn after_a_failure_nothing_is_believed() {
        let (told, answers) = channel();
        let mut outcomes = vec![Ok(()), Err(io::Error::other("input/output error")), Ok(())];
        let disk = Disk::start(move || outcomes.pop().unwrap()).unwrap();
        for (number, doubted) in [(1, false), (2, true), (3, true)] {
            disk.answer(vec![Box::new(Probe { number, doubted: false, told: told.clone() })]);
            assert_eq!(answers.recv_timeout(PATIENCE), Ok((number, doubted)));
            assert_eq!(disk.has_failed(), doubted);
        }
    }
}
