//! By hand into MariaDB: many rows a statement, ON DUPLICATE KEY, and LOAD DATA.
//!
//! Each writes all rows in one transaction, on one connection.

use std::fmt::Write as _;
use std::path::Path;

use sea_orm::DatabaseConnection;
use sea_orm::sqlx::{self, Acquire as _, Arguments as _, AssertSqlSafe, mysql::MySqlArguments};

use super::Problem;
use super::fill::{COLUMNS, Change, Model};
use super::text::{Text, bind, bind_row, marks, tuples, write_rows};

pub(super) async fn insert(
    database: &DatabaseConnection,
    rows: Vec<Model>,
    size: usize,
) -> Result<(), Problem> {
    let text = Text::new(|rows| {
        let tuples = tuples(rows, |_| format!("({})", marks(COLUMNS)));
        format!("INSERT INTO compare_store_fill VALUES {tuples}")
    });
    let pool = database.get_mysql_connection_pool();
    write_rows!(pool, text, rows by size, MySqlArguments, |arguments, row| {
        bind_row!(arguments, row);
    })
}

/// INSERT … ON DUPLICATE KEY UPDATE. The columns that are not changed get values that are never used, since the server
/// asks for them all the same.
pub(super) async fn update(
    database: &DatabaseConnection,
    rows: Vec<Change>,
    size: usize,
) -> Result<(), Problem> {
    let text = Text::new(|rows| {
        let tuples = tuples(rows, |_| "(?, '', '', ?, ?, 0, 0, '', NULL, ?)".to_owned());
        format!(
            "INSERT INTO compare_store_fill VALUES {tuples} ON DUPLICATE KEY UPDATE price = VALUES(price), \
             quantity = VALUES(quantity), note = VALUES(note)"
        )
    });
    let pool = database.get_mysql_connection_pool();
    write_rows!(pool, text, rows by size, MySqlArguments, |arguments, row| {
        bind!(arguments, row.id, row.price, row.quantity, row.note);
    })
}

/// LOAD DATA of a file that the server reads; to write it belongs to the time.
pub(super) async fn load(database: &DatabaseConnection, rows: &[Model], file: &Path) -> Result<(), Problem> {
    let mut text = String::new();
    for row in rows {
        let Model { id, symbol, side, price, quantity, fee, at, venue, client, note } = row;
        let client = client.as_deref().unwrap_or("\\N");
        // No text here has a tab, a backslash or a line's end in it.
        writeln!(
            text,
            "{id}\t{symbol}\t{side}\t{price}\t{quantity}\t{fee}\t{at}\t{venue}\t{client}\t{note}"
        )?;
    }
    std::fs::write(file, text)?;
    let mut connection = database.get_mysql_connection_pool().acquire().await?;
    sqlx::raw_sql(load_text(file, "compare_store_fill")).execute(&mut *connection).await?;
    Ok(())
}

/// The same into a temporary table, and one UPDATE by a join.
pub(super) async fn update_by_load(
    database: &DatabaseConnection,
    rows: &[Change],
    file: &Path,
) -> Result<(), Problem> {
    let mut text = String::new();
    for Change { id, price, quantity, note } in rows {
        writeln!(text, "{id}\t{price}\t{quantity}\t{note}")?;
    }
    std::fs::write(file, text)?;
    let mut connection = database.get_mysql_connection_pool().acquire().await?;
    let stage = "CREATE TEMPORARY TABLE stage (id BIGINT PRIMARY KEY, price DOUBLE, quantity BIGINT, note VARCHAR(255)) \
                 CHARACTER SET utf8mb4";
    sqlx::raw_sql(stage).execute(&mut *connection).await?;
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(load_text(file, "stage")).execute(&mut *transaction).await?;
    let update = "UPDATE compare_store_fill JOIN stage USING (id) SET compare_store_fill.price = stage.price, \
                  compare_store_fill.quantity = stage.quantity, compare_store_fill.note = stage.note";
    sqlx::raw_sql(update).execute(&mut *transaction).await?;
    transaction.commit().await?;
    sqlx::raw_sql("DROP TEMPORARY TABLE stage").execute(&mut *connection).await?;
    Ok(())
}

fn load_text(file: &Path, table: &str) -> AssertSqlSafe<String> {
    let file = file.display();
    AssertSqlSafe(format!("LOAD DATA INFILE '{file}' INTO TABLE {table} CHARACTER SET utf8mb4"))
}
