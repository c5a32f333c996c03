//! The work of producers and workers on the tables: enqueue, settle, claim.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::schema::pages;
use crate::clock::{length, moment, span};
use crate::random::TokenSource;
use crate::rules::{self, Destination, Tally};
use crate::{
    Backoff, DeathReason, Delivery, Enqueued, Lease, NewTask, Novelty, Priority, QueueName, Settlement, Step,
    StepReply, TaskId, Verdict,
};

/// The tables at one moment of the broker's time.
pub(super) struct Ledger<'a> {
    pub(super) connection: &'a Connection,
    pub(super) now: i64,
    pub(super) tokens: &'a TokenSource,
    /// How far new tasks may make the file grow.
    pub(super) max_bytes: Option<u64>,
}

/// More pages than SQLite can count: no bound.
const UNBOUNDED_PAGES: i64 = 4_294_967_294;

impl Ledger<'_> {
    pub(super) fn enqueue(&self, queue: &QueueName, tasks: &[NewTask]) -> Result<Vec<Enqueued>, Fault> {
        let Some(bytes) = self.max_bytes else { return self.insert(queue, tasks) };
        // The bound holds for this call only: a full queue must still be able to hand out and settle what it has.
        self.bound_growth(pages(self.connection, bytes)?)?;
        let answers = self.insert(queue, tasks);
        self.bound_growth(UNBOUNDED_PAGES)?;
        answers
    }

    fn bound_growth(&self, pages: i64) -> Result<(), Fault> {
        Ok(self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
    }

    fn insert(&self, queue: &QueueName, tasks: &[NewTask]) -> Result<Vec<Enqueued>, Fault> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO cofferdam_queue_tasks (queue, id, phase, priority, enqueued_at, ready_at, max_attempts,
                 max_crashes, backoff_base, backoff_cap)
             VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (queue, id) DO NOTHING",
        )?;
        let mut keep = self
            .connection
            .prepare_cached("INSERT INTO cofferdam_queue_payloads (seq, payload) VALUES (?1, ?2)")?;
        let mut answers = Vec::with_capacity(tasks.len());
        for task in tasks {
            let added = insert.execute(params![
                queue.as_str(),
                task.id.as_str(),
                task.priority.rank(),
                self.now,
                self.now.saturating_add(span(task.delay)),
                task.max_attempts.get(),
                task.max_crashes.get(),
                task.backoff.map(|backoff| span(backoff.base())),
                task.backoff.map(|backoff| span(backoff.cap())),
            ])?;
            let novelty = if added == 0 { Novelty::Existing } else { Novelty::New };
            if novelty == Novelty::New {
                keep.execute(params![self.connection.last_insert_rowid(), task.payload])?;
            }
            answers.push(Enqueued { id: task.id.clone(), novelty });
        }
        Ok(answers)
    }

    pub(super) fn step(&self, queue: &QueueName, step: &Step) -> Result<StepReply, Fault> {
        let worker = step.worker.to_string();
        let mut reply = StepReply::default();
        for settlement in &step.settle {
            reply.settled.push(self.settle(queue, &worker, settlement)?);
        }
        let until = self.now.saturating_add(span(step.lease));
        for priority in Priority::ALL {
            let places = step.places() - reply.claimed.len();
            if places > 0 {
                reply.claimed.extend(self.claim(queue, &worker, priority, places, until)?);
            }
        }
        Ok(reply)
    }

    fn claim(
        &self,
        queue: &QueueName,
        worker: &str,
        priority: Priority,
        places: usize,
        until: i64,
    ) -> Result<Vec<Delivery>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT t.seq, t.id, t.failures, t.crashes, t.enqueued_at, t.ready_at, t.backoff_base, t.backoff_cap,
                 p.payload
             FROM cofferdam_queue_tasks t JOIN cofferdam_queue_payloads p ON p.seq = t.seq
             WHERE t.queue = ?1 AND t.phase = 0 AND t.priority = ?2 AND t.ready_at <= ?3
             ORDER BY t.ready_at, t.seq LIMIT ?4",
        )?;
        let mut take = self.connection.prepare_cached(
            "UPDATE cofferdam_queue_tasks SET phase = 1, worker = ?2, token = ?3, lease_until = ?4
             WHERE seq = ?1",
        )?;
        let rows = find.query_map(
            params![queue.as_str(), priority.rank(), self.now, i64::try_from(places).unwrap_or(i64::MAX)],
            |row| Ok((row.get::<_, i64>(0)?, self.delivery(priority, row)?)),
        )?;
        // All rows are read before the first is changed: a statement must not walk an index that changes below it.
        let found: Vec<(i64, Delivery)> = rows.collect::<Result<_, _>>()?;
        let mut deliveries = Vec::with_capacity(found.len());
        for (seq, delivery) in found {
            take.execute(params![seq, worker, delivery.lease.token.0.cast_signed(), until])?;
            deliveries.push(delivery);
        }
        Ok(deliveries)
    }

    fn delivery(&self, priority: Priority, row: &Row<'_>) -> Result<Delivery, rusqlite::Error> {
        let ready_at: i64 = row.get(5)?;
        let bounds: (Option<i64>, Option<i64>) = (row.get(6)?, row.get(7)?);
        let backoff = match bounds {
            (Some(base), Some(cap)) => Backoff::new(length(base), length(cap)).ok(),
            _ => None,
        };
        Ok(Delivery {
            lease: Lease {
                task: task_id(row, 1)?,
                token: self.tokens.next(),
                priority,
                class: None,
                shard: 0,
            },
            payload: row.get(8)?,
            attempt: row.get::<_, u32>(2)?.saturating_add(1),
            crashes: row.get(3)?,
            backoff,
            enqueued_at: moment(row.get(4)?),
            ready_at: moment(ready_at),
            waited: length(self.now.saturating_sub(ready_at)),
            kind: None,
            tenant: None,
            code: None,
            deadline: None,
            checkpoint: None,
        })
    }

    fn settle(&self, queue: &QueueName, worker: &str, settlement: &Settlement) -> Result<Verdict, Fault> {
        let lease = &settlement.lease;
        let token = lease.token.0.cast_signed();
        let mut find = self.connection.prepare_cached(
            "SELECT seq, phase, worker = ?4, ready_at, failures, crashes, max_attempts, max_crashes
             FROM cofferdam_queue_tasks WHERE queue = ?1 AND id = ?2 AND token = ?3",
        )?;
        let found = find
            .query_row(params![queue.as_str(), lease.task.as_str(), token, worker], |row| {
                let phase: i64 = row.get(1)?;
                let own: Option<bool> = row.get(2)?;
                Ok((row.get::<_, i64>(0)?, phase, own == Some(true), row.get::<_, i64>(3)?, tally(row, 4)?))
            })
            .optional()?;
        match found {
            // The token stays with a result, so a settlement that is repeated finds its own.
            Some((_, phase, _, _, _)) if phase == PHASE_DONE => Ok(Verdict::Recorded),
            Some((seq, phase, true, ready_at, mut tally)) if phase == PHASE_LEASED => {
                let destination = rules::settle(&settlement.ending, &mut tally, ready_at, self.now);
                self.send(seq, tally, &destination)?;
                Ok(destination.verdict(&settlement.ending))
            }
            _ => Ok(Verdict::LeaseLost),
        }
    }

    /// Moves a leased task to where it goes next.
    pub(super) fn send(&self, seq: i64, tally: Tally, destination: &Destination<'_>) -> Result<(), Fault> {
        let (phase, death, outcome) = match destination {
            Destination::Waiting { ready_at } => {
                self.connection
                    .prepare_cached(
                        "UPDATE cofferdam_queue_tasks SET phase = 0, ready_at = ?2, failures = ?3, crashes = ?4,
                             worker = NULL, token = NULL, lease_until = NULL WHERE seq = ?1",
                    )?
                    .execute(params![seq, ready_at, tally.failures, tally.crashes])?;
                return Ok(());
            }
            Destination::Done(result) => (PHASE_DONE, None, *result),
            Destination::Dead { reason, error } => (PHASE_DEAD, Some(death_code(*reason)), error.as_bytes()),
        };
        self.connection
            .prepare_cached(
                "UPDATE cofferdam_queue_tasks SET phase = ?2, failures = ?3, crashes = ?4, worker = NULL,
                     lease_until = NULL, finished_at = ?5, death = ?6, outcome = ?7 WHERE seq = ?1",
            )?
            .execute(params![seq, phase, tally.failures, tally.crashes, self.now, death, outcome])?;
        if phase == PHASE_DONE {
            // A dead task keeps its payload, for whoever finds out what killed it.
            self.connection
                .prepare_cached("DELETE FROM cofferdam_queue_payloads WHERE seq = ?1")?
                .execute([seq])?;
        }
        Ok(())
    }
}

/// The phases as they are stored.
pub(super) const PHASE_WAITING: i64 = 0;
pub(super) const PHASE_LEASED: i64 = 1;
pub(super) const PHASE_DONE: i64 = 2;
pub(super) const PHASE_DEAD: i64 = 3;

/// The reasons of death as they are stored.
fn death_code(reason: DeathReason) -> i64 {
    i64::from(reason.code())
}

pub(super) fn death_reason(code: Option<i64>) -> Result<DeathReason, Fault> {
    code.and_then(DeathReason::from_code).ok_or(Fault::Corrupt("reason of death"))
}

pub(super) fn task_id(row: &Row<'_>, column: usize) -> Result<TaskId, rusqlite::Error> {
    Ok(TaskId::from_stored(row.get_ref(column)?.as_str()?))
}

/// Four columns: failures, crashes and their limits.
pub(super) fn tally(row: &Row<'_>, first: usize) -> Result<Tally, rusqlite::Error> {
    Ok(Tally {
        failures: row.get(first)?,
        crashes: row.get(first + 1)?,
        max_attempts: row.get(first + 2)?,
        max_crashes: row.get(first + 3)?,
    })
}
