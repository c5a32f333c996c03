//! The main loop.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::renewal::Renewal;
use super::settle::{Outcome, Placed, trip_length};
use super::{Handler, Job, ProgressSnapshot, Worker};
use crate::{Backoff, Delivery, Ending, Error, ErrorKind, ReapScope, Settlement, Step, Topic, Verdict};

/// How soon a trip that failed is repeated. The first repetition comes at once for a person; the cap keeps a broker
/// that is down from being hammered and still notices its return within two seconds.
const TRIP_BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// After how many failed trips a full storage ends the worker: about ten seconds. A broker that is down comes back; a disk
/// that is full waits for somebody who must be told, and a worker that only tries again tells nobody.
const FULL_TRIPS: u32 = 10;

/// How long after the drain deadline cancelled handlers may take to let go, and the last settlements to be taken.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// How often expired leases of others are looked for, at least and at most; in between a quarter of the lease.
const REAP_INTERVAL: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(5));

pub(super) async fn run(
    worker: Worker,
    handler: impl Handler,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<ProgressSnapshot, Error> {
    let renewal = Renewal::start(
        worker.queue.clone(),
        worker.id.clone(),
        Arc::clone(&worker.desk),
        worker.settings.lease,
    )?;
    let progress = worker.progress();
    let (base, cap) = TRIP_BACKOFF;
    let floor = Shift {
        worker,
        handler: Arc::new(handler),
        running: JoinSet::new(),
        placed: HashMap::new(),
        pending: Vec::new(),
        failed_trips: 0,
        trip_backoff: Backoff::new(base, cap)?,
    };
    let ended = floor.work(shutdown).await;
    renewal.stop().await;
    ended.map(|()| progress.snapshot())
}

/// A worker at work.
struct Shift<H> {
    worker: Worker,
    handler: Arc<H>,
    running: JoinSet<Outcome>,
    placed: HashMap<Id, Placed>,
    /// What ended and is not settled yet.
    pending: Vec<Settlement>,
    failed_trips: u32,
    trip_backoff: Backoff,
}

impl<H: Handler> Shift<H> {
    async fn work(mut self, shutdown: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let mut shutdown = pin!(shutdown);
        let mut listener = self.worker.queue.listen(&Topic::Ready);
        let (shortest, longest) = REAP_INTERVAL;
        let reap_interval = (self.worker.settings.lease / 4).clamp(shortest, longest);
        let mut next_reap = Instant::now();
        let mut next_trip = Instant::now();
        // Whether a claim may find something.
        let mut hopeful = true;
        while !shutdown_now(shutdown.as_mut()).await {
            let places = self.worker.settings.concurrency.saturating_sub(self.placed.len());
            let now = Instant::now();
            if now >= next_trip && (!self.pending.is_empty() || (hopeful && places > 0)) {
                match self.trip(places).await {
                    Ok(claimed) => hopeful = claimed == places,
                    Err(error) => next_trip = self.after_failure(error)?,
                }
                continue;
            }
            if now >= next_reap {
                self.reap().await;
                next_reap = Instant::now() + reap_interval;
                continue;
            }
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.ended(ended),
                () = listener.changed(self.worker.settings.poll), if places > 0 && !hopeful => hopeful = true,
                () = sleep_until(next_reap) => {}
                () = sleep_until(next_trip), if next_trip > now => {}
            }
        }
        self.drain().await
    }

    /// Lets running tasks end, then cancels, then hands back what is left.
    async fn drain(mut self) -> Result<(), Error> {
        let deadline = Instant::now() + self.worker.settings.drain;
        let end = deadline + LAST_GRACE;
        let mut next_trip = Instant::now();
        let mut cancelled = false;
        while !self.placed.is_empty() || !self.pending.is_empty() {
            let now = Instant::now();
            if now >= end {
                break;
            }
            if now >= deadline && !cancelled {
                self.worker.desk.cancel_all();
                cancelled = true;
            }
            if now >= next_trip && !self.pending.is_empty() {
                if let Err(error) = self.trip(0).await {
                    next_trip = self.after_failure(error)?;
                }
                continue;
            }
            tokio::select! {
                biased;
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.ended(ended),
                () = sleep_until(deadline), if !cancelled => {}
                () = sleep_until(next_trip), if !self.pending.is_empty() => {}
                () = sleep_until(end) => {}
            }
        }
        // Handlers that do not let go keep running, perhaps for ever, but their tasks go to others: the tokens are
        // void from here on.
        self.running.abort_all();
        self.pending.extend(self.placed.drain().map(|(_, placed)| placed.hand_back()));
        while !self.pending.is_empty() {
            self.trip(0).await?;
        }
        Ok(())
    }

    /// Settles what fits in a trip and claims for so many free places; answers how many were claimed.
    ///
    /// Settlements leave `pending` only when the broker has answered: a trip that fails is repeated with them.
    async fn trip(&mut self, places: usize) -> Result<usize, Error> {
        let count = trip_length(&self.pending);
        let settle: Vec<Settlement> = self.pending.iter().take(count).cloned().collect();
        let lease = self.worker.settings.lease;
        let asked = std::time::Instant::now();
        let step = Step::new(self.worker.id.clone()).settle(settle).claim(places, lease);
        let reply = self.worker.queue.step(step).await?;
        self.failed_trips = 0;
        for (settlement, verdict) in self.pending.drain(..count).zip(reply.settled) {
            conclude(&self.worker, &settlement, verdict);
        }
        let claimed = reply.claimed.len();
        for delivery in reply.claimed {
            self.start(delivery, asked + lease);
        }
        Ok(claimed)
    }

    fn start(&mut self, delivery: Delivery, sure_until: std::time::Instant) {
        let queue = self.worker.queue.name().clone();
        let span = tracing::info_span!(
            "process",
            messaging.system = "cofferdam",
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.destination.name = %queue,
            messaging.message.id = %delivery.lease.task,
            messaging.client.id = %self.worker.id,
            attempt = delivery.attempt,
            crashes = delivery.crashes,
        );
        let placed = Placed::new(&delivery, self.worker.settings.backoff);
        let cancellation = self.worker.desk.take(delivery.lease.clone(), sure_until);
        let job = Job::new(queue, delivery, cancellation.clone());
        let handler = Arc::clone(&self.handler);
        let run = async move {
            tokio::select! {
                biased;
                () = cancellation.cancelled() => Outcome::Cancelled,
                answer = handler.handle(job) => Outcome::Answered(answer),
            }
        };
        let task = self.running.spawn(run.instrument(span));
        self.placed.insert(task.id(), placed);
    }

    /// Notes an end, and every other that has come meanwhile, so that one trip settles them all.
    fn ended(&mut self, first: Result<(Id, Outcome), JoinError>) {
        let mut next = Some(first);
        while let Some(ended) = next {
            let (id, outcome) = match ended {
                Ok((id, outcome)) => (id, Ok(outcome)),
                Err(broken) => (broken.id(), Err(broken)),
            };
            if let Some(placed) = self.placed.remove(&id) {
                if matches!(outcome, Ok(Outcome::Cancelled)) && self.worker.desk.is_lost(&placed.lease) {
                    self.worker.desk.put_away(&placed.lease, |counters| counters.lost += 1);
                } else {
                    self.pending.push(placed.settlement(outcome));
                }
            }
            next = self.running.try_join_next_with_id();
        }
    }

    async fn reap(&self) {
        match self.worker.queue.reap(ReapScope::Expired).await {
            Ok(reaped) if reaped.is_empty() => {}
            Ok(reaped) => {
                tracing::warn!(tasks = reaped.len(), "leases ran out and their tasks were taken back")
            }
            Err(error) => tracing::warn!(error = %error, "expired leases were not looked for"),
        }
    }

    /// When to repeat a trip that failed; an error if repeating is of no use.
    fn after_failure(&mut self, error: Error) -> Result<Instant, Error> {
        if error.kind() == ErrorKind::Closed {
            return Err(error);
        }
        self.failed_trips = self.failed_trips.saturating_add(1);
        if error.kind() == ErrorKind::Full && self.failed_trips >= FULL_TRIPS {
            return Err(error);
        }
        // Half of the bound and jitter over the other half: never at once, never all together.
        let ceiling = self.trip_backoff.ceiling(self.failed_trips);
        let pause = ceiling / 2 + self.trip_backoff.delay(self.failed_trips) / 2;
        tracing::warn!(error = %error, unsettled = self.pending.len(), ?pause, "the broker refused, trying again");
        Ok(Instant::now() + pause)
    }
}

/// Whether the shutdown has come, without waiting for it.
async fn shutdown_now(shutdown: std::pin::Pin<&mut (impl Future<Output = ()> + Send)>) -> bool {
    tokio::select! {
        biased;
        () = shutdown => true,
        () = std::future::ready(()) => false,
    }
}

fn conclude(worker: &Worker, settlement: &Settlement, verdict: Verdict) {
    let failed = !matches!(settlement.ending, Ending::Done(_) | Ending::HandedBack);
    worker.desk.put_away(&settlement.lease, |counters| match verdict {
        Verdict::Recorded => counters.processed += 1,
        Verdict::HandedBack => counters.handed_back += 1,
        Verdict::LeaseLost => counters.lost += 1,
        Verdict::Unanswered => {}
        Verdict::Retrying | Verdict::Dead => counters.failed += u64::from(failed),
    });
}
