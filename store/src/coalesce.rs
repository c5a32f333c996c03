//! Updates of one row that become one.

use std::collections::HashMap;

use sea_orm::Value;

use crate::{operation::Operation, row::Row};

/// Merges updates of the same row: a later value overwrites an earlier one, column by column. The merged row stands
/// where its first part stood.
///
/// Nothing is merged across a new row, whose place among the updates counts, nor across an update of the same row with
/// a condition, which is to see what came before it.
pub(crate) fn coalesce(rows: Vec<Row>, key: &[usize]) -> Vec<Row> {
    if rows.iter().all(|row| row.operation() == Operation::Insert) {
        // Nothing to merge, and a large batch need not be moved to find that out.
        return rows;
    }
    let mut places: HashMap<Vec<Value>, usize> = HashMap::new();
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        if row.operation() == Operation::Insert {
            places.clear();
        } else if let Some(key) = row.key(key) {
            if row.shape.is_conditional() {
                places.remove(&key);
            } else {
                let place = *places.entry(key).or_insert(merged.len());
                if let Some(earlier) = merged.get_mut(place) {
                    earlier.overlay(&row);
                    continue;
                }
            }
        }
        merged.push(row);
    }
    merged
}
