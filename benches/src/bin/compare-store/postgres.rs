//! By hand into PostgreSQL: many rows a statement, arrays, and COPY in its binary format.
//!
//! Each writes all rows in one transaction, on one connection.

use sea_orm::sqlx::postgres::{PgArguments, PgConnection, PgPoolCopyExt as _};
use sea_orm::sqlx::{self, Acquire as _, Arguments as _};
use sea_orm::{ActiveModelTrait as _, DatabaseConnection, IntoActiveModel as _, Iterable as _, Value};

use super::Problem;
use super::fill::{self, COLUMNS, Change, Model};
use super::text::{Text, bind, bind_row, numbers, tuples, write_rows};

pub(super) async fn insert(
    database: &DatabaseConnection,
    rows: Vec<Model>,
    size: usize,
) -> Result<(), Problem> {
    let text = Text::new(|rows| {
        let tuples = tuples(rows, |row| format!("({})", numbers(row, COLUMNS)));
        format!("INSERT INTO compare_store_fill VALUES {tuples}")
    });
    let pool = database.get_postgres_connection_pool();
    write_rows!(pool, text, rows by size, PgArguments, |arguments, row| {
        bind_row!(arguments, row);
    })
}

pub(super) async fn update(
    database: &DatabaseConnection,
    rows: Vec<Change>,
    size: usize,
) -> Result<(), Problem> {
    let text = Text::new(|rows| {
        let tuples = tuples(rows, |row| match row {
            0 => "($1::bigint, $2::float8, $3::bigint, $4::text)".to_owned(),
            row => format!("({})", numbers(row, 4)),
        });
        format!(
            "UPDATE compare_store_fill AS target SET price = given.price, quantity = given.quantity, \
             note = given.note FROM (VALUES {tuples}) AS given (id, price, quantity, note) \
             WHERE target.id = given.id"
        )
    });
    let pool = database.get_postgres_connection_pool();
    write_rows!(pool, text, rows by size, PgArguments, |arguments, row| {
        bind!(arguments, row.id, row.price, row.quantity, row.note);
    })
}

/// The columns of some rows.
#[derive(Default)]
struct Columns {
    ids: Vec<i64>,
    symbols: Vec<String>,
    sides: Vec<String>,
    prices: Vec<f64>,
    quantities: Vec<i64>,
    fees: Vec<f64>,
    ats: Vec<i64>,
    venues: Vec<String>,
    clients: Vec<Option<String>>,
    notes: Vec<String>,
}

pub(super) async fn insert_arrays(
    database: &DatabaseConnection,
    rows: Vec<Model>,
    size: usize,
) -> Result<(), Problem> {
    let text = "INSERT INTO compare_store_fill SELECT * FROM UNNEST($1::bigint[], $2::text[], $3::text[], \
                $4::float8[], $5::bigint[], $6::float8[], $7::bigint[], $8::text[], $9::text[], $10::text[])";
    let mut connection = database.get_postgres_connection_pool().acquire().await?;
    let mut transaction = connection.begin().await?;
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let mut columns = Columns::default();
        for row in rows.by_ref().take(size) {
            columns.ids.push(row.id);
            columns.symbols.push(row.symbol);
            columns.sides.push(row.side);
            columns.prices.push(row.price);
            columns.quantities.push(row.quantity);
            columns.fees.push(row.fee);
            columns.ats.push(row.at);
            columns.venues.push(row.venue);
            columns.clients.push(row.client);
            columns.notes.push(row.note);
        }
        let query = sqlx::query(text).bind(columns.ids).bind(columns.symbols).bind(columns.sides);
        let query = query.bind(columns.prices).bind(columns.quantities).bind(columns.fees).bind(columns.ats);
        let query = query.bind(columns.venues).bind(columns.clients).bind(columns.notes);
        query.execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

pub(super) async fn update_arrays(
    database: &DatabaseConnection,
    rows: Vec<Change>,
    size: usize,
) -> Result<(), Problem> {
    let text = "UPDATE compare_store_fill AS target SET price = given.price, quantity = given.quantity, \
                note = given.note FROM UNNEST($1::bigint[], $2::float8[], $3::bigint[], $4::text[]) \
                AS given (id, price, quantity, note) WHERE target.id = given.id";
    let mut connection = database.get_postgres_connection_pool().acquire().await?;
    let mut transaction = connection.begin().await?;
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let mut columns = Columns::default();
        for row in rows.by_ref().take(size) {
            columns.ids.push(row.id);
            columns.prices.push(row.price);
            columns.quantities.push(row.quantity);
            columns.notes.push(row.note);
        }
        let query = sqlx::query(text).bind(columns.ids).bind(columns.prices);
        query.bind(columns.quantities).bind(columns.notes).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// COPY, which is a transaction by itself, with an encoder of this very table.
pub(super) async fn copy(database: &DatabaseConnection, rows: &[Model]) -> Result<(), Problem> {
    let mut data = Data::new();
    for row in rows {
        data.row(COLUMNS)?;
        data.field(&row.id.to_be_bytes())?;
        data.field(row.symbol.as_bytes())?;
        data.field(row.side.as_bytes())?;
        data.field(&row.price.to_be_bytes())?;
        data.field(&row.quantity.to_be_bytes())?;
        data.field(&row.fee.to_be_bytes())?;
        data.field(&row.at.to_be_bytes())?;
        data.field(row.venue.as_bytes())?;
        match &row.client {
            Some(client) => data.field(client.as_bytes())?,
            None => data.null(),
        }
        data.field(row.note.as_bytes())?;
    }
    send_to_pool(database, data).await
}

/// The same for any entity of numbers and texts, as a generic writer takes the values.
pub(super) async fn copy_any(database: &DatabaseConnection, rows: Vec<Model>) -> Result<(), Problem> {
    let mut data = Data::new();
    for row in rows {
        let mut row = row.into_active_model();
        data.row(COLUMNS)?;
        for column in fill::Column::iter() {
            match row.take(column).into_value() {
                Some(Value::BigInt(Some(value))) => data.field(&value.to_be_bytes())?,
                Some(Value::Double(Some(value))) => data.field(&value.to_be_bytes())?,
                Some(Value::String(Some(value))) => data.field(value.as_bytes())?,
                Some(Value::String(None)) => data.null(),
                other => return Err(format!("no encoding of {other:?}").into()),
            }
        }
    }
    send_to_pool(database, data).await
}

/// COPY to a temporary table, and one UPDATE from there.
pub(super) async fn update_by_stage(database: &DatabaseConnection, rows: &[Change]) -> Result<(), Problem> {
    let mut data = Data::new();
    for row in rows {
        data.row(4)?;
        data.field(&row.id.to_be_bytes())?;
        data.field(&row.price.to_be_bytes())?;
        data.field(&row.quantity.to_be_bytes())?;
        data.field(row.note.as_bytes())?;
    }
    let mut connection = database.get_postgres_connection_pool().acquire().await?;
    let mut transaction = connection.begin().await?;
    let stage =
        "CREATE TEMPORARY TABLE stage (id bigint, price float8, quantity bigint, note text) ON COMMIT DROP";
    sqlx::raw_sql(stage).execute(&mut *transaction).await?;
    let connection: &mut PgConnection = &mut transaction;
    let mut copy = connection.copy_in_raw("COPY stage FROM STDIN (FORMAT BINARY)").await?;
    copy.send(data.end()).await?;
    copy.finish().await?;
    let update = "UPDATE compare_store_fill AS target SET price = given.price, quantity = given.quantity, \
                  note = given.note FROM stage AS given WHERE target.id = given.id";
    sqlx::raw_sql(update).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

async fn send_to_pool(database: &DatabaseConnection, data: Data) -> Result<(), Problem> {
    let pool = database.get_postgres_connection_pool();
    let mut copy = pool.copy_in_raw("COPY compare_store_fill FROM STDIN (FORMAT BINARY)").await?;
    copy.send(data.end()).await?;
    copy.finish().await?;
    Ok(())
}

/// What COPY takes in its binary format.
struct Data(Vec<u8>);

impl Data {
    /// The signature, no flags, and no extension of the header.
    fn new() -> Self {
        Self(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec())
    }

    /// Begins a row of so many fields.
    fn row(&mut self, fields: usize) -> Result<(), Problem> {
        self.0.extend_from_slice(&i16::try_from(fields)?.to_be_bytes());
        Ok(())
    }

    fn field(&mut self, value: &[u8]) -> Result<(), Problem> {
        self.0.extend_from_slice(&i32::try_from(value.len())?.to_be_bytes());
        self.0.extend_from_slice(value);
        Ok(())
    }

    fn null(&mut self) {
        self.0.extend_from_slice(&(-1_i32).to_be_bytes());
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&(-1_i16).to_be_bytes());
        self.0
    }
}
