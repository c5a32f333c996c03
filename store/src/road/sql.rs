//! Pieces of SQL that the databases share.

use sea_orm::{Statement, sea_query::Values, sqlx::AssertSqlSafe};
use sea_query_sqlx::SqlxValues;

use super::texts::Text;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::conflict::Conflict;
use crate::{
    row::Shape,
    table::{Column, Table},
};

/// The columns of a shape.
pub(super) fn chosen<'a>(table: &'a Table, shape: &Shape) -> Vec<&'a Column> {
    shape.columns().filter_map(|column| table.columns.get(column)).collect()
}

/// Separated by commas.
pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// All of them must hold.
pub(super) fn all(conditions: impl Iterator<Item = String>) -> String {
    conditions.collect::<Vec<_>>().join(" AND ")
}

/// The table's name with its schema, each in the database's quotes.
pub(super) fn name(table: &Table, quote: fn(&str) -> String) -> String {
    let name = quote(table.name);
    table.schema.as_deref().map_or_else(|| name.clone(), |schema| format!("{}.{name}", quote(schema)))
}

/// A name in standard SQL's quotes.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What an INSERT says of rows that are there already, in the words of SQLite, which PostgreSQL speaks too.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn on_conflict(table: &Table, shape: &Shape, conflict: &Conflict) -> String {
    let names = |columns: &[usize]| list(columns.iter().map(|column| quote(table.column(*column))));
    match conflict {
        Conflict::Reject => String::new(),
        Conflict::DoNothing { target } => format!(" ON CONFLICT ({}) DO NOTHING", names(target)),
        Conflict::Update { target, columns } => {
            // A column that the row does not set would be overwritten with its default.
            let set = list(columns.iter().filter(|column| shape.contains(**column)).map(|column| {
                let column = quote(table.column(*column));
                format!("{column} = excluded.{column}")
            }));
            let action = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {set}") };
            format!(" ON CONFLICT ({}) DO {action}", names(target))
        }
    }
}

/// A statement that the query builder made, as the sessions take it.
pub(super) fn built(statement: Statement) -> (Text, SqlxValues) {
    let values = statement.values.unwrap_or_else(|| Values(Vec::new()));
    (AssertSqlSafe(statement.sql.into()), SqlxValues(values))
}
