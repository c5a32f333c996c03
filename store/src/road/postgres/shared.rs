//! Which columns other rows of the table decide about, as PostgreSQL's catalog tells it.

use sea_orm::sqlx::{self, PgPool};

use super::fault::fault;
use crate::{
    road::{
        fault::Fault,
        sql::{name, quote},
    },
    table::Table,
};

/// The columns of unique indexes and exclusion constraints; no name stands for an expression, a generated column, and
/// the condition of a partial index. Then those that refer to the table itself.
const QUERY: &str = "SELECT CASE WHEN i.indpred IS NULL AND a.attgenerated = '' THEN a.attname::text END \
    FROM pg_catalog.pg_index AS i CROSS JOIN LATERAL unnest(i.indkey::int2[]) AS k(number) \
    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number \
    WHERE i.indrelid = to_regclass($1) AND (i.indisunique OR i.indisexclusion) \
    UNION ALL SELECT a.attname::text FROM pg_catalog.pg_constraint AS f \
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = ANY(f.conkey) \
    WHERE f.conrelid = to_regclass($1) AND f.confrelid = f.conrelid AND f.contype = 'f'";

pub(super) async fn columns(pool: &PgPool, table: &Table) -> Result<Vec<Option<String>>, Fault> {
    let query = sqlx::query_scalar(QUERY).bind(name(table, quote));
    query.fetch_all(pool).await.map_err(fault)
}
