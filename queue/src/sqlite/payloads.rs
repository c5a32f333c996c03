//! Payloads that are too large for the rows of their tasks.

use rusqlite::{OptionalExtension, params};

use super::fault::Fault;
use super::ledger::Ledger;

/// Up to this size a payload lies in the row of its task. That row is written three times in a task's life, and with the
/// payload elsewhere it is a second one that must be made, found and deleted; at a quarter of a page the two cost the
/// same.
pub(super) const INLINE_BYTES: usize = 1024;

impl Ledger<'_> {
    pub(super) fn keep_apart(&self, seq: i64, payload: &[u8]) -> Result<(), Fault> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO cofferdam_queue_payloads (seq, payload) VALUES (?1, ?2)")?
            .execute(params![seq, payload])?;
        Ok(())
    }

    pub(super) fn payload(&self, seq: i64) -> Result<Vec<u8>, Fault> {
        let mut find =
            self.connection.prepare_cached("SELECT payload FROM cofferdam_queue_payloads WHERE seq = ?1")?;
        let found = find.query_row([seq], |row| row.get(0)).optional()?;
        found.ok_or(Fault::Corrupt("payload (it is gone)"))
    }

    pub(super) fn drop_payload(&self, seq: i64) -> Result<(), Fault> {
        self.connection
            .prepare_cached("DELETE FROM cofferdam_queue_payloads WHERE seq = ?1")?
            .execute([seq])?;
        Ok(())
    }
}
