//! The ready tasks of one class and priority, in the order in which they go.

use std::collections::BTreeSet;

use super::names::PerName;
use super::record::Record;
use crate::Label;

/// Since when a task has been ready, and its number: the order within a tenant.
pub(super) type Place = (i64, u64);

/// The tenants' lines, and whose turn it is. Where only one line is there, its turn never ends: plain first in, first
/// out.
#[derive(Default)]
pub(super) struct Lane {
    lines: PerName<Line>,
    /// The lines with a task that may start: by virtual time, then by how long that task has been ready.
    turns: BTreeSet<(u64, Place, Option<Label>)>,
    /// How many tasks have a tenant.
    named: usize,
}

/// The tasks of one tenant, in a strand for each limit: so a closed limit is passed over at once, however many tasks
/// stand before it.
#[derive(Default)]
struct Line {
    tasks: usize,
    strands: PerName<Strand>,
    /// The first task of each strand that is not held back.
    heads: BTreeSet<(Place, Option<Label>)>,
    /// The entry of this line among the turns.
    turn: Option<(u64, Place)>,
}

#[derive(Default)]
struct Strand {
    tasks: BTreeSet<Place>,
    /// The entry of this strand among the heads.
    head: Option<Place>,
    held_back: bool,
}

/// What is next in a lane.
pub(super) struct Next {
    pub(super) number: u64,
    pub(super) tenant: Option<Label>,
    pub(super) limit: Option<Label>,
}

fn place(record: &Record) -> Place {
    (record.ready_at, record.number)
}

impl Lane {
    /// Whether tenants share this lane, rather than that it is first in, first out.
    pub(super) const fn is_shared(&self) -> bool {
        self.named > 0
    }

    pub(super) fn holds(&self, tenant: &Option<Label>) -> bool {
        self.lines.get(tenant).is_some_and(|line| line.tasks > 0)
    }

    pub(super) fn next(&self) -> Option<Next> {
        let (_, _, tenant) = self.turns.first()?;
        let ((_, number), limit) = self.lines.get(tenant)?.heads.first()?;
        Some(Next { number: *number, tenant: tenant.clone(), limit: limit.clone() })
    }

    /// Puts a task in whose tenant stands at this virtual time.
    pub(super) fn insert(&mut self, record: &Record, time: u64) {
        let (tenant, limit) = (&record.task.tenant, &record.task.limit);
        self.named += usize::from(tenant.is_some());
        let line = self.lines.make(tenant);
        line.tasks += 1;
        line.strands.make(limit).tasks.insert(place(record));
        line.set_head(limit);
        self.set_turn(tenant, time);
    }

    pub(super) fn remove(&mut self, record: &Record, time: u64) {
        let (tenant, limit) = (&record.task.tenant, &record.task.limit);
        let Some(line) = self.lines.get_mut(tenant) else { return };
        let Some(strand) = line.strands.get_mut(limit) else { return };
        if !strand.tasks.remove(&place(record)) {
            return;
        }
        line.set_head(limit);
        line.drop_empty(limit);
        line.tasks -= 1;
        let is_empty = line.tasks == 0;
        self.named -= usize::from(tenant.is_some());
        self.set_turn(tenant, time);
        if is_empty {
            self.lines.remove(tenant);
        }
    }

    /// Passes over all tasks of a limit in a tenant's line, or no longer.
    pub(super) fn hold_back(
        &mut self,
        tenant: &Option<Label>,
        limit: &Option<Label>,
        held_back: bool,
        time: u64,
    ) {
        let Some(line) = self.lines.get_mut(tenant) else { return };
        let Some(strand) = line.strands.get_mut(limit) else { return };
        strand.held_back = held_back;
        line.set_head(limit);
        self.set_turn(tenant, time);
    }

    /// Brings the turn of a line up to date with its first task and its virtual time.
    pub(super) fn set_turn(&mut self, tenant: &Option<Label>, time: u64) {
        let Some(line) = self.lines.get_mut(tenant) else { return };
        let turn = line.heads.first().map(|(place, _)| (time, *place));
        if line.turn == turn {
            return;
        }
        if let Some((time, place)) = line.turn {
            self.turns.remove(&(time, place, tenant.clone()));
        }
        if let Some((time, place)) = turn {
            self.turns.insert((time, place, tenant.clone()));
        }
        line.turn = turn;
    }
}

impl Line {
    /// Brings the head of a strand up to date with its tasks.
    fn set_head(&mut self, limit: &Option<Label>) {
        let Some(strand) = self.strands.get_mut(limit) else { return };
        let head = strand.tasks.first().copied().filter(|_| !strand.held_back);
        if strand.head == head {
            return;
        }
        if let Some(place) = strand.head {
            self.heads.remove(&(place, limit.clone()));
        }
        if let Some(place) = head {
            self.heads.insert((place, limit.clone()));
        }
        strand.head = head;
    }

    fn drop_empty(&mut self, limit: &Option<Label>) {
        if self.strands.get(limit).is_some_and(|strand| strand.tasks.is_empty()) {
            self.strands.remove(limit);
        }
    }
}
