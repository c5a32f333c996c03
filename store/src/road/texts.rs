//! The texts of the statements: built once for a shape and a number of rows, then only looked up.

use std::{collections::HashMap, sync::Arc};

use sea_orm::sqlx::AssertSqlSafe;

use crate::row::Shape;

/// The most rows of a statement that has a placeholder a value. A trip to the driver's thread or to the server costs the
/// same whatever it carries, so statements of 100 to 500 rows are where the databases are fast. It is not higher because
/// a very wide VALUES is no gain: on PostgreSQL one of 9,362 rows was slower than those of 500, and on MariaDB those of
/// 2,000 were.
const MAX_ROWS: usize = 500;

/// How many shapes are remembered. A table has a few in practice; a program that makes ever new ones must not fill
/// the memory with texts.
pub(super) const MAX_SHAPES: usize = 64;

/// A text that was built of the entity's names and of nothing that a row holds.
pub(super) type Text = AssertSqlSafe<Arc<str>>;

/// The texts of one kind of statement.
pub(super) struct Texts {
    /// The numbers of rows that statements are made for, largest first, ending with 1. Few, so that each is soon
    /// prepared and found again; the powers of two, so that any number is a sum of few.
    sizes: Vec<usize>,
    /// How many values one statement binds.
    variables: usize,
    texts: HashMap<Shape, HashMap<usize, Arc<str>>>,
}

impl Texts {
    /// `rows` is the size at which batches become due, so that the common batch is one statement.
    pub(super) fn new(rows: usize, variables: usize) -> Self {
        let mut sizes: Vec<usize> =
            (0..).map(|power| 1 << power).take_while(|size| *size < MAX_ROWS).collect();
        sizes.extend([rows.clamp(1, MAX_ROWS), MAX_ROWS]);
        sizes.sort_unstable_by(|left, right| right.cmp(left));
        sizes.dedup();
        Self { sizes, variables, texts: HashMap::new() }
    }

    /// How many of `rows` rows with so many values each one statement takes; at least 1.
    pub(super) fn fit(&self, columns: usize, rows: usize) -> usize {
        let most = match columns {
            // A row of defaults is a statement of its own.
            0 => 1,
            columns => rows.min(self.variables / columns),
        };
        self.sizes.iter().copied().find(|size| *size <= most).unwrap_or(1)
    }

    /// The statement for so many rows of a shape; `build` makes it at the first time.
    pub(super) fn text(&mut self, shape: &Shape, rows: usize, build: impl FnOnce() -> String) -> Text {
        if let Some(text) = self.texts.get(shape).and_then(|sizes| sizes.get(&rows)) {
            return AssertSqlSafe(Arc::clone(text));
        }
        let text: Arc<str> = build().into();
        if self.texts.len() >= MAX_SHAPES && !self.texts.contains_key(shape) {
            self.texts.clear();
        }
        self.texts.entry(shape.clone()).or_default().insert(rows, Arc::clone(&text));
        AssertSqlSafe(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;

    #[test]
    fn any_number_of_rows_is_written_in_few_statements() {
        let texts = Texts::new(50, 32_766);
        let count = |mut rows: usize| {
            let mut count = 0;
            while rows > 0 {
                rows -= texts.fit(2, rows);
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
        let texts = Texts::new(50, 32_766);
        for columns in [1, 65, 66, 128, 655, 1_999, 2_000] {
            let rows = texts.fit(columns, 10_000);
            assert!(rows >= 1 && rows * columns <= 32_766, "{rows} rows of {columns} columns");
        }
    }

    #[test]
    fn shapes_without_end_do_not_fill_the_memory() {
        let mut texts = Texts::new(50, 32_766);
        for column in 0..1_000 {
            let mut shape = Shape::empty(Operation::Insert);
            shape.insert(column);
            let text = texts.text(&shape, 1, || column.to_string());
            assert_eq!(*text.0, *column.to_string());
            assert!(texts.texts.len() <= MAX_SHAPES);
        }
    }
}
