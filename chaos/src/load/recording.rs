//! A broker that writes down what is asked of it and what it answers.

use std::time::Duration;

use cofferdam_queue::{
    Bound, Broker, Cancelled, Enqueued, Error, Lease, Listener, NewTask, Note, QueueName, QueueSettings,
    QueueStats, ReapScope, Reaped, Section, Setting, Step, StepReply, TaskId, TaskState, TaskView, Topic,
    WorkerId, WorkerLoad,
};

use super::words::{in_full, may_have_had_effect, run, stepped};
use crate::history::{Answer, Ask, Recorder, What};

/// A broker whose calls are written down, each before it is made and each answer before anybody acts on it.
pub struct Recording<B> {
    inner: B,
    recorder: Recorder,
}

impl<B> Recording<B> {
    /// Writes down the calls to this broker.
    pub const fn new(inner: B, recorder: Recorder) -> Self {
        Self { inner, recorder }
    }

    /// Makes a call; `tell` says what was answered.
    async fn recorded<T>(
        &self,
        ask: Ask,
        call: impl Future<Output = Result<T, Error>> + Send,
        tell: impl FnOnce(&T) -> Answer + Send,
    ) -> Result<T, Error> {
        let open = Open::begin(&self.recorder, ask);
        let answer = call.await;
        open.end(match &answer {
            Ok(value) => Outcome::Ok(tell(value)),
            Err(error) if may_have_had_effect(error) => Outcome::Unknown(in_full(error)),
            Err(error) => Outcome::Fail(in_full(error)),
        });
        answer
    }

    /// Makes a call of which only the name and the time matter.
    async fn plain<T>(
        &self,
        name: &str,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        self.recorded(Ask::Other { name: name.to_owned() }, call, done).await
    }
}

enum Outcome {
    Ok(Answer),
    Fail(String),
    Unknown(String),
}

/// A call that has begun. When its caller gives it up, that is written down: it is not a call that hangs.
struct Open<'a> {
    recorder: &'a Recorder,
    call: u64,
    is_over: bool,
}

impl<'a> Open<'a> {
    fn begin(recorder: &'a Recorder, ask: Ask) -> Self {
        let call = recorder.next_call();
        recorder.write(What::Invoke { call, ask });
        Self { recorder, call, is_over: false }
    }

    fn end(mut self, outcome: Outcome) {
        let call = self.call;
        self.is_over = true;
        self.recorder.write(match outcome {
            Outcome::Ok(answer) => What::Ok { call, answer },
            Outcome::Fail(error) => What::Fail { call, error },
            Outcome::Unknown(error) => What::Unknown { call, error },
        });
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.recorder.write(What::Unknown { call: self.call, error: "its caller gave it up".to_owned() });
        }
    }
}

impl<B: Broker> Broker for Recording<B> {
    async fn enqueue(
        &self,
        queue: &QueueName,
        tasks: Vec<NewTask>,
        bound: Bound,
    ) -> Result<Vec<Enqueued>, Error> {
        let ids = tasks.iter().map(|task| task.task_id().to_string()).collect();
        self.recorded(Ask::Enqueue { tasks: ids }, self.inner.enqueue(queue, tasks, bound), done).await
    }

    async fn step(&self, queue: &QueueName, step: Step) -> Result<StepReply, Error> {
        let settle = step.settle.iter().map(|one| run(&one.lease, &one.ending)).collect();
        let ask = Ask::Step { worker: step.worker.to_string(), settle, claim: step.places() };
        self.recorded(ask, self.inner.step(queue, step), stepped).await
    }

    async fn renew(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> Result<Vec<TaskId>, Error> {
        self.plain("renew", self.inner.renew(queue, worker, leases, lease)).await
    }

    async fn reap(&self, queue: &QueueName, scope: ReapScope, max: usize) -> Result<Vec<Reaped>, Error> {
        self.plain("reap", self.inner.reap(queue, scope, max)).await
    }

    async fn note(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        notes: Vec<Note>,
    ) -> Result<Vec<TaskId>, Error> {
        self.plain("note", self.inner.note(queue, worker, notes)).await
    }

    async fn cancel(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Cancelled>, Error> {
        self.plain("cancel", self.inner.cancel(queue, tasks)).await
    }

    async fn replay(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<bool>, Error> {
        self.plain("replay", self.inner.replay(queue, tasks)).await
    }

    async fn purge(&self, queue: &QueueName, section: Section, max: usize) -> Result<u64, Error> {
        self.plain("purge", self.inner.purge(queue, section, max)).await
    }

    async fn peek(&self, queue: &QueueName, section: Section, max: usize) -> Result<Vec<TaskView>, Error> {
        self.plain("peek", self.inner.peek(queue, section, max)).await
    }

    async fn set(&self, queue: &QueueName, setting: Setting) -> Result<(), Error> {
        self.plain("set", self.inner.set(queue, setting)).await
    }

    async fn settings(&self, queue: &QueueName) -> Result<QueueSettings, Error> {
        self.plain("settings", self.inner.settings(queue)).await
    }

    async fn workers(&self, queue: &QueueName) -> Result<Vec<WorkerLoad>, Error> {
        self.plain("workers", self.inner.workers(queue)).await
    }

    async fn queues(&self) -> Result<Vec<QueueName>, Error> {
        self.plain("queues", self.inner.queues()).await
    }

    async fn lookup(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Option<TaskState>>, Error> {
        self.plain("lookup", self.inner.lookup(queue, tasks)).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, Error> {
        self.plain("stats", self.inner.stats(queue)).await
    }

    async fn forget(&self, queue: &QueueName, age: Duration, max: usize) -> Result<u64, Error> {
        self.plain("forget", self.inner.forget(queue, age, max)).await
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        self.inner.listen(queue, topic)
    }
}

fn done<T>(_: &T) -> Answer {
    Answer::Done
}
