//! A table of the writer's database.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, TransactionTrait,
    sea_query::{Alias, ColumnDef, Expr, Query},
};

use super::letter::Letter;
use crate::{backoff::Backoff, ddl, road::is_busy};

/// The rows of one statement: five variables each, far below what any database binds.
const ROWS: usize = 500;

/// How often a locked database is tried again; with the waits of [`Backoff`], about ten seconds. After that the rows
/// are handed back in memory, where they are as safe as without a sink.
const TRIES: u32 = 25;

pub(super) fn create(name: &str, backend: DbBackend) -> String {
    let text = |name| ddl::text(name, backend);
    let statement = ddl::table(name, backend)
        .col(ColumnDef::new(Alias::new("id")).big_integer().not_null().primary_key().auto_increment())
        .col(text("time"))
        .col(text("table_name"))
        .col(text("kind"))
        .col(text("error"))
        .col(text("letter"))
        .to_owned();
    backend.build(&statement).sql
}

/// Inserts all letters in one transaction, waiting for a bounded time while others hold the database.
pub(super) async fn insert(
    connection: &DatabaseConnection,
    name: &str,
    letters: &[Letter],
) -> Result<(), DbErr> {
    let mut backoff = Backoff::new();
    for _ in 1..TRIES {
        match try_insert(connection, name, letters).await {
            Err(error) if is_busy(&error, connection.get_database_backend()) => {
                tokio::time::sleep(backoff.next()).await
            }
            end => return end,
        }
    }
    try_insert(connection, name, letters).await
}

async fn try_insert(connection: &DatabaseConnection, name: &str, letters: &[Letter]) -> Result<(), DbErr> {
    let transaction = connection.begin().await?;
    for part in letters.chunks(ROWS) {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new(name))
            .columns(["time", "table_name", "kind", "error", "letter"].map(Alias::new));
        for letter in part {
            let Letter { time, table, kind, error, json } = letter;
            insert.values_panic([time.as_str(), table, kind, error, json].map(Expr::val));
        }
        transaction.execute(&insert).await?;
    }
    transaction.commit().await
}
