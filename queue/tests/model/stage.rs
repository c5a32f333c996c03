//! One broker on which a plan is played, and what it shows.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::{Duration, SystemTime};

use cofferdam_queue::{
    AnyBroker, Bound, Broker, Cancelled, Clock, Delivery, Ending, Enqueued, Error, Label, LeaseToken, Limit,
    ManualClock, Mode, NewTask, Note, Places, Priority, QueueName, QueueSettings, QueueStats, ReapScope,
    Reaped, Section, Setting, Settlement, Step, TaskId, TaskState, TaskView, Unique, Verdict, WorkerId,
    WorkerLoad,
};

use super::plan::{Act, Change, Draft, End, IDS, Pick, Span, Tie};

pub(crate) const LEASE: Duration = Duration::from_secs(30);

pub(crate) struct Stage {
    pub(crate) broker: AnyBroker,
    pub(crate) clock: ManualClock,
    pub(crate) queue: QueueName,
    /// All deliveries that were ever made, the latest first.
    pub(crate) deliveries: Vec<Delivery>,
}

/// What an act brought about. Deliveries stand without their token, which differs from broker to broker.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Passed,
    Refused(String),
    Enqueued(Vec<Enqueued>),
    Stepped { settled: Vec<Verdict>, claimed: Vec<Delivery> },
    Lost(Vec<TaskId>),
    Reaped(Vec<Reaped>),
    Cancelled(Vec<Cancelled>),
    Replayed(Vec<bool>),
    Deleted(u64),
    Set,
}

/// All that can be seen of a queue.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub(crate) now: SystemTime,
    pub(crate) stats: QueueStats,
    /// In the order of [`Section::ALL`].
    pub(crate) sections: Vec<Vec<TaskView>>,
    /// In the order of the ids.
    pub(crate) states: Vec<Option<TaskState>>,
    pub(crate) settings: QueueSettings,
    pub(crate) workers: Vec<WorkerLoad>,
    pub(crate) queues: Vec<QueueName>,
}

pub(crate) fn id(number: u8) -> TaskId {
    TaskId::new(&format!("task {number}")).unwrap()
}

fn ids(numbers: &[u8]) -> Vec<TaskId> {
    numbers.iter().copied().map(id).collect()
}

pub(crate) fn label(kind: &str, number: u8) -> Label {
    Label::new(&format!("{kind} {number}")).unwrap()
}

fn some_label(kind: &str, number: Option<u8>) -> Option<Label> {
    number.map(|number| label(kind, number))
}

pub(crate) fn worker(number: u8) -> WorkerId {
    WorkerId::with_epoch(&format!("worker {number}"), 7).unwrap()
}

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

impl Stage {
    pub(crate) fn new(broker: AnyBroker, clock: ManualClock) -> Self {
        Self { broker, clock, queue: QueueName::new("q").unwrap(), deliveries: Vec::new() }
    }

    pub(crate) async fn play(&mut self, act: &Act) -> Answer {
        match self.call(act).await {
            Ok(answer) => answer,
            Err(error) => Answer::Refused(error.to_string()),
        }
    }

    async fn call(&mut self, act: &Act) -> Result<Answer, Error> {
        let (broker, queue) = (self.broker.clone(), self.queue.clone());
        Ok(match act {
            Act::Pass(time) => {
                self.clock.advance(*time);
                Answer::Passed
            }
            Act::Enqueue { tasks, most_ready, oldest } => {
                let mut bound = Bound::default();
                (bound.ready, bound.age) = (*most_ready, *oldest);
                let tasks = tasks.iter().map(task).collect();
                Answer::Enqueued(broker.enqueue(&queue, tasks, bound).await?)
            }
            Act::Step { worker, settle, claim } => self.step(*worker, settle, claim).await?,
            Act::Renew { worker: by, leases, lease } => {
                let leases = leases.iter().filter_map(|pick| self.picked(*pick)).map(|one| one.lease.clone());
                Answer::Lost(broker.renew(&queue, &worker(*by), leases.collect(), *lease).await?)
            }
            Act::Note { worker: by, notes } => {
                let notes = notes.iter().filter_map(|(pick, checkpoint, progress)| {
                    let mut note = Note::new(self.picked(*pick)?.lease.clone());
                    note.checkpoint = checkpoint.map(|byte| vec![byte]);
                    note.progress = progress.map(|byte| vec![byte]);
                    Some(note)
                });
                Answer::Lost(broker.note(&queue, &worker(*by), notes.collect()).await?)
            }
            Act::Reap { worker: of, max } => {
                let scope = of.map_or(ReapScope::Expired, |of| ReapScope::Worker(worker(of)));
                Answer::Reaped(broker.reap(&queue, scope, *max).await?)
            }
            Act::Cancel(tasks) => Answer::Cancelled(broker.cancel(&queue, ids(tasks)).await?),
            Act::Replay(tasks) => Answer::Replayed(broker.replay(&queue, ids(tasks)).await?),
            Act::Purge { section, max } => {
                Answer::Deleted(broker.purge(&queue, Section::ALL[*section], *max).await?)
            }
            Act::Forget { age, max } => Answer::Deleted(broker.forget(&queue, *age, *max).await?),
            Act::Set(change) => {
                broker.set(&queue, setting(change)).await?;
                Answer::Set
            }
        })
    }

    async fn step(
        &mut self,
        by: u8,
        settle: &[(Pick, End, Duration)],
        claim: &[(Option<u8>, usize)],
    ) -> Result<Answer, Error> {
        let settle = settle.iter().filter_map(|(pick, end, used)| {
            Some(Settlement::new(self.picked(*pick)?.lease.clone(), ending(*end)).used(*used))
        });
        let places =
            claim.iter().map(|(class, count)| Places { class: some_label("class", *class), count: *count });
        let step = Step::new(worker(by)).settle(settle.collect()).claim_places(places.collect(), LEASE);
        let reply = self.broker.step(&self.queue, step).await?;
        let claimed = reply.claimed.iter().map(without_token).collect();
        for delivery in reply.claimed {
            self.deliveries.insert(0, delivery);
        }
        Ok(Answer::Stepped { settled: reply.settled, claimed })
    }

    /// The delivery that is meant, counted from the latest.
    pub(crate) fn picked(&self, pick: Pick) -> Option<&Delivery> {
        self.deliveries.get(pick.0)
    }

    pub(crate) async fn scene(&self) -> Scene {
        let (broker, queue) = (&self.broker, &self.queue);
        let mut sections = Vec::new();
        for section in Section::ALL {
            sections.push(broker.peek(queue, section, 500).await.unwrap());
        }
        Scene {
            now: self.clock.now(),
            stats: broker.stats(queue).await.unwrap(),
            sections,
            states: broker.lookup(queue, (0..IDS).map(id).collect()).await.unwrap(),
            settings: broker.settings(queue).await.unwrap(),
            workers: broker.workers(queue).await.unwrap(),
            queues: broker.queues().await.unwrap(),
        }
    }
}

/// A delivery as any broker would make it.
fn without_token(delivery: &Delivery) -> Delivery {
    let mut delivery = delivery.clone();
    delivery.lease.token = LeaseToken(0);
    delivery
}

pub(crate) fn task(draft: &Draft) -> NewTask {
    let mut task = if draft.marker { NewTask::marker() } else { NewTask::new(vec![draft.payload]) }
        .id(id(draft.id))
        .priority(Priority::ALL[draft.priority])
        .delay(draft.delay)
        .max_attempts(count(draft.attempts))
        .max_crashes(count(draft.crashes));
    if let Some(class) = some_label("class", draft.class) {
        task = task.class(class);
    }
    if let Some(tenant) = some_label("tenant", draft.tenant) {
        task = task.tenant(tenant);
    }
    if let Some(code) = some_label("code", draft.code) {
        task = task.code(code);
    }
    if let Some(deadline) = draft.deadline {
        task = task.deadline(deadline);
    }
    match &draft.tie {
        Tie::None => task,
        Tie::Limit(limit) => task.limit(label("limit", *limit)),
        Tie::Group { group, after, tolerant: true } => {
            task.group(label("group", *group)).after_ended(ids(after))
        }
        Tie::Group { group, after, tolerant: false } => task.group(label("group", *group)).after(ids(after)),
        Tie::Unique { key, span, replace } => {
            let key = label("key", *key);
            let unique = match span {
                Span::Done => Unique::until_done(key),
                Span::Started => Unique::until_started(key),
                Span::For(span) => Unique::for_duration(key, *span),
            };
            task.unique(if *replace { unique.replacing() } else { unique })
        }
    }
}

fn ending(end: End) -> Ending {
    match end {
        End::Done => Ending::Done(b"result".to_vec()),
        End::Failed(retry_after) => Ending::Failed { error: "failed".to_owned(), retry_after },
        End::Rejected => Ending::Rejected { error: "rejected".to_owned() },
        End::Crashed(retry_after) => Ending::Crashed { error: "crashed".to_owned(), retry_after },
        End::HandedBack => Ending::HandedBack,
    }
}

fn setting(change: &Change) -> Setting {
    match change {
        Change::Mode(0) => Setting::Mode(Mode::Running),
        Change::Mode(1) => Setting::Mode(Mode::Paused),
        Change::Mode(_) => Setting::Mode(Mode::Draining),
        Change::Limit { name, concurrency, rate } => {
            let mut limit = Limit::default();
            limit.concurrency = concurrency.map(count);
            if let Some((starts, per_millis)) = rate {
                limit = limit.and_rate(count(*starts), NonZeroU64::new(*per_millis).unwrap());
            }
            Setting::Limit(label("limit", *name), Some(limit))
        }
        Change::Lift(name) => Setting::Limit(label("limit", *name), None),
        Change::Weight(tenant, weight) => Setting::Weight(label("tenant", *tenant), count(*weight)),
        Change::QuarantineAfter(crashes) => Setting::QuarantineAfter(crashes.map(count)),
        Change::Quarantine(code) => Setting::Quarantine(label("code", *code)),
        Change::Release(code) => Setting::Release(label("code", *code)),
    }
}
