//! Settlements: how the ends of runs are taken to the books.

use rusqlite::{OptionalExtension, params};

use super::fault::Fault;
use super::ledger::{DONE, Facts, LEASED, Ledger, tally};
use crate::rules::{self, Destination};
use crate::{Ending, Settlement, Verdict};

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
        let token = lease.token.0.cast_signed();
        let mut find = self.connection.prepare_cached(
            "SELECT seq, phase, worker = ?4, traits, ready_at, failures, crashes, max_attempts, max_crashes
             FROM cofferdam_queue_tasks WHERE queue = ?1 AND id = ?2 AND token = ?3",
        )?;
        let found = find
            .query_row(params![facts.queue, lease.task.as_str(), token, worker], |row| {
                let own: Option<bool> = row.get(2)?;
                let (phase, traits): (i64, i64) = (row.get(1)?, row.get(3)?);
                Ok((row.get(0)?, phase, own == Some(true), traits, row.get(4)?, tally(row, 5)?))
            })
            .optional()?;
        match found {
            // The token stays with a result, so a settlement that is repeated finds its own.
            Some((_, DONE, ..)) => Ok(Verdict::Recorded),
            Some((seq, LEASED, true, 0, ready_at, mut tally)) if !facts.shared.get() => {
                let destination = rules::settle(&settlement.ending, &mut tally, ready_at, self.now);
                self.send_plain(seq, &lease.task, tally, &destination)?;
                Ok(destination.verdict(&settlement.ending))
            }
            Some((seq, LEASED, true, ..)) => self.settle_tied(facts, seq, settlement),
            _ => Ok(Verdict::LeaseLost),
        }
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
