//! How tasks come in.

use std::collections::BTreeSet;

use rusqlite::{CachedStatement, params};

use super::facts::Facts;
use super::fault::Fault;
use super::lanes::Alike;
use super::ledger::{BLOCKED, DEAD, DONE, Ledger, WAITING, traits};
use super::payloads::INLINE_BYTES;
use super::schema::pages;
use crate::clock::span;
use crate::rules::{self, Destination};
use crate::{Bound, Enqueued, Error, Label, Mode, NewTask, Novelty, QueueName, TaskId, Unique};

/// More pages than SQLite can count: no bound.
const UNBOUNDED_PAGES: i64 = 4_294_967_294;

/// Where a new task stands.
struct Stand {
    phase: i64,
    traits: i64,
    lane: Option<i64>,
    remaining: Option<u32>,
    death: Option<(u8, String)>,
}

const READY: Stand = Stand { phase: WAITING, traits: 0, lane: None, remaining: None, death: None };

/// Tasks on their way in, and the lanes that they come to.
struct Entry<'a> {
    facts: &'a Facts,
    insert: CachedStatement<'a>,
    lanes: BTreeSet<i64>,
}

impl Ledger<'_> {
    pub(super) fn enqueue(
        &self,
        queue: &QueueName,
        tasks: &[NewTask],
        bound: Bound,
    ) -> Result<Vec<Enqueued>, Fault> {
        self.on_new(queue, |facts| {
            if facts.mode == Mode::Draining {
                return Err(Error::Draining { queue: queue.to_string() }.into());
            }
            self.check_bound(facts, bound, tasks)?;
            let Some(bytes) = self.max_bytes else { return self.admit_all(facts, tasks) };
            // The bound holds for this call only: a full queue must still be able to hand out and settle what it has.
            self.bound_growth(pages(self.connection, bytes)?)?;
            let answers = self.admit_all(facts, tasks);
            self.bound_growth(UNBOUNDED_PAGES)?;
            answers
        })
    }

    fn bound_growth(&self, pages: i64) -> Result<(), Fault> {
        Ok(self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
    }

    fn admit_all(&self, facts: &Facts, tasks: &[NewTask]) -> Result<Vec<Enqueued>, Fault> {
        if tasks.iter().any(|task| task.tenant.is_some()) {
            self.share_out(facts)?;
        }
        let insert = self.connection.prepare_cached(
            "INSERT INTO cofferdam_queue_tasks (queue, id, phase, traits, priority, lane, enqueued_at, ready_at,
                 max_attempts, max_crashes, backoff_base, backoff_cap, kind, class, tenant, code, limit_name,
                 group_name, unique_key, deadline_at, remaining, finished_at, death, error, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
                 ?22, ?23, ?24, ?25)
             ON CONFLICT (queue, id) DO NOTHING",
        )?;
        let mut entry = Entry { facts, insert, lanes: BTreeSet::new() };
        let mut answers = Vec::with_capacity(tasks.len());
        for task in tasks {
            answers.push(self.admit(&mut entry, task)?);
        }
        entry.lanes.into_iter().try_for_each(|lane| self.refresh(facts, lane))?;
        if answers.iter().any(|answer| answer.novelty == Novelty::New) {
            self.raise_ready();
        }
        Ok(answers)
    }

    fn admit(&self, entry: &mut Entry<'_>, task: &NewTask) -> Result<Enqueued, Fault> {
        if is_plain(task) && !entry.facts.shared.get() {
            return self.add(entry, task, READY);
        }
        let facts = entry.facts;
        if task.unique.is_some() || !task.after.is_empty() {
            if self.seq(facts, &task.id)?.is_some() {
                return Ok(Enqueued::new(task.id.clone(), Novelty::Existing));
            }
            if let Some(unique) = &task.unique
                && let Some(holder) = self.holder(facts, unique.key.as_str())?
            {
                return self.hand_over(entry, task, unique, holder);
            }
        }
        let parents = self.parents(facts, task)?;
        let stand = match parents.dead {
            Some((parent, reason)) if !task.tolerant => dead(&rules::orphaned(&parent, reason)),
            _ if !parents.open.is_empty() => Stand {
                phase: BLOCKED,
                remaining: Some(u32::try_from(parents.open.len()).unwrap_or(u32::MAX)),
                ..READY
            },
            _ if task.marker => Stand { phase: DONE, ..READY },
            _ => Stand { lane: self.lane(facts, alike(task))?, ..READY },
        };
        let phase = stand.phase;
        // Refreshed also where nothing comes to it: it may have been made for this task.
        entry.lanes.extend(stand.lane);
        let answer = self.add(entry, task, stand)?;
        if answer.novelty != Novelty::New {
            return Ok(answer);
        }
        let seq = self.connection.last_insert_rowid();
        if let Some(unique) = &task.unique
            && (phase != DONE || unique.outlives())
        {
            self.hold_key(facts, unique, &task.id)?;
        }
        match phase {
            BLOCKED => self.wait_for(seq, &parents.open)?,
            WAITING => {}
            _ => self.news.borrow_mut().ended.push(task.id.clone()),
        }
        Ok(answer)
    }

    fn add(&self, entry: &mut Entry<'_>, task: &NewTask, stand: Stand) -> Result<Enqueued, Fault> {
        let waits = i64::from(stand.phase == WAITING);
        let apart = task.payload.len() > INLINE_BYTES && stand.phase != DONE;
        let ended = stand.phase == DONE || stand.phase == DEAD;
        let (death, error) = stand.death.unzip();
        let added = entry.insert.execute(params![
            entry.facts.queue,
            task.id.as_str(),
            stand.phase,
            stand.traits | traits_of(task) | if apart { traits::APART } else { 0 },
            task.priority.rank(),
            stand.lane,
            self.now,
            self.now.saturating_add(span(task.delay)),
            task.max_attempts.get(),
            task.max_crashes.get(),
            task.backoff.map(|backoff| span(backoff.base())),
            task.backoff.map(|backoff| span(backoff.cap())),
            name(&task.kind),
            name(&task.class),
            name(&task.tenant),
            name(&task.code),
            name(&task.limit),
            name(&task.group),
            task.unique.as_ref().map(|unique| unique.key.as_str()),
            task.deadline.map(|deadline| self.now.saturating_add(span(deadline))),
            stand.remaining,
            ended.then_some(self.now),
            death,
            error,
            (!apart).then_some(&task.payload),
        ])?;
        if added == 0 {
            return Ok(Enqueued::new(task.id.clone(), Novelty::Existing));
        }
        self.count_waiting(waits);
        if apart {
            self.keep_apart(self.connection.last_insert_rowid(), &task.payload)?;
        }
        Ok(Enqueued::new(task.id.clone(), Novelty::New))
    }

    /// Meets a task whose unique key is taken: its payload goes to the holder, if both are of a mind to that.
    fn hand_over(
        &self,
        entry: &mut Entry<'_>,
        task: &NewTask,
        unique: &Unique,
        holder: TaskId,
    ) -> Result<Enqueued, Fault> {
        let held = match self.seq(entry.facts, &holder)? {
            Some(seq) if unique.replace => self.task(seq)?.filter(|held| held.phase <= WAITING),
            _ => None,
        };
        let Some(held) = held else { return Ok(Enqueued::new(holder, Novelty::Duplicate)) };
        let delayed = held.phase == WAITING && held.ready_at > self.now;
        let apart = task.payload.len() > INLINE_BYTES;
        self.connection
            .prepare_cached(
                "UPDATE cofferdam_queue_tasks SET traits = ?2, body = ?3, ready_at = ?4 WHERE seq = ?1",
            )?
            .execute(params![
                held.seq,
                held.traits & !traits::APART | if apart { traits::APART } else { 0 },
                (!apart).then_some(&task.payload),
                if delayed { self.now.saturating_add(span(task.delay)) } else { held.ready_at },
            ])?;
        if apart {
            self.keep_apart(held.seq, &task.payload)?;
        } else if held.has(traits::APART) {
            self.drop_payload(held.seq)?;
        }
        if delayed {
            entry.lanes.extend(held.lane);
            self.raise_ready();
        }
        Ok(Enqueued::new(holder, Novelty::Replaced))
    }
}

/// Whether nothing stands outside the task's row.
fn is_plain(task: &NewTask) -> bool {
    traits_of(task) == 0 && task.group.is_none()
}

fn traits_of(task: &NewTask) -> i64 {
    let tied = task.class.is_some()
        || task.tenant.is_some()
        || task.limit.is_some()
        || task.code.is_some()
        || task.unique.is_some();
    let of = |has: bool, traits: i64| if has { traits } else { 0 };
    of(tied, traits::TIED) | of(task.marker, traits::MARKER) | of(task.tolerant, traits::TOLERANT)
}

fn alike(task: &NewTask) -> Alike<'_> {
    Alike {
        class: name(&task.class).unwrap_or_default(),
        priority: i64::from(task.priority.rank()),
        tenant: name(&task.tenant).unwrap_or_default(),
        limit: name(&task.limit).unwrap_or_default(),
    }
}

fn name(label: &Option<Label>) -> Option<&str> {
    label.as_ref().map(Label::as_str)
}

fn dead(destination: &Destination<'_>) -> Stand {
    match destination {
        Destination::Dead { reason, error } => {
            Stand { phase: DEAD, death: Some((reason.code(), error.clone())), ..READY }
        }
        _ => READY,
    }
}
