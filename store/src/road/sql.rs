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

/// The columns whose values a row holds, in its order: those that it sets, then those that it expects.
pub(super) fn chosen<'a>(table: &'a Table, shape: &Shape) -> Vec<&'a Column> {
    shape.columns().chain(shape.expected()).filter_map(|column| table.columns.get(column)).collect()
}

/// How an update finds its rows, in a database's own words.
pub(super) struct Words {
    pub(super) quote: fn(&str) -> String,
    /// The value of a row with this number, from 0, for this column.
    pub(super) value: fn(&Column, usize) -> String,
    /// What stands between a column of the key and its value.
    pub(super) equals: &'static str,
    /// What stands between a column of a condition and its value; NULL is NULL there.
    pub(super) is: &'static str,
}

impl Words {
    /// The columns that an update changes, with their values.
    pub(super) fn changes<'a>(
        &'a self,
        table: &'a Table,
        shape: &'a Shape,
    ) -> impl Iterator<Item = (String, String)> + 'a {
        let changed = shape.columns().enumerate().filter(|(_, column)| !table.key.contains(column));
        changed.filter_map(|(number, column)| {
            let column = table.columns.get(column)?;
            Some(((self.quote)(column.name), (self.value)(column, number)))
        })
    }

    /// Whether `target` has the key of `given`.
    pub(super) fn key(&self, table: &Table, shape: &Shape) -> String {
        let key = shape.columns().enumerate().filter(|(_, column)| table.key.contains(column));
        all(key.filter_map(|(number, column)| self.compare(table, column, number, self.equals)))
    }

    /// Whether `target` is as expected; empty if nothing is.
    pub(super) fn condition(&self, table: &Table, shape: &Shape) -> String {
        let numbers = shape.columns().count()..;
        all(shape
            .expected()
            .zip(numbers)
            .filter_map(|(column, number)| self.compare(table, column, number, self.is)))
    }

    /// Whether `target` is the row that the update is for, and as expected.
    pub(super) fn row(&self, table: &Table, shape: &Shape) -> String {
        let both = [self.key(table, shape), self.condition(table, shape)];
        all(both.into_iter().filter(|condition| !condition.is_empty()))
    }

    fn compare(&self, table: &Table, column: usize, number: usize, how: &str) -> Option<String> {
        let column = table.columns.get(column)?;
        Some(format!("target.{}{how}{}", (self.quote)(column.name), (self.value)(column, number)))
    }
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
