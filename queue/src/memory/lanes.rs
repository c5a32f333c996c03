//! All ready tasks of a queue, lane by lane.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use super::gates::{Gates, HeldBack};
use super::lane::{Lane, Next};
use super::names::PerName;
use super::record::Record;
use super::shares::Shares;
use crate::{Label, Limit, Priority};

/// Which lane: its class, and the rank of its priority.
pub(super) type Spot = (Option<Label>, u8);

/// The lanes and the accounts of those who share them. Looking for the next task costs the same whatever waits, but for
/// this: a limit that closes is noticed once for each tenant and lane with tasks of it, and again after it opened.
#[derive(Default)]
pub(super) struct Lanes {
    /// The lanes of each class by rank. Classes are never dropped: they are kinds of hardware, of which there are few.
    lanes: PerName<[Lane; Priority::ALL.len()]>,
    /// Every task by the rank of its priority, since when it is ready, and its number: the order in which people see
    /// them.
    all: BTreeSet<(u8, i64, u64)>,
    shares: Shares,
}

impl Lanes {
    pub(super) fn insert(&mut self, record: &Record) {
        let spot = spot(record);
        self.all.insert((spot.1, record.ready_at, record.number));
        let tenant = &record.task.tenant;
        self.lanes.make(&spot.0);
        let is_new = self.lane(&spot).is_some_and(|lane| !lane.holds(tenant));
        if is_new && self.shares.arrive(tenant, &spot) {
            self.set_turns(tenant);
        }
        let time = self.shares.time(tenant);
        if let Some(lane) = self.lane(&spot) {
            lane.insert(record, time);
        }
    }

    pub(super) fn remove(&mut self, record: &Record) {
        let spot = spot(record);
        self.all.remove(&(spot.1, record.ready_at, record.number));
        let tenant = &record.task.tenant;
        let time = self.shares.time(tenant);
        let Some(lane) = self.lane(&spot) else { return };
        lane.remove(record, time);
        if !lane.holds(tenant) {
            self.shares.depart(tenant, &spot);
        }
    }

    /// The task of this class and priority that goes next, those that may not start being passed over.
    pub(super) fn next(
        &mut self,
        class: &Option<Label>,
        priority: Priority,
        (gates, limits): (&mut Gates, &BTreeMap<Label, Limit>),
        now: i64,
    ) -> Option<u64> {
        let spot = (class.clone(), priority.rank());
        loop {
            let Next { number, tenant, limit } = self.lane(&spot)?.next()?;
            let Some(name) = &limit else { return Some(number) };
            if !gates.is_closed(name, limits.get(name), now) {
                return Some(number);
            }
            let time = self.shares.time(&tenant);
            self.lane(&spot)?.hold_back(&tenant, &limit, true, time);
            gates.hold_back(name, limits.get(name), (spot.clone(), tenant), now);
        }
    }

    /// Lets tasks of a limit be looked at again.
    pub(super) fn reopen(&mut self, limit: &Label, held_back: HeldBack) {
        let limit = Some(limit.clone());
        for (spot, tenant) in held_back {
            let time = self.shares.time(&tenant);
            if let Some(lane) = self.lane(&spot) {
                lane.hold_back(&tenant, &limit, false, time);
            }
        }
    }

    /// Charges the tenant of a ready task for the run that begins, if tenants share its lane.
    pub(super) fn charge(&mut self, record: &Record, weight: Option<NonZeroU32>) -> Option<u64> {
        if !self.lane(&spot(record))?.is_shared() {
            return None;
        }
        let charge = self.shares.charge(&record.task.tenant, weight);
        self.set_turns(&record.task.tenant);
        Some(charge)
    }

    /// Replaces the charge for a run by what it used.
    pub(super) fn report(
        &mut self,
        tenant: &Option<Label>,
        charge: u64,
        used: u64,
        weight: Option<NonZeroU32>,
    ) {
        self.shares.report(tenant, charge, used, weight);
        self.set_turns(tenant);
    }

    /// Notes a record of a tenant, or its end.
    pub(super) fn add_record(&mut self, tenant: &Option<Label>) {
        if tenant.is_some() {
            self.shares.add_record(tenant);
        }
    }

    pub(super) fn remove_record(&mut self, tenant: &Option<Label>) {
        if tenant.is_some() {
            self.shares.remove_record(tenant);
        }
    }

    /// All tasks by priority, since when they are ready, and arrival.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.all.iter().map(|(_, _, number)| *number)
    }

    /// Since when the oldest task of this priority has been ready.
    pub(super) fn oldest(&self, priority: Priority) -> Option<i64> {
        let rank = priority.rank();
        self.all.range((rank, i64::MIN, 0)..=(rank, i64::MAX, u64::MAX)).next().map(|(_, since, _)| *since)
    }

    fn lane(&mut self, (class, rank): &Spot) -> Option<&mut Lane> {
        self.lanes.get_mut(class)?.get_mut(usize::from(*rank))
    }

    /// Brings the turns of a tenant up to date with its virtual time.
    fn set_turns(&mut self, tenant: &Option<Label>) {
        let Some(account) = self.shares.account(tenant) else { return };
        for (class, rank) in &account.spots {
            let lane = self.lanes.get_mut(class).and_then(|lanes| lanes.get_mut(usize::from(*rank)));
            if let Some(lane) = lane {
                lane.set_turn(tenant, account.time);
            }
        }
    }
}

fn spot(record: &Record) -> Spot {
    (record.task.class.clone(), record.task.priority.rank())
}
