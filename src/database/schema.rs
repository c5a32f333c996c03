//! Opening the file, and making the tables in it.

use std::path::Path;
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, TryGetable,
};

use crate::Error;

/// The version of the tables below. It is raised when they change in a way that an older program would get wrong.
const VERSION: i32 = 1;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS cofferdam_version (version INTEGER NOT NULL);
INSERT INTO cofferdam_version SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM cofferdam_version);
CREATE TABLE IF NOT EXISTS cofferdam_programs (
    hash TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    entry TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cofferdam_datasets (
    hash TEXT PRIMARY KEY,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS cofferdam_trials (
    id TEXT PRIMARY KEY,
    study TEXT NOT NULL,
    parameters TEXT NOT NULL,
    first_bar INTEGER NOT NULL,
    end_bar INTEGER NOT NULL,
    positions TEXT,
    failure TEXT,
    detail TEXT,
    wall_us INTEGER NOT NULL,
    CHECK ((positions IS NULL) <> (failure IS NULL))
);
CREATE INDEX IF NOT EXISTS cofferdam_trials_study ON cofferdam_trials (study, first_bar, end_bar);
";

/// How long a statement waits while another connection or process writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections to the file: one for the writer of trials, and some for reading beside it.
const CONNECTIONS: u32 = 4;

/// Opens the tables in the queue's file, which must exist, and makes them if they are not there.
pub(crate) async fn open(path: &Path) -> Result<DatabaseConnection, Error> {
    let database = connect(path, CONNECTIONS, false).await.map_err(Error::database("open the file"))?;
    database.execute_unprepared(TABLES).await.map_err(Error::database("make its tables"))?;
    let found: i32 = ask(&database, "SELECT version FROM cofferdam_version").await?.unwrap_or(VERSION);
    if found > VERSION {
        return Err(Error::NewerDatabase { found, known: VERSION });
    }
    Ok(database)
}

/// Refuses a database that belongs to another application, before anything is written to it. A file that is not there,
/// is empty or is no database passes: what opens it next says what is wrong with it.
pub(crate) async fn refuse_foreign(path: &Path) -> Result<(), Error> {
    if path.metadata().map_or(true, |metadata| metadata.len() == 0) {
        return Ok(());
    }
    let Ok(database) = connect(path, 1, true).await else { return Ok(()) };
    let tables = ask::<i64>(&database, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'").await;
    let own = ask::<i64>(
        &database,
        "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'cofferdam\\_%' ESCAPE '\\'",
    )
    .await;
    // Whether the close succeeds changes nothing: the connection only read.
    let _ = database.close().await;
    match (tables, own) {
        (Ok(Some(1..)), Ok(Some(0))) => Err(Error::ForeignDatabase { path: path.to_owned() }),
        _ => Ok(()),
    }
}

async fn connect(
    path: &Path,
    connections: u32,
    read_only: bool,
) -> Result<DatabaseConnection, sea_orm::DbErr> {
    let path = path.to_owned();
    let mut options = ConnectOptions::new("sqlite:");
    options.max_connections(connections).sqlx_logging(false).map_sqlx_sqlite_opts(move |options| {
        options.filename(&path).create_if_missing(false).read_only(read_only).busy_timeout(BUSY_TIMEOUT)
    });
    Database::connect(options).await
}

async fn ask<T: TryGetable>(database: &DatabaseConnection, sql: &str) -> Result<Option<T>, Error> {
    let statement = Statement::from_string(DbBackend::Sqlite, sql);
    let row = database.query_one_raw(statement).await.map_err(Error::database("answer a question"))?;
    row.map(|row| row.try_get_by_index(0)).transpose().map_err(Error::database("answer a question"))
}
