//! The loop that brings tasks to the queue and watches over them.
//!
//! It repeats calls without fear, since the queue knows tasks by their ids. It keeps at most one trip in memory. When
//! the queue cannot be reached it pauses, longer and longer up to a bound; nothing is lost meanwhile, since everything
//! lies in the file. What the queue refuses for ever is set apart with the reason, so that it holds up nobody else.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::rows::{self, Held, Turn};
use super::{OutboxState, Shared};
use crate::limits::MAX_BATCH;
use crate::sqlite::engine::{Engine, Work};
use crate::{Backoff, Enqueued, Error, ErrorKind, NewTask, Novelty, Queue, TaskState};

/// The pauses while the queue cannot be reached: soon after a hiccup, and often enough to notice its return.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// How many look intervals lie between two looks at an old task at most.
const RAREST_LOOK: u32 = 60;

/// How many tasks are looked up at once at first. The answers carry results of any size, so the number is halved when
/// they turn out heavy and doubled when they are light.
const FIRST_LOOK: usize = 64;
const HEAVY_BYTES: usize = 8 << 20;

/// The longest pause of a relay with nothing to do: others may write into the same file.
const IDLE: Duration = Duration::from_secs(1);

pub(super) struct Relay {
    pub(super) engine: Engine,
    pub(super) queue: Queue,
    pub(super) shared: Arc<Shared>,
    pub(super) look_interval: Duration,
    pub(super) keep: Option<Duration>,
}

/// How many tasks are sent and looked up at once.
struct Sizes {
    trip: usize,
    look: usize,
}

/// What people should know of the relay.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pub(super) sent_again: u64,
    pub(super) problem: Option<String>,
}

impl Relay {
    /// Works until it is stopped or the last handle is gone.
    pub(super) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let stopped = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
        tokio::select! {
            biased;
            () = stopped => {}
            () = self.relay() => {}
        }
    }

    async fn relay(&mut self) {
        let (base, cap) = BACKOFF;
        let backoff = Backoff::new(base, cap).unwrap_or(Backoff::NONE);
        let mut failures = 0_u32;
        let mut sizes = Sizes { trip: MAX_BATCH, look: FIRST_LOOK };
        loop {
            match self.round(&mut sizes).await {
                Ok(pause) => {
                    failures = 0;
                    tokio::select! {
                        () = self.shared.written.notified() => {}
                        () = sleep(pause) => {}
                    }
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let pause = backoff.ceiling(failures) / 2 + backoff.delay(failures) / 2;
                    tracing::warn!(error = %error, ?pause, "the outbox cannot reach its queue, trying again");
                    self.tell(|trouble| trouble.problem = Some(error.to_string()));
                    sleep(pause).await;
                }
            }
        }
    }

    fn reached(&self) {
        self.tell(|trouble| trouble.problem = None);
    }

    fn tell(&self, change: impl FnOnce(&mut Trouble)) {
        change(&mut self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Does all that is due, and answers when to come back.
    async fn round(&self, sizes: &mut Sizes) -> Result<Duration, Error> {
        while self.send(&mut sizes.trip).await? {}
        while self.look_up(&mut sizes.look).await? {}
        self.forget().await?;
        let queue = self.queue.name().clone();
        let due =
            self.engine.call("read the outbox", Work::read(move |ledger| rows::next_due(ledger, &queue)));
        Ok(due.await?.unwrap_or(IDLE).clamp(Duration::from_millis(1), IDLE))
    }

    /// Sends one trip; whether there was anything to send.
    async fn send(&self, size: &mut usize) -> Result<bool, Error> {
        let (queue, most) = (self.queue.name().clone(), *size);
        let work = Work::read(move |ledger| rows::to_send(ledger, &queue, most));
        let found = self.engine.call("read the outbox", work).await?;
        let any = !found.is_empty();
        let (mut held, mut tasks, mut turns) = (Vec::new(), Vec::new(), Vec::new());
        for (row, record) in found {
            match NewTask::from_record(&record) {
                Ok(task) => {
                    tasks.push(aged(task, row.age));
                    held.push(row);
                }
                Err(error) => turns.push((row.seq, refused(&row, &error))),
            }
        }
        match self.queue.enqueue(tasks.clone()).await {
            Ok(answers) => {
                *size = (most * 2).min(MAX_BATCH);
                self.reached();
                turns.extend(self.sent(&held, answers));
            }
            Err(error) if blames_a_task(&error) => turns.extend(self.send_singly(&held, tasks).await?),
            Err(error) if error.kind() == ErrorKind::Full && most > 1 => {
                // Perhaps there is room for fewer: a queue with a bound takes a batch as a whole or not at all.
                *size = most / 2;
            }
            Err(error) => {
                self.turn(turns).await?;
                return Err(error);
            }
        }
        self.turn(turns).await?;
        Ok(any)
    }

    /// Finds out which task the queue refuses, and sends the others.
    async fn send_singly(&self, held: &[Held], tasks: Vec<NewTask>) -> Result<Vec<(i64, Turn)>, Error> {
        let mut turns = Vec::with_capacity(tasks.len());
        for (row, task) in held.iter().zip(tasks) {
            match self.queue.enqueue(vec![task]).await {
                Ok(answers) => turns.extend(self.sent(std::slice::from_ref(row), answers)),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    // What it waits for may still come, by another road.
                    tracing::warn!(messaging.message.id = %row.id, error = %error, "a task is kept back");
                    turns.push((row.seq, Turn::Waiting(self.pause(row))));
                }
                Err(error) if blames_a_task(&error) => turns.push((row.seq, refused(row, &error))),
                Err(error) => {
                    self.turn(turns).await?;
                    return Err(error);
                }
            }
        }
        Ok(turns)
    }

    fn sent(&self, held: &[Held], answers: Vec<Enqueued>) -> Vec<(i64, Turn)> {
        let turn = |(row, answer): (&Held, Enqueued)| match answer.novelty {
            Novelty::New | Novelty::Existing => (row.seq, Turn::Sent(self.look_interval)),
            Novelty::Duplicate | Novelty::Replaced => {
                (row.seq, Turn::Ended(OutboxState::Duplicate { of: answer.id }))
            }
        };
        held.iter().zip(answers).map(turn).collect()
    }

    /// Looks some tasks up; whether there were as many as were asked for.
    async fn look_up(&self, size: &mut usize) -> Result<bool, Error> {
        let (queue, most) = (self.queue.name().clone(), *size);
        let work = Work::read(move |ledger| rows::to_look_up(ledger, &queue, most));
        let held = self.engine.call("read the outbox", work).await?;
        if held.is_empty() {
            return Ok(false);
        }
        let states = self.queue.states(held.iter().map(|row| row.id.clone()).collect()).await?;
        self.reached();
        let bytes: usize = states.iter().map(result_bytes).sum();
        *size = if bytes > HEAVY_BYTES { (most / 2).max(1) } else { (most * 2).min(MAX_BATCH) };
        let more = held.len() == most;
        let turns = held.iter().zip(states).map(|(row, state)| (row.seq, self.judged(row, state))).collect();
        self.turn(turns).await?;
        Ok(more)
    }

    fn judged(&self, row: &Held, state: Option<TaskState>) -> Turn {
        match state {
            Some(TaskState::Done { result, .. }) => Turn::Ended(OutboxState::Done { result }),
            Some(TaskState::Dead { reason, error, .. }) => Turn::Ended(OutboxState::Dead { reason, error }),
            Some(_) => Turn::Sent(self.pause(row)),
            None => {
                tracing::warn!(messaging.message.id = %row.id, "the queue has lost a task, sending it again");
                self.tell(|trouble| trouble.sent_again += 1);
                Turn::Waiting(Duration::ZERO)
            }
        }
    }

    fn pause(&self, row: &Held) -> Duration {
        (row.age / 2).clamp(self.look_interval, self.look_interval.saturating_mul(RAREST_LOOK))
    }

    async fn turn(&self, turns: Vec<(i64, Turn)>) -> Result<(), Error> {
        if turns.is_empty() {
            return Ok(());
        }
        let ended = turns.iter().any(|(_, turn)| matches!(turn, Turn::Ended(_)));
        let keep = self.keep.is_some();
        let work = Work::write(move |ledger| rows::turn(ledger, &turns, keep));
        self.engine.call("write to the outbox", work).await?;
        if ended {
            self.shared.ended.raise();
        }
        Ok(())
    }

    async fn forget(&self) -> Result<(), Error> {
        let Some(age) = self.keep else { return Ok(()) };
        loop {
            let queue = self.queue.name().clone();
            let name = queue.clone();
            let work = Work::write(move |ledger| rows::forget(ledger, &queue, age, MAX_BATCH))
                .unless(move |ledger| Ok((!rows::is_any_old(ledger, &name, age)?).then_some(0)));
            if self.engine.call("forget outcomes", work).await? < MAX_BATCH {
                return Ok(());
            }
        }
    }
}

/// The task with what is left of its times: a delay and a deadline count from when it was written down.
fn aged(mut task: NewTask, age: Duration) -> NewTask {
    task.delay = task.delay.saturating_sub(age);
    task.deadline = task.deadline.map(|deadline| deadline.saturating_sub(age));
    task
}

fn refused(row: &Held, error: &Error) -> Turn {
    tracing::error!(messaging.message.id = %row.id, error = %error, "the queue refuses a task, it is set apart");
    Turn::Ended(OutboxState::Refused { error: error.to_string() })
}

/// Whether the fault lies with one of the tasks and not with the queue.
fn blames_a_task(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound)
}

fn result_bytes(state: &Option<TaskState>) -> usize {
    match state {
        Some(TaskState::Done { result, .. }) => result.len(),
        _ => 0,
    }
}
