//! By hand into SQLite: sqlx with many rows a statement, and rusqlite, which calls SQLite on the same thread.
//!
//! Each writes all rows in one transaction.

use std::path::Path;

use rusqlite::{Connection, Statement, ToSql};
use sea_orm::DatabaseConnection;
use sea_orm::sqlx::{self, Acquire as _, Arguments as _, sqlite::SqliteArguments};

use super::Problem;
use super::fill::{COLUMNS, Change, Model};
use super::text::{Text, bind, bind_row, marks, tuples, write_rows};

pub(super) async fn insert(
    database: &DatabaseConnection,
    rows: Vec<Model>,
    size: usize,
) -> Result<(), Problem> {
    let text = Text::new(insert_text);
    let pool = database.get_sqlite_connection_pool();
    write_rows!(pool, text, rows by size, SqliteArguments, |arguments, row| {
        bind_row!(arguments, row);
    })
}

/// With a `+` before the key's value, which keeps SQLite from building an index over the VALUES: each key is looked up
/// in the table.
pub(super) async fn update(
    database: &DatabaseConnection,
    rows: Vec<Change>,
    size: usize,
) -> Result<(), Problem> {
    let text = Text::new(|rows| {
        let tuples = tuples(rows, |_| format!("({})", marks(4)));
        format!(
            "UPDATE compare_store_fill AS target SET price = given.column2, quantity = given.column3, \
             note = given.column4 FROM (VALUES {tuples}) AS given WHERE target.id = +given.column1"
        )
    });
    let pool = database.get_sqlite_connection_pool();
    write_rows!(pool, text, rows by size, SqliteArguments, |arguments, row| {
        bind!(arguments, row.id, row.price, row.quantity, row.note);
    })
}

/// rusqlite: a prepared statement of so many rows.
pub(super) fn insert_directly(file: &Path, rows: &[Model], size: usize) -> Result<(), Problem> {
    directly(file, |connection| {
        for chunk in rows.chunks(size) {
            let mut statement = connection.prepare_cached(&insert_text(chunk.len()))?;
            for (row, number) in chunk.iter().zip((1..).step_by(COLUMNS)) {
                let values: [&dyn ToSql; COLUMNS] = [
                    &row.id,
                    &row.symbol,
                    &row.side,
                    &row.price,
                    &row.quantity,
                    &row.fee,
                    &row.at,
                    &row.venue,
                    &row.client,
                    &row.note,
                ];
                bind_from(&mut statement, number, &values)?;
            }
            statement.raw_execute()?;
        }
        Ok(())
    })
}

/// rusqlite: a prepared statement a row.
pub(super) fn update_directly(file: &Path, rows: &[Change]) -> Result<(), Problem> {
    let text = "UPDATE compare_store_fill SET price = ?, quantity = ?, note = ? WHERE id = ?";
    directly(file, |connection| {
        let mut statement = connection.prepare(text)?;
        for row in rows {
            bind_from(&mut statement, 1, &[&row.price, &row.quantity, &row.note, &row.id])?;
            statement.raw_execute()?;
        }
        Ok(())
    })
}

/// A connection with the settings of the others, and one transaction. It opens its file within the measured time, which
/// takes less than a millisecond.
fn directly(file: &Path, write: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Result<(), Problem> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    write(&connection)?;
    Ok(connection.execute_batch("COMMIT")?)
}

fn bind_from(statement: &mut Statement<'_>, first: usize, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
    for (value, number) in values.iter().zip(first..) {
        statement.raw_bind_parameter(number, value)?;
    }
    Ok(())
}

fn insert_text(rows: usize) -> String {
    let tuples = tuples(rows, |_| format!("({})", marks(COLUMNS)));
    format!("INSERT INTO compare_store_fill VALUES {tuples}")
}
