//! Our writers, from the first `add` to the end of `close`.

use cofferdam_store::{BatchUpdateWriter, BatchWriter, Counts};
use sea_orm::DatabaseConnection;

use super::Problem;
use super::fill::{self, Change, Model};

/// As they come, or with batches of exactly so many rows.
pub(super) async fn insert(
    database: &DatabaseConnection,
    rows: Vec<Model>,
    size: Option<usize>,
) -> Result<(), Problem> {
    let mut builder = BatchWriter::<fill::Entity>::builder(database.clone());
    if let Some(size) = size {
        builder = builder.rows(size).max_rows(size);
    }
    let writer = builder.build()?;
    writer.add_many(rows).await?;
    all_written(writer.close().await?.counts)
}

pub(super) async fn update(
    database: &DatabaseConnection,
    rows: Vec<Change>,
    size: Option<usize>,
) -> Result<(), Problem> {
    let mut builder = BatchUpdateWriter::<fill::Entity>::builder(database.clone());
    if let Some(size) = size {
        builder = builder.rows(size).max_rows(size);
    }
    let writer = builder.build()?;
    writer.add_many(rows).await?;
    all_written(writer.close().await?.counts)
}

fn all_written(counts: Counts) -> Result<(), Problem> {
    if counts.written == counts.accepted {
        Ok(())
    } else {
        Err(format!("not all was written: {counts:?}").into())
    }
}
