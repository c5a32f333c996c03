//! Which columns other rows of the table decide about, as SQLite's schema tells it.

use sea_orm::sqlx::{self, SqlitePool};

use super::fault::fault;
use crate::{road::fault::Fault, table::Table};

/// The columns of unique indexes; no name stands for an expression, a generated column, and the condition of a partial
/// index. Then the primary key, which may have no index, and those that refer to the table itself.
const QUERY: &str = "SELECT CASE WHEN i.partial OR generated.name IS NOT NULL THEN NULL ELSE c.name END \
    FROM pragma_index_list(?1, ?2) AS i JOIN pragma_index_info(i.name, ?2) AS c \
    LEFT JOIN pragma_table_xinfo(?1, ?2) AS generated ON generated.name = c.name AND generated.hidden IN (2, 3) \
    WHERE i.\"unique\" \
    UNION ALL SELECT p.name FROM pragma_table_info(?1, ?2) AS p WHERE p.pk > 0 \
    UNION ALL SELECT f.\"from\" FROM pragma_foreign_key_list(?1, ?2) AS f WHERE f.\"table\" = ?1 COLLATE NOCASE";

pub(super) async fn columns(pool: &SqlitePool, table: &Table) -> Result<Vec<Option<String>>, Fault> {
    let schema = table.schema.as_deref().unwrap_or("main");
    sqlx::query_scalar(QUERY).bind(table.name).bind(schema).fetch_all(pool).await.map_err(fault)
}
