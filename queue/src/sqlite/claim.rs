//! Claims: which tasks go next, and what is checked before one goes.

use rusqlite::{Row, params};

use super::choice::Source;
use super::facts::Facts;
use super::fault::Fault;
use super::lanes::Crossing;
use super::ledger::{Ledger, label, limit, task_id, token, traits};
use crate::clock::{length, moment, span};
use crate::rules::{self, Destination};
use crate::{Backoff, Delivery, Label, Lease, Mode, Places, Priority, QueueName, Step, StepReply, Verdict};

/// How many tasks die in one step at most, of their deadlines or in quarantine; others wait meanwhile. When there are
/// more, the step answers with what it has and the next one goes on.
const MAX_DEATHS: usize = 5_000;

/// A claim under way.
struct Claim<'a> {
    facts: &'a Facts,
    worker: &'a str,
    until: i64,
    deliveries: Vec<Delivery>,
    deaths: usize,
}

/// What was taken from a source.
enum Taken {
    /// Whatever it had.
    All,
    Some,
    /// A task died that others waited for, which may go before all else now.
    Freed,
}

/// A task that was found, and what must be looked at before it goes.
struct Found {
    seq: i64,
    traits: i64,
    deadline_at: Option<i64>,
    unique_key: Option<String>,
    delivery: Delivery,
}

impl Ledger<'_> {
    pub(super) fn step(&self, queue: &QueueName, step: &Step) -> Result<StepReply, Fault> {
        let reply = self.on(queue, |facts| {
            if facts.laned.get() {
                self.promote(facts)?;
            }
            let worker = step.worker.to_string();
            let settled = self.settle_all(facts, &worker, &step.settle)?;
            let until = self.now.saturating_add(span(step.lease));
            let claim = Claim { facts, worker: &worker, until, deliveries: Vec::new(), deaths: 0 };
            Ok(StepReply { settled, claimed: self.claim(claim, &step.claim)? })
        })?;
        let lost = || StepReply { settled: vec![Verdict::LeaseLost; step.settle.len()], claimed: Vec::new() };
        Ok(reply.unwrap_or_else(lost))
    }

    fn claim(&self, mut claim: Claim<'_>, claims: &[Places]) -> Result<Vec<Delivery>, Fault> {
        let facts = claim.facts;
        if facts.mode == Mode::Paused {
            return Ok(Vec::new());
        }
        if facts.laned.get() {
            self.open_due(facts)?;
        }
        for places in claims {
            let wanted = claim.deliveries.len().saturating_add(places.count);
            while self.fill(&mut claim, places.class.as_ref(), wanted)? {}
        }
        Ok(claim.deliveries)
    }

    /// Claims tasks of a class until so many are claimed in all, or none is left. True if something may have become
    /// ready meanwhile that goes before what is left, so that all must be looked at again.
    fn fill(&self, claim: &mut Claim<'_>, class: Option<&Label>, wanted: usize) -> Result<bool, Fault> {
        for priority in Priority::ALL {
            let at =
                Crossing { class: class.map_or("", Label::as_str), priority: i64::from(priority.rank()) };
            while claim.deliveries.len() < wanted {
                if claim.deaths >= MAX_DEATHS {
                    self.raise_ready();
                    return Ok(false);
                }
                let Some(source) = self.choose(claim.facts, at)? else { break };
                let most = if source.sole { wanted - claim.deliveries.len() } else { 1 };
                match self.take_from(claim, &source, class, priority, most)? {
                    Taken::All => break,
                    Taken::Some => {}
                    Taken::Freed => return Ok(true),
                }
            }
        }
        Ok(false)
    }

    fn take_from(
        &self,
        claim: &mut Claim<'_>,
        source: &Source,
        class: Option<&Label>,
        priority: Priority,
        most: usize,
    ) -> Result<Taken, Fault> {
        let found = self.find(claim, source, class, priority, most)?;
        let mut taken = if found.len() < most && source.sole { Taken::All } else { Taken::Some };
        for one in found {
            let awaited = one.traits & traits::AWAITED != 0;
            if !self.take(claim, source, one)? && awaited {
                taken = Taken::Freed;
                break;
            }
        }
        source.lane.map_or(Ok(()), |lane| self.refresh(claim.facts, lane))?;
        Ok(taken)
    }

    fn find(
        &self,
        claim: &Claim<'_>,
        source: &Source,
        class: Option<&Label>,
        priority: Priority,
        most: usize,
    ) -> Result<Vec<Found>, Fault> {
        let mut find = self.connection.prepare_cached(match source.lane {
            None => {
                "SELECT seq, id, failures, crashes, enqueued_at, ready_at, backoff_base, backoff_cap, traits, kind,
                     tenant, code, deadline_at, unique_key, body
                 FROM cofferdam_queue_tasks
                 WHERE queue = ?1 AND phase = 1 AND lane IS NULL AND priority = ?2 AND ready_at <= ?3
                 ORDER BY ready_at, seq LIMIT ?4"
            }
            Some(_) => {
                "SELECT seq, id, failures, crashes, enqueued_at, ready_at, backoff_base, backoff_cap, traits, kind,
                     tenant, code, deadline_at, unique_key, body
                 FROM cofferdam_queue_tasks
                 WHERE lane IS NOT NULL AND phase = 1 AND lane = ?1 AND ready_at <= ?2
                 ORDER BY ready_at, seq LIMIT ?3"
            }
        })?;
        let most = limit(most);
        let read = |row: &Row<'_>| Ok(self.found(class, priority, row));
        // All rows are read before the first is changed: a statement must not walk an index that changes below it.
        let rows = match source.lane {
            None => find.query_map(params![claim.facts.queue, priority.rank(), self.now, most], read)?,
            Some(lane) => find.query_map(params![lane, self.now, most], read)?,
        };
        rows.map(|row| row?).collect()
    }

    fn found(&self, class: Option<&Label>, priority: Priority, row: &Row<'_>) -> Result<Found, Fault> {
        let (seq, traits): (i64, i64) = (row.get(0)?, row.get(8)?);
        let ready_at: i64 = row.get(5)?;
        let bounds: (Option<i64>, Option<i64>) = (row.get(6)?, row.get(7)?);
        let backoff = match bounds {
            (Some(base), Some(cap)) => Backoff::new(length(base), length(cap)).ok(),
            _ => None,
        };
        let deadline_at: Option<i64> = row.get(12)?;
        let delivery = Delivery {
            lease: Lease {
                task: task_id(row, 1)?,
                token: token(seq, self.tokens),
                priority,
                class: class.cloned(),
                shard: 0,
            },
            payload: if traits & traits::APART == 0 { row.get(14)? } else { self.payload(seq)? },
            attempt: row.get::<_, u32>(2)?.saturating_add(1),
            crashes: row.get(3)?,
            backoff,
            enqueued_at: moment(row.get(4)?),
            ready_at: moment(ready_at),
            waited: length(self.now.saturating_sub(ready_at)),
            kind: label(row, 9)?,
            tenant: label(row, 10)?,
            code: label(row, 11)?,
            deadline: deadline_at.map(moment),
            checkpoint: if traits & traits::NOTED == 0 { None } else { self.checkpoint(seq)? },
        };
        Ok(Found { seq, traits, deadline_at, unique_key: row.get(13)?, delivery })
    }

    /// Gives a task to the worker; false if it died in place of that.
    fn take(&self, claim: &mut Claim<'_>, source: &Source, found: Found) -> Result<bool, Fault> {
        let facts = claim.facts;
        if let Some(death) = self.death(facts, &found)? {
            claim.deaths += 1;
            let task = self.task(found.seq)?.ok_or(Fault::Corrupt("task (it is gone)"))?;
            self.send(facts, &task, &death)?;
            return Ok(false);
        }
        if let Some(limit) = &source.limit {
            self.start(facts, limit)?;
        }
        let charge = source.tenant.as_deref().map(|tenant| self.charge(facts, tenant)).transpose()?;
        let lease = &found.delivery.lease;
        self.connection
            .prepare_cached(
                "UPDATE cofferdam_queue_tasks SET phase = 2, worker = ?2, token = ?3, lease_until = ?4, charge = ?5
                 WHERE seq = ?1",
            )?
            .execute(params![found.seq, claim.worker, lease.token.0.cast_signed(), claim.until, charge])?;
        self.count_waiting(-1);
        if let Some(key) = &found.unique_key {
            self.free_key_at_start(facts, key, &lease.task)?;
        }
        claim.deliveries.push(found.delivery);
        Ok(true)
    }

    /// Why a task must not be run any more.
    fn death(&self, facts: &Facts, found: &Found) -> Result<Option<Destination<'static>>, Fault> {
        if found.deadline_at.is_some_and(|deadline| deadline <= self.now) {
            return Ok(Some(rules::expired()));
        }
        match &found.delivery.code {
            Some(code) if self.is_quarantined(facts, code)? => Ok(Some(rules::quarantined(code))),
            _ => Ok(None),
        }
    }
}
