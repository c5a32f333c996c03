//! Settlements: how the ends of runs are taken to the books.

use rusqlite::{OptionalExtension, Row, params};

use super::facts::Facts;
use super::fault::Fault;
use super::ledger::{DONE, LEASED, Ledger, row_of, tally};
use crate::rules::{self, Destination, Tally};
use crate::{Ending, Lease, Settlement, Verdict};

/// The task whose row shows a token.
pub(super) struct Shown {
    pub(super) seq: i64,
    pub(super) traits: i64,
    phase: i64,
    /// Whether the worker that asks is the one that stands there.
    own: bool,
    ready_at: i64,
    tally: Tally,
}

impl Shown {
    /// Whether the lease holds.
    pub(super) const fn holds(&self) -> bool {
        self.phase == LEASED && self.own
    }
}

impl Ledger<'_> {
    pub(super) fn settle_all(
        &self,
        facts: &Facts,
        worker: &str,
        settlements: &[Settlement],
    ) -> Result<Vec<Verdict>, Fault> {
        settlements.iter().map(|settlement| self.settle(facts, worker, settlement)).collect()
    }

    fn settle(&self, facts: &Facts, worker: &str, settlement: &Settlement) -> Result<Verdict, Fault> {
        let lease = &settlement.lease;
        match self.shown(facts, worker, lease)? {
            // The token stays with a result, so a settlement that is repeated finds its own.
            Some(shown) if shown.phase == DONE => Ok(Verdict::Recorded),
            Some(shown) if shown.holds() && shown.traits == 0 && !facts.shared.get() => {
                let mut tally = shown.tally;
                let destination = rules::settle(&settlement.ending, &mut tally, shown.ready_at, self.now);
                self.send_plain(shown.seq, &lease.task, tally, &destination)?;
                Ok(destination.verdict(&settlement.ending))
            }
            Some(shown) if shown.holds() => self.settle_tied(facts, shown.seq, settlement),
            _ => Ok(Verdict::LeaseLost),
        }
    }

    /// The task whose row shows the token of a lease.
    pub(super) fn shown(&self, facts: &Facts, worker: &str, lease: &Lease) -> Result<Option<Shown>, Fault> {
        let (task, token) = (lease.task.as_str(), lease.token.0.cast_signed());
        let found = self
            .connection
            .prepare_cached(
                "SELECT seq, phase, worker = ?4, traits, ready_at, failures, crashes, max_attempts, max_crashes
                 FROM cofferdam_queue_tasks WHERE seq = ?5 AND queue = ?1 AND id = ?2 AND token = ?3",
            )?
            .query_row(params![facts.queue, task, token, worker, row_of(lease.token)], shown)
            .optional()?;
        if found.is_some() {
            return Ok(found);
        }
        // It is lost, or was given by a version whose tokens led nowhere.
        let mut find = self.connection.prepare_cached(
            "SELECT seq, phase, worker = ?4, traits, ready_at, failures, crashes, max_attempts, max_crashes
             FROM cofferdam_queue_tasks WHERE queue = ?1 AND id = ?2 AND token = ?3",
        )?;
        Ok(find.query_row(params![facts.queue, task, token, worker], shown).optional()?)
    }

    /// Settles a task of which something stands outside its row.
    fn settle_tied(&self, facts: &Facts, seq: i64, settlement: &Settlement) -> Result<Verdict, Fault> {
        let mut task = self.task(seq)?.ok_or(Fault::Corrupt("task (it is gone)"))?;
        self.correct(facts, &task, settlement.used)?;
        let destination = rules::settle(&settlement.ending, &mut task.tally, task.ready_at, self.now);
        if let (Ending::Crashed { .. }, Some(code)) = (&settlement.ending, &task.code) {
            self.count_crash(facts, code)?;
        }
        self.send(facts, &task, &destination)?;
        Ok(destination.verdict(&settlement.ending))
    }

    /// What a lease that was taken back makes of its task. Answers whether that is dead.
    pub(super) fn take_back(&self, facts: &Facts, seq: i64, worker: &str) -> Result<bool, Fault> {
        let mut task = self.task(seq)?.ok_or(Fault::Corrupt("task (it is gone)"))?;
        let destination = rules::take_back(worker, &mut task.tally, self.now);
        if let Some(code) = &task.code {
            self.count_crash(facts, code)?;
        }
        self.send(facts, &task, &destination)?;
        Ok(matches!(destination, Destination::Dead { .. }))
    }
}

fn shown(row: &Row<'_>) -> Result<Shown, rusqlite::Error> {
    Ok(Shown {
        seq: row.get(0)?,
        phase: row.get(1)?,
        own: row.get::<_, Option<bool>>(2)? == Some(true),
        traits: row.get(3)?,
        ready_at: row.get(4)?,
        tally: tally(row, 5)?,
    })
}
