//! In which order the rows of a batch are written.
//!
//! The strict order: neighbours of one operation form a run, and runs are written one after the other. New rows keep
//! their order within a run, since a later one may refer to an earlier one and auto-increment counts in it. Updates of
//! one row do too; updates of different rows do not, and those of one shape go together. What is written otherwise
//! ([`apart`](super::apart)) must come to the same.

use std::collections::HashMap;

use sea_orm::Value;

use crate::{
    operation::Operation,
    row::{Row, Shape},
};

/// The groups of rows that may share a statement, in the order in which they are to be written.
pub(super) fn strict(rows: &[&Row], key: &[usize]) -> Vec<Vec<usize>> {
    let mut groups = Vec::new();
    let mut start = 0;
    for run in rows.chunk_by(|one, next| one.operation() == next.operation()) {
        let places = start..start + run.len();
        start = places.end;
        match run.first().map(|row| row.operation()) {
            Some(Operation::Update) => groups.extend(updates(rows, &Vec::from_iter(places), key)),
            _ => groups.extend(inserts(rows, places)),
        }
    }
    groups
}

/// Whether both operations are among the rows.
pub(super) fn is_mixed(rows: &[&Row]) -> bool {
    rows.windows(2).any(|pair| matches!(pair, [one, next] if one.operation() != next.operation()))
}

/// New rows: neighbours of one shape.
pub(super) fn inserts(rows: &[&Row], places: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut last: Option<&Shape> = None;
    for place in places {
        let shape = rows.get(place).map(|row| &row.shape);
        match groups.last_mut() {
            Some(group) if last == shape => group.push(place),
            _ => groups.push(vec![place]),
        }
        last = shape;
    }
    groups
}

/// Updates, of which no two of one row share a group.
pub(super) fn updates(rows: &[&Row], places: &[usize], key: &[usize]) -> Vec<Vec<usize>> {
    waves(rows, places, key).iter().flat_map(|wave| by_shape(rows, wave)).collect()
}

/// The first updates of all rows, then the second ones, and so on. Only a condition keeps two of one row from being
/// merged before.
fn waves(rows: &[&Row], places: &[usize], key: &[usize]) -> Vec<Vec<usize>> {
    let conditional = |place: &usize| rows.get(*place).is_some_and(|row| row.shape.is_conditional());
    if !places.iter().any(conditional) {
        return vec![places.to_vec()];
    }
    let mut next: HashMap<Option<Vec<Value>>, usize> = HashMap::with_capacity(places.len());
    let mut waves: Vec<Vec<usize>> = Vec::new();
    for place in places {
        let number = next.entry(rows.get(*place).and_then(|row| row.key(key))).or_insert(0);
        match waves.get_mut(*number) {
            Some(wave) => wave.push(*place),
            None => waves.push(vec![*place]),
        }
        *number += 1;
    }
    waves
}

/// All of one shape.
fn by_shape(rows: &[&Row], places: &[usize]) -> Vec<Vec<usize>> {
    let mut numbers: HashMap<&Shape, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for place in places {
        let Some(row) = rows.get(*place) else { continue };
        let number = *numbers.entry(&row.shape).or_insert(groups.len());
        match groups.get_mut(number) {
            Some(group) => group.push(*place),
            None => groups.push(vec![*place]),
        }
    }
    groups
}
