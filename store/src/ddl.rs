//! The crate's own tables, as each database must have them.

use sea_orm::{
    DbBackend,
    sea_query::{Alias, ColumnDef, Table, TableCreateStatement},
};

/// A table without columns yet.
pub(crate) fn table(name: &str, backend: DbBackend) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(Alias::new(name));
    if backend == DbBackend::MySql {
        // The server's defaults may be without transactions, and a character set that lacks most characters.
        table.engine("InnoDB").character_set("utf8mb4");
    }
    table
}

/// A column for a text of any length, which is always set.
pub(crate) fn text(name: &str, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    match backend {
        // TEXT ends at 64 KiB there.
        DbBackend::MySql => column.custom("longtext"),
        _ => column.text(),
    };
    column.not_null().to_owned()
}
