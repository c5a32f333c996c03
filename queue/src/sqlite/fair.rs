//! Fair shares: what each tenant has used, and what that makes of the order of its lanes.
//!
//! Tasks without a tenant count as one tenant without a name, whose virtual time stands in the table of tenants alone:
//! its lanes have no share, so that a queue in which nobody has a tenant pays nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::facts::Facts;
use super::fault::Fault;
use super::lanes::Crossing;
use super::ledger::{Ledger, Task};
use crate::rules::{charge, micros};
use crate::settings::FIRST_CHARGE_MICROS;

/// The tenant of the tasks that have none.
pub(super) const NAMELESS: &str = "";

#[derive(Default)]
struct Account {
    spent: i64,
    estimate: Option<i64>,
    weight: Option<NonZeroU32>,
}

impl Account {
    fn price(&self, used: u64) -> i64 {
        i64::try_from(charge(used, self.weight)).unwrap_or(i64::MAX)
    }
}

impl Ledger<'_> {
    fn account(&self, facts: &Facts, tenant: &str) -> Result<Account, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT spent, estimate, weight FROM cofferdam_queue_tenants WHERE queue = ?1 AND tenant = ?2",
        )?;
        let found = find.query_row(params![facts.queue, tenant], |row| {
            let weight: Option<u32> = row.get(2)?;
            let weight = weight.and_then(NonZeroU32::new);
            Ok(Account { spent: row.get(0)?, estimate: row.get(1)?, weight })
        });
        Ok(found.optional()?.unwrap_or_default())
    }

    /// The virtual time of a tenant.
    pub(super) fn spent(&self, facts: &Facts, tenant: &str) -> Result<i64, Fault> {
        Ok(self.account(facts, tenant)?.spent)
    }

    /// Lets a tenant come to a crossing at which it had nothing ready, if that is so. Its virtual time goes on from that
    /// of the tenant last claimed, since no credit is saved up. Answers the share of its lanes.
    pub(super) fn arrive(&self, facts: &Facts, at: Crossing<'_>, tenant: &str) -> Result<Option<i64>, Fault> {
        if !facts.shared.get() {
            return Ok(None);
        }
        let account = self.account(facts, tenant)?;
        let mut spent = account.spent;
        if spent < facts.clock.get() && !self.has_ready_at(facts, at, tenant)? {
            spent = facts.clock.get();
            self.spend(facts, tenant, spent, account.estimate)?;
        }
        Ok((tenant != NAMELESS).then_some(spent))
    }

    fn has_ready_at(&self, facts: &Facts, at: Crossing<'_>, tenant: &str) -> Result<bool, Fault> {
        let mut find = self.connection.prepare_cached(
            "SELECT 1 FROM cofferdam_queue_lanes
             WHERE queue = ?1 AND tenant = ?2 AND class = ?3 AND priority = ?4 AND state > 0 LIMIT 1",
        )?;
        if find.exists(params![facts.queue, tenant, at.class, at.priority])? {
            return Ok(true);
        }
        // Tasks from before the first tenant stand in no lane.
        Ok(tenant == NAMELESS && at.class.is_empty() && self.first_ordinary(facts, at.priority)?.is_some())
    }

    /// Charges a tenant for a claim, by what its last run has used, and answers how much.
    pub(super) fn charge(&self, facts: &Facts, tenant: &str) -> Result<i64, Fault> {
        let account = self.account(facts, tenant)?;
        let used = account.estimate.map_or(FIRST_CHARGE_MICROS, i64::cast_unsigned);
        let price = account.price(used);
        facts.clock.set(account.spent);
        self.spend(facts, tenant, account.spent.saturating_add(price), account.estimate)?;
        Ok(price)
    }

    /// Replaces what a tenant was charged by what the run has used.
    pub(super) fn correct(&self, facts: &Facts, task: &Task, used: Duration) -> Result<(), Fault> {
        let (Some(charged), false) = (task.charge, used.is_zero()) else { return Ok(()) };
        let used = micros(used);
        let tenant = task.tenant.as_deref().unwrap_or(NAMELESS);
        let account = self.account(facts, tenant)?;
        let spent = account.spent.saturating_sub(charged).saturating_add(account.price(used)).max(0);
        self.spend(facts, tenant, spent, Some(i64::try_from(used).unwrap_or(i64::MAX)))
    }

    /// Sets how much of the workers a tenant gets.
    pub(super) fn set_weight(&self, facts: &Facts, tenant: &str, weight: NonZeroU32) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "INSERT INTO cofferdam_queue_tenants (queue, tenant, weight) VALUES (?1, ?2, ?3)
                 ON CONFLICT (queue, tenant) DO UPDATE SET weight = ?3",
            )?
            .execute(params![facts.queue, tenant, weight.get()])?;
        Ok(())
    }

    /// From now on tasks without a tenant stand in lanes as well.
    pub(super) fn share_out(&self, facts: &Facts) -> Result<(), Fault> {
        if !facts.shared.replace(true) {
            self.connection
                .prepare_cached("UPDATE cofferdam_queue_queues SET shared = 1 WHERE queue = ?1")?
                .execute([facts.queue])?;
        }
        Ok(())
    }

    /// Writes the virtual time of a tenant and what its last run has used, and puts its lanes where they belong by it. Where one of them is held no
    /// more the best of its limit, or has become that, another may have to be let go.
    fn spend(&self, facts: &Facts, tenant: &str, spent: i64, estimate: Option<i64>) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "INSERT INTO cofferdam_queue_tenants (queue, tenant, spent, estimate) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (queue, tenant) DO UPDATE SET spent = ?3, estimate = ?4",
            )?
            .execute(params![facts.queue, tenant, spent, estimate])?;
        if tenant == NAMELESS {
            return Ok(());
        }
        let place = params![facts.queue, tenant, spent];
        self.connection
            .prepare_cached(
                "UPDATE cofferdam_queue_lanes SET share = ?3
                 WHERE queue = ?1 AND tenant = ?2 AND state > 0",
            )?
            .execute(place)?;
        let mut find = self.connection.prepare_cached(
            "SELECT limit_name, class, priority FROM cofferdam_queue_lanes
             WHERE queue = ?1 AND tenant = ?2 AND limit_name > '' AND state > 0",
        )?;
        let limited = find
            .query_map(params![facts.queue, tenant], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<Vec<(String, String, i64)>, _>>()?;
        for (limit, class, priority) in limited {
            self.let_best_go(facts, &limit, Crossing { class: &class, priority })?;
        }
        Ok(())
    }
}
