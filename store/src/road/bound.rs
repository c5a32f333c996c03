//! What statements bind where each value has a placeholder and goes as it is: on SQLite and MySQL.

use sea_orm::sea_query::Values;
use sea_query_sqlx::SqlxValues;

use super::part::Part;
use crate::{row::Row, table::Table};

/// The arguments of a statement, row by row. They are copied: the rows stay in memory until their transaction is
/// committed.
pub(super) fn values(part: Part<'_>) -> SqlxValues {
    SqlxValues(Values(part.rows().flat_map(|row| row.values.iter().cloned()).collect()))
}

/// The keys of the rows and what they expect, as arguments: the values of [`Shape::named`](crate::row::Shape::named).
pub(super) fn names(table: &Table, part: Part<'_>) -> SqlxValues {
    let of_row = |row: &Row| {
        let key = row.cells().filter(|(column, _)| table.key.contains(column));
        key.chain(row.expected()).map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    SqlxValues(Values(part.rows().flat_map(of_row).collect()))
}
