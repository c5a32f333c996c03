//! SQLite's statements.

use std::fmt::Write;

use crate::{
    conflict::Conflict,
    road::sql::{Words, chosen, list, name, on_conflict, quote},
    row::Shape,
    table::{Column, Table},
};

pub(super) fn insert(table: &Table, shape: &Shape, rows: usize, conflict: &Conflict) -> String {
    let columns = chosen(table, shape);
    if columns.is_empty() {
        return format!("INSERT INTO {} DEFAULT VALUES", name(table, quote));
    }
    let names = list(columns.iter().map(|column| quote(column.name)));
    let mut sql = format!("INSERT INTO {} ({names}) VALUES ", name(table, quote));
    push_tuples(&mut sql, &columns, rows);
    sql.push_str(&on_conflict(table, shape, conflict));
    sql
}

/// The `+` before the key's value is what makes this fast. It hinders SQLite from building an index over the VALUES
/// and scanning the table against it; what is left is to run through the VALUES and look up each key in the table.
const WORDS: Words =
    Words { quote, value: |_, number| format!("given.column{}", number + 1), equals: " = +", is: " IS " };

pub(super) fn update(table: &Table, shape: &Shape, rows: usize) -> String {
    let set = list(WORDS.changes(table, shape).map(|(column, value)| format!("{column} = {value}")));
    let row = WORDS.row(table, shape);
    let mut sql = format!("UPDATE {} AS target SET {set} FROM (VALUES ", name(table, quote));
    push_tuples(&mut sql, &chosen(table, shape), rows);
    let _ = write!(sql, ") AS given WHERE {row}");
    sql
}

/// The update of a single row, whose values are numbered.
const ONE: Words = Words { value: |column, number| column.around(&format!("?{}", number + 1)), ..WORDS };

pub(super) fn update_one(table: &Table, shape: &Shape) -> String {
    let set = list(ONE.changes(table, shape).map(|(column, value)| format!("{column} = {value}")));
    format!("UPDATE {} AS target SET {set} WHERE {}", name(table, quote), ONE.row(table, shape))
}

/// The query for the updates that are not to be done: takes what names so many rows, and returns the numbers (from 0)
/// of those that are absent or not as expected, with whether there is a row at all.
pub(super) fn absent(table: &Table, shape: &Shape, rows: usize) -> String {
    let shape = shape.named(&table.key);
    let placeholders = list(chosen(table, &shape).iter().map(|column| column.around("?")));
    let tuples = list((0..rows).map(|row| format!("({placeholders}, {row})")));
    let there =
        |condition| format!("EXISTS (SELECT 1 FROM {} AS target WHERE {condition})", name(table, quote));
    format!(
        "SELECT given.column{}, {} FROM (VALUES {tuples}) AS given WHERE NOT {}",
        shape.width() + 1,
        there(WORDS.key(table, &shape)),
        there(WORDS.row(table, &shape)),
    )
}

fn push_tuples(sql: &mut String, columns: &[&Column], rows: usize) {
    let tuple = format!("({})", list(columns.iter().map(|column| column.around("?"))));
    for row in 0..rows {
        if row > 0 {
            sql.push_str(", ");
        }
        sql.push_str(&tuple);
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, sea_query::ColumnType};

    use super::*;
    use crate::operation::Operation;

    fn table() -> Table {
        let column = |name| Column::plain(name, ColumnType::Text);
        let cast = Column { before: "CAST(".to_owned(), after: " AS TEXT)".to_owned(), ..column("b") };
        let columns = vec![column("id"), column("a"), cast, column("say \"c\"")];
        Table {
            backend: DbBackend::Sqlite,
            name: "t",
            schema: Some("main".to_owned()),
            columns,
            key: vec![0],
        }
    }

    fn shape(columns: impl IntoIterator<Item = usize>) -> Shape {
        let mut shape = Shape::empty(Operation::Insert);
        columns.into_iter().for_each(|column| shape.insert(column));
        shape
    }

    #[test]
    fn texts_quote_names_and_keep_casts() {
        let table = table();
        assert_eq!(
            insert(&table, &shape([0, 2, 3]), 2, &Conflict::Update { target: vec![0], columns: vec![1, 3] }),
            "INSERT INTO \"main\".\"t\" (\"id\", \"b\", \"say \"\"c\"\"\") \
             VALUES (?, CAST(? AS TEXT), ?), (?, CAST(? AS TEXT), ?) \
             ON CONFLICT (\"id\") DO UPDATE SET \"say \"\"c\"\"\" = excluded.\"say \"\"c\"\"\""
        );
        assert_eq!(
            update(&table, &shape([0, 2]), 1),
            "UPDATE \"main\".\"t\" AS target SET \"b\" = given.column2 \
             FROM (VALUES (?, CAST(? AS TEXT))) AS given WHERE target.\"id\" = +given.column1"
        );
        assert_eq!(
            update_one(&table, &shape([0, 2, 3])),
            "UPDATE \"main\".\"t\" AS target SET \"b\" = CAST(?2 AS TEXT), \"say \"\"c\"\"\" = ?3 \
             WHERE target.\"id\" = +?1"
        );
    }
}
