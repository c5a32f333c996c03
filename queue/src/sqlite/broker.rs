//! The calls of a broker: each is checked, handed to the thread, and heard of by those whom it concerns.

use std::sync::Arc;
use std::time::Duration;

use super::Sqlite;
use super::engine::Work;
use super::facts::Facts;
use super::fault::Fault;
use super::ledger::Ledger;
use crate::clock::span;
use crate::limits::{check_count, check_enqueue, check_lease, check_notes, check_setting, check_step};
use crate::rules::check_purge;
use crate::signal::News;
use crate::{
    Bound, Broker, Cancelled, Enqueued, Error, Lease, Listener, NewTask, Note, QueueName, QueueSettings,
    QueueStats, ReapScope, Reaped, Section, Setting, Step, StepReply, TaskId, TaskState, TaskView, Topic,
    WorkerId, WorkerLoad,
};

impl Sqlite {
    /// Work that writes to a queue, and tells those who listen to it.
    fn write<T: Send + 'static>(
        &self,
        queue: &QueueName,
        mut work: impl FnMut(&Ledger<'_>, &QueueName) -> Result<T, Fault> + Send + 'static,
    ) -> Work<(T, News)> {
        let (queue, announced, hub) = (queue.clone(), queue.clone(), Arc::clone(&self.hub));
        Work::write(move |ledger: &Ledger<'_>| ledger.told(|ledger| work(ledger, &queue)))
            .then(move |(_, news): &(T, News)| hub.tell(&announced, news))
    }

    /// Asks something about a queue; one that was never used has the default answer.
    async fn ask<T: Default + Send + 'static>(
        &self,
        action: &'static str,
        queue: &QueueName,
        mut look: impl FnMut(&Ledger<'_>, &Facts) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        let queue = queue.clone();
        let work = Work::read(move |ledger: &Ledger<'_>| match ledger.facts(&queue)? {
            Some(facts) => look(ledger, &facts),
            None => Ok(T::default()),
        });
        self.engine.call(action, work).await
    }

    async fn call<T: Send + 'static>(&self, action: &'static str, work: Work<(T, News)>) -> Result<T, Error> {
        Ok(self.engine.call(action, work).await?.0)
    }
}

impl Broker for Sqlite {
    async fn enqueue(
        &self,
        queue: &QueueName,
        tasks: Vec<NewTask>,
        bound: Bound,
    ) -> Result<Vec<Enqueued>, Error> {
        check_enqueue(&tasks)?;
        let work = self.write(queue, move |ledger, queue| ledger.enqueue(queue, &tasks, bound));
        self.call("enqueue tasks", work).await
    }

    async fn step(&self, queue: &QueueName, step: Step) -> Result<StepReply, Error> {
        check_step(&step)?;
        let step = Arc::new(step);
        let (sought, probed) = (Arc::clone(&step), queue.clone());
        let work = self.write(queue, move |ledger, queue| ledger.step(queue, &step)).unless(move |ledger| {
            if !sought.settle.is_empty() {
                return Ok(None);
            }
            let idle = match ledger.facts(&probed)? {
                Some(facts) => !ledger.has_ready(&facts, &sought.claim)?,
                None => true,
            };
            Ok(idle.then(Default::default))
        });
        self.call("step", work).await
    }

    async fn renew(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        leases: Vec<Lease>,
        lease: Duration,
    ) -> Result<Vec<TaskId>, Error> {
        check_count("leases", leases.len())?;
        check_lease(lease)?;
        let worker = worker.to_string();
        let work = self.write(queue, move |ledger, queue| {
            let lost = ledger.on(queue, |facts| ledger.renew(facts, &worker, &leases, span(lease)))?;
            Ok(lost.unwrap_or_else(|| leases.iter().map(|lease| lease.task.clone()).collect()))
        });
        self.call("renew leases", work).await
    }

    async fn reap(&self, queue: &QueueName, scope: ReapScope, max: usize) -> Result<Vec<Reaped>, Error> {
        check_count("tasks", max)?;
        let (sought, probed) = (scope.clone(), queue.clone());
        let work = self
            .write(queue, move |ledger, queue| {
                Ok(ledger.on(queue, |facts| ledger.reap(facts, &scope, max))?.unwrap_or_default())
            })
            .unless(move |ledger| {
                let idle = match ledger.facts(&probed)? {
                    Some(facts) => ledger.gone(&facts, &sought, 1)?.is_empty(),
                    None => true,
                };
                Ok(idle.then(Default::default))
            });
        self.call("take back leases", work).await
    }

    async fn note(
        &self,
        queue: &QueueName,
        worker: &WorkerId,
        notes: Vec<Note>,
    ) -> Result<Vec<TaskId>, Error> {
        check_notes(&notes)?;
        let worker = worker.to_string();
        let work = self.write(queue, move |ledger, queue| {
            let lost = ledger.on(queue, |facts| ledger.note(facts, &worker, &notes))?;
            Ok(lost.unwrap_or_else(|| notes.iter().map(|note| note.lease.task.clone()).collect()))
        });
        self.call("write notes", work).await
    }

    async fn cancel(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Cancelled>, Error> {
        check_count("ids", tasks.len())?;
        let work = self.write(queue, move |ledger, queue| {
            let answers = ledger.on(queue, |facts| ledger.cancel(facts, &tasks))?;
            Ok(answers.unwrap_or_else(|| vec![Cancelled::Unknown; tasks.len()]))
        });
        self.call("cancel tasks", work).await
    }

    async fn replay(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<bool>, Error> {
        check_count("ids", tasks.len())?;
        let work = self.write(queue, move |ledger, queue| {
            let answers = ledger.on(queue, |facts| ledger.replay(facts, &tasks))?;
            Ok(answers.unwrap_or_else(|| vec![false; tasks.len()]))
        });
        self.call("replay tasks", work).await
    }

    async fn purge(&self, queue: &QueueName, section: Section, max: usize) -> Result<u64, Error> {
        check_count("tasks", max)?;
        check_purge(section)?;
        let work = self.write(queue, move |ledger, queue| {
            Ok(ledger.on(queue, |facts| ledger.purge(facts, section, max))?.unwrap_or_default())
        });
        self.call("purge tasks", work).await
    }

    async fn peek(&self, queue: &QueueName, section: Section, max: usize) -> Result<Vec<TaskView>, Error> {
        check_count("tasks", max)?;
        self.ask("look at tasks", queue, move |ledger, facts| ledger.peek(facts, section, max)).await
    }

    async fn set(&self, queue: &QueueName, setting: Setting) -> Result<(), Error> {
        check_setting(&setting)?;
        let work =
            self.write(queue, move |ledger, queue| ledger.on_new(queue, |facts| ledger.set(facts, &setting)));
        self.call("change a setting", work).await
    }

    async fn settings(&self, queue: &QueueName) -> Result<QueueSettings, Error> {
        let queue = queue.clone();
        let work = Work::read(move |ledger: &Ledger<'_>| ledger.settings(ledger.facts(&queue)?.as_ref()));
        self.engine.call("read the settings", work).await
    }

    async fn workers(&self, queue: &QueueName) -> Result<Vec<WorkerLoad>, Error> {
        self.ask("list workers", queue, |ledger, facts| ledger.workers(facts)).await
    }

    async fn queues(&self) -> Result<Vec<QueueName>, Error> {
        self.engine.call("list queues", Work::read(|ledger: &Ledger<'_>| ledger.queues())).await
    }

    async fn lookup(&self, queue: &QueueName, tasks: Vec<TaskId>) -> Result<Vec<Option<TaskState>>, Error> {
        check_count("ids", tasks.len())?;
        let queue = queue.clone();
        let work = Work::read(move |ledger: &Ledger<'_>| match ledger.facts(&queue)? {
            Some(facts) => ledger.lookup(&facts, &tasks),
            None => Ok(vec![None; tasks.len()]),
        });
        self.engine.call("look up tasks", work).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<QueueStats, Error> {
        self.ask("count tasks", queue, |ledger, facts| ledger.stats(facts)).await
    }

    async fn forget(&self, queue: &QueueName, age: Duration, max: usize) -> Result<u64, Error> {
        check_count("records", max)?;
        let work = self.write(queue, move |ledger, queue| {
            Ok(ledger.on(queue, |facts| ledger.forget(facts, span(age), max))?.unwrap_or_default())
        });
        self.call("forget tasks", work).await
    }

    fn listen(&self, queue: &QueueName, topic: &Topic) -> Listener {
        self.hub.listen(queue, topic).polling(self.poll)
    }
}
