//! Texts of statements with a placeholder a value, built once for a number of rows as one does by hand.

use std::sync::Arc;

use sea_orm::sqlx::AssertSqlSafe;

/// Builds a statement for so many rows.
type Build = fn(usize) -> String;

/// The text for chunks of one size, and again where the last chunk is smaller.
pub(super) struct Text {
    build: Build,
    rows: usize,
    text: Arc<str>,
}

impl Text {
    pub(super) fn new(build: Build) -> Self {
        Self { build, rows: 0, text: Arc::from("") }
    }

    pub(super) fn of(&mut self, rows: usize) -> AssertSqlSafe<Arc<str>> {
        if rows != self.rows {
            self.rows = rows;
            self.text = (self.build)(rows).into();
        }
        AssertSqlSafe(Arc::clone(&self.text))
    }
}

/// `tuple` so often, with commas in between; it is given the number of the row.
pub(super) fn tuples(rows: usize, tuple: impl Fn(usize) -> String) -> String {
    (0..rows).map(tuple).collect::<Vec<_>>().join(", ")
}

/// `?`, so often.
pub(super) fn marks(columns: usize) -> String {
    vec!["?"; columns].join(", ")
}

/// `$1`, `$2` and so on, for the row of this number.
pub(super) fn numbers(row: usize, columns: usize) -> String {
    let number = |column| format!("${}", row * columns + column + 1);
    (0..columns).map(number).collect::<Vec<_>>().join(", ")
}

/// Adds values to the arguments of a statement.
macro_rules! bind {
    ($arguments:ident, $($value:expr),+) => { $($arguments.add($value)?;)+ };
}

/// Adds a row, column by column.
macro_rules! bind_row {
    ($arguments:ident, $row:ident) => {
        super::text::bind!(
            $arguments,
            $row.id,
            $row.symbol,
            $row.side,
            $row.price,
            $row.quantity,
            $row.fee,
            $row.at,
            $row.venue,
            $row.client,
            $row.note
        )
    };
}

/// Writes rows in statements of so many, all in one transaction on one connection. A macro, since each driver has types
/// of its own.
macro_rules! write_rows {
    ($pool:expr, $text:expr, $rows:ident by $size:ident, $kind:ty, |$arguments:ident, $row:ident| $bind:block) => {{
        let mut text = $text;
        let mut connection = $pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let mut rows = $rows.into_iter();
        while rows.len() > 0 {
            let count = $size.min(rows.len());
            let mut $arguments = <$kind>::default();
            for $row in rows.by_ref().take(count) {
                $bind
            }
            sqlx::query_with(text.of(count), $arguments).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }};
}

pub(super) use {bind, bind_row, write_rows};
