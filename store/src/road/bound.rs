//! What statements bind where each value has a placeholder and goes as it is: on SQLite and MySQL.

use sea_orm::sea_query::Values;
use sea_query_sqlx::SqlxValues;

use super::part::Part;
use crate::table::{Column, Table};

/// The arguments of a statement, row by row. They are copied: the rows stay in memory until their transaction is
/// committed.
pub(super) fn values(part: Part<'_>) -> SqlxValues {
    SqlxValues(Values(part.rows().flat_map(|row| row.values.iter().cloned()).collect()))
}

/// The columns of the key.
pub(super) fn key(table: &Table) -> Vec<&Column> {
    table.key.iter().filter_map(|column| table.columns.get(*column)).collect()
}

/// The keys of the rows, as arguments.
pub(super) fn keys(table: &Table, part: Part<'_>) -> SqlxValues {
    SqlxValues(Values(part.rows().filter_map(|row| row.key(&table.key)).flatten().collect()))
}
