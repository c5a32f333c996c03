//! The main loop.

use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::Instrument;

use super::job::Run;
use super::pending::{Pending, pause};
use super::renewal::Renewal;
use super::roster::Roster;
use super::settle::{Meter, Outcome, Placed};
use super::upkeep::Upkeep;
use super::{Handler, Job, ProgressSnapshot, Worker};
use crate::{Backoff, Delivery, Ending, Error, ErrorKind, Settlement, Step, Topic, Verdict};

/// How soon a trip that failed is repeated. The first repetition comes at once for a person; the cap keeps a broker
/// that is down from being hammered and still notices its return within two seconds.
const TRIP_BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// After how many failed trips a full storage ends the worker: about ten seconds. A broker that is down comes back; a disk
/// that is full waits for somebody who must be told, and a worker that only tries again tells nobody.
const FULL_TRIPS: u32 = 10;

/// How long after the drain deadline cancelled handlers may take to let go, and the last settlements to be taken.
const LAST_GRACE: Duration = Duration::from_secs(1);

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
    let trip_backoff = Backoff::new(base, cap)?;
    let shift = Shift {
        roster: Roster::new(&worker.settings.places),
        worker,
        handler: Arc::new(handler),
        running: JoinSet::new(),
        placed: HashMap::new(),
        pending: Pending::new(trip_backoff),
        failed_trips: 0,
        trip_backoff,
    };
    let mut word = pin!(shutdown);
    let ended = shift.work(Shutdown { word: word.as_mut(), came: false }).await;
    renewal.stop().await;
    ended.map(|()| progress.snapshot())
}

/// A worker at work.
struct Shift<H> {
    worker: Worker,
    handler: Arc<H>,
    roster: Roster,
    running: JoinSet<Outcome>,
    placed: HashMap<Id, Placed>,
    pending: Pending,
    failed_trips: u32,
    trip_backoff: Backoff,
}

impl<H: Handler> Shift<H> {
    async fn work<S: Future<Output = ()>>(mut self, mut shutdown: Shutdown<'_, S>) -> Result<(), Error> {
        let upkeep = Upkeep::start(self.worker.queue.clone(), &self.worker.settings);
        let mut listener = self.worker.queue.listen(&Topic::Ready);
        let mut next_trip = Instant::now();
        // A broker that does not answer must not hold up the stop for longer than a handler may.
        let patience = self.worker.settings.drain + LAST_GRACE;
        while !shutdown.is_here().await {
            let now = Instant::now();
            if now >= next_trip && (self.pending.is_due(now) || self.roster.wants()) {
                tokio::select! {
                    biased;
                    ended = self.trip(true) => if let Err(error) = ended {
                        next_trip = self.after_failure(error)?;
                    },
                    () = shutdown.comes_and_then(patience) => break,
                }
                continue;
            }
            let next_due = self.pending.next_due();
            tokio::select! {
                biased;
                () = shutdown.comes() => break,
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.ended(ended),
                () = listener.changed(self.worker.settings.poll), if self.roster.waits() => self.roster.hope(),
                () = sleep_until(next_trip), if next_trip > now => {}
                () = sleep_until(next_due.unwrap_or(now)), if next_due.is_some_and(|due| due > now) => {}
            }
        }
        drop(upkeep);
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
            let next = if cancelled { end } else { deadline };
            if now >= next_trip && self.pending.is_due(now) {
                // A trip that claims nothing may be dropped at any time.
                if let Ok(Err(error)) = timeout_at(next, self.trip(false)).await {
                    next_trip = self.after_failure(error)?;
                }
                continue;
            }
            let next_due = self.pending.next_due();
            tokio::select! {
                biased;
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.ended(ended),
                () = sleep_until(next) => {}
                () = sleep_until(next_trip), if next_trip > now => {}
                () = sleep_until(next_due.unwrap_or(now)), if next_due.is_some_and(|due| due > now) => {}
            }
        }
        // Handlers that do not let go keep running, perhaps for ever, but their tasks go to others: the tokens are
        // void from here on.
        self.running.abort_all();
        for (_, placed) in self.placed.drain() {
            self.pending.push(placed.hand_back());
        }
        self.settle_the_rest().await
    }

    async fn settle_the_rest(mut self) -> Result<(), Error> {
        let end = Instant::now() + LAST_GRACE;
        let mut refused = None;
        while !self.pending.is_empty() {
            let now = Instant::now();
            if now >= end {
                return Err(refused.unwrap_or_else(|| self.pending.left_behind()));
            }
            if !self.pending.is_due(now) {
                sleep_until(self.pending.next_due().unwrap_or(end).min(end)).await;
            } else if let Ok(Err(error)) = timeout_at(end, self.trip(false)).await {
                refused = Some(error);
                sleep(pause(&self.trip_backoff, 1)).await;
            }
        }
        Ok(())
    }

    /// Settles what is due and fits in a trip, and claims for the free places if it is to.
    async fn trip(&mut self, claims: bool) -> Result<(), Error> {
        let settle = self.pending.trip(Instant::now());
        let wanted = if claims { self.roster.wanted() } else { Vec::new() };
        let lease = self.worker.settings.lease;
        let asked = std::time::Instant::now();
        let step =
            Step::new(self.worker.id.clone()).settle(settle.clone()).claim_places(wanted.clone(), lease);
        let reply = self.worker.queue.step(step).await?;
        self.failed_trips = 0;
        for (settlement, verdict) in self.pending.answered(settle, reply.settled, Instant::now()) {
            conclude(&self.worker, &settlement, verdict);
        }
        self.roster.claimed(&wanted, &reply.claimed);
        for delivery in reply.claimed {
            self.start(delivery, asked + lease);
        }
        Ok(())
    }

    fn start(&mut self, delivery: Delivery, sure_until: std::time::Instant) {
        let worker = &self.worker;
        let span = tracing::info_span!(
            "process",
            messaging.system = "cofferdam",
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.destination.name = %worker.queue.name(),
            messaging.message.id = %delivery.lease.task,
            messaging.client.id = %worker.id,
            attempt = delivery.attempt,
            crashes = delivery.crashes,
        );
        let meter = Meter::start();
        let placed = Placed::new(&delivery, worker.settings.backoff, Arc::clone(&meter));
        let cancellation = worker.desk.take(delivery.lease.clone(), sure_until);
        let run = Run {
            queue: worker.queue.clone(),
            worker: worker.id.clone(),
            delivery,
            desk: Arc::clone(&worker.desk),
            meter: Arc::clone(&meter),
        };
        let job = Job::new(run, cancellation.clone());
        let handler = Arc::clone(&self.handler);
        let run = async move {
            let outcome = tokio::select! {
                biased;
                () = cancellation.cancelled() => Outcome::Cancelled,
                answer = handler.handle(job) => Outcome::Answered(answer),
            };
            meter.stop();
            outcome
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
                self.roster.left(placed.lease.class.as_ref());
                if matches!(outcome, Ok(Outcome::Cancelled)) && self.worker.desk.is_lost(&placed.lease) {
                    self.worker.desk.put_away(&placed.lease, |counters| counters.lost += 1);
                } else {
                    self.pending.push(placed.settlement(outcome));
                }
            }
            next = self.running.try_join_next_with_id();
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
        let pause = pause(&self.trip_backoff, self.failed_trips);
        tracing::warn!(error = %error, unsettled = self.pending.len(), ?pause, "the broker refused, trying again");
        Ok(Instant::now() + pause)
    }
}

/// The word to stop, which may be waited for at several places.
struct Shutdown<'a, S> {
    word: Pin<&'a mut S>,
    came: bool,
}

impl<S: Future<Output = ()>> Shutdown<'_, S> {
    /// Completes when the word has come, at once if that was earlier. Cancellation safe.
    async fn comes(&mut self) {
        if !self.came {
            self.word.as_mut().await;
            self.came = true;
        }
    }

    async fn comes_and_then(&mut self, pause: Duration) {
        self.comes().await;
        sleep(pause).await;
    }

    /// Whether it has come, without waiting for it.
    async fn is_here(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.comes() => true,
            () = std::future::ready(()) => false,
        }
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
