//! The texts of the statements: built once for a shape and a number of rows, then only looked up.

use std::{collections::HashMap, fmt::Write, sync::Arc};

use sea_orm::sqlx::AssertSqlSafe;

use crate::{
    conflict::Conflict,
    row::Shape,
    table::{Column, Table},
};

/// How many variables SQLite binds in one statement (`SQLITE_MAX_VARIABLE_NUMBER` since 3.32).
const MAX_VARIABLES: usize = 32_766;

/// The most rows of a statement. A trip to the driver's thread costs the same whatever it carries, so statements of
/// 100 to 500 rows are where SQLite is fast. It is not higher because a very wide VALUES is no gain: on PostgreSQL
/// one of 9,362 rows was slower than those of 500, and here nothing above 500 has been measured.
const MAX_ROWS: usize = 500;

/// How many shapes are remembered. A table has a few in practice; a program that makes ever new ones must not fill
/// the memory with texts.
const MAX_SHAPES: usize = 64;

/// What a road does with its rows.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Insert(Conflict),
    Update,
}

type Text = AssertSqlSafe<Arc<str>>;

/// The statements of one writer.
pub(super) struct Statements {
    table: Arc<Table>,
    operation: Operation,
    /// The numbers of rows that statements are made for, largest first, ending with 1. Few, so that each is soon
    /// prepared and found again; the powers of two, so that any number is a sum of few.
    sizes: Vec<usize>,
    texts: HashMap<Shape, HashMap<usize, Arc<str>>>,
    absent: HashMap<usize, Arc<str>>,
}

impl Statements {
    /// `rows` is the size at which batches become due, so that the common batch is one statement.
    pub(super) fn new(table: Arc<Table>, operation: Operation, rows: usize) -> Self {
        let mut sizes: Vec<usize> =
            (0..).map(|power| 1 << power).take_while(|size| *size < MAX_ROWS).collect();
        sizes.extend([rows.min(MAX_ROWS), MAX_ROWS]);
        sizes.sort_unstable_by(|left, right| right.cmp(left));
        sizes.dedup();
        Self { table, operation, sizes, texts: HashMap::new(), absent: HashMap::new() }
    }

    pub(super) fn operation(&self) -> &Operation {
        &self.operation
    }

    /// How many of `rows` rows of a shape one statement takes; at least 1.
    pub(super) fn fit(&self, shape: &Shape, rows: usize) -> usize {
        let most = match shape.columns().count() {
            // DEFAULT VALUES makes one row.
            0 => 1,
            columns => rows.min(MAX_VARIABLES / columns),
        };
        self.sizes.iter().copied().find(|size| *size <= most).unwrap_or(1)
    }

    /// The statement that writes so many rows of a shape.
    pub(super) fn text(&mut self, shape: &Shape, rows: usize) -> Text {
        if let Some(text) = self.texts.get(shape).and_then(|sizes| sizes.get(&rows)) {
            return AssertSqlSafe(Arc::clone(text));
        }
        let text: Arc<str> = match &self.operation {
            Operation::Insert(conflict) => insert(&self.table, shape, rows, conflict).into(),
            Operation::Update => update(&self.table, shape, rows).into(),
        };
        if self.texts.len() >= MAX_SHAPES && !self.texts.contains_key(shape) {
            self.texts.clear();
        }
        self.texts.entry(shape.clone()).or_default().insert(rows, Arc::clone(&text));
        AssertSqlSafe(text)
    }

    /// The query that takes so many keys and returns the places (from 0) of those that the table does not hold.
    pub(super) fn absent(&mut self, rows: usize) -> Text {
        let table = &self.table;
        let text = self.absent.entry(rows).or_insert_with(|| absent(table, rows).into());
        AssertSqlSafe(Arc::clone(text))
    }
}

fn insert(table: &Table, shape: &Shape, rows: usize, conflict: &Conflict) -> String {
    let columns = chosen(table, shape);
    if columns.is_empty() {
        return format!("INSERT INTO {} DEFAULT VALUES", name(table));
    }
    let names = list(columns.iter().map(|column| quote(column.name)));
    let mut sql = format!("INSERT INTO {} ({names}) VALUES ", name(table));
    push_tuples(&mut sql, &columns, rows);
    let target = |target: &[usize]| list(target.iter().map(|column| quote(table.column(*column))));
    match conflict {
        Conflict::Reject => {}
        Conflict::DoNothing { target: key } => {
            let _ = write!(sql, " ON CONFLICT ({}) DO NOTHING", target(key));
        }
        Conflict::Update { target: key, columns } => {
            // A column that the row does not set would be overwritten with its default.
            let set = list(columns.iter().filter(|column| shape.contains(**column)).map(|column| {
                let column = quote(table.column(*column));
                format!("{column} = excluded.{column}")
            }));
            let action = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {set}") };
            let _ = write!(sql, " ON CONFLICT ({}) DO {action}", target(key));
        }
    }
    sql
}

/// The `+` before the key's value is what makes this fast. It hinders SQLite from building an index over the VALUES
/// and scanning the table against it; what is left is to run through the VALUES and look up each key in the table.
fn update(table: &Table, shape: &Shape, rows: usize) -> String {
    let numbered = || shape.columns().zip(1..);
    let set = list(
        numbered()
            .filter(|(column, _)| !table.key.contains(column))
            .map(|(column, number)| format!("{} = given.column{number}", quote(table.column(column)))),
    );
    let key = numbered()
        .filter(|(column, _)| table.key.contains(column))
        .map(|(column, number)| format!("target.{} = +given.column{number}", quote(table.column(column))))
        .collect::<Vec<_>>()
        .join(" AND ");
    let mut sql = format!("UPDATE {} AS target SET {set} FROM (VALUES ", name(table));
    push_tuples(&mut sql, &chosen(table, shape), rows);
    let _ = write!(sql, ") AS given WHERE {key}");
    sql
}

fn absent(table: &Table, rows: usize) -> String {
    let key: Vec<&Column> = table.key.iter().filter_map(|column| table.columns.get(*column)).collect();
    let tuples = list((0..rows).map(|row| {
        let placeholders = list(key.iter().map(|column| column.placeholder.clone()));
        format!("({row}, {placeholders})")
    }));
    let equal = key
        .iter()
        .zip(2..)
        .map(|(column, number)| format!("target.{} = +given.column{number}", quote(column.name)))
        .collect::<Vec<_>>()
        .join(" AND ");
    format!(
        "SELECT given.column1 FROM (VALUES {tuples}) AS given \
         WHERE NOT EXISTS (SELECT 1 FROM {} AS target WHERE {equal})",
        name(table)
    )
}

fn chosen<'a>(table: &'a Table, shape: &Shape) -> Vec<&'a Column> {
    shape.columns().filter_map(|column| table.columns.get(column)).collect()
}

fn push_tuples(sql: &mut String, columns: &[&Column], rows: usize) {
    let tuple = format!("({})", list(columns.iter().map(|column| column.placeholder.clone())));
    for row in 0..rows {
        if row > 0 {
            sql.push_str(", ");
        }
        sql.push_str(&tuple);
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn name(table: &Table) -> String {
    let name = quote(table.name);
    table.schema.as_deref().map_or_else(|| name.clone(), |schema| format!("{}.{name}", quote(schema)))
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: usize) -> Arc<Table> {
        const NAMES: [&str; 4] = ["id", "a", "b", "say \"c\""];
        let columns = (0..columns)
            .map(|column| Column {
                name: NAMES.get(column).copied().unwrap_or("wide"),
                placeholder: if column == 2 { "CAST(? AS TEXT)" } else { "?" }.to_owned(),
            })
            .collect();
        Arc::new(Table { name: "t", schema: Some("main".to_owned()), columns, key: vec![0] })
    }

    fn shape(columns: impl IntoIterator<Item = usize>) -> Shape {
        let mut shape = Shape::empty(2_000);
        columns.into_iter().for_each(|column| shape.insert(column));
        shape
    }

    #[test]
    fn any_number_of_rows_is_written_in_few_statements() {
        let statements = Statements::new(table(4), Operation::Update, 50);
        let count = |mut rows: usize| {
            let mut count = 0;
            while rows > 0 {
                rows -= statements.fit(&shape([0, 1]), rows);
                count += 1;
            }
            count
        };
        assert_eq!(count(50), 1);
        assert_eq!(count(500), 1);
        assert_eq!(count(2_000), 4);
        assert!((1..=500).all(|rows| count(rows) <= 8));
    }

    #[test]
    fn a_wide_table_stays_below_the_limit_of_variables() {
        let statements = Statements::new(table(2_000), Operation::Update, 50);
        for columns in [1, 65, 66, 128, 655, 1_999, 2_000] {
            let rows = statements.fit(&shape(0..columns), 10_000);
            assert!(rows >= 1 && rows * columns <= MAX_VARIABLES, "{rows} rows of {columns} columns");
        }
    }

    #[test]
    fn texts_quote_names_and_keep_casts() {
        let table = table(4);
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
    }
}
