//! What each tenant has had of the workers.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use super::lanes::Spot;
use super::names::PerName;
use crate::Label;
use crate::rules;
use crate::settings::FIRST_CHARGE_MICROS;

/// How many accounts there may be before those of tenants that are gone are looked for.
const FEW_ACCOUNTS: usize = 1024;

/// The tenants' accounts. Tasks without a tenant share one under no name.
///
/// Virtual time is CPU time weighed by what a tenant is entitled to: the tenant with the least is served next. One that
/// comes back after a pause starts at the clock, the virtual time of whoever was served last, so that no credit is
/// saved up by staying away (start-time fair queueing; Goyal, Vin and Cheng, 1996).
#[derive(Default)]
pub(super) struct Shares {
    accounts: PerName<Account>,
    clock: u64,
    /// With how many accounts the next search for useless ones begins.
    sweep_at: usize,
}

#[derive(Default)]
pub(super) struct Account {
    pub(super) time: u64,
    /// The lanes in which the tenant has ready tasks.
    pub(super) spots: BTreeSet<Spot>,
    /// What its last run used that used anything.
    estimate: Option<u64>,
    /// How many records the queue has of its tasks.
    records: usize,
}

impl Account {
    /// Whether a tenant that comes back would find the same without the account, its estimate apart.
    const fn is_useless(&self, clock: u64) -> bool {
        self.records == 0 && self.time <= clock
    }
}

impl Shares {
    pub(super) fn account(&self, tenant: &Option<Label>) -> Option<&Account> {
        self.accounts.get(tenant)
    }

    pub(super) fn time(&self, tenant: &Option<Label>) -> u64 {
        self.accounts.get(tenant).map_or(0, |account| account.time)
    }

    /// Notes that a tenant has ready tasks in one more lane, and answers whether that set its time forward.
    pub(super) fn arrive(&mut self, tenant: &Option<Label>, spot: &Spot) -> bool {
        let clock = self.clock;
        let account = self.accounts.make(tenant);
        account.spots.insert(spot.clone());
        let behind = account.time < clock;
        account.time = account.time.max(clock);
        behind
    }

    /// Notes that a tenant has no ready task left in a lane.
    pub(super) fn depart(&mut self, tenant: &Option<Label>, spot: &Spot) {
        if let Some(account) = self.accounts.get_mut(tenant) {
            account.spots.remove(spot);
        }
    }

    /// Charges a tenant for a run that begins, by what its last one used, and answers how much.
    pub(super) fn charge(&mut self, tenant: &Option<Label>, weight: Option<NonZeroU32>) -> u64 {
        let account = self.accounts.make(tenant);
        self.clock = account.time;
        let charge = rules::charge(account.estimate.unwrap_or(FIRST_CHARGE_MICROS), weight);
        account.time = account.time.saturating_add(charge);
        charge
    }

    /// Replaces the charge for a run by what the run used.
    pub(super) fn report(
        &mut self,
        tenant: &Option<Label>,
        charge: u64,
        used: u64,
        weight: Option<NonZeroU32>,
    ) {
        let account = self.accounts.make(tenant);
        account.estimate = Some(used);
        account.time = account.time.saturating_sub(charge).saturating_add(rules::charge(used, weight));
    }

    /// Notes a record of a tenant's task.
    pub(super) fn add_record(&mut self, tenant: &Option<Label>) {
        if self.accounts.len() >= self.sweep_at.max(FEW_ACCOUNTS) {
            let clock = self.clock;
            self.accounts.retain(|account| !account.is_useless(clock));
            self.sweep_at = self.accounts.len() * 2;
        }
        self.accounts.make(tenant).records += 1;
    }

    pub(super) fn remove_record(&mut self, tenant: &Option<Label>) {
        if let Some(account) = self.accounts.get_mut(tenant) {
            account.records = account.records.saturating_sub(1);
        }
    }
}
