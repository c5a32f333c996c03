//! Notes: what running tasks leave for their next run and for those who watch.

use rusqlite::{OptionalExtension, params};

use super::facts::Facts;
use super::fault::Fault;
use super::ledger::{Ledger, traits};
use super::settle::Shown;
use crate::{Note, TaskId};

impl Ledger<'_> {
    /// Writes notes, and answers whose leases are lost.
    pub(super) fn note(&self, facts: &Facts, worker: &str, notes: &[Note]) -> Result<Vec<TaskId>, Fault> {
        let mut lost = Vec::new();
        for note in notes {
            if !self.write_note(facts, worker, note)? {
                lost.push(note.lease.task.clone());
            }
        }
        Ok(lost)
    }

    fn write_note(&self, facts: &Facts, worker: &str, note: &Note) -> Result<bool, Fault> {
        let Note { lease, checkpoint, progress } = note;
        let Some(shown) = self.shown(facts, worker, lease)?.filter(Shown::holds) else { return Ok(false) };
        if checkpoint.is_none() && progress.is_none() {
            return Ok(true);
        }
        self.connection
            .prepare_cached(
                "INSERT INTO cofferdam_queue_notes (seq, checkpoint, progress) VALUES (?1, ?2, ?3)
                 ON CONFLICT (seq) DO UPDATE SET checkpoint = coalesce(?2, checkpoint),
                     progress = coalesce(?3, progress)",
            )?
            .execute(params![shown.seq, checkpoint, progress])?;
        if shown.traits & traits::NOTED == 0 {
            self.add_traits(shown.seq, traits::NOTED)?;
        }
        if progress.is_some() {
            self.news.borrow_mut().progressed.push(lease.task.clone());
        }
        Ok(true)
    }

    pub(super) fn add_traits(&self, seq: i64, traits: i64) -> Result<(), Fault> {
        self.connection
            .prepare_cached("UPDATE cofferdam_queue_tasks SET traits = traits | ?2 WHERE seq = ?1")?
            .execute((seq, traits))?;
        Ok(())
    }

    pub(super) fn checkpoint(&self, seq: i64) -> Result<Option<Vec<u8>>, Fault> {
        let mut find =
            self.connection.prepare_cached("SELECT checkpoint FROM cofferdam_queue_notes WHERE seq = ?1")?;
        Ok(find.query_row([seq], |row| row.get(0)).optional()?.flatten())
    }

    pub(super) fn progress(&self, seq: i64) -> Result<Option<Vec<u8>>, Fault> {
        let mut find =
            self.connection.prepare_cached("SELECT progress FROM cofferdam_queue_notes WHERE seq = ?1")?;
        Ok(find.query_row([seq], |row| row.get(0)).optional()?.flatten())
    }

    /// Drops what a run has shown, as it has ended.
    pub(super) fn clear_progress(&self, seq: i64) -> Result<(), Fault> {
        self.connection
            .prepare_cached("UPDATE cofferdam_queue_notes SET progress = NULL WHERE seq = ?1")?
            .execute([seq])?;
        Ok(())
    }

    pub(super) fn drop_notes(&self, seq: i64) -> Result<(), Fault> {
        self.connection.prepare_cached("DELETE FROM cofferdam_queue_notes WHERE seq = ?1")?.execute([seq])?;
        Ok(())
    }
}
