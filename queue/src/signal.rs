//! Waking those who wait, without asking the store again and again.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::{QueueName, TaskId, Topic};

/// Where [`Listener`]s hear of a change.
pub struct Signal {
    sender: watch::Sender<()>,
}

impl Signal {
    /// A signal that nobody listens to yet.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: watch::Sender::new(()) }
    }

    /// Wakes everybody who listens now.
    pub fn raise(&self) {
        self.sender.send_replace(());
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listener {
        Listener { receiver: self.sender.subscribe(), poll: None }
    }

    fn is_abandoned(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Default for Signal {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").finish_non_exhaustive()
    }
}

/// Hears of changes from the moment it was made.
#[must_use = "a listener hears nothing unless `changed` is awaited"]
pub struct Listener {
    receiver: watch::Receiver<()>,
    poll: Option<Duration>,
}

impl Listener {
    /// Makes the listener return after so long even without a signal, for stores that others change as well.
    pub const fn polling(mut self, every: Duration) -> Self {
        self.poll = Some(every);
        self
    }

    /// Returns when something may have changed: at a signal since the last call, when it is time to poll, and at the
    /// latest after `at_most`. Wake-ups without a change are possible, missed changes are not.
    ///
    /// Cancellation safe: dropping the future loses no signal.
    pub async fn changed(&mut self, at_most: Duration) {
        let limit = self.poll.map_or(at_most, |poll| poll.min(at_most));
        let change = async {
            if self.receiver.changed().await.is_err() {
                // The signal was heard before and is gone: it will never be raised again, so only time is left.
                std::future::pending::<()>().await;
            }
        };
        // Running out of time is an ordinary way to return.
        drop(tokio::time::timeout(limit, change).await);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("poll", &self.poll).finish_non_exhaustive()
    }
}

/// What a call has changed that others may wait for.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Whether tasks became ready, or a limit or a setting that held ready ones back gave way.
    pub(crate) ready: bool,
    /// The tasks that were done or died, those included that no answer names: what waited for another task, what was
    /// found expired at a claim.
    pub(crate) ended: Vec<TaskId>,
    /// The tasks whose runs showed progress.
    pub(crate) progressed: Vec<TaskId>,
}

/// The signals of one broker in this process.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    signals: Mutex<Signals>,
}

#[derive(Debug, Default)]
struct Signals {
    ready: HashMap<QueueName, Signal>,
    finished: HashMap<QueueName, HashMap<TaskId, Signal>>,
    /// How many listeners to tasks were made since the abandoned ones were last swept out.
    since_sweep: usize,
}

impl Hub {
    pub(crate) fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        match topic {
            Topic::Ready => signals.ready.entry(queue.clone()).or_default().listen(),
            Topic::Task(task) => {
                signals.sweep();
                let of_queue = signals.finished.entry(queue.clone()).or_default();
                of_queue.entry(task.clone()).or_default().listen()
            }
        }
    }

    /// Wakes those whom a call concerns, when what it changed can be seen.
    pub(crate) fn tell(&self, queue: &QueueName, news: &News) {
        self.finished(queue, news.ended.iter());
        self.progressed(queue, &news.progressed);
        if news.ready {
            self.ready(queue);
        }
    }

    /// Wakes everybody, because changes may have been missed.
    #[cfg(feature = "redis")]
    pub(crate) fn changed(&self, queue: &QueueName) {
        self.ready(queue);
        let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        for signal in signals.finished.get(queue).into_iter().flat_map(HashMap::values) {
            signal.raise();
        }
    }

    /// Whether somebody listens for work.
    #[cfg(feature = "redis")]
    pub(crate) fn awaits_work(&self, queue: &QueueName) -> bool {
        let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        signals.ready.get(queue).is_some_and(|signal| !signal.is_abandoned())
    }

    /// Whether somebody waits for a task.
    #[cfg(feature = "redis")]
    pub(crate) fn is_awaited(&self, queue: &QueueName, task: &TaskId) -> bool {
        let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        let signal = signals.finished.get(queue).and_then(|of_queue| of_queue.get(task));
        signal.is_some_and(|signal| !signal.is_abandoned())
    }

    /// Wakes those who look for work.
    fn ready(&self, queue: &QueueName) {
        let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signal) = signals.ready.get(queue) {
            signal.raise();
        }
    }

    /// Wakes those who listen to tasks that go on, so they listen further.
    fn progressed(&self, queue: &QueueName, tasks: &[TaskId]) {
        if tasks.is_empty() {
            return;
        }
        let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of_queue) = signals.finished.get(queue) else { return };
        for signal in tasks.iter().filter_map(|task| of_queue.get(task)) {
            signal.raise();
        }
    }

    fn finished<'a>(&self, queue: &QueueName, tasks: impl Iterator<Item = &'a TaskId>) {
        let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of_queue) = signals.finished.get_mut(queue) else { return };
        for task in tasks {
            if let Some(signal) = of_queue.remove(task) {
                signal.raise();
            }
        }
    }
}

impl Signals {
    /// Drops the signals that nobody listens to any more, once for about as many new ones as there are: the cost per
    /// listener stays constant, and the memory within twice of what is in use.
    fn sweep(&mut self) {
        self.since_sweep += 1;
        let held: usize = self.finished.values().map(HashMap::len).sum();
        if self.since_sweep < held.max(64) {
            return;
        }
        self.since_sweep = 0;
        for of_queue in self.finished.values_mut() {
            of_queue.retain(|_, signal| !signal.is_abandoned());
        }
        self.finished.retain(|_, of_queue| !of_queue.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: usize) -> Topic {
        Topic::Task(TaskId::new(&format!("task {number}")).unwrap())
    }

    #[test]
    fn abandoned_listeners_do_not_pile_up() {
        let hub = Hub::default();
        let queue = QueueName::new("q").unwrap();
        for number in 0..10_000 {
            drop(hub.listen(&queue, &task(number)));
        }
        let held: usize = hub.signals.lock().unwrap().finished.values().map(HashMap::len).sum();
        assert!(held <= 128, "{held} signals are still there");
    }

    #[tokio::test]
    async fn a_change_between_listening_and_waiting_is_heard() {
        let hub = Hub::default();
        let queue = QueueName::new("q").unwrap();
        let mut listener = hub.listen(&queue, &Topic::Ready);
        hub.ready(&queue);
        let heard = tokio::time::timeout(Duration::from_secs(5), listener.changed(Duration::from_secs(60)));
        assert!(heard.await.is_ok());
    }
}
