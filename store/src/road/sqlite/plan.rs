//! What SQLite makes of the statements: a plan that scans the table costs ten times the rows' worth, silently.

#![allow(clippy::indexing_slicing)]

use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, Value, sea_query::ColumnType,
};

use super::statement::{absent, update, update_one};
use crate::{
    operation::Operation,
    row::Shape,
    table::{Column, Table},
};

/// Three kinds of key: the rowid, a text, and a number with a text.
const TABLES: [(&str, &str, &[usize]); 3] = [
    ("t", "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, v REAL)", &[0]),
    ("u", "CREATE TABLE u (id INTEGER, k TEXT PRIMARY KEY NOT NULL, v REAL)", &[1]),
    ("w", "CREATE TABLE w (id INTEGER, k TEXT, v REAL, PRIMARY KEY (k, id)) WITHOUT ROWID", &[0, 1]),
];

async fn plan(database: &DatabaseConnection, sql: &str) -> Vec<String> {
    let values: Vec<Value> = Vec::new();
    let statement =
        Statement::from_sql_and_values(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"), values);
    let rows = database.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect()
}

#[tokio::test]
async fn keys_are_looked_up_whatever_the_planner_believes_of_the_table() {
    for (name, create, key) in TABLES {
        let database = Database::connect("sqlite::memory:").await.unwrap();
        database.execute_unprepared(create).await.unwrap();
        let column = |name| Column::plain(name, ColumnType::Text);
        let columns = vec![column("id"), column("k"), column("v")];
        let table = Table { backend: DbBackend::Sqlite, name, schema: None, columns, key: key.to_vec() };
        let mut shape = Shape::empty(Operation::Update);
        key.iter().chain(&[2]).for_each(|column| shape.insert(*column));
        // Without statistics, and with those of a small, a middling and a large table.
        for believed in [None, Some(10), Some(5_000), Some(10_000_000)] {
            if let Some(rows) = believed {
                database.execute_unprepared("ANALYZE; DELETE FROM sqlite_stat1").await.unwrap();
                let index =
                    if name == "t" { "NULL".to_owned() } else { format!("'sqlite_autoindex_{name}_1'") };
                let stat = if name == "w" { format!("'{rows} 2 1'") } else { format!("'{rows} 1'") };
                let insert = format!(
                    "INSERT INTO sqlite_stat1 VALUES ('{name}', {index}, {stat}); ANALYZE sqlite_schema"
                );
                database.execute_unprepared(&insert).await.unwrap();
            }
            let single = plan(&database, &update_one(&table, &shape)).await;
            assert!(single.len() == 1 && single[0].starts_with("SEARCH"), "{name}, one row: {single:#?}");
            for rows in [1, 2, 50, 500] {
                for sql in [update(&table, &shape, rows), absent(&table, &shape, rows)] {
                    let plan = plan(&database, &sql).await;
                    let looked_up = plan.iter().any(|step| step.starts_with("SEARCH target USING"));
                    let scanned =
                        plan.iter().any(|step| step.contains("SCAN target") || step.contains("AUTOMATIC"));
                    assert!(looked_up && !scanned, "{name}, {believed:?} rows, {rows} in one: {plan:#?}");
                }
            }
        }
    }
}
