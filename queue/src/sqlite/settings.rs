//! The settings of a queue, and which queues there are.

use std::num::NonZeroU32;

use rusqlite::{Row, ToSql, params};

use super::facts::{Facts, mode_code};
use super::fault::Fault;
use super::ledger::Ledger;
use super::limits::bounds;
use crate::settings::{DEFAULT_QUARANTINE_AFTER, DEFAULT_WEIGHT};
use crate::{Label, Mode, QueueName, QueueSettings, Setting};

impl Ledger<'_> {
    pub(super) fn set(&self, facts: &Facts, setting: &Setting) -> Result<(), Fault> {
        match setting {
            Setting::Mode(mode) => self.set_mode(facts, *mode)?,
            Setting::Limit(name, limit) => self.set_limit(facts, name.as_str(), *limit)?,
            Setting::Weight(tenant, weight) => self.set_weight(facts, tenant.as_str(), *weight)?,
            Setting::QuarantineAfter(crashes) => self.set_quarantine_after(facts, *crashes)?,
            Setting::Quarantine(code) => self.quarantine(facts, code)?,
            Setting::Release(code) => self.release(facts, code)?,
            Setting::Schedule(name, value) => self.set_schedule(facts, name, value.as_deref())?,
        }
        // It may have been what kept a task from being claimed.
        self.raise_ready();
        Ok(())
    }

    fn set_mode(&self, facts: &Facts, mode: Mode) -> Result<(), Fault> {
        self.connection
            .prepare_cached("UPDATE cofferdam_queue_queues SET mode = ?2 WHERE queue = ?1")?
            .execute((facts.queue, mode_code(mode)))?;
        Ok(())
    }

    fn set_quarantine_after(&self, facts: &Facts, crashes: Option<NonZeroU32>) -> Result<(), Fault> {
        self.connection
            .prepare_cached("UPDATE cofferdam_queue_queues SET quarantine_after = ?2 WHERE queue = ?1")?
            .execute((facts.queue, crashes.map_or(0, NonZeroU32::get)))?;
        Ok(())
    }

    fn set_schedule(&self, facts: &Facts, name: &Label, value: Option<&[u8]>) -> Result<(), Fault> {
        match value {
            Some(value) => self
                .connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO cofferdam_queue_schedules (queue, name, value) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![facts.queue, name.as_str(), value])?,
            None => self
                .connection
                .prepare_cached("DELETE FROM cofferdam_queue_schedules WHERE queue = ?1 AND name = ?2")?
                .execute(params![facts.queue, name.as_str()])?,
        };
        Ok(())
    }

    pub(super) fn settings(&self, facts: Option<&Facts>) -> Result<QueueSettings, Fault> {
        let Some(facts) = facts else {
            let quarantine_after = Some(DEFAULT_QUARANTINE_AFTER);
            return Ok(QueueSettings { quarantine_after, ..QueueSettings::default() });
        };
        let limits = "SELECT limit_name, concurrency, starts, per_millis FROM cofferdam_queue_limits
                      WHERE queue = ?1 AND is_set = 1";
        let weights = "SELECT tenant, weight FROM cofferdam_queue_tenants WHERE queue = ?1 AND weight <> ?2";
        let codes =
            "SELECT code FROM cofferdam_queue_codes WHERE queue = ?1 AND quarantined = 1 ORDER BY code";
        let schedules = "SELECT name, value FROM cofferdam_queue_schedules WHERE queue = ?1";
        let of_queue = params![facts.queue];
        let weighted = self.named(weights, params![facts.queue, DEFAULT_WEIGHT], |row| row.get(1))?;
        let weight = |(tenant, weight)| Some((tenant, NonZeroU32::new(weight)?));
        Ok(QueueSettings {
            mode: facts.mode,
            limits: self.named(limits, of_queue, |row| bounds(row, 1))?.into_iter().collect(),
            weights: weighted.into_iter().filter_map(weight).collect(),
            quarantine_after: facts.quarantine_after,
            quarantined: self
                .named(codes, of_queue, |_| Ok(()))?
                .into_iter()
                .map(|(code, ())| code)
                .collect(),
            schedules: self.named(schedules, of_queue, |row| row.get(1))?.into_iter().collect(),
        })
    }

    /// Rows that begin with a label.
    fn named<T>(
        &self,
        sql: &str,
        place: &[&dyn ToSql],
        read: impl Fn(&Row<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<Vec<(Label, T)>, Fault> {
        let mut find = self.connection.prepare_cached(sql)?;
        let rows = find.query_map(place, |row| Ok((row.get::<_, String>(0)?, read(row)?)))?;
        rows.map(|row| {
            let (name, value) = row?;
            Ok((Label::new(&name).map_err(|_| Fault::Corrupt("label"))?, value))
        })
        .collect()
    }

    /// The queues that hold a record or a setting, in the order of their names.
    pub(super) fn queues(&self) -> Result<Vec<QueueName>, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT name FROM cofferdam_queue_queues q
             WHERE mode <> 0 OR quarantine_after <> ?1
                 OR EXISTS (SELECT 1 FROM cofferdam_queue_tasks t WHERE t.queue = q.queue)
                 OR EXISTS (SELECT 1 FROM cofferdam_queue_limits l WHERE l.queue = q.queue AND is_set = 1)
                 OR EXISTS (SELECT 1 FROM cofferdam_queue_tenants t WHERE t.queue = q.queue AND weight <> 100)
                 OR EXISTS (SELECT 1 FROM cofferdam_queue_codes c WHERE c.queue = q.queue AND quarantined = 1)
                 OR EXISTS (SELECT 1 FROM cofferdam_queue_schedules s WHERE s.queue = q.queue)
             ORDER BY name",
        )?;
        let default = DEFAULT_QUARANTINE_AFTER.get();
        let names = find.query_map([default], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        let stored = |name: String| QueueName::new(&name).map_err(|_| Fault::Corrupt("name of a queue"));
        names.into_iter().map(stored).collect()
    }
}
