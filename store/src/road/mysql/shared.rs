//! Which columns other rows of the table decide about, as the server's schema tells it.

use sea_orm::sqlx::{self, MySqlPool};

use super::fault::fault;
use crate::{road::fault::Fault, table::Table};

/// The columns of unique indexes; no name stands for an expression and a generated column. Then those that refer to the
/// table itself.
const QUERY: &str = "SELECT CAST(IF(c.extra LIKE '%GENERATED%' AND c.extra NOT LIKE 'DEFAULT_GENERATED%', NULL, \
    i.column_name) AS CHAR) \
    FROM information_schema.statistics AS i \
    LEFT JOIN information_schema.columns AS c ON c.table_schema = i.table_schema AND c.table_name = i.table_name \
    AND c.column_name = i.column_name \
    WHERE i.table_schema = COALESCE(?, DATABASE()) AND i.table_name = ? AND i.non_unique = 0 \
    UNION ALL SELECT CAST(k.column_name AS CHAR) FROM information_schema.key_column_usage AS k \
    WHERE k.table_schema = COALESCE(?, DATABASE()) AND k.table_name = ? \
    AND k.referenced_table_schema = k.table_schema AND k.referenced_table_name = k.table_name";

pub(super) async fn columns(pool: &MySqlPool, table: &Table) -> Result<Vec<Option<String>>, Fault> {
    let (schema, name) = (table.schema.as_deref(), table.name);
    let query = sqlx::query_scalar(QUERY).bind(schema).bind(name).bind(schema).bind(name);
    query.fetch_all(pool).await.map_err(fault)
}
