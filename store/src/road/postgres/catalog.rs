//! What the server says of a table: which columns COPY may fill.
//!
//! COPY converts nothing and goes past what an INSERT goes through. So a column may be filled by it only if its type is
//! the very type of the values, and the table has no rules, no row security, and is no view.

use std::collections::HashMap;

use sea_orm::{
    sea_query::ColumnType,
    sqlx::{self, PgPool, Row as _},
};

use super::{fault::fault, wire::Wire};
use crate::{
    road::{
        fault::Fault,
        sql::{chosen, name, quote},
    },
    row::Shape,
    table::Table,
};

const QUERY: &str = "SELECT a.attname::text, t.typname::text, t.typtype = 'e' \
    FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p') AND NOT c.relhasrules AND NOT c.relrowsecurity \
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity <> 'a' AND a.attgenerated = '' \
    AND (t.typtype = 'e' OR t.typnamespace = 'pg_catalog'::regnamespace)";

/// The types of the columns that COPY may fill.
pub(super) struct Catalog(HashMap<String, Kind>);

enum Kind {
    /// A built-in type, by its name.
    Type(String),
    Enum,
}

impl Catalog {
    pub(super) async fn read(pool: &PgPool, table: &Table) -> Result<Self, Fault> {
        let rows = sqlx::query(QUERY).bind(name(table, quote)).fetch_all(pool).await.map_err(fault)?;
        let columns = rows.iter().map(|row| {
            let kind = if row.try_get(2)? { Kind::Enum } else { Kind::Type(row.try_get(1)?) };
            Ok((row.try_get(0)?, kind))
        });
        Ok(Self(columns.collect::<Result<_, _>>().map_err(fault)?))
    }

    /// Whether COPY puts the same into these columns as an INSERT.
    pub(super) fn takes(&self, table: &Table, shape: &Shape, wires: &[Wire]) -> bool {
        chosen(table, shape).iter().zip(wires).all(|(column, wire)| {
            let cast = !column.before.is_empty() || !column.after.is_empty();
            match self.0.get(column.name) {
                // The entity casts its text to the enum, and that is what the column reads it as.
                Some(Kind::Enum) => *wire == Wire::Text && matches!(column.kind, ColumnType::Enum { .. }),
                Some(Kind::Type(kind)) => match (wire, kind.as_str()) {
                    (Wire::Text, "text" | "varchar" | "bpchar") => !cast,
                    // The one cast there may be is the one of `Table`, to json.
                    (Wire::Text, "json") => matches!(column.kind, ColumnType::Json),
                    (wire, kind) => !cast && wire.name() == kind,
                },
                None => false,
            }
        })
    }
}
