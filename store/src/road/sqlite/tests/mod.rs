//! Both ways leave the same: each test writes the same rows by steps and by statements of many rows, on runtimes that
//! decide so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod refused;
mod values;

use std::{borrow::Cow, error::Error as _, path::Path, sync::Arc};

use sea_orm::{
    DbBackend, Value,
    sea_query::ColumnType,
    sqlx::{
        self, AssertSqlSafe, Row as _, SqlitePool,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
    },
};
use tokio::runtime::Builder;

use super::Sqlite;
use crate::{
    Error,
    batch::Verdict,
    conflict::Conflict,
    operation::Operation,
    road::batches::Batches,
    row::{Row, Shape},
    table::{Column, Table},
};

/// What is written, where, and the question whose answer tells what the table holds then.
#[derive(Clone)]
struct Case {
    setup: Cow<'static, str>,
    columns: &'static [&'static str],
    key: Vec<usize>,
    operation: Operation,
    conflict: Conflict,
    rows: Vec<Vec<Value>>,
    look: &'static str,
}

/// What became of it.
#[derive(Debug, PartialEq)]
struct Outcome {
    written: u64,
    skipped: u64,
    rejected: Vec<(usize, String)>,
    stopped: Option<String>,
    table: Vec<String>,
}

/// By statements of many rows, and by steps.
fn both(case: &Case) -> [Outcome; 2] {
    let one = Builder::new_current_thread().enable_all().build().unwrap();
    let several = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    [one, several].map(|runtime| {
        let case = case.clone();
        runtime.block_on(async { tokio::spawn(write(case)).await.unwrap() })
    })
}

/// The outcome, which is the same both ways.
fn same(case: &Case) -> Outcome {
    let [values, steps] = both(case);
    assert_eq!(steps, values);
    steps
}

async fn write(case: Case) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.sqlite3");
    let pool = connect(&path).await;
    sqlx::raw_sql(AssertSqlSafe(case.setup.to_string())).execute(&pool).await.unwrap();
    let rows = rows(&case);
    let mut verdict = Verdict::default();
    let end = batches(&pool, &case).write(&rows, &mut verdict, None).await;
    let found = sqlx::query(case.look).fetch_all(&pool).await.unwrap();
    let table = found.iter().map(|row| row.get(0)).collect();
    pool.close().await;
    // SQLite removes the log when the last connection closes, which a statement that was left over prevents.
    assert!(!path.with_extension("sqlite3-wal").exists(), "a statement was not finalised");
    Outcome {
        written: verdict.written,
        skipped: verdict.skipped,
        rejected: verdict.rejected.iter().map(|(place, error)| (*place, told(error))).collect(),
        stopped: end.err().as_ref().map(told),
        table,
    }
}

/// One connection, so that what `setup` asks of it holds.
async fn connect(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .foreign_keys(true);
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
}

fn rows(case: &Case) -> Vec<Row> {
    let row = |values: &Vec<Value>| {
        let mut shape = Shape::empty(case.operation);
        (0..values.len()).for_each(|column| shape.insert(column));
        Row::new(shape, values.clone())
    };
    case.rows.iter().map(row).collect()
}

fn batches(pool: &SqlitePool, case: &Case) -> Batches<Sqlite> {
    let columns = case.columns.iter().map(|name| Column::plain(name, ColumnType::Text)).collect();
    let table = Table { backend: DbBackend::Sqlite, name: "t", schema: None, columns, key: case.key.clone() };
    let (table, conflict) = (Arc::new(table), Arc::new(case.conflict.clone()));
    Batches::new(Sqlite::new(pool.clone(), Arc::clone(&table), Arc::clone(&conflict), 50), table, conflict)
}

/// The error and its cause.
fn told(error: &Error) -> String {
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    format!("{:?}: {error}: {source}", error.kind())
}
