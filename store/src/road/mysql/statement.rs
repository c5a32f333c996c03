//! MySQL's statements.

use crate::{
    conflict::Conflict,
    road::sql::{Words, all, chosen, list, name},
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
/// the rows that were met, in `@cofferdam_foreign` those of them that differ in the conflict target. NULL differs from
/// NULL there: a unique index takes any number of them, so the conflict was about another one.
fn on_duplicate(table: &Table, shape: &Shape, conflict: &Conflict) -> String {
    let (target, columns) = match conflict {
        Conflict::Reject => return String::new(),
        Conflict::DoNothing { target } => (target, [].as_slice()),
        Conflict::Update { target, columns } => (target, columns.as_slice()),
    };
    let same = all(target.iter().map(|column| {
        let column = quote(table.column(*column));
        format!("{column} = VALUES({column})")
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

const WORDS: Words =
    Words { quote, value: |_, number| format!("given.c{number}"), equals: " = ", is: " <=> " };

/// The join is in the order in which it stands: each given row is looked up by the key, whatever the server believes
/// of the table.
pub(super) fn update(table: &Table, shape: &Shape, rows: (usize, Rows)) -> String {
    let set = list(WORDS.changes(table, shape).map(|(column, value)| format!("target.{column} = {value}")));
    format!(
        "UPDATE {} AS given STRAIGHT_JOIN {} AS target ON {} SET {set}",
        given(table, &chosen(table, shape), rows, false),
        name(table, quote),
        WORDS.row(table, shape)
    )
}

/// The query for the updates that are not to be done: takes what names so many rows, and returns the numbers (from 0)
/// of those that are absent or not as expected, with whether there is a row at all. Where something is expected, it
/// locks the rows, so that they stay what they were found to be.
pub(super) fn absent(table: &Table, shape: &Shape, rows: (usize, Rows)) -> String {
    let shape = shape.named(&table.key);
    // A key is never NULL where it matched.
    let there = format!("target.{}", quote(table.column(table.key.first().copied().unwrap_or_default())));
    let (differs, lock) = match WORDS.condition(table, &shape) {
        condition if condition.is_empty() => (String::new(), ""),
        condition => (format!(" OR NOT ({condition})"), " FOR UPDATE"),
    };
    format!(
        "SELECT CAST(given.n AS SIGNED), CAST({there} IS NOT NULL AS SIGNED) FROM {} AS given \
         LEFT JOIN {} AS target ON {} WHERE {there} IS NULL{differs} ORDER BY 1{lock}",
        given(table, &chosen(table, &shape), rows, true),
        name(table, quote),
        WORDS.key(table, &shape)
    )
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, sea_query::ColumnType};

    use super::*;
    use crate::operation::Operation;

    fn table() -> (Table, Shape) {
        let column = |name| Column::plain(name, ColumnType::Text);
        let cast = Column { before: "CAST(".to_owned(), after: " AS CHAR)".to_owned(), ..column("c") };
        let columns = vec![column("id"), column("say `a`"), cast];
        let mut shape = Shape::empty(Operation::Update);
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
    fn missing_and_unexpected_rows_are_asked_for_by_their_numbers() {
        let (table, mut shape) = table();
        let head =
            "SELECT CAST(given.n AS SIGNED), CAST(target.`id` IS NOT NULL AS SIGNED) FROM (SELECT 0 AS n, ";
        let join = "AS given LEFT JOIN `s`.`t` AS target ON target.`id` = given.c0 WHERE target.`id` IS NULL";
        let key = "`id` AS c0 FROM `s`.`t` WHERE FALSE";
        assert_eq!(
            absent(&table, &shape, (2, Rows::Values)),
            format!("{head}{key} UNION ALL VALUES (0, ?), (1, ?)) {join} ORDER BY 1")
        );
        assert_eq!(
            absent(&table, &shape, (2, Rows::Selects)),
            format!("{head}{key} UNION ALL SELECT 0, ? UNION ALL SELECT 1, ?) {join} ORDER BY 1")
        );
        shape.expect(1);
        assert_eq!(
            absent(&table, &shape, (1, Rows::Values)),
            format!(
                "{head}`id` AS c0, `say ``a``` AS c1 FROM `s`.`t` WHERE FALSE UNION ALL VALUES (0, ?, ?)) {join} \
                 OR NOT (target.`say ``a``` <=> given.c1) ORDER BY 1 FOR UPDATE"
            )
        );
    }
}
