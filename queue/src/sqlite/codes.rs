//! Code: how often it has crashed, and whether it is in quarantine.

use rusqlite::{OptionalExtension, params};

use super::facts::Facts;
use super::fault::Fault;
use super::ledger::Ledger;
use crate::Label;

impl Ledger<'_> {
    /// Counts a crash of code, which the queue's bound may put into quarantine.
    pub(super) fn count_crash(&self, facts: &Facts, code: &Label) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "INSERT INTO cofferdam_queue_codes (queue, code, crashes, quarantined) VALUES (?1, ?2, 1, 1 >= ?3)
                 ON CONFLICT (queue, code)
                 DO UPDATE SET crashes = crashes + 1, quarantined = quarantined OR crashes + 1 >= ?3",
            )?
            .execute(params![
                facts.queue,
                code.as_str(),
                facts.quarantine_after.map_or(i64::MAX, |after| i64::from(after.get())),
            ])?;
        Ok(())
    }

    pub(super) fn is_quarantined(&self, facts: &Facts, code: &Label) -> Result<bool, Fault> {
        let mut find = self
            .connection
            .prepare_cached("SELECT quarantined FROM cofferdam_queue_codes WHERE queue = ?1 AND code = ?2")?;
        let found = find.query_row(params![facts.queue, code.as_str()], |row| row.get(0));
        Ok(found.optional()?.unwrap_or(false))
    }

    /// Puts code into quarantine by hand.
    pub(super) fn quarantine(&self, facts: &Facts, code: &Label) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "INSERT INTO cofferdam_queue_codes (queue, code, crashes, quarantined) VALUES (?1, ?2, 0, 1)
                 ON CONFLICT (queue, code) DO UPDATE SET quarantined = 1",
            )?
            .execute(params![facts.queue, code.as_str()])?;
        Ok(())
    }

    /// Lets code run again and forgets its crashes.
    pub(super) fn release(&self, facts: &Facts, code: &Label) -> Result<(), Fault> {
        self.connection
            .prepare_cached("DELETE FROM cofferdam_queue_codes WHERE queue = ?1 AND code = ?2")?
            .execute(params![facts.queue, code.as_str()])?;
        Ok(())
    }
}
