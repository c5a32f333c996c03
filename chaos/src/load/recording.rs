//! A broker that writes down what is asked of it and what it answers.

use std::time::Duration;

use cofferdam_queue::{
    Broker, Ending, Enqueued, Error, ErrorKind, Lease, Listener, NewTask, QueueName, QueueStats, ReapScope,
    Reaped, Step, StepReply, TaskId, TaskState, Topic, WorkerId,
};

use crate::history::{Answer, Ask, Delivery, Recorder, Run, RunEnding, Verdict, What};

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
    async fn enqueue(&self, queue: &QueueName, tasks: Vec<NewTask>) -> Result<Vec<Enqueued>, Error> {
        let ids = tasks.iter().map(|task| task.task_id().to_string()).collect();
        self.recorded(Ask::Enqueue { tasks: ids }, self.inner.enqueue(queue, tasks), done).await
    }

    async fn step(&self, queue: &QueueName, step: Step) -> Result<StepReply, Error> {
        let settle = step.settle.iter().map(|one| run(&one.lease, &one.ending)).collect();
        let ask = Ask::Step { worker: step.worker.to_string(), settle, claim: step.claim };
        self.recorded(ask, self.inner.step(queue, step), stepped).await
    }

    async fn renew(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> Result<Vec<TaskId>, Error> {
        self.recorded(Ask::Renew, self.inner.renew(queue, worker, leases, lease), done).await
    }

    async fn reap(&self, queue: &QueueName, scope: ReapScope, max: usize) -> Result<Vec<Reaped>, Error> {
        self.recorded(Ask::Reap, self.inner.reap(queue, scope, max), done).await
    }

    async fn lookup(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Option<TaskState>>, Error> {
        self.recorded(Ask::Lookup, self.inner.lookup(queue, tasks), done).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, Error> {
        self.recorded(Ask::Stats, self.inner.stats(queue), done).await
    }

    async fn forget(&self, queue: &QueueName, age: Duration, max: usize) -> Result<u64, Error> {
        self.recorded(Ask::Forget, self.inner.forget(queue, age, max), done).await
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        self.inner.listen(queue, topic)
    }
}

fn done<T>(_: &T) -> Answer {
    Answer::Done
}

fn stepped(reply: &StepReply) -> Answer {
    let deliveries = reply.claimed.iter().map(|one| Delivery {
        task: one.lease.task.to_string(),
        attempt: one.attempt,
        crashes: one.crashes,
    });
    Answer::Step {
        verdicts: reply.settled.iter().map(|one| verdict(*one)).collect(),
        deliveries: deliveries.collect(),
    }
}

fn run(lease: &Lease, ending: &Ending) -> Run {
    let (ending, result) = match ending {
        Ending::Done(result) => (RunEnding::Done, Some(String::from_utf8_lossy(result).into_owned())),
        Ending::Failed { .. } => (RunEnding::Failed, None),
        Ending::Rejected { .. } => (RunEnding::Rejected, None),
        Ending::Crashed { .. } => (RunEnding::Crashed, None),
        Ending::HandedBack => (RunEnding::HandedBack, None),
    };
    Run { task: lease.task.to_string(), ending, result }
}

/// The queue's verdict in the words of the history. One that this crate does not know changes nothing that is judged, so
/// it is written down as the one that says the least.
fn verdict(verdict: cofferdam_queue::Verdict) -> Verdict {
    match verdict {
        cofferdam_queue::Verdict::Recorded => Verdict::Recorded,
        cofferdam_queue::Verdict::Retrying => Verdict::Retrying,
        cofferdam_queue::Verdict::Dead => Verdict::Dead,
        cofferdam_queue::Verdict::HandedBack => Verdict::HandedBack,
        _ => Verdict::LeaseLost,
    }
}

/// What the documentation of the kinds says. A broker that was closed may have been so in the middle of the call.
fn may_have_had_effect(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Closed)
}

fn in_full(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
