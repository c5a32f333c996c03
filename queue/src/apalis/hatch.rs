//! Through which jobs go from a worker of ours to an apalis worker, and answers come back.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use apalis_core::backend::queue::Queue as ApalisQueue;
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::status::Status;
use apalis_core::task::task_id::TaskId as ApalisId;
use apalis_core::worker::context::WorkerContext;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep};

use super::{ApalisConfig, wire};
use crate::{Error, Failure, Job, ProgressSnapshot, Queue};

/// What the service said.
pub(super) type Answer = Result<Vec<u8>, Failure>;

/// A job on its way, with the road back.
struct Handed {
    job: Job,
    reply: oneshot::Sender<Answer>,
}

/// A worker of ours at work for an apalis worker. When it is dropped without having been closed, our worker stops by
/// itself, hands back what the other let go of and settles the rest.
pub(super) struct Hatch {
    jobs: mpsc::Receiver<Handed>,
    stop: watch::Sender<bool>,
    working: JoinHandle<Result<ProgressSnapshot, Error>>,
    name: Arc<str>,
    heartbeat: Duration,
    next_beat: Pin<Box<Sleep>>,
    ended: bool,
}

impl Hatch {
    pub(super) fn open(queue: &Queue, config: &ApalisConfig, name: &str) -> Result<Self, Error> {
        let worker = config.worker(queue, name)?;
        let (sender, jobs) = mpsc::channel(1);
        let (stop, mut stopped) = watch::channel(false);
        let handler = move |job: Job| hand_over(sender.clone(), job);
        let shutdown = async move { drop(stopped.wait_for(|stop| *stop).await) };
        let working = tokio::spawn(worker.run(handler, shutdown));
        let next_beat = Box::pin(sleep(Duration::ZERO));
        let (name, heartbeat) = (name.into(), config.heartbeat);
        Ok(Self { jobs, stop, working, name, heartbeat, next_beat, ended: false })
    }

    /// Tells the listeners of the worker that it lives, when it is time.
    pub(super) fn beat(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) {
        while self.next_beat.as_mut().poll(cx).is_ready() {
            worker.heartbeat(cx);
            self.next_beat.as_mut().reset(Instant::now() + self.heartbeat.max(Duration::from_millis(1)));
        }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Task<Vec<u8>>, Error>>> {
        while let Some(Handed { job, reply }) = std::task::ready!(self.jobs.poll_recv(cx)) {
            if let Some(task) = self.task(job, Reply::new(reply)) {
                return Poll::Ready(Some(Ok(task)));
            }
        }
        // Our worker has ended, which it does by itself only with an error.
        let ended = std::task::ready!(self.poll_ended(cx));
        Poll::Ready(ended.err().map(Err))
    }

    /// Hands back what was not taken yet, lets our worker settle the rest, and waits for it.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.stop.send_replace(true);
        self.jobs.close();
        while self.jobs.try_recv().is_ok() {}
        self.poll_ended(cx)
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.ended {
            return Poll::Ready(Ok(()));
        }
        let ended = std::task::ready!(Pin::new(&mut self.working).poll(cx));
        self.ended = true;
        Poll::Ready(match ended {
            Ok(summary) => summary.map(drop),
            Err(_) => Err(Error::Closed),
        })
    }

    /// The job as apalis knows tasks; none if its payload cannot be read, which has been answered then.
    fn task(&self, job: Job, reply: Reply) -> Option<Task<Vec<u8>>> {
        let (metadata, arguments) = match wire::unpack(&job) {
            Ok(parts) => parts,
            Err(error) => {
                if let Some(pledge) = reply.take() {
                    pledge.keep(Err(Failure::permanent(error.to_string())));
                }
                return None;
            }
        };
        let attempt = usize::try_from(job.attempt()).unwrap_or(usize::MAX);
        let task = TaskBuilder::new(arguments)
            .task_id(ApalisId::from_string(job.id().as_str()))
            // It counts the run when it begins.
            .attempt(attempt.saturating_sub(1))
            .status(Status::Queued)
            .queue(ApalisQueue::from(job.queue().as_str()))
            .lock_by(Some(self.name.to_string()))
            .with_metadata(metadata)
            .data(job)
            .data(reply);
        Some(task.build())
    }
}

async fn hand_over(sender: mpsc::Sender<Handed>, job: Job) -> Answer {
    let (reply, answer) = oneshot::channel();
    if sender.send(Handed { job, reply }).await.is_err() {
        return Err(Failure::handed_back());
    }
    // Who drops the reply has stopped before it ran the task to its end.
    answer.await.unwrap_or_else(|_| Err(Failure::handed_back()))
}

/// Answers for a run. If it is dropped before that, the task goes back unharmed, unless a panic drops it.
pub(super) struct Pledge(Option<oneshot::Sender<Answer>>);

impl Pledge {
    pub(super) fn keep(mut self, answer: Answer) {
        if let Some(reply) = self.0.take() {
            // Nobody waits any more when the lease was lost.
            drop(reply.send(answer));
        }
    }

    /// Completes when nobody waits for the answer any more.
    pub(super) async fn void(&mut self) {
        match &mut self.0 {
            Some(reply) => reply.closed().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Pledge {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(reply) = self.0.take()
        {
            drop(reply.send(Err(Failure::crashed("the apalis worker panicked while it ran the task"))));
        }
    }
}

/// The road back of one job, which travels in the task's data until the layer takes it.
#[derive(Clone)]
pub(super) struct Reply(Arc<Road>);

struct Road(Mutex<Option<oneshot::Sender<Answer>>>);

impl Reply {
    fn new(sender: oneshot::Sender<Answer>) -> Self {
        Self(Arc::new(Road(Mutex::new(Some(sender)))))
    }

    /// Takes the road, once.
    pub(super) fn take(&self) -> Option<Pledge> {
        let reply = self.0.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        reply.map(|reply| Pledge(Some(reply)))
    }
}

impl Drop for Road {
    /// A task that was given out and never reached the layer could not be decoded: between the two lies nothing else.
    /// It counts as a crash, since it brings the apalis worker down.
    fn drop(&mut self) {
        let sender = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            let problem = "the worker could not decode the task's arguments: check its type and codec";
            drop(sender.send(Err(Failure::crashed(problem))));
        }
    }
}
