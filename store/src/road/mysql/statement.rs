//! MySQL's statements.

use crate::{
    conflict::Conflict,
    road::{
        bound::key,
        sql::{all, chosen, list, name},
    },
    row::Shape,
    table::{Column, Table},
};

/// A name in MySQL's quotes.
fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

pub(super) fn insert(table: &Table, shape: &Shape, rows: usize, conflict: &Conflict) -> String {
    let columns = chosen(table, shape);
    let names = list(columns.iter().map(|column| quote(column.name)));
    let tuple = format!("({})", list(columns.iter().map(|column| column.around("?"))));
    let tuples = list((0..rows).map(|_| tuple.clone()));
    format!(
        "INSERT INTO {} ({names}) VALUES {tuples}{}",
        name(table, quote),
        on_duplicate(table, shape, conflict)
    )
}

/// Whether rows of this shape change those that they meet.
pub(super) fn overwrites(shape: &Shape, conflict: &Conflict) -> bool {
    match conflict {
        Conflict::Update { columns, .. } => columns.iter().any(|column| shape.contains(*column)),
        Conflict::Reject | Conflict::DoNothing { .. } => false,
    }
}

/// What an INSERT does with a row that is there. The first assignment keeps its column and counts: in `@cofferdam_met`
/// the rows that were met, in `@cofferdam_foreign` those of them that differ in the conflict target.
fn on_duplicate(table: &Table, shape: &Shape, conflict: &Conflict) -> String {
    let (target, columns) = match conflict {
        Conflict::Reject => return String::new(),
        Conflict::DoNothing { target } => (target, [].as_slice()),
        Conflict::Update { target, columns } => (target, columns.as_slice()),
    };
    let same = all(target.iter().map(|column| {
        let column = quote(table.column(*column));
        format!("{column} <=> VALUES({column})")
    }));
    let kept = quote(table.column(target.first().copied().unwrap_or_default()));
    let count = format!(
        "{kept} = IF((@cofferdam_met := @cofferdam_met + 1) + \
         (@cofferdam_foreign := @cofferdam_foreign + IF({same}, 0, 1)) >= 0, {kept}, {kept})"
    );
    // A column that the row does not set would be overwritten with its default. One of the target is the same already.
    let set =
        columns.iter().filter(|column| shape.contains(**column) && !target.contains(column)).map(|column| {
            let column = quote(table.column(*column));
            format!("{column} = VALUES({column})")
        });
    format!(" ON DUPLICATE KEY UPDATE {}", list(std::iter::once(count).chain(set)))
}

/// How a server writes rows that are in no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// `VALUES`, as MariaDB does: one query, however many rows.
    Values,
    /// A `SELECT` a row, which all versions of MySQL take, and plan one by one.
    Selects,
}

/// The rows as a table of their own. It begins with no rows of the table itself, from which its columns take their
/// types and collations; placeholders alone would have those of the connection, and no index would serve.
fn given(table: &Table, columns: &[&Column], rows: (usize, Rows), numbered: bool) -> String {
    let (rows, form) = rows;
    let names = list(
        columns.iter().enumerate().map(|(number, column)| format!("{} AS c{number}", quote(column.name))),
    );
    let values = list(columns.iter().map(|column| column.around("?")));
    let number = if numbered { "0 AS n, " } else { "" };
    let head = format!("SELECT {number}{names} FROM {} WHERE FALSE", name(table, quote));
    let row = |row| if numbered { format!("{row}, {values}") } else { values.clone() };
    match form {
        Rows::Values => {
            format!(
                "({head} UNION ALL VALUES {})",
                list((0..rows).map(|number| format!("({})", row(number))))
            )
        }
        Rows::Selects => {
            let selects = (0..rows).map(|number| format!(" UNION ALL SELECT {}", row(number)));
            format!("({head}{})", selects.collect::<String>())
        }
    }
}

/// The join is in the order in which it stands: each given row is looked up by the key, whatever the server believes
/// of the table.
pub(super) fn update(table: &Table, shape: &Shape, rows: (usize, Rows)) -> String {
    let columns = chosen(table, shape);
    let numbered = || shape.columns().zip(&columns).enumerate();
    let set = list(
        numbered()
            .filter(|(_, (index, _))| !table.key.contains(index))
            .map(|(number, (_, column))| format!("target.{} = given.c{number}", quote(column.name))),
    );
    let equal = all(numbered()
        .filter(|(_, (index, _))| table.key.contains(index))
        .map(|(number, (_, column))| format!("target.{} = given.c{number}", quote(column.name))));
    format!(
        "UPDATE {} AS given STRAIGHT_JOIN {} AS target ON {equal} SET {set}",
        given(table, &columns, rows, false),
        name(table, quote)
    )
}

/// The query that takes so many keys and returns the numbers (from 0) of those that the table does not hold.
pub(super) fn absent(table: &Table, rows: (usize, Rows)) -> String {
    let columns = key(table);
    let equal = all(columns
        .iter()
        .enumerate()
        .map(|(number, column)| format!("target.{} = given.c{number}", quote(column.name))));
    format!(
        "SELECT CAST(given.n AS SIGNED) FROM {} AS given \
         WHERE NOT EXISTS (SELECT 1 FROM {} AS target WHERE {equal}) ORDER BY 1",
        given(table, &columns, rows, true),
        name(table, quote)
    )
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, sea_query::ColumnType};

    use super::*;

    fn table() -> (Table, Shape) {
        let column = |name| Column::plain(name, ColumnType::Text);
        let cast = Column { before: "CAST(".to_owned(), after: " AS CHAR)".to_owned(), ..column("c") };
        let columns = vec![column("id"), column("say `a`"), cast];
        let mut shape = Shape::empty(3);
        (0..3).for_each(|column| shape.insert(column));
        (
            Table {
                backend: DbBackend::MySql,
                name: "t",
                schema: Some("s".to_owned()),
                columns,
                key: vec![0],
            },
            shape,
        )
    }

    #[test]
    fn updates_join_their_rows_in_the_words_of_each_server() {
        let (table, shape) = table();
        let update = |form| update(&table, &shape, (2, form));
        let head =
            "UPDATE (SELECT `id` AS c0, `say ``a``` AS c1, `c` AS c2 FROM `s`.`t` WHERE FALSE UNION ALL ";
        let tail = ") AS given STRAIGHT_JOIN `s`.`t` AS target ON target.`id` = given.c0 \
                    SET target.`say ``a``` = given.c1, target.`c` = given.c2";
        let values = "VALUES (?, ?, CAST(? AS CHAR)), (?, ?, CAST(? AS CHAR))";
        assert_eq!(update(Rows::Values), format!("{head}{values}{tail}"));
        let selects = "SELECT ?, ?, CAST(? AS CHAR) UNION ALL SELECT ?, ?, CAST(? AS CHAR)";
        assert_eq!(update(Rows::Selects), format!("{head}{selects}{tail}"));
    }

    #[test]
    fn missing_keys_are_asked_for_by_their_numbers() {
        let (table, _) = table();
        let rest = "AS given WHERE NOT EXISTS (SELECT 1 FROM `s`.`t` AS target WHERE target.`id` = given.c0) \
                    ORDER BY 1";
        let head = "SELECT CAST(given.n AS SIGNED) FROM (SELECT 0 AS n, `id` AS c0 FROM `s`.`t` WHERE FALSE";
        assert_eq!(
            absent(&table, (2, Rows::Values)),
            format!("{head} UNION ALL VALUES (0, ?), (1, ?)) {rest}")
        );
        assert_eq!(
            absent(&table, (2, Rows::Selects)),
            format!("{head} UNION ALL SELECT 0, ? UNION ALL SELECT 1, ?) {rest}")
        );
    }
}
