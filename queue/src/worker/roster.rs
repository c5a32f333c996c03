//! The places of a worker: how many for each resource class, how many of them are taken, and in which of them a claim
//! may find something.

use std::collections::BTreeMap;

use crate::{Delivery, Label, Places};

/// The places by class.
#[derive(Debug)]
pub(super) struct Roster {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    /// The class; `None` for tasks without one.
    class: Option<Label>,
    places: usize,
    taken: usize,
    /// Whether a claim may find something: the last one was filled, or something has become ready since.
    hopeful: bool,
}

impl Row {
    const fn free(&self) -> usize {
        self.places.saturating_sub(self.taken)
    }
}

impl Roster {
    pub(super) fn new(places: &BTreeMap<Option<Label>, usize>) -> Self {
        let row = |(class, places): (&Option<Label>, &usize)| Row {
            class: class.clone(),
            places: *places,
            taken: 0,
            hopeful: true,
        };
        Self { rows: places.iter().map(row).collect() }
    }

    /// What to claim for.
    pub(super) fn wanted(&self) -> Vec<Places> {
        let rows = self.rows.iter().filter(|row| row.hopeful && row.free() > 0);
        rows.map(|row| Places { class: row.class.clone(), count: row.free() }).collect()
    }

    /// Whether there is something to claim for.
    pub(super) fn wants(&self) -> bool {
        self.rows.iter().any(|row| row.hopeful && row.free() > 0)
    }

    /// Whether there are free places for which the last claim found nothing.
    pub(super) fn waits(&self) -> bool {
        self.rows.iter().any(|row| !row.hopeful && row.free() > 0)
    }

    /// Something may have become ready.
    pub(super) fn hope(&mut self) {
        self.rows.iter_mut().for_each(|row| row.hopeful = true);
    }

    /// Takes the places of what was claimed. Where less came than was wanted there is no more for now.
    pub(super) fn claimed(&mut self, wanted: &[Places], claimed: &[Delivery]) {
        for places in wanted {
            let Some(row) = self.row(places.class.as_ref()) else { continue };
            let came = claimed.iter().filter(|one| one.lease.class == places.class).count();
            row.taken += came;
            row.hopeful = came >= places.count;
        }
    }

    /// Frees the place of a task that ended.
    pub(super) fn left(&mut self, class: Option<&Label>) {
        if let Some(row) = self.row(class) {
            row.taken = row.taken.saturating_sub(1);
        }
    }

    fn row(&mut self, class: Option<&Label>) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.class.as_ref() == class)
    }
}
