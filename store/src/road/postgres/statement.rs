//! PostgreSQL's statements.

use super::wire::Wire;
use crate::{
    conflict::Conflict,
    road::sql::{Words, chosen, list, name, on_conflict, quote},
    row::Shape,
    table::Table,
};

/// The beginning of an INSERT, up to where the rows begin.
fn insert_into(table: &Table, shape: &Shape) -> String {
    let names = list(chosen(table, shape).iter().map(|column| quote(column.name)));
    format!("INSERT INTO {} ({names}) ", name(table, quote))
}

pub(super) fn insert(table: &Table, shape: &Shape, rows: usize, conflict: &Conflict) -> String {
    let columns = chosen(table, shape);
    if columns.is_empty() {
        return format!("INSERT INTO {} DEFAULT VALUES", name(table, quote));
    }
    let mut placeholder = 0;
    let tuples = list((0..rows).map(|_| {
        let tuple = list(columns.iter().map(|column| {
            placeholder += 1;
            column.around(&format!("${placeholder}"))
        }));
        format!("({tuple})")
    }));
    format!("{}VALUES {tuples}{}", insert_into(table, shape), on_conflict(table, shape, conflict))
}

pub(super) fn insert_arrays(table: &Table, shape: &Shape, wires: &[Wire], conflict: &Conflict) -> String {
    let values = list(
        chosen(table, shape)
            .iter()
            .enumerate()
            .map(|(number, column)| column.around(&format!("given.c{number}"))),
    );
    format!(
        "{}SELECT {values} FROM {} AS given({}){}",
        insert_into(table, shape),
        unnest(wires),
        list((0..wires.len()).map(|number| format!("c{number}"))),
        on_conflict(table, shape, conflict)
    )
}

pub(super) fn copy(table: &Table, shape: &Shape) -> String {
    let names = list(chosen(table, shape).iter().map(|column| quote(column.name)));
    format!("COPY {} ({names}) FROM STDIN (FORMAT binary)", name(table, quote))
}

pub(super) fn update(table: &Table, shape: &Shape, rows: usize) -> String {
    let columns = chosen(table, shape).len();
    let tuples = list((0..rows).map(|row| {
        let tuple = list((0..columns).map(|column| format!("${}", row * columns + column + 1)));
        format!("({tuple}, {row}::bigint)")
    }));
    let names = numbers(columns);
    Change::new(table, shape).told(&format!("given({names}, n) AS (VALUES {tuples})"))
}

/// Ordinals begin at 1 and rows at 0, so the ordinal is brought to the row's number.
pub(super) fn update_arrays(table: &Table, shape: &Shape, wires: &[Wire]) -> String {
    let names = numbers(wires.len());
    let values = list((0..wires.len()).map(|number| format!("given.c{number}")));
    let rows = format!("{} WITH ORDINALITY AS given({names}, n)", unnest(wires));
    Change::new(table, shape)
        .told(&format!("given({names}, n) AS (SELECT {values}, given.n - 1 FROM {rows})"))
}

/// The same, of which only the number of the rows is told that it has touched.
pub(super) fn update_arrays_untold(table: &Table, shape: &Shape, wires: &[Wire]) -> String {
    Change::new(table, shape).from(&format!("{} AS given({})", unnest(wires), numbers(wires.len())))
}

/// The names that the columns of given rows have.
fn numbers(columns: usize) -> String {
    list((0..columns).map(|number| format!("c{number}")))
}

const WORDS: Words = Words {
    quote,
    value: |column, number| column.around(&format!("given.c{number}")),
    equals: " = ",
    is: " IS NOT DISTINCT FROM ",
};

/// The pieces of an update by given rows.
struct Change {
    table: String,
    set: String,
    /// Whether a row of the table has the key of a given one.
    key: String,
    /// Whether it is also as the given one expects it.
    row: String,
}

impl Change {
    fn new(table: &Table, shape: &Shape) -> Self {
        let changes = WORDS.changes(table, shape);
        Self {
            set: list(changes.map(|(column, value)| format!("{column} = {value}"))),
            key: WORDS.key(table, shape),
            row: WORDS.row(table, shape),
            table: name(table, quote),
        }
    }

    fn from(&self, given: &str) -> String {
        let Self { table, set, row, .. } = self;
        format!("UPDATE {table} AS target SET {set} FROM {given} WHERE {row}")
    }

    /// The update, and the query for the rows that it did not touch: their numbers, and whether the table holds their
    /// keys. Both see the table as it was when the statement began, so what they say fits together.
    fn told(&self, given: &str) -> String {
        let (update, Self { table, key, .. }) = (self.from("given"), self);
        format!(
            "WITH {given}, changed AS ({update} RETURNING given.n) \
             SELECT given.n, EXISTS (SELECT 1 FROM {table} AS target WHERE {key}) FROM given \
             WHERE NOT EXISTS (SELECT 1 FROM changed WHERE changed.n = given.n)"
        )
    }
}

/// The arrays, one a column. The types stand in the text, since the driver finds a prepared statement by its text
/// alone.
fn unnest(wires: &[Wire]) -> String {
    let arrays = list(wires.iter().zip(1..).map(|(wire, number)| format!("${number}::{}[]", wire.name())));
    format!("UNNEST({arrays})")
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, sea_query::ColumnType};

    use super::*;
    use crate::{operation::Operation, table::Column};

    fn table() -> (Table, Shape) {
        let column = |name| Column::plain(name, ColumnType::Text);
        let mood = Column { before: "CAST(".to_owned(), after: " AS \"mood\")".to_owned(), ..column("m") };
        let columns = vec![column("id"), column("say \"a\""), mood];
        let mut shape = Shape::empty(Operation::Insert);
        (0..3).for_each(|column| shape.insert(column));
        let backend = DbBackend::Postgres;
        (Table { backend, name: "t", schema: Some("s".to_owned()), columns, key: vec![0] }, shape)
    }

    #[test]
    fn texts_quote_names_number_their_placeholders_and_keep_casts() {
        let (table, shape) = table();
        let conflict = Conflict::Update { target: vec![0], columns: vec![2] };
        assert_eq!(
            insert(&table, &shape, 2, &conflict),
            "INSERT INTO \"s\".\"t\" (\"id\", \"say \"\"a\"\"\", \"m\") VALUES \
             ($1, $2, CAST($3 AS \"mood\")), ($4, $5, CAST($6 AS \"mood\")) \
             ON CONFLICT (\"id\") DO UPDATE SET \"m\" = excluded.\"m\""
        );
        let wires = [Wire::Int8, Wire::Text, Wire::Text];
        assert_eq!(
            insert_arrays(&table, &shape, &wires, &Conflict::Reject),
            "INSERT INTO \"s\".\"t\" (\"id\", \"say \"\"a\"\"\", \"m\") \
             SELECT given.c0, given.c1, CAST(given.c2 AS \"mood\") \
             FROM UNNEST($1::int8[], $2::text[], $3::text[]) AS given(c0, c1, c2)"
        );
        assert_eq!(
            copy(&table, &shape),
            "COPY \"s\".\"t\" (\"id\", \"say \"\"a\"\"\", \"m\") FROM STDIN (FORMAT binary)"
        );
    }
}
