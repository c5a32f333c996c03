//! Limits at work: how many tasks of each run, when the next may start, and which parts of lanes stand before a closed
//! one.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;

use super::lanes::Spot;
use crate::rules::Pace;
use crate::{Label, Limit};

/// Which tasks of a limit were found before its closed gate: those of one tenant in one lane.
pub(super) type HeldBack = BTreeSet<(Spot, Option<Label>)>;

/// The gates by the name of the limit. They count for names without a setting as well, so that one made later is
/// right from the start.
#[derive(Default)]
pub(super) struct Gates {
    gates: HashMap<Label, Gate>,
    /// When gates that a rate closed, with somebody standing before them, open again.
    openings: BTreeSet<(i64, Label)>,
}

#[derive(Default)]
struct Gate {
    running: u32,
    /// The state of the rate; see [`Pace`].
    arrival: i64,
    held_back: HeldBack,
}

impl Gates {
    /// Whether a task of this limit must not start now.
    pub(super) fn is_closed(&self, name: &Label, limit: Option<&Limit>, now: i64) -> bool {
        let (Some(gate), Some(limit)) = (self.gates.get(name), limit) else { return false };
        limit.concurrency.is_some_and(|most| gate.running >= most.get())
            || limit.rate.is_some_and(|rate| !Pace::new(rate).allows(gate.arrival, now))
    }

    /// Notes that these tasks stand before the closed gate. They need not be looked at until they are given back, by
    /// [`release`](Self::release), [`due`](Self::due) or [`set`](Self::set).
    pub(super) fn hold_back(
        &mut self,
        name: &Label,
        limit: Option<&Limit>,
        (spot, tenant): (Spot, Option<Label>),
        now: i64,
    ) {
        let gate = self.gates.entry(name.clone()).or_default();
        gate.held_back.insert((spot, tenant));
        if let Some(pace) = limit.and_then(|limit| limit.rate).map(Pace::new)
            && !pace.allows(gate.arrival, now)
        {
            self.openings.insert((pace.opens_at(gate.arrival), name.clone()));
        }
    }

    /// Lets a task through.
    pub(super) fn start(&mut self, name: &Label, limit: Option<&Limit>, now: i64) {
        let gate = self.gates.entry(name.clone()).or_default();
        gate.running = gate.running.saturating_add(1);
        if let Some(rate) = limit.and_then(|limit| limit.rate) {
            gate.arrival = Pace::new(rate).started(gate.arrival, now);
        }
    }

    /// Takes note of the end of a run, and gives back who may have waited for its place.
    pub(super) fn release(&mut self, name: &Label, limit: Option<&Limit>) -> HeldBack {
        let Some(gate) = self.gates.get_mut(name) else { return HeldBack::new() };
        let most = limit.and_then(|limit| limit.concurrency).map(NonZeroU32::get);
        let was_full = most.is_some_and(|most| gate.running >= most);
        gate.running = gate.running.saturating_sub(1);
        if most.is_some_and(|most| was_full && gate.running < most) {
            return std::mem::take(&mut gate.held_back);
        }
        self.drop_idle(name, limit);
        HeldBack::new()
    }

    /// Adapts a gate to a new setting, and gives back all who stand before it. A new rate begins with a burst.
    pub(super) fn set(&mut self, name: &Label, former: Option<&Limit>, limit: Option<&Limit>) -> HeldBack {
        let Some(gate) = self.gates.get_mut(name) else { return HeldBack::new() };
        if former.and_then(|limit| limit.rate) != limit.and_then(|limit| limit.rate) {
            gate.arrival = 0;
        }
        let held_back = std::mem::take(&mut gate.held_back);
        self.drop_idle(name, limit);
        held_back
    }

    /// Gives back who stood before gates that have opened with time.
    pub(super) fn due(&mut self, now: i64) -> Vec<(Label, HeldBack)> {
        let mut opened = Vec::new();
        while let Some((opening, _)) = self.openings.first()
            && *opening <= now
        {
            let Some((_, name)) = self.openings.pop_first() else { break };
            if let Some(gate) = self.gates.get_mut(&name) {
                opened.push((name, std::mem::take(&mut gate.held_back)));
            }
        }
        opened
    }

    /// Drops a gate that holds nothing to remember: names may be many, for instance one for each customer.
    fn drop_idle(&mut self, name: &Label, limit: Option<&Limit>) {
        if limit.is_none() && self.gates.get(name).is_some_and(|gate| gate.running == 0) {
            self.gates.remove(name);
        }
    }
}
